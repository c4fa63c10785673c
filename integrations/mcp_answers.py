"""What the MCP server's tools answer: structures that a model reads, each of bounded size."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field

from tamis.indexer.passage import Passage
from tamis.rankers.explanation import Explanation
from tamis.rankers.hits import Hit, SearchResult

HIT_CHARS = 1_500
"""Characters of a hit's text, of its title, and of its metadata; `fetch` gives the rest."""

ANSWER_CHARS = 24_000
"""Characters of the texts of one answer, all together: some 6,000 tokens of a model's context."""


class Found(BaseModel):
    """One passage that was found."""

    id: str
    document_id: str
    rank: int
    score: float
    title: str
    text: str
    cut: bool = Field(description="true: the text goes on; fetch the id to read it whole")
    metadata: dict[str, object]
    stages: dict[str, int | None] = Field(description="its rank after each stage; null: not found there")


class SearchAnswer(BaseModel):
    """The passages that were found, best first."""

    index: str
    query: str
    hits: list[Found]
    notes: list[str] = Field(description="what was left out or done with less than usual, and what to do about it")


class Fetched(BaseModel):
    """A passage, or the part of it that fits into one answer."""

    id: str
    document_id: str
    title: str
    text: str
    start: int
    next_start: int | None = Field(description="ask again with this start for what follows; null: this is the end")
    metadata: dict[str, object]


class Explained(BaseModel):
    """Where one passage went on its way through the pipeline."""

    id: str
    query: str
    rank: int | None
    score: float | None
    stages: dict[str, dict[str, float] | None]
    lost_at: str | None
    said: str = Field(description="the same in a sentence")


class Index(BaseModel):
    """An index that can be asked."""

    name: str
    corpus: str
    documents: int
    passages: int
    version: str
    pipelines: list[str]


class Indexes(BaseModel):
    """All of them."""

    indexes: list[Index]


def search_answer(index: str, result: SearchResult) -> SearchAnswer:
    """Give each hit the same room, and say where it was too little."""
    notes = [f"stage {one.stage}: {one.reason}, {one.action}" for one in result.degraded]
    most = min(HIT_CHARS, ANSWER_CHARS // max(1, len(result.hits)))
    hits = [_found(hit, most) for hit in result.hits]
    cut = sum(hit.cut for hit in hits)
    if cut:
        notes.append(f"the texts of {cut} hits are cut; `fetch` gives a passage whole")
    return SearchAnswer(index=index, query=result.query, hits=hits, notes=notes)


def _found(hit: Hit, most: int) -> Found:
    return Found(
        id=hit.id,
        document_id=hit.document_id,
        rank=hit.rank,
        score=hit.score,
        title=hit.title[:most],
        text=hit.text[:most],
        cut=len(hit.text) > most,
        metadata=_metadata(hit.metadata, most),
        stages={name: None if said is None else said.rank for name, said in hit.stages.items()},
    )


def fetched(passage: Passage, start: int) -> Fetched:
    """Give a passage's text from a character on, as much as fits."""
    end = start + ANSWER_CHARS
    return Fetched(
        id=passage.id,
        document_id=passage.document_id,
        title=passage.title[:HIT_CHARS],
        text=passage.text[start:end],
        start=start,
        next_start=end if end < len(passage.text) else None,
        metadata=_metadata(passage.metadata, ANSWER_CHARS),
    )


def explained(one: Explanation) -> Explained:
    """Say what every stage said of a passage, in numbers and in a sentence."""
    return Explained(
        id=one.id,
        query=one.query,
        rank=one.rank,
        score=one.score,
        stages={
            name: None if said is None else {"rank": said.rank, "score": said.score}
            for name, said in one.stages.items()
        },
        lost_at=one.lost_at,
        said=_sentence(one),
    )


def _sentence(one: Explanation) -> str:
    ranks = [f"{name} at rank {said.rank}" for name, said in one.stages.items() if said is not None]
    seen = f"{one.id}: {', '.join(ranks)}" if ranks else f"{one.id} was found by no stage"
    if one.rank is not None:
        return f"{seen}; it is at rank {one.rank} in the end."
    if one.tier == "cold" and (one.cold is None or not one.cold.asked):
        why = "this pipeline never asks" if one.cold is None else f"was not asked ({one.cold.reason})"
        return f"{seen}; it was pruned into the cold tier, which {why}."
    return f"{seen}; {one.lost_at} dropped it." if one.lost_at else f"{seen}."


def index_of(name: str, said: Mapping[str, object]) -> Index:
    """Read what `Searcher.describe` says."""
    return Index.model_validate({**{field: said.get(field) for field in Index.model_fields}, "name": name})


def _metadata(metadata: Mapping[str, object], most: int) -> dict[str, object]:
    if len(repr(metadata)) <= most:
        return dict(metadata)
    said = f"metadata of {len(repr(metadata)):,} characters, with the keys {', '.join(metadata)}"
    return {"left_out": said[:most]}
