"""What every adapter says of a hit beside its text: the caller's own metadata, and ours under one key."""

from __future__ import annotations

import copy
from typing import Any

from tamis.rankers.hits import Hit

KEY = "tamis"
"""Under it stand id, document, title, rank, score and stages, so that no metadata of the corpus is written over."""


def metadata_of(hit: Hit) -> dict[str, Any]:
    """Return a hit's metadata and what the stages said, as values that JSON holds."""
    stages = {name: one and {"rank": one.rank, "score": one.score} for name, one in hit.stages.items()}
    said = {
        "id": hit.id,
        "document_id": hit.document_id,
        "title": hit.title,
        "rank": hit.rank,
        "score": hit.score,
        "stages": stages,
    }
    return {**copy.deepcopy(hit.metadata), KEY: said}
