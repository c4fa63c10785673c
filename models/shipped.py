"""The default reranker: its weights come with Tamis, packed, and are exported when they are first asked for."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tamis.errors import DamagedFile

from .bundle import ModelBundle
from .digest import sha256_file
from .packed import pack_file, unpack_file
from .settings import Precision

NAME = "tamis-minilm-l6"
FOLDER = Path(__file__).resolve().parent / "shipped" / NAME
WEIGHTS = "weights.safetensors"
CARD = "README.md"
CHECKSUM = "weights.sha256"
OTHER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
"""What transformers needs beside the weights."""


def export_shipped(
    out: Path, precision: Precision, name: str = NAME, replace: bool = False, folder: Path = FOLDER
) -> ModelBundle:
    """Export the shipped reranker to `out`; the caller holds the bundle's lock.

    Raises:
        MissingPrerequisite: what exporting needs (`tamis[train]`) is not installed.
        DamagedFile: a file of the shipped model is missing, or is not the one that was trained.
    """
    from .export import require_libraries
    from .export_scorer import ScorerOptions, export_scorer_locked

    require_libraries()
    check(folder)
    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        model = Path(scratch) / NAME
        model.mkdir()
        for file in (*OTHER_FILES, CARD):
            shutil.copyfile(folder / file, model / file)
        unpack_file(folder / WEIGHTS, model / "model.safetensors")
        options = ScorerOptions(name=name, replace=replace)
        return export_scorer_locked(model, out, "cross-encoder", precision, options, NAME, version(folder))


def version(folder: Path = FOLDER) -> str:
    """Return what tells the shipped weights from those of another release: the beginning of their checksum.

    Raises:
        DamagedFile: the file of the checksum is missing.
    """
    return _checksum(folder)[:12]


def check(folder: Path) -> None:
    """Compare the packed weights with their checksum.

    Raises:
        DamagedFile: they differ, or a file is missing.
    """
    for file in (WEIGHTS, CARD, *OTHER_FILES):
        _present(folder / file)
    wanted = _checksum(folder)
    found = sha256_file(folder / WEIGHTS)
    if found != wanted:
        raise DamagedFile(f"{folder / WEIGHTS} was changed: sha256 is {found}, expected {wanted}; install Tamis again")


def _checksum(folder: Path) -> str:
    return _present(folder / CHECKSUM).read_text(encoding="ascii").split()[0]


def _present(path: Path) -> Path:
    if not path.is_file():
        raise DamagedFile(f"{path}, a part of the default reranker, is missing: install Tamis again")
    return path


def ship(model: Path, card: str, folder: Path = FOLDER) -> None:
    """Make a trained model the shipped one.

    Args:
        model: folder that transformers can load.
        card: Markdown; where the model comes from and what it reaches.
        folder: where shipped models are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in OTHER_FILES:
        shutil.copyfile(model / file, folder / file)
    pack_file(model / "model.safetensors", folder / WEIGHTS)
    (folder / CHECKSUM).write_text(f"{sha256_file(folder / WEIGHTS)}  {WEIGHTS}\n", encoding="ascii")
    (folder / CARD).write_text(card, encoding="utf-8")
