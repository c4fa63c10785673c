"""Compiled functions: what numba's kept code relies on."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numba
import pytest
from numba.core.dispatcher import Dispatcher

from tamis.indexer.forward.compiled import compiled

MODULES = (
    "tamis.indexer.forward.train_translation",
    "tamis.rankers.features.proximity",
    "tamis.rankers.features.query",
    "tamis.rankers.features.reading",
    "tamis.rankers.features.terms",
    "tamis.rankers.features.title",
    "tamis.rankers.features.translations",
)


def functions(module: str) -> dict[str, Dispatcher]:
    found = vars(importlib.import_module(module)).items()
    return {name: value for name, value in found if isinstance(value, Dispatcher) and value.__module__ == module}


@pytest.mark.parametrize("module", MODULES)
def test_compiled_functions_use_only_their_own_file(module: str) -> None:
    """Kept code is fresh as long as its own file is: a constant or function of another file would go stale."""
    own = functions(module)
    assert own
    for name, function in own.items():
        globals_ = inspect.getclosurevars(function.py_func).globals
        source = inspect.getsource(importlib.import_module(module))
        for used, value in globals_.items():
            if isinstance(value, Dispatcher):
                assert value.__module__ == module, f"{name} calls {used} of {value.__module__}"
            elif isinstance(value, int | float | tuple):
                assert any(line.startswith(used) or f", {used} = " in line for line in source.splitlines()), used


@pytest.mark.parametrize("module", MODULES)
def test_compiled_functions_let_other_threads_run(module: str) -> None:
    assert all(function.targetoptions.get("nogil") for function in functions(module).values())


def test_without_a_place_to_keep_code_it_compiles_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = numba.njit

    def no_locator(*functions: Callable[..., Any], **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'half': no locator available for file 'x.py'")
        return real(*functions, **options)

    monkeypatch.setattr(numba, "njit", no_locator)

    @compiled
    def half(value: float) -> float:
        return value / 2

    assert half(3.0) == 1.5
    assert half(0.0) == 0.0
