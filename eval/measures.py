"""The measures, as ir-measures computes them (trec_eval's own code underneath)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ir_measures
import numpy as np
import numpy.typing as npt
from ir_measures import Measure

from tamis.errors import InvalidInput

from .trec import Run

DEFAULT = ("nDCG@10", "RR@10", "AP", "R@100", "R@1000", "Success@10")
"""Measures that are reported unless others are named."""

FORM = re.compile(r"(?P<name>[A-Za-z]+)(\(rel=(?P<rel>\d+)\))?(@(?P<cutoff>\d+))?")

Values = dict[str, npt.NDArray[np.float64]]
"""Value of each query by measure: float64[queries]."""


def parse_measure(text: str) -> Measure:
    """Read a measure's name, such as `nDCG@10` or `AP(rel=2)@100`.

    Names are read here, not by ir-measures' own parser, which uses parts of `ast` that Python 3.14 dropped.

    Raises:
        InvalidInput: there is no such measure, or it does not take that form.
    """
    found = FORM.fullmatch(text)
    measure = getattr(ir_measures, found["name"], None) if found else None
    if found is None or not isinstance(measure, Measure):
        raise InvalidInput(f"unknown measure {text!r}; expected ir-measures' names, such as {', '.join(DEFAULT)}")
    try:
        if found["rel"]:
            measure = measure(rel=int(found["rel"]))
        return measure @ int(found["cutoff"]) if found["cutoff"] else measure
    except (TypeError, ValueError, AssertionError) as error:
        raise InvalidInput(f"measure {text!r} does not take that form: {error}") from None


def score_run(
    run: Run, qrels: Mapping[str, Mapping[str, int]], queries: Sequence[str], measures: Sequence[Measure]
) -> Values:
    """Score a run.

    A judged query that the run misses counts 0; it does not fall out of the mean.

    Args:
        run: rankings; scores decide the order as in trec_eval.
        qrels: relevance by query id and passage id.
        queries: ids of the judged queries, in the order in which values are wanted.
        measures: what to compute.

    Returns:
        float64[queries] by the measure's name.
    """
    judged = {query: dict(qrels[query]) for query in queries}
    ranked = {
        query: dict(zip(ids, scores.tolist(), strict=True))
        for query, (ids, scores) in run.rankings.items()
        if query in judged
    }
    places = {query: place for place, query in enumerate(queries)}
    values: Values = {str(measure): np.zeros(len(queries)) for measure in measures}
    for metric in ir_measures.iter_calc(list(measures), judged, ranked):
        values[str(metric.measure)][places[metric.query_id]] = metric.value
    return values
