"""Opens a corpus: finds its format and files, and streams its records, each judged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tamis.errors import CorpusError

from ..config import CorpusConfig
from ..passage import BadRecord, Document
from . import bright, irds
from .beir import read_beir
from .detect import FORMATS, locate
from .files import read_files
from .jsonl import read_jsonl
from .parquet import read_parquet
from .pydocs import check_packages, read_pydocs
from .raw import Meter, Raw
from .tsv import read_tsv
from .validate import Validator

Reader = Callable[[Sequence[Path], int, Meter], Iterator[Raw | BadRecord]]

READERS: dict[str, Reader] = {"beir": read_beir, "jsonl": read_jsonl, "tsv": read_tsv, "parquet": read_parquet}


@dataclass(frozen=True, slots=True)
class Corpus:
    """What will be read: a format and the files that hold it, in order."""

    name: str
    format: str
    files: tuple[Path, ...]
    config: CorpusConfig
    root: Path = field(default_factory=Path)
    """The folder from which ids of files and names in the digest count."""
    packages: tuple[str, ...] = ()
    """Of `pydocs`: installed packages beside the standard library."""
    size_bytes: int | None = None
    """Bytes on disk of all files; None for `pydocs` and `irds`, which have no files of their own."""

    def records(self, progress: Callable[[int], None] | None = None) -> Iterator[Document | BadRecord]:
        """Stream the records from the start, at every call anew.

        Args:
            progress: called now and then with the bytes read so far, out of `size_bytes`; never without files.
        """
        validator = Validator(self.config)
        for item in self.raw(Meter(progress)):
            yield item if isinstance(item, BadRecord) else validator.check(item)

    def digest(self) -> str:
        """Give a sha256 that changes whenever what `records` yields could change.

        It covers each file's path from the corpus' folder and its bytes; without files the records themselves.

        Raises:
            CorpusError: a file cannot be read.
        """
        digest = hashlib.sha256(self.format.encode())
        for path in self.files:
            try:
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise CorpusError(f"corpus file {str(path)!r} cannot be read: {error.strerror or error}") from error
            digest.update(bytes(path.relative_to(self.root)) + f"\0{content}\n".encode())
        if not self.files:
            for item in self.raw(Meter()):
                shown = item if isinstance(item, BadRecord) else (item.id, item.title, item.text, item.fields)
                digest.update(repr(shown).encode() + b"\n")
        return digest.hexdigest()

    def raw(self, meter: Meter) -> Iterator[Raw | BadRecord]:
        """Stream the records as they were found, not yet judged."""
        # JSON may spend 12 bytes on a character: two \u escapes, where it lies outside the first plane
        limit = 12 * self.config.max_text_chars + (1 << 20)
        if self.format == "pydocs":
            return map(_raw_of, read_pydocs(self.packages))
        if self.format == "irds":
            return irds.read_irds(self.name)
        if self.format == "files":
            return read_files(self.files, self.root, limit, meter)
        return READERS[self.format](self.files, limit, meter)


def open_corpus(spec: str, config: CorpusConfig) -> Corpus:
    """Open a file, a folder, `pydocs[:package,...]`, `irds:ID` or `bright:FOLDER/DOMAIN[@long]` as a corpus.

    Raises:
        CorpusError: there is no such path or package, or the format cannot be told from names and first record.
        NotFound: ir-datasets knows no such id.
    """
    if config.format == "auto" and (named := _open_named(spec, config)):
        return named
    word, _, packages = spec.partition(":")
    if word == "pydocs" and config.format in {"auto", "pydocs"}:
        names = tuple(name.strip() for name in packages.split(",") if name.strip())
        check_packages(names)
        return Corpus("pydocs", "pydocs", (), config, packages=names)
    if config.format == "pydocs":
        raise CorpusError(f"format pydocs reads `pydocs` or `pydocs:package,...`, not {spec!r}; {FORMATS}")
    path = Path(spec)
    format, files = locate(path, config.format)  # noqa: A001
    return _of_files(_name(path), format, files, config, path if path.is_dir() else path.parent)


def _open_named(spec: str, config: CorpusConfig) -> Corpus | None:
    """Open what is named by a prefix instead of a path, if `spec` has one."""
    if spec.startswith(irds.PREFIX):
        id = spec.removeprefix(irds.PREFIX)  # noqa: A001
        irds.load_dataset(id)
        return Corpus(id, "irds", (), config)
    if spec.startswith(bright.PREFIX):
        spec = spec.removeprefix(bright.PREFIX)
        format, files = bright.locate_bright(spec)  # noqa: A001
        return _of_files(spec.rpartition("/")[2], format, files, config, files[0].parent)
    return None


def _of_files(name: str, format: str, files: tuple[Path, ...], config: CorpusConfig, root: Path) -> Corpus:  # noqa: A002
    return Corpus(name, format, files, config, root, size_bytes=sum(_size(file) for file in files))


def _name(path: Path) -> str:
    """Name a corpus after its folder or file; a file called `corpus` says nothing, so its folder is taken."""
    path = path.resolve()
    stem = path.name if path.is_dir() else path.name.partition(".")[0]
    return stem if stem != "corpus" else path.parent.name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _raw_of(document: Document) -> Raw:
    file, _, line = document.source.rpartition(":")
    if not line.isdecimal():
        file, line = document.source, "0"
    title, text = document.title, document.text
    return Raw(file, int(line), document.id, title, text, document.metadata, text)
