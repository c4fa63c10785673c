"""`tamis eval`: run a pipeline over judged queries, score any run, compare; and `tamis verify`, the replay."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from tamis.config import load_config
from tamis.models.digest import sha256_json

from .options import AsJson, ConfigFile, IndexPath
from .output import Bars, print_json, say, stdout

if TYPE_CHECKING:
    from tamis.eval.metrics import Metrics

app = typer.Typer(help="Run a pipeline over judged queries, score any TREC run, compare.", no_args_is_help=True)

Collection = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="A BEIR folder with queries and qrels, or `pydocs`.")
]
Split = Annotated[str, typer.Option(help="Split of the judgments.")]
Out = Annotated[Path, typer.Option(help="Folder for run.trec and metrics.json; made where there is none.")]
Measures = Annotated[
    list[str] | None,
    typer.Option("--measure", "-m", help="An ir-measures name such as nDCG@10; may be given several times."),
]


@app.command()
def run(
    index: IndexPath,
    collection: Collection,
    out: Out,
    split: Split = "test",
    measure: Measures = None,
    config: ConfigFile = None,
    name: Annotated[str | None, typer.Option(help="What to call this system; by default the folder's name.")] = None,
) -> None:
    """Run the pipeline that is served over the queries of COLLECTION, and score it.

    What an interrupted evaluation of the same index, pipeline and collection had finished is kept.

    Example: tamis eval run pydocs pydocs --out results/first
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.measures import DEFAULT, parse_measure, score_run
    from tamis.eval.metrics import Metrics
    from tamis.eval.runs import check_coverage, latencies, run_queries
    from tamis.eval.trec import write_run
    from tamis.rankers.engine import Engine

    measures = [parse_measure(text) for text in measure or DEFAULT]
    judged = read_judged(collection, split)
    pipeline = load_config(config).pipeline
    out.mkdir(parents=True, exist_ok=True)
    bars = Bars()
    with Engine.open(index, pipeline) as engine:
        fingerprints = {
            "index": engine.index.manifest.fingerprint,
            "pipeline": sha256_json(pipeline.model_dump(mode="json")),
            "collection": judged.fingerprint,
        }
        key = sha256_json(fingerprints)
        with bars.phase("search", len(judged.queries), "queries") as report:
            found = run_queries(engine, judged.queries, out / "rankings.jsonl", key, report)
        timings = latencies(engine, judged.queries)
    warnings = check_coverage(found, judged.qrels)
    write_run(found, out / "run.trec")
    queries = [query.id for query in judged.queries]
    values = score_run(found, judged.qrels, queries, measures)
    metrics = Metrics(
        name or out.name, judged.name, split, queries, values, timings, fingerprints, warnings
    )
    metrics.write(out)
    _show(metrics, out)


@app.command()
def score(
    run_file: Annotated[Path, typer.Argument(metavar="RUNFILE", help="A TREC run, plain or .gz.")],
    collection: Collection,
    out: Out,
    split: Split = "test",
    qrels: Annotated[Path | None, typer.Option(help="TREC judgments to use instead of the collection's.")] = None,
    measure: Measures = None,
    name: Annotated[str | None, typer.Option(help="What to call this system; by default the file's name.")] = None,
) -> None:
    """Score RUNFILE, whoever made it, as trec_eval does.

    Example: tamis eval score bm25.trec.gz ./scifact --out results/bm25
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.measures import DEFAULT, parse_measure, score_run
    from tamis.eval.metrics import Metrics
    from tamis.eval.runs import check_coverage
    from tamis.eval.trec import read_qrels, read_run

    measures = [parse_measure(text) for text in measure or DEFAULT]
    judgments = read_qrels(qrels) if qrels else read_judged(collection, split).qrels
    found = read_run(run_file)
    warnings = check_coverage(found, judgments)
    queries = sorted(judgments)
    values = score_run(found, judgments, queries, measures)
    out.mkdir(parents=True, exist_ok=True)
    called = name or run_file.name.removesuffix(".gz").removesuffix(".trec")
    metrics = Metrics(called, Path(collection).name, split, queries, values, warnings=warnings)
    metrics.write(out)
    _show(metrics, out)


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of evaluations; the first is the baseline.")],
    margin: Annotated[float, typer.Option(help="Relative loss that is of no consequence, for equivalence.")] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Compare evaluations of the same queries, and say what may be concluded.

    Differences are paired by query; p-values of the t-test and the randomisation test are adjusted
    by Holm for all comparisons made at once; equivalence is Schuirmann's two one-sided tests.

    Example: tamis eval compare results/first results/second
    """
    from tamis.eval.compare import compare as compare_systems
    from tamis.eval.metrics import Metrics

    found = compare_systems([Metrics.read(folder) for folder in folders], margin)
    if as_json:
        print_json([{**asdict(one), "conclusion": one.conclusion} for one in found])
        return
    table = Table("measure", "system", "mean", "difference", "95 % interval", "p t", "p random.", "p equiv.", "d", "w/t/l")
    for one in found:
        interval = f"{one.interval.low:+.4f} to {one.interval.high:+.4f}"
        table.add_row(
            one.measure, one.system, f"{one.mean:.4f}", f"{one.difference:+.4f}", interval, f"{one.p_t:.3g}",
            f"{one.p_randomisation:.3g}", f"{one.p_equivalence:.3g}", f"{one.effect:+.2f}",
            f"{one.wins}/{one.ties}/{one.losses}",
        )  # fmt: skip
    stdout.print(table)
    for one in found:
        stdout.print(one.conclusion, highlight=False, soft_wrap=True)


def verify(
    index: IndexPath,
    collection: Collection,
    against: Annotated[str, typer.Option(help="Address of a running service, such as http://127.0.0.1:8080.")],
    split: Split = "test",
) -> None:
    """Prove that what is evaluated is what is served.

    All queries of COLLECTION are asked over HTTP, 1, 8 and 32 at a time; each run must be byte for
    byte that of the pipeline in this process. Any degraded answer fails.

    Example: tamis verify pydocs pydocs --against http://127.0.0.1:8080
    """
    from tamis.eval.judged import read_judged
    from tamis.eval.replay import CONCURRENCY, check_identical, find_served, offline, replay
    from tamis.indexer.manifest import IndexManifest
    from tamis.indexer.versions import IndexFolder
    from tamis.rankers.engine import Engine

    queries = read_judged(collection, split).queries
    served = find_served(against, IndexManifest.read(IndexFolder(index).current()).fingerprint)
    with Engine.open(index, served.pipeline) as engine:
        expected = offline(engine, served, queries)
    bars = Bars()
    for concurrency in CONCURRENCY:
        with bars.phase(f"{concurrency} at a time", len(queries), "queries") as report:
            found = replay(served, queries, concurrency, report)
        lines = check_identical(expected, found, concurrency)
        say(f"concurrency {concurrency}: {len(queries)} queries, {lines:,} lines, byte-identical")


def _show(metrics: Metrics, out: Path) -> None:
    from tamis.eval.significance import bootstrap_interval

    for warning in metrics.warnings:
        say(f"note: {warning}")
    table = Table("measure", "mean", "95 % interval", title=f"{metrics.name}: {metrics.collection}, {metrics.split}")
    for measure, values in metrics.values.items():
        interval = bootstrap_interval(values)
        table.add_row(measure, f"{values.mean():.4f}", f"{interval.low:.4f} to {interval.high:.4f}")
    stdout.print(table)
    say(f"wrote {out}")
