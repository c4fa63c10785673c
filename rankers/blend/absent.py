"""AbsentBlend: stands where a blend could not be opened; the service answers in the previous order and says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..hits import Degradation
from ..ranking import Candidates, Query
from ..stages import Rescored
from .blend import STAGE, unscored


@dataclass(frozen=True, slots=True)
class AbsentBlend:
    """Keeps the order of candidates, and tells each answer why."""

    reason: str

    def rescore(self, queries: Sequence[Query], candidates: Sequence[Candidates], /) -> Rescored:
        """Return the candidates as they came."""
        told = Degradation(STAGE, self.reason, "all queries keep the previous order")
        return Rescored([unscored(one) for one in candidates], [told])
