"""Every value that shapes an index, in one typed, frozen configuration."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Language = Literal[
    "ar", "bn", "da", "de", "en", "es", "fi", "fr", "hi", "hu", "id",
    "it", "ja", "ko", "nl", "no", "pt", "ru", "sv", "te", "th", "tr", "zh",
]  # fmt: skip


class Section(BaseModel):
    """One table of the configuration: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CorpusConfig(Section):
    """What is read, and what of it is kept."""

    format: Literal["auto", "beir", "jsonl", "tsv", "parquet", "files", "pydocs"] = Field(
        "auto", description="format of the corpus; `auto` looks at the names and the first record"
    )
    metadata: dict[str, Literal["string", "integer", "number", "boolean"]] = Field(
        default_factory=dict, description="metadata fields that become typed columns, for filters"
    )
    skip_bad: bool = Field(False, description="build on without bad records and list them in `rejects.jsonl`")
    max_text_chars: int = Field(
        1_000_000, ge=1, description="a record with a longer text, in characters, is refused as bad"
    )


class SplitConfig(Section):
    """How documents become passages."""

    enabled: bool = Field(False, description="split records too; files are always split")
    tokens: int = Field(220, ge=16, le=8192, description="longest passage, in tokens of the encoder")
    overlap: int = Field(40, ge=0, description="tokens shared by neighbouring passages of one document")

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.overlap >= self.tokens:
            raise ValueError(f"overlap ({self.overlap}) must be smaller than tokens ({self.tokens})")
        return self


class SparseConfig(Section):
    """The word index."""

    engine: Literal["auto", "lucene", "bm25s"] = Field(
        "auto", description="`lucene` (Pyserini, Java), `bm25s` (no Java), or lucene where it is installed"
    )
    language: Language = Field("en", description="language whose analyser cuts and stems the words")
    k1: float = Field(0.9, ge=0, le=10, description="BM25's saturation of repeated terms")
    b: float = Field(0.4, ge=0, le=1, description="BM25's normalisation by length")


class EncoderConfig(Section):
    """The model that makes vectors of passages and queries."""

    model: str = Field("all-MiniLM-L6-v2", description="name of an exported bundle, or the path of its folder")
    precision: Literal["exact", "fast"] = Field(
        "exact", description="how *passages* are encoded: exact is fp32, fast is int8; queries are always exact"
    )


class QualityConfig(Section):
    """Which passages are worth indexing."""

    estimator: str | None = Field(
        None,
        description="what scores passages: `light`, `length`, `random`, `inverse-terms`, `cdd`, `magnitude`, a trained "
        "model's folder, or a `quality-t5` bundle; none: no scores, unless something is pruned (then `light`)",
    )
    prune: float = Field(
        0.0, ge=0, lt=0.95, description="share of the passages to leave out, those with the lowest scores"
    )
    duplicates: Literal["keep", "exact", "near"] = Field(
        "keep", description="leave out passages that repeat an earlier one: exactly, or nearly (MinHash)"
    )
    cold: bool = Field(
        False,
        exclude_if=lambda cold: not cold,  # so that an index without a cold tier keeps its fingerprint
        description="keep what is left out in a cold tier, which pipelines with `cold` ask",
    )

    @property
    def used(self) -> str | None:
        """Name the estimator that scores; None where passages are not scored."""
        return "light" if self.estimator is None and self.leaves_out else self.estimator

    @property
    def leaves_out(self) -> bool:
        """Whether passages may be left out."""
        return bool(self.prune) or self.duplicates != "keep"


class DenseConfig(Section):
    """The vector index."""

    units: Literal["passage", "sentence"] = Field(
        "passage",
        exclude_if=lambda units: units == "passage",  # so that an index without sentences keeps its fingerprint
        description="what has a vector: each passage, or each of its sentences, which finds the passage it stands in",
    )
    flat_below: int = Field(5_000, ge=0, description="with fewer vectors, search exactly instead of through HNSW")
    m: int = Field(32, ge=4, le=128, description="HNSW: neighbours of each node")
    ef_construction: int = Field(200, ge=8, description="HNSW: breadth of the search that places a node")
    ef_search: int = Field(320, ge=8, description="HNSW: breadth of a search; FAISS' own default is 16")
    threads: int = Field(1, ge=1, description="HNSW: threads that build the graph; more than 1 may change its bytes")


class ForwardConfig(Section):
    """The forward index: what the features of a blend are computed from."""

    enabled: bool = Field(True, description="write it; an index without it can have no blend")


class IndexConfig(Section):
    """All that shapes an index; its hash is part of the index's identity."""

    corpus: CorpusConfig = CorpusConfig()
    split: SplitConfig = SplitConfig()
    quality: QualityConfig = QualityConfig()
    sparse: SparseConfig = SparseConfig()
    encoder: EncoderConfig = EncoderConfig()
    dense: DenseConfig = DenseConfig()
    forward: ForwardConfig = ForwardConfig()
