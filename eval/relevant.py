"""relevant.json: where each relevant passage went, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

FILE = "relevant.json"

Qrels = Mapping[str, Mapping[str, int]]
"""Relevance by query id and passage id."""

Places = dict[str, dict[str, int]]
"""Ranks of one query's relevant passages by passage id and stage, 1 is best; absent: the stage does not have it."""


class RelevantRows:
    """The rows of each query's relevant passages in one index."""

    def __init__(self, qrels: Qrels, rows: Mapping[str, int]) -> None:
        """Prepare.

        Args:
            qrels: judgments; relevant is what has a grade of 1 or more.
            rows: row by passage id, of all judged passages that the index has.
        """
        self._known: dict[str, tuple[list[str], npt.NDArray[np.int32]]] = {}
        for query, judged in qrels.items():
            found = sorted((rows[id_], id_) for id_, grade in judged.items() if grade >= 1 and id_ in rows)
            self._known[query] = ([id_ for _, id_ in found], np.array([row for row, _ in found], np.int32))

    def places(self, query: str, stages: Mapping[str, npt.NDArray[np.int32]]) -> Places:
        """Find a query's relevant passages in the rankings of the stages.

        Args:
            query: its id.
            stages: rows in the order of the ranking, by stage.
        """
        ids, wanted = self._known.get(query, ([], np.empty(0, np.int32)))
        places: Places = {}
        if not ids:
            return places
        for stage, rows in stages.items():
            near = np.minimum(np.searchsorted(wanted, rows), len(wanted) - 1)
            for place in np.flatnonzero(wanted[near] == rows).tolist():
                places.setdefault(ids[near[place]], {})[stage] = place + 1
        return places


def places_of(relevant: Mapping[str, int], stages: Mapping[str, Sequence[str]]) -> Places:
    """Find relevant passages in rankings of ids, for runs without an index.

    Args:
        relevant: grade by passage id.
        stages: ids in the order of the ranking, by stage.
    """
    places: Places = {}
    for stage, ids in stages.items():
        for place, id_ in enumerate(ids, start=1):
            if relevant.get(id_, 0) >= 1:
                places.setdefault(id_, {})[stage] = place
    return places


def write_relevant(folder: Path, stages: Sequence[str], qrels: Qrels, places: Mapping[str, Places]) -> None:
    """Write `relevant.json` into a folder.

    Args:
        folder: of the evaluation.
        stages: those that ran, in order.
        qrels: judgments; passages with a grade of 1 or more are written.
        places: by query.
    """
    queries: dict[str, dict[str, object]] = {}
    for query, judged in qrels.items():
        found = places.get(query, {})
        passages: dict[str, object] = {
            id_: {"relevance": grade, "ranks": {stage: found.get(id_, {}).get(stage) for stage in stages}}
            for id_, grade in judged.items()
            if grade >= 1
        }
        if passages:
            queries[query] = passages
    content = {"stages": list(stages), "queries": queries}
    (folder / FILE).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
