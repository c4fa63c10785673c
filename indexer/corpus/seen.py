"""The ids met so far, in 21 to 43 bytes each: duplicates show without holding any id."""

from __future__ import annotations

from array import array

HASH_BITS = (1 << 64) - 1


class SeenIds:
    """Hash table from the 64-bit hash of an id to the place where it was first met.

    Ids are told apart by their hash alone: among ten million, the chance that any two share one is 3 in a million.
    """

    def __init__(self, slots: int = 1 << 16) -> None:
        self._count = 0
        self._mask = slots - 1
        self._hashes = array("Q", bytes(8 * slots))
        self._places = array("Q", bytes(8 * slots))

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory of the table."""
        return 16 * len(self._hashes)

    def first(self, id: str, place: int) -> int | None:  # noqa: A002
        """Give the place where `id` was met before, or remember `place` for it."""
        return self._first((hash(id) & HASH_BITS) or 1, place)

    def _first(self, key: int, place: int) -> int | None:
        hashes, slot = self._hashes, key & self._mask
        while found := hashes[slot]:
            if found == key:
                return self._places[slot]
            slot = (slot + 1) & self._mask
        hashes[slot] = key
        self._places[slot] = place
        self._count += 1
        if 4 * self._count > 3 * len(hashes):
            self._grow()
        return None

    def _grow(self) -> None:
        hashes, places = self._hashes, self._places
        self.__init__(2 * len(hashes))  # type: ignore[misc]
        for key, place in zip(hashes, places, strict=True):
            if key:
                self._first(key, place)
