from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis.errors import NotFound
from tamis.indexer.passage import Passage
from tamis.indexer.passages import BATCH, IdOrder, PassageStore, PassageWriter


def write(path: Path, passages: list[Passage], columns: dict[str, str] | None = None) -> PassageStore:
    """Write passages and open them again."""
    with PassageWriter(path / "passages.arrow", columns or {}) as writer:
        writer.write(passages)
    return PassageStore(path / "passages.arrow")


def numbered(count: int) -> list[Passage]:
    """Passages whose every field differs."""
    return [
        Passage(f"id {n}", f"doc {n // 2}", f"title {n}", f"text {n}", {"n": n, "tags": ["a", str(n)]})
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 7])
def test_what_was_written_is_read_by_row(tmp_path: Path, count: int) -> None:
    passages = numbered(count)
    store = write(tmp_path, passages)
    assert len(store) == count
    rows = np.array([count - 1, 0, count // 2], np.int32)
    assert store.take(rows) == [passages[row] for row in rows]
    assert list(store) == passages
    assert [id_ for id_, _ in store.contents()] == [passage.id for passage in passages]


def test_a_row_outside_is_refused(tmp_path: Path) -> None:
    store = write(tmp_path, numbered(3))
    for row in (-1, 3):
        with pytest.raises(NotFound, match="rows 0 to 2"):
            store.take([row])


def test_contents_join_title_and_text(tmp_path: Path) -> None:
    passages = [Passage("a", "a", "Title", "text"), Passage("b", "b", "", "only text")]
    assert [text for _, text in write(tmp_path, passages).contents()] == ["Title\ntext", "only text"]


def test_declared_metadata_becomes_typed_columns(tmp_path: Path) -> None:
    import pyarrow as pa

    passages = [Passage("a", "a", "", "x", {"year": 1999, "open": True}), Passage("b", "b", "", "y", {})]
    write(tmp_path, passages, {"year": "integer", "open": "boolean"}).close()
    with pa.memory_map(str(tmp_path / "passages.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    assert table.schema.field("metadata.year").type == pa.int64()
    assert table["metadata.year"].to_pylist() == [1999, None]
    assert table["metadata.open"].to_pylist() == [True, None]


ids = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), unique=True, min_size=1, max_size=40
)


@given(names=ids)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_found_by_any_id_and_ranked_like_sorted(tmp_path: Path, names: list[str]) -> None:
    """The order of ids is that of their UTF-8 bytes, as trec_eval compares them."""
    store = write(tmp_path, [Passage(name, name, "", "x") for name in names])
    IdOrder.write(store, tmp_path)
    order = IdOrder(store, tmp_path)
    for row, name in enumerate(names):
        assert order.row_of(name) == row
    ranked = sorted(range(len(names)), key=lambda row: names[row].encode())
    assert [int(order.rank[row]) for row in ranked] == list(range(len(names)))
    assert order.row_of("".join(names) + "!") is None
    assert order.row_of("\ud800") is None
