from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.errors import InvalidInput, NotFound
from tamis.eval.measures import parse_measure, score_run
from tamis.eval.trec import Run, read_qrels, read_run, run_lines, strictly_decreasing, untied, write_run


def run(**rankings: list[tuple[str, float]]) -> Run:
    """A run from (id, score) pairs by query."""
    return Run(
        {q: ([i for i, _ in pairs], np.array([s for _, s in pairs], np.float32)) for q, pairs in rankings.items()}
    )


def test_lines_are_those_of_trec() -> None:
    lines = list(run_lines(run(q1=[("d1", 2.5), ("d2", 0.1)])))
    assert lines == ["q1 Q0 d1 1 2.5 tamis\n", "q1 Q0 d2 2 0.1 tamis\n"]


def test_ties_are_written_strictly_decreasing() -> None:
    """By one float32 step each, so that trec_eval's rule for ties cannot turn the order round."""
    lowered = strictly_decreasing(np.array([1, 1, 1, 0.5], np.float32))
    step = np.nextafter(np.float32(1), np.float32(0))
    assert lowered.tolist() == [1.0, step, np.nextafter(step, np.float32(0)), 0.5]


@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=50))
def test_written_order_survives_trec_evals_rule(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    """Whatever the ids and ties, reading a written run back gives the order and scores written."""
    values = sorted(values, reverse=True)
    pairs = [(f"d{place:03d}", value) for place, value in enumerate(values)]
    path = tmp_path_factory.mktemp("run") / "run.trec"
    if not pairs:
        return
    written = run(q=pairs)
    write_run(written, path)
    back = read_run(path)
    assert list(back.rankings["q"][0]) == [id_ for id_, _ in pairs]
    assert back.ties == 0
    assert back.rankings["q"][1].tolist() == strictly_decreasing(written.rankings["q"][1]).tolist()


def test_a_foreign_run_is_ordered_as_trec_eval_orders_it(tmp_path: Path) -> None:
    """By score, whatever the ranks say; ties by id descending, and counted."""
    path = tmp_path / "run.gz"
    path.write_bytes(gzip.compress(b"q Q0 a 1 1.0 x\nq Q0 c 2 1.0 x\nq Q0 b 3 2.0 x\n\nr Q0 z 1 -1 x\n"))
    found = read_run(path)
    assert list(found.rankings["q"][0]) == ["b", "c", "a"]
    assert (found.ties, found.tag, len(found)) == (1, "x", 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q Q0 a 1 x", "expected `query Q0 passage rank score tag`"),
        ("q Q0 a 1 high t", "score 'high' is no number"),
        ("q Q0 a 1 nan t", "expected a finite number"),
        ("q Q0 a 1 inf t", "expected a finite number"),
        ("q Q0 b 1 1.0 t", "passage 'b' stands twice for query 'q'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "run.trec"
    path.write_text(f"q Q0 b 1 3.0 t\n{line}\n")
    with pytest.raises(InvalidInput, match=message):
        read_run(path)


def test_files_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_run(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(InvalidInput, match="holds no rankings"):
        read_run(tmp_path / "empty")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"q Q0 a 1 1 t\n" * 100)[:-9])
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_run(tmp_path / "cut.gz")


def test_an_id_with_white_space_cannot_be_written() -> None:
    with pytest.raises(InvalidInput, match="holds white space"):
        list(run_lines(run(q=[("a b", 1.0)])))


def test_judgments_are_read_and_contradictions_refused(tmp_path: Path) -> None:
    path = tmp_path / "qrels"
    path.write_text("q 0 a 2\nq 0 b 0\nr 0 a 1\nq 0 a 2\n")
    assert read_qrels(path) == {"q": {"a": 2, "b": 0}, "r": {"a": 1}}
    path.write_text("q 0 a 2\nq 0 a 1\n")
    with pytest.raises(InvalidInput, match="judged twice"):
        read_qrels(path)
    path.write_text("q 0 a much\n")
    with pytest.raises(InvalidInput, match=":1: expected"):
        read_qrels(path)


def test_measures_by_hand() -> None:
    """nDCG@2: gain 1 at rank 2 over ideal 3 + 1/log2(3); a judged query that the run misses counts 0."""
    qrels = {"q": {"a": 1, "b": 3}, "missed": {"a": 1}}
    values = score_run(
        run(q=[("x", 3.0), ("a", 2.0), ("b", 1.0)], unjudged=[("a", 1.0)]),
        qrels,
        ["missed", "q"],
        [parse_measure(name) for name in ("nDCG@2", "RR@10", "RR@1", "R@2", "AP")],
    )
    discount = 1 / np.log2(3)
    assert values["nDCG@2"].tolist() == pytest.approx([0, discount / (3 + discount)])
    assert values["RR@10"].tolist() == pytest.approx([0, 1 / 2])
    assert values["RR@1"].tolist() == [0, 0]
    assert values["R@2"].tolist() == pytest.approx([0, 1 / 2])
    assert values["AP"].tolist() == pytest.approx([0, (1 / 2 + 2 / 3) / 2])


@pytest.mark.parametrize("name", ["nDGC@10", "", "nDCG@ten", "nDCG@10; import os", "iter_calc", "Measure"])
def test_a_measure_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(InvalidInput, match="unknown measure"):
        parse_measure(name)


PUBLISHED = {
    "BM25": 0.5058,
    "D_BERT_KD_TASB": 0.7210,
    "OPEN_AI_ADA2": 0.7035,
    "SPLADE_P_P_ENSEMBLE_DISTIL": 0.7308,
}


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_runs_score_what_was_published(data_folder: Path, name: str) -> None:
    """nDCG@10 on TREC DL 2019 with NIST's judgments, to the fourth decimal."""
    folder = data_folder / "msmarco-mini"
    qrels = read_qrels(folder / "qrels-official" / "dl19.trec.gz")
    found = read_run(folder / "runs" / f"dl19.{name}.top100.trec.gz")
    values = score_run(found, qrels, sorted(qrels), [parse_measure("nDCG@10")])
    assert round(float(values["nDCG@10"].mean()), 4) == PUBLISHED[name]


def test_an_untied_run_is_scored_in_the_order_it_has() -> None:
    """Of equal scores trec_eval takes the greater id first; the run has the lesser one first."""
    run = Run({"q": (["a", "b"], np.array([1, 1], np.float32))})
    measures = [parse_measure("nDCG@10")]
    assert score_run(run, {"q": {"a": 1}}, ["q"], measures)["nDCG@10"][0] == pytest.approx(1 / np.log2(3))
    assert score_run(untied(run), {"q": {"a": 1}}, ["q"], measures)["nDCG@10"][0] == 1
