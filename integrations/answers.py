"""JSON of a service's answers to the same values that an index in this process gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tamis.indexer.passage import Passage
from tamis.rankers.explanation import Explanation
from tamis.rankers.hits import ColdDecision, Degradation, Hit, SearchResult, StageScore


def result_of(answer: Mapping[str, Any], one: Mapping[str, Any]) -> SearchResult:
    """Read one query's part of an answer of /v1/search or /v1/msearch; fields that a newer service adds are ignored."""
    return SearchResult(
        query=one["query"]["text"],
        hits=[_hit(hit) for hit in one["hits"]],
        took_ms=answer["took_ms"],
        timings_ms=answer["timings_ms"],
        degraded=[Degradation(each["stage"], each["reason"], each["action"]) for each in answer["degraded"]],
        cold=_cold(one),
    )


def _hit(hit: Mapping[str, Any]) -> Hit:
    return Hit(
        id=hit["docid"],
        rank=hit["rank"],
        score=hit["score"],
        title=hit["title"],
        text=hit["text"] or "",
        document_id=hit["document_id"],
        metadata=hit["metadata"],
        stages=_stages(hit["stages"]),
    )


def _stages(stages: Mapping[str, Any]) -> dict[str, StageScore | None]:
    return {name: None if said is None else StageScore(said["rank"], said["score"]) for name, said in stages.items()}


def passage_of(passage: Mapping[str, Any]) -> Passage:
    """Read a passage of /v1/fetch."""
    return Passage(
        passage["docid"], passage["document_id"], passage["title"], passage["text"], dict(passage["metadata"])
    )


def explanation_of(answer: Mapping[str, Any]) -> Explanation:
    """Read an answer of /v1/explain."""
    return Explanation(
        query=answer["query"],
        id=answer["docid"],
        rank=answer["rank"],
        score=answer["score"],
        stages=_stages(answer["stages"]),
        lost_at=answer["lost_at"],
        tier=answer.get("tier"),
        cold=_cold(answer),
    )


def _cold(answer: Mapping[str, Any]) -> ColdDecision | None:
    said = answer.get("cold")
    return said and ColdDecision(said["asked"], said["reason"], said["gap"], said["below"])
