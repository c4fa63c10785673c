"""`tamis eval`: run a pipeline over judged queries, score any run; joins the other commands that evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.config import DEFAULT_PIPELINE, load_config

from .ablate import ablate
from .collections import followir, macro, pool
from .compare import compare
from .mix import mix
from .judged import Collection, Measures, Out, PipelineName, QrelsFile, Split, parse_measures, show
from .options import ConfigFile, IndexPath
from .output import Bars
from .report import report
from .rerank import rerank

app = typer.Typer(help="Run a pipeline over judged queries, score any TREC run, compare.", no_args_is_help=True)


@app.command()
def run(
    index: IndexPath,
    collection: Collection,
    out: Out,
    split: Split = "test",
    pipeline: PipelineName = None,
    without: Annotated[
        str, typer.Option(help="Stages to take out, with commas between: sparse, dense, blend, rerank.")
    ] = "",
    measure: Measures = None,
    config: ConfigFile = None,
    name: Annotated[str | None, typer.Option(help="What to call this system; by default the folder's name.")] = None,
) -> None:
    """Run the pipeline that is served over the queries of COLLECTION, and score it.

    What an interrupted evaluation of the same index, pipeline and collection had finished is kept.

    Example: tamis eval run pydocs pydocs --without dense --out results/words
    """
    from tamis.eval.evaluation import evaluate
    from tamis.eval.judged import read_judged
    from tamis.rankers.engine import Engine
    from tamis.rankers.variants import without as taken_out

    measures = parse_measures(measure)
    stages = [stage.strip() for stage in without.split(",") if stage.strip()]
    settings = taken_out(load_config(config).named(pipeline), stages)
    judged = read_judged(collection, split)
    with Engine.open(index, settings) as engine:
        metrics = evaluate(
            engine, judged, out, measures, Bars(),
            name=name or out.name, pipeline=pipeline or DEFAULT_PIPELINE, without=stages,
        )  # fmt: skip
    show(metrics, out)


@app.command()
def score(
    run_file: Annotated[Path, typer.Argument(metavar="RUNFILE", help="A TREC run, plain or .gz.")],
    collection: Collection,
    out: Out,
    split: Split = "test",
    qrels: QrelsFile = None,
    measure: Measures = None,
    name: Annotated[str | None, typer.Option(help="What to call this system; by default the file's name.")] = None,
) -> None:
    """Score RUNFILE, whoever made it, as trec_eval does. With --qrels, COLLECTION need not be there.

    Example: tamis eval score bm25.trec.gz ./scifact --out results/bm25
    """
    from tamis.eval.judged import read_judged, without_excluded
    from tamis.eval.measures import score_run
    from tamis.eval.metrics import Metrics
    from tamis.eval.runs import check_coverage
    from tamis.eval.trec import read_qrels, read_run

    measures = parse_measures(measure)
    found, warnings = read_run(run_file), []
    if qrels:
        judgments = read_qrels(qrels)
    else:
        judged = read_judged(collection, split)
        found, judgments = without_excluded(found, judged), judged.qrels
        warnings = list(judged.warnings)
    warnings += check_coverage(found, judgments)
    queries = sorted(judgments)
    values = score_run(found, judgments, queries, measures)
    out.mkdir(parents=True, exist_ok=True)
    called = name or run_file.name.removesuffix(".gz").removesuffix(".trec")
    metrics = Metrics(called, Path(collection).name, split, queries, values, warnings=warnings)
    metrics.write(out)
    show(metrics, out)


app.command()(compare)
app.command()(rerank)
app.command()(ablate)
app.command()(report)
app.command()(macro)
app.command()(mix)
app.command()(pool)
app.command()(followir)
