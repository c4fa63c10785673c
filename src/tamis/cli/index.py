"""`tamis index`: build an index, look at it, go back, clean up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from tamis.config import load_config
from tamis.indexer.manifest import IndexManifest
from tamis.indexer.versions import IndexFolder

from . import index_update
from .options import AsJson, ConfigFile, IndexPath
from .output import Bars, print_json, say, stdout

app = typer.Typer(help="Build an index, look at it, go back to an older version, clean up.", no_args_is_help=True)

app.command("add")(index_update.add)
app.command("update")(index_update.update)
app.command("delete")(index_update.delete)


@app.command()
def build(
    corpus: Annotated[str, typer.Argument(help="What to index: a BEIR folder, a .jsonl, .tsv or .parquet file, "
                                          "a folder of .txt/.md/.html files, `irds:` and an id of ir-datasets, "
                                          "`bright:FOLDER/DOMAIN`, or `pydocs`.")],
    out: Annotated[Path, typer.Option(help="Folder of the index; made where there is none.")],
    config: ConfigFile = None,
    format_: Annotated[str | None, typer.Option("--format", help="Format of the corpus, where its name does "
                                                "not tell: beir, jsonl, tsv, parquet, files, pydocs.")] = None,
    split: Annotated[bool | None, typer.Option("--split/--no-split", help="Split records into passages, as files "
                                               "always are.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the corpus, for the analyser of words.")] = None,
    sparse: Annotated[str | None, typer.Option(help="Engine of the word index: lucene, bm25s, auto.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder: name of an exported bundle, or its folder.")] = None,
    fast: Annotated[bool | None, typer.Option("--fast/--exact", help="Encode passages with int8 weights: faster, "
                                              "at a small, measured loss.")] = None,
    prune: Annotated[str | None, typer.Option(metavar="SHARE", help="Leave out this share of the passages, those that "
                                              "can answer least, such as 0.25; or `certified`: what `tamis prune "
                                              "prove` proved.")] = None,
    estimator: Annotated[str | None, typer.Option(help="What scores passages: light, length, a trained model's "
                                                  "folder, a quality-t5 bundle; see docs/pruning.md.")] = None,
    duplicates: Annotated[str | None, typer.Option(help="keep, or leave out exact or near duplicates.")] = None,
    cold: Annotated[bool | None, typer.Option("--cold/--no-cold", help="Keep what is left out in a cold tier, which "
                                              "pipelines with `cold` ask; see docs/pruning.md.")] = None,
    skip_bad: Annotated[bool | None, typer.Option("--skip-bad", help="Leave bad records out and list them in "
                                                  "rejects.jsonl, instead of stopping.")] = None,
    device: Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where passages are encoded: cpu, cuda, auto.")] = "cpu",
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build even where the same index is there.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Read CORPUS, index it, and publish the result as the current version of OUT.

    Killed anywhere, it leaves what was published as it was; the same command goes on with what was
    finished. Asked again for an index that is there, it makes that one current and is done.

    Example: tamis index build pydocs --out pydocs
    """
    flags = {
        "corpus.format": format_,
        "corpus.skip_bad": skip_bad,
        "split.enabled": split,
        "sparse.language": language,
        "sparse.engine": sparse,
        "encoder.model": encoder,
        "quality.estimator": estimator,
        "quality.prune": None if prune == "certified" else prune,
        "quality.duplicates": duplicates,
        "quality.cold": cold,
        "encoder.precision": None if fast is None else "fast" if fast else "exact",
    }
    settings = load_config(config, flags).index()
    from tamis.indexer.build import build as build_index
    from tamis.indexer.certificate import Certificate
    from tamis.indexer.corpus.open import open_corpus

    proved = Certificate.read(out) if prune == "certified" else None
    manifest = build_index(open_corpus(corpus, settings.corpus), out, settings, Bars(), device, rebuild, proved)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
    else:
        say(f"{out} is at version {manifest.version}: {manifest.passages:,} passages{_left_out(manifest)}, {_size(manifest)}")


@app.command("list")
def list_versions(index: IndexPath, as_json: AsJson = False) -> None:
    """List the published versions of INDEX, oldest first; * marks the current one."""
    folder = IndexFolder(index)
    current = folder.current().name
    rows = []
    for name in folder.versions():
        manifest = IndexManifest.read(folder.version(name))
        rows.append({"version": name, "current": name == current, "passages": manifest.passages,
                     "size": _size(manifest), "corpus": manifest.corpus.name})  # fmt: skip
    if as_json:
        print_json(rows)
        return
    table = Table("", "version", "corpus", "passages", "size")
    for row in rows:
        mark = "*" if row["current"] else ""
        table.add_row(mark, str(row["version"]), str(row["corpus"]), f"{row['passages']:,}", str(row["size"]))
    stdout.print(table)


@app.command()
def verify(index: IndexPath, version: Annotated[str | None, typer.Option(help="A version; else the current one.")] = None) -> None:  # fmt: skip # noqa: E501
    """Compare every file of INDEX with its manifest, byte by byte (sha256)."""
    folder = IndexFolder(index).version(version)
    manifest = IndexManifest.read(folder)
    manifest.verify(folder)
    say(f"{folder.name}: all {len(manifest.files)} files are as published ({_size(manifest)})")


@app.command()
def inspect(
    index: IndexPath,
    version: Annotated[str | None, typer.Option(help="A version; else the current one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what INDEX is: corpus, models, settings, sizes, and what its build took."""
    manifest = IndexManifest.read(IndexFolder(index).version(version))
    if as_json:
        print_json(manifest.model_dump(mode="json"))
        return
    table = Table(show_header=False, box=None)
    for name, value in _facts(manifest).items():
        table.add_row(name, value)
    stdout.print(table)


@app.command()
def pruned(
    index: IndexPath,
    version: Annotated[str | None, typer.Option(help="A version; else the current one.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show so many, the best ones first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what INDEX left out: score, reason, beginning of the text. With --json, all of it.

    Example: tamis index pruned pydocs --limit 50
    """
    from tamis.indexer.quality.store import read_pruned

    folder = IndexFolder(index).version(version)
    IndexManifest.read(folder).verify(folder)
    found = list(read_pruned(folder))
    if as_json:
        print_json([{"id": one.passage.id, "score": one.score, "reason": one.reason} for one in found])
        return
    table = Table("id", "score", "reason", "begins")
    for one in sorted(found, key=lambda one: -one.score)[:limit]:
        table.add_row(one.passage.id, f"{one.score:.3f}", one.reason, " ".join(one.passage.contents.split())[:60])
    stdout.print(table)
    say(f"{len(found):,} passages were left out")


@app.command()
def restore(
    index: IndexPath,
    device: Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where passages are encoded: cpu, cuda, auto.")] = "cpu",
) -> None:  # fmt: skip
    """Put back what INDEX left out, in a new version; only these passages are encoded.

    `tamis index rollback INDEX` goes back to the pruned version.

    Example: tamis index restore pydocs
    """
    from tamis.indexer.restore import restore as put_back

    manifest = put_back(index, Bars(), device)
    say(f"{index} is at version {manifest.version}: {manifest.passages:,} passages, {_size(manifest)}")


def _left_out(manifest: IndexManifest) -> str:
    found = manifest.pruning
    if manifest.cold:
        return f" ({manifest.cold:,} in a cold tier)"
    return f" ({found.pruned:,} left out)" if found and found.pruned else ""


def _fallen(before: float, after: float) -> str:
    return f"{1 - after / before:.1%}" if before else "nothing"


def _facts(manifest: IndexManifest) -> dict[str, str]:
    config, corpus, encoder = manifest.config, manifest.corpus, manifest.encoder
    facts = {
        "version": manifest.version,
        "fingerprint": manifest.fingerprint,
        "corpus": f"{corpus.name} ({corpus.format}), {corpus.documents:,} documents, {corpus.rejected:,} rejected",
        "passages": f"{manifest.passages:,}",
        "sparse": f"{manifest.sparse_engine}, {config.sparse.language}, k1 {config.sparse.k1}, b {config.sparse.b}",
        "dense": f"{_dense(manifest)}, {encoder.dimension} dimensions",
        "forward": _forward(manifest),
        "encoder": f"{encoder.name}, passages {encoder.passage_precision}",
        "size": _size(manifest),
        "built with": ", ".join(f"{name} {version}" for name, version in manifest.built_with.items()),
        "seconds": ", ".join(f"{name} {seconds:.1f}" for name, seconds in manifest.seconds.items()),
    }
    if (found := manifest.pruning) is not None:
        where = "in a cold tier" if manifest.cold else "left out"
        facts["quality"] = f"{found.estimator}, {found.pruned:,} {where}, {found.duplicates:,} of them duplicates"
        facts["certificate"] = found.certificate.sentence if found.certificate else "none"
    if found is not None and (saved := found.saved) is not None:
        facts["saved"] = (
            f"{_fallen(saved.bytes_whole, saved.bytes_pruned)} of {saved.bytes_whole / 1e6:.1f} MB without the encoder, "
            f"{_fallen(saved.cpu_seconds_whole, saved.cpu_seconds_pruned)} of {saved.cpu_seconds_whole:.1f} CPU seconds"
        )
    largest = sorted(manifest.files.items(), key=lambda item: -item[1].bytes)
    facts["files"] = "\n".join(f"{entry.bytes / 1e6:10.2f} MB  {name}" for name, entry in largest)
    return facts


@app.command()
def rollback(index: IndexPath, to: Annotated[str | None, typer.Option(help="A version; else the one before.")] = None) -> None:  # fmt: skip # noqa: E501
    """Make an older version of INDEX current again, after verifying it."""
    folder = IndexFolder(index)
    with folder.lock():
        version = folder.rollback(to)
    say(f"{index} is at version {version}")


@app.command()
def gc(index: IndexPath, keep: Annotated[int, typer.Option(help="Newest versions to keep.")] = 2) -> None:
    """Delete old versions of INDEX and unfinished builds; the current version always stays."""
    folder = IndexFolder(index)
    with folder.lock():
        gone = folder.collect(keep)
    say("\n".join(f"deleted {path}" for path in gone) or "nothing to delete")


def _dense(manifest: IndexManifest) -> str:
    over = "" if manifest.units is None else f" over {manifest.units:,} sentences"
    if manifest.dense_recall is None:
        return f"exact search{over}"
    recall = f"recall@100 {manifest.dense_recall:.4f} on a sample"
    return f"HNSW, efSearch {manifest.config.dense.ef_search}, {recall}{over}"


def _forward(manifest: IndexManifest) -> str:
    from tamis.indexer.published import FORWARD

    found = [entry.bytes for name, entry in manifest.files.items() if name.startswith(f"{FORWARD}/")]
    if not found:
        return "none: built without one"
    return f"{sum(found) / max(1, manifest.passages):,.0f} bytes a passage, {sum(found) / 1e6:,.1f} MB"


def _size(manifest: IndexManifest) -> str:
    return f"{sum(entry.bytes for entry in manifest.files.values()) / 1e6:,.1f} MB"
