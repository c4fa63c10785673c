"""`tamis index add | update | delete`: a changed corpus becomes a new version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.errors import InvalidInput, NotFound

from .options import AsJson, IndexPath
from .output import Bars, print_json, say

if TYPE_CHECKING:
    from tamis.indexer.corpus.open import Corpus
    from tamis.indexer.update import Changes

CorpusArgument = Annotated[str, typer.Argument(help="Documents, in any format that `tamis index build` reads.")]
FormatOption = Annotated[str | None, typer.Option("--format", help="Format, where the name does not tell.")]


def add(index: IndexPath, corpus: CorpusArgument, format_: FormatOption = None, as_json: AsJson = False) -> None:
    """Publish INDEX with documents added that are not there yet; only these are encoded.

    Example: tamis index add pydocs more.jsonl
    """
    from tamis.indexer.update import Changes

    _change(index, Changes(add=_open(index, corpus, format_)), as_json)


def update(index: IndexPath, corpus: CorpusArgument, format_: FormatOption = None, as_json: AsJson = False) -> None:
    """Publish INDEX with documents replaced that are there; only passages whose text is new are encoded.

    Example: tamis index update pydocs changed.jsonl
    """
    from tamis.indexer.update import Changes

    _change(index, Changes(update=_open(index, corpus, format_)), as_json)


def delete(
    index: IndexPath,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of documents.")] = None,
    file: Annotated[Path | None, typer.Option("--from", help="A file with an id in each line.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish INDEX without some documents; nothing is encoded.

    Example: tamis index delete pydocs shutil.copytree shutil.rmtree
    """
    from tamis.indexer.update import Changes

    _change(index, Changes(delete=[*(ids or ()), *(_lines(file) if file else ())]), as_json)


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise NotFound(f"no file {file}") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is no UTF-8: {error}") from None


def _open(index: Path, corpus: str, format_: str | None) -> Corpus:
    from tamis.indexer.config import CorpusConfig
    from tamis.indexer.corpus.open import open_corpus
    from tamis.indexer.manifest import IndexManifest
    from tamis.indexer.versions import IndexFolder

    built = IndexManifest.read(IndexFolder(index).current()).config.corpus
    settings = {**built.model_dump(), "format": format_ or "auto"}
    return open_corpus(corpus, CorpusConfig.model_validate(settings))


def _change(index: Path, changes: Changes, as_json: bool) -> None:
    from tamis.indexer.update import update as publish

    done = publish(index, changes, Bars())
    if as_json:
        print_json({"version": done.manifest.version, "passages": done.manifest.passages,
                    "encoded": done.encoded, "reused": done.reused})  # fmt: skip
        return
    say(
        f"{index} is at version {done.manifest.version}: {done.manifest.passages:,} passages, "
        f"{done.encoded:,} encoded, {done.reused:,} as they were"
    )
