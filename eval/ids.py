"""PassageIds: rows of an index to ids and back, many at once; one by one they would cost as much as a search."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.indexer.passages import PassageStore


class PassageIds:
    """The ids of an index's passages, in memory."""

    def __init__(self, passages: PassageStore) -> None:
        self.all = passages.all_ids()
        self._ids = self.all.combine_chunks()

    def of(self, rows: Sequence[npt.NDArray[np.int32]]) -> list[list[str]]:
        """Return the ids of several lists of rows."""
        if not rows:
            return []
        flat = self._ids.take(pa.array(np.concatenate(rows))).to_numpy(zero_copy_only=False)
        return [part.tolist() for part in np.split(flat, np.cumsum([len(part) for part in rows])[:-1])]

    def rows_of(self, ids: Collection[str]) -> dict[str, int]:
        """Return the row of each id; ids that the index does not have are left out."""
        wanted = sorted(ids)
        places = pc.index_in(self._ids, value_set=pa.array(wanted, self._ids.type))
        rows = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False))
        return {wanted[place]: int(row) for place, row in zip(places.drop_null().to_pylist(), rows, strict=True)}
