"""Machine code for inner loops: numba, without the GIL, compiled once and kept on disk.

numba takes kept code for fresh as long as the file with the function is unchanged, whatever other files say. So a
compiled function calls only compiled functions of its own file; a test holds that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; the machine code is kept beside the module, or in the user's cache.

    Division by zero follows IEEE 754, as numpy has it.
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # neither place can be written: each process compiles anew
        return numba.njit(nogil=True, error_model="numpy")(function)
