"""Runs of the same passages, mixed; weights learned where the best ones are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ir_measures import nDCG
from typer.testing import CliRunner

from tamis.cli.main import app
from tamis.errors import InvalidInput
from tamis.eval.mix import learn_weights, mix_runs
from tamis.eval.trec import Run, read_run, write_run


def run(**rankings: dict[str, float]) -> Run:
    """Make a run of scores by passage id, by query id."""
    found = {}
    for query, scores in rankings.items():
        ids = sorted(scores, key=lambda id_: -scores[id_])
        found[query] = (ids, np.array([scores[id_] for id_ in ids], np.float32))
    return Run(found)


def test_scores_are_standardised_and_added_up() -> None:
    """Two passages standardise to 1 and -1, whatever their unit; three to a unit deviation."""
    first, second = run(q={"a": 30, "b": 10}), run(q={"a": 0.1, "b": 0.2})
    ids, scores = mix_runs([first, second], [1, 3]).rankings["q"]
    assert ids == ["b", "a"]
    assert scores.tolist() == [2, -2]

    ids, scores = mix_runs([run(q={"a": 3, "b": 2, "c": 1})], [2]).rankings["q"]
    assert np.allclose(scores, [2 * 1.5**0.5, 0, -2 * 1.5**0.5])


def test_a_passage_that_a_run_lacks_counts_its_lowest_score() -> None:
    ids, _ = mix_runs([run(q={"a": 2, "b": 1}), run(q={"b": 5, "c": 9})], [0.1, 1]).rankings["q"]
    assert set(ids) == {"a", "b"}, "the first run says which passages there are"
    assert mix_runs([run(q={"a": 3, "b": 2, "c": 1}), run(q={"b": 5, "c": 9})], [0, 1]).rankings["q"][0] == [
        "c",
        "a",
        "b",
    ], "equal scores stand in the order of ids"


def test_equal_scores_are_in_the_order_of_ids() -> None:
    assert mix_runs([run(q={"b": 2, "a": 1}), run(q={"a": 2, "b": 1})], [1, 1]).rankings["q"][0] == ["a", "b"]


def test_learned_weights_leave_out_a_run_of_noise() -> None:
    """One run has the relevant passages on top, the other has them anywhere."""
    numbers = np.random.default_rng(7)
    good, noise, qrels = {}, {}, {}
    for query in range(30):
        good[f"q{query}"] = {f"p{place}": float(10 - place) for place in range(10)}
        noise[f"q{query}"] = {f"p{place}": float(numbers.random()) for place in range(10)}
        qrels[f"q{query}"] = {"p0": 1}
    weights, reached = learn_weights([run(**good), run(**noise)], qrels, nDCG @ 10)
    assert reached == 1.0
    assert weights[0] >= 0.6
    assert sum(weights) == pytest.approx(1)


def test_learned_weights_use_both_where_each_knows_a_half() -> None:
    """The relevant passage is second in both runs, behind another distractor in each."""
    first = run(q={"x": 3, "r": 2.5, "y": 0, "z": 0})
    second = run(q={"y": 3, "r": 2.5, "x": 0, "z": 0})
    weights, reached = learn_weights([first, second], {"q": {"r": 1}}, nDCG @ 10)
    assert reached == 1.0
    assert weights == [0.5, 0.5]


@pytest.mark.parametrize(
    ("weights", "named"),
    [([1], "1 weights for 2 runs"), ([1, float("nan")], "finite"), ([0, 0], "not all 0")],
)
def test_bad_weights_are_refused(weights: list[float], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        mix_runs([run(q={"a": 1}), run(q={"a": 1})], weights)


def test_a_run_of_other_queries_is_refused() -> None:
    with pytest.raises(InvalidInput, match="run 2 answers none"):
        mix_runs([run(q={"a": 1}), run(other={"a": 1})], [1, 1])


def test_the_command_learns_and_applies(tmp_path: Path) -> None:
    """The weights that it prints are what it takes."""
    first, second = tmp_path / "first.trec", tmp_path / "second.trec"
    write_run(run(q={"x": 3, "r": 2.5, "y": 0, "z": 0}), first)
    write_run(run(q={"y": 3, "r": 2.5, "x": 0, "z": 0}), second)
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "r", "title": "", "text": "t"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "t"}\n')
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq\tr\t1\n")
    command = ["eval", "mix", str(tmp_path), str(first), str(second), "--out"]
    learned = CliRunner().invoke(app, [*command, str(tmp_path / "learned.trec")])
    assert learned.exit_code == 0, learned.output
    assert "--weights 0.5,0.5" in learned.output
    given = CliRunner().invoke(app, [*command, str(tmp_path / "given.trec"), "--weights", "0.5,0.5"])
    assert given.exit_code == 0, given.output
    assert (tmp_path / "given.trec").read_bytes() == (tmp_path / "learned.trec").read_bytes()
    assert read_run(tmp_path / "given.trec").rankings["q"][0][0] == "r"
    wrong = CliRunner().invoke(app, [*command, str(tmp_path / "x.trec"), "--weights", "much"])
    assert wrong.exit_code != 0
