"""Heads side by side: the same scores with fewer nodes, and graphs of another form left as they are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from tamis.models.joined_heads import join_heads

from .test_first_token import layer, run


def test_scores_stay_and_nothing_is_moved(tmp_path: Path) -> None:
    model = layer()
    (wanted,) = run(model, tmp_path / "apart.onnx")
    assert join_heads(model) == 1
    (found,) = run(model, tmp_path / "joined.onnx")
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    onnx.checker.check_model(model)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert (kinds["Transpose"], kinds["Reshape"], kinds["Attention"]) == (0, 1, 1)  # one reshape is the score's own
    assert not {"split", "merge"} & {tensor.name for tensor in model.graph.initializer}
    assert join_heads(model) == 0, "there is nothing left to join"


@pytest.mark.parametrize("part", ["q3", "v3", "a", "a1"])
def test_an_attention_whose_heads_are_read_by_others_is_left_as_it_is(part: str) -> None:
    """Positions that rotate a query after the split, values that are scaled, outputs that somebody else reads."""
    model = layer()
    nodes = list(model.graph.node)
    at = next(place for place, node in enumerate(nodes) if part in node.output)
    nodes[at].output[0] = "before"
    changed = helper.make_node("Mul", ["before", "before"], [part])
    del model.graph.node[:]
    model.graph.node.extend([*nodes[: at + 1], changed, *nodes[at + 1 :]])
    before = model.SerializeToString()
    assert join_heads(model) == 0
    assert model.SerializeToString() == before


def test_heads_whose_number_is_unknown_are_left_apart() -> None:
    model = layer()
    del model.graph.value_info[:]
    assert join_heads(model) == 0
