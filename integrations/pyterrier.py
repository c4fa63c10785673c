"""PyTerrier: transformers that retrieve and rerank, parts of pipelines and of `pt.Experiment`; no Java is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .extra import missing
from .options import SearchOptions
from .searcher import Searcher

try:
    import pandas as pd
    import pyterrier as pt
except ModuleNotFoundError as error:
    raise missing("pyterrier", "pyterrier") from error

if TYPE_CHECKING:
    from pandas import DataFrame

BATCH = 64
"""Queries that are searched at once."""

FOUND = ["docno", "score", "rank", "title", "text"]


class TamisRetriever(pt.Transformer):
    """Queries to ranked passages: `TamisRetriever(tamis.open("pydocs"), k=100) >> ...`."""

    def __init__(self, searcher: Searcher, k: int = 100, options: SearchOptions | None = None) -> None:
        """Ask a searcher for the best `k` passages; `options` go with every search."""
        super().__init__()
        self.searcher = searcher
        self.k = k
        self.options: SearchOptions = options or {}

    def transform(self, inp: DataFrame) -> DataFrame:
        """Search for each row's `query`; all columns of the queries are kept."""
        pt.validate.query_frame(inp, extra_columns=["query"])
        queries = [str(query) for query in inp["query"].tolist()]
        results = [
            result
            for start in range(0, len(queries), BATCH)
            for result in self.searcher.search_many(queries[start : start + BATCH], self.k, **self.options)
        ]
        hits = [hit for result in results for hit in result.hits]
        counts = [len(result.hits) for result in results]
        # Column by column: several times faster than by rows for the few rows of a single query.
        asked = {name: np.repeat(inp[name].to_numpy(), counts) for name in inp.columns if name not in FOUND}
        found = {
            "docno": [hit.id for hit in hits],
            "score": [hit.score for hit in hits],
            "rank": [hit.rank - 1 for hit in hits],
            "title": [hit.title for hit in hits],
            "text": [hit.text for hit in hits],
        }
        return pd.DataFrame({**asked, **found}, copy=False)


class TamisReranker(pt.Transformer):
    """Ranked passages with `text` to the same passages in the order of the second stage's model."""

    def __init__(self, searcher: Searcher, model: str | None = None) -> None:
        """Ask a searcher's model; `model` says which, where several rerank."""
        super().__init__()
        self.searcher = searcher
        self.model = model

    def transform(self, inp: DataFrame) -> DataFrame:
        """Score each row's `text` for its `query`; all other columns are kept."""
        pt.validate.result_frame(inp, extra_columns=["query", "text"])
        if not len(inp):
            return inp.assign(score=pd.Series(dtype=float), rank=pd.Series(dtype=int))
        out = inp.reset_index(drop=True).copy()
        scores = [0.0] * len(out)
        for (_, query), places in out.groupby(["qid", "query"], sort=False).indices.items():
            for one in self.searcher.rerank(str(query), [str(out["text"].iloc[place]) for place in places], self.model):
                scores[int(places[one.index])] = one.score
        out["score"] = scores
        # PyTerrier's own `add_ranks` uses what pandas has deprecated.
        out["rank"] = out.groupby("qid")["score"].rank(method="first", ascending=False).astype(int) - 1
        return out.sort_values(["qid", "rank"], ignore_index=True)
