"""Which format a corpus has, and which files hold it: by names, then by the first record."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

from tamis.errors import CorpusError

from ..passage import BadRecord
from .files import SUFFIXES, inside, list_files
from .json_records import parse_object
from .jsonl import is_one_value
from .lines import CODECS, read_lines
from .raw import ID_FIELDS, TEXT_FIELDS, Meter

FORMATS = """looked for:
  beir     corpus.jsonl[.gz] in the folder, or lines with `_id`, `title`, `text`
  jsonl    .jsonl or .json files[.gz] with `id`, `contents` (Pyserini's JsonCollection)
  tsv      .tsv[.gz] with id and text, id, title and text, or id, url, title and body
  parquet  .parquet with columns of id and text
  files    a folder of .txt, .md, .html
  pydocs   the word `pydocs`, or `pydocs:numpy,torch`
  irds     `irds:` and an id of ir-datasets, such as irds:beir/scifact
  bright   `bright:` and a domain of BRIGHT's folder, such as bright:./BRIGHT/biology
Name the format with --format (see docs/corpus-formats.md)."""

KINDS = {".jsonl": "json", ".json": "json", ".tsv": "tsv", ".parquet": "parquet"} | dict.fromkeys(SUFFIXES, "files")
KIND_OF_FORMAT = {"beir": "json", "jsonl": "json", "tsv": "tsv", "parquet": "parquet", "files": "files"}
CORPUS_OF = {"corpus.jsonl": "beir", "collection.tsv": "tsv"}
"""Files that are the corpus of a judged collection, whatever lies beside them, and their formats."""

FIRST_RECORDS = 20
LINE_BYTES = 1 << 24


def locate(path: Path, format: str) -> tuple[str, tuple[Path, ...]]:  # noqa: A002
    """Give the format of a file or folder and its files in the order of reading.

    Raises:
        CorpusError: there is no such path, no file of a known format, or more than one format fits.
    """
    if not path.exists():
        raise CorpusError(f"corpus {str(path)!r} does not exist; {FORMATS}")
    if path.is_dir():
        return _in_folder(path, format)
    if format != "auto":
        return format, (path,)
    kind = kind_of(path)
    if kind is None:
        raise CorpusError(f"corpus {str(path)!r}: no format is known by this name; {FORMATS}")
    return _by_record(path) if kind == "json" else kind, (path,)


def kind_of(path: Path) -> str | None:
    """Name what kind of file this is by its suffix, that of a compression aside."""
    suffix = path.suffix.lower()
    if suffix not in CODECS:
        return KINDS.get(suffix)
    kind = KINDS.get(Path(path.stem).suffix.lower())
    return kind if kind in {"json", "tsv"} else None


def _in_folder(root: Path, format: str) -> tuple[str, tuple[Path, ...]]:  # noqa: A002
    listed = list_files(root)
    corpora = [path for path in listed if path.parent == root and _plain_name(path) in CORPUS_OF]
    if len(corpora) > 1:
        names = " and ".join(path.name for path in corpora)
        raise CorpusError(f"corpus {str(root)!r} holds {names}; name the one to read")
    if corpora and format in {"auto", CORPUS_OF[_plain_name(corpora[0])]}:
        return locate(corpora[0], format)
    if format == "auto" and (root / "documents").is_dir() and (root / "examples").is_dir():
        raise CorpusError(f"corpus {str(root)!r} has BRIGHT's layout; name a domain, such as bright:{root}/biology")
    if format == "auto" and (root / "corpus").is_dir() and (root / "queries").is_dir():
        return _in_folder(root / "corpus", format)  # the layout of mteb's data sets
    wanted = KIND_OF_FORMAT.get(format)
    by_kind: dict[str, list[Path]] = {}
    for path in listed:
        kind = kind_of(path)
        if kind is not None and wanted in {None, kind} and (kind != "files" or inside(path, root)):
            by_kind.setdefault(kind, []).append(path)
    if not by_kind:
        raise CorpusError(f"corpus {str(root)!r}: no file of {_sought(format)} below it; {FORMATS}")
    if len(by_kind) > 1:
        raise CorpusError(f"corpus {str(root)!r} holds {_counts(by_kind)}: more than one format fits; {FORMATS}")
    ((kind, files),) = by_kind.items()
    if format != "auto":
        return format, tuple(files)
    return (_by_record(files[0]) if kind == "json" else kind), tuple(files)


def _plain_name(path: Path) -> str:
    return path.name.removesuffix(path.suffix) if path.suffix in CODECS else path.name


def _sought(format: str) -> str:  # noqa: A002
    return "a known format" if format == "auto" else f"format {format!r}"


def _counts(by_kind: dict[str, list[Path]]) -> str:
    suffixes = Counter(path.suffix for files in by_kind.values() for path in files)
    return " and ".join(f"{count} {suffix}" for suffix, count in suffixes.items())


def _by_record(path: Path) -> str:
    """Tell BEIR from Pyserini by the first record that has an id and a text."""
    if is_one_value(path):
        return "jsonl"
    names: list[str] = []
    for item in islice(read_lines(path, LINE_BYTES, Meter()), FIRST_RECORDS):
        fields = "bad" if isinstance(item, BadRecord) else parse_object(item[1])
        if isinstance(fields, str):
            continue
        if "_id" in fields and "text" in fields:
            return "beir"
        if any(name in fields for name in ID_FIELDS) and any(name in fields for name in TEXT_FIELDS):
            return "jsonl"
        names = names or list(fields)
    if _plain_name(path) == "corpus.jsonl":
        return "beir"
    found = f"its first record has the fields {', '.join(names)}" if names else "it holds no record that can be read"
    raise CorpusError(f"corpus {str(path)!r}: {found}; {FORMATS}")
