from __future__ import annotations

import pandas as pd
import pyterrier as pt
from ir_measures import RR

from tamis.integrations.pyterrier import TamisReranker, TamisRetriever
from tamis.integrations.searcher import Searcher

TOPICS = pd.DataFrame(
    {"qid": ["q1", "q2"], "query": ["copy a whole directory tree", "median of a list of numbers"], "kind": ["a", "b"]}
)


def test_topics_become_rankings(searcher: Searcher) -> None:
    found = TamisRetriever(searcher, k=3).transform(TOPICS)
    assert list(found.columns) == ["qid", "query", "kind", "docno", "score", "rank", "title", "text"]
    for qid, query in zip(TOPICS["qid"], TOPICS["query"], strict=True):
        hits = searcher.search(query, 3).hits
        rows = found[found["qid"] == qid]
        assert list(rows["docno"]) == [hit.id for hit in hits]
        assert list(rows["score"]) == [hit.score for hit in hits]
        assert list(rows["rank"]) == [0, 1, 2]
    assert len(TamisRetriever(searcher).transform(TOPICS.head(0))) == 0


def test_rankings_are_reranked_by_index(searcher: Searcher) -> None:
    first = TamisRetriever(searcher, k=4).transform(TOPICS)
    mixed = first.sample(frac=1, random_state=1)
    before = mixed.copy(deep=True)
    found = TamisReranker(searcher).transform(mixed)
    pd.testing.assert_frame_equal(mixed, before)
    for qid, query in zip(TOPICS["qid"], TOPICS["query"], strict=True):
        rows = first[first["qid"] == qid].reset_index(drop=True)
        scores = {rows["docno"][one.index]: one.score for one in searcher.rerank(query, list(rows["text"]))}
        mine = found[found["qid"] == qid]
        assert dict(zip(mine["docno"], mine["score"], strict=True)) == scores
        assert sorted(mine["rank"]) == [0, 1, 2, 3]
        assert set(mine["kind"]) == set(rows["kind"])


def test_they_take_part_in_an_experiment(local: Searcher) -> None:
    """RR computed by hand: `shutil.copytree` and `statistics.median` are the answers."""
    first = TamisRetriever(local, k=5)
    qrels = pd.DataFrame({"qid": ["q1", "q2"], "docno": ["shutil.copytree", "statistics.median"], "label": [1, 1]})
    topics = TOPICS[["qid", "query"]]
    table = pt.Experiment(
        [first, first >> TamisReranker(local)], topics, qrels, [RR], names=["first", "read"], plan="tree"
    )
    ranks = []
    for query, answer in zip(topics["query"], qrels["docno"], strict=True):
        ids = [hit.id for hit in local.search(query, 5).hits]
        ranks.append(1 / (ids.index(answer) + 1) if answer in ids else 0)
    assert list(table["name"]) == ["first", "read"]
    assert table["RR"][0] == sum(ranks) / 2
