"""The table of ids against a plain dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tamis.indexer.corpus.seen import SeenIds


@given(st.lists(st.text(max_size=3), max_size=200))
def test_like_a_dictionary(ids: list[str]) -> None:
    """Every id gets the place where it was first, also while the table grows."""
    seen, expected = SeenIds(slots=4), dict[str, int]()
    for place, id in enumerate(ids):  # noqa: A001
        assert seen.first(id, place) == expected.get(id)
        expected.setdefault(id, place)
    assert len(seen) == len(expected)


def test_memory_of_many_ids() -> None:
    """At most 48 bytes an id, all slots counted, where a set of short strings takes over 100."""
    seen = SeenIds()
    count = 200_000
    assert all(seen.first(str(number), number) is None for number in range(count))
    assert all(seen.first(str(number), 0) == number for number in range(0, count, 97))
    assert seen.nbytes <= 48 * count
