"""ModelBundle: a folder with one ONNX model, verified byte by byte before anything of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tamis.errors import DamagedFile, NotFound

from .digest import sha256_file, sha256_json
from .settings import BundleSettings, FileEntry, read_settings

MANIFEST = "bundle.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A verified model bundle: `bundle.json`, `model.onnx`, `tokenizer.json`, and nothing else."""

    folder: Path
    settings: BundleSettings

    @classmethod
    def open(cls, folder: Path) -> ModelBundle:
        """Open a bundle after comparing every file with `bundle.json`; nothing is loaded.

        Raises:
            NotFound: there is no bundle in this folder.
            DamagedFile: a file is missing, truncated, changed or extra, or `bundle.json` cannot be read.
        """
        manifest = folder / MANIFEST
        if not manifest.is_file():
            raise NotFound(f"no model bundle in {folder}: there is no {MANIFEST} (it is written last)")
        settings = read_settings(manifest)
        _check_names(folder, settings)
        for name, entry in settings.files.items():
            _check_file(folder / name, entry)
        return cls(folder, settings)

    @property
    def model(self) -> Path:
        """The ONNX graph."""
        return self.folder / MODEL

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, as the `tokenizers` library reads it."""
        return self.folder / TOKENIZER

    @property
    def fingerprint(self) -> str:
        """Sha256 over all that decides the model's output: settings that matter and the files' hashes."""
        return sha256_json(self.settings.identity())


def _check_names(folder: Path, settings: BundleSettings) -> None:
    """Refuse missing files and extra ones: weights outside the graph would escape the hashes."""
    for name in (MODEL, TOKENIZER):
        if name not in settings.files:
            raise DamagedFile(f"{folder / MANIFEST} lists no {name}: export the model again")
    listed, present = set(settings.files), {path.name for path in folder.iterdir()} - {MANIFEST}
    if extra := sorted(present - listed):
        raise DamagedFile(f"{folder / extra[0]} does not belong to the bundle: {MANIFEST} does not list it; remove it")
    if missing := sorted(listed - present):
        raise DamagedFile(f"{folder / missing[0]} is missing from the bundle: export the model again")


def _check_file(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise DamagedFile(f"{path} is not a file: export the model again")
    size = path.stat().st_size
    if size != entry.bytes:
        raise DamagedFile(f"{path} has {size} bytes, expected {entry.bytes}: export the model again")
    found = sha256_file(path)
    if found != entry.sha256:
        raise DamagedFile(f"{path} was changed: sha256 is {found}, expected {entry.sha256}; export the model again")
