"""The last layer for the first token alone: the same scores, and graphs of another form left as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tamis.models.first_token import keep_first_token
from tamis.models.joined_heads import join_heads
from tamis.models.session import open_session

HIDDEN, HEADS = 8, 2
WIDTH = HIDDEN // HEADS


def layer(**changes: Any) -> onnx.ModelProto:
    """Give a transformer's last layer and a head, from x[batch, tokens, 8] to score[batch]."""
    random = np.random.default_rng(3)
    weights = {name: random.normal(size=(HIDDEN, HIDDEN)) for name in ("wq", "wk", "wv", "wo", "up")}
    weights |= {"bq": random.normal(size=HIDDEN), "one": np.ones(HIDDEN), "zero": np.zeros(HIDDEN)}
    weights["head"] = random.normal(size=(HIDDEN, 1))
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    shapes = {"split": [0, 0, HEADS, WIDTH], "merge": [0, 0, HIDDEN], "flat": [-1]}
    tensors += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in shapes.items()]
    tensors.append(numpy_helper.from_array(np.array(changes.get("place", 0), np.int64), "place"))
    nodes = [helper.make_node("LayerNormalization", ["x", "one", "zero"], ["h"], axis=-1)]
    for part in "qkv":
        nodes.append(helper.make_node("MatMul", ["h", f"w{part}"], [f"{part}0"]))
        nodes.append(helper.make_node("Add", [f"{part}0", "bq"], [f"{part}1"]))
        nodes.append(helper.make_node("Reshape", [f"{part}1", "split"], [f"{part}2"]))
        nodes.append(helper.make_node("Transpose", [f"{part}2"], [f"{part}3"], perm=[0, 2, 1, 3]))
    nodes += [
        helper.make_node("Attention", ["q3", "k3", "v3", "mask"], ["a"], is_causal=changes.get("causal", 0)),
        helper.make_node("Transpose", ["a"], ["a1"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["a1", "merge"], ["a2"]),
        helper.make_node("MatMul", ["a2", "wo"], ["o"]),
        helper.make_node("Add", ["o", "h"], ["r"]),
        helper.make_node("LayerNormalization", ["r", "one", "zero"], ["n"], axis=-1),
        helper.make_node("MatMul", ["n", "up"], ["f"]),
        helper.make_node(changes.get("mixer", "Gelu"), ["f"], ["g"]),
        helper.make_node("Add", ["g", changes.get("residual", "n")], ["s"]),
        helper.make_node("LayerNormalization", ["s", "one", "zero"], ["t"], axis=-1),
        helper.make_node("Gather", ["t", "place"], ["first"], axis=1),
        helper.make_node("MatMul", ["first", "head"], ["score1"]),
        helper.make_node("Reshape", ["score1", "flat"], ["score"]),
    ]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])]
    if changes.get("also"):
        outputs.append(helper.make_tensor_value_info("t", TensorProto.FLOAT, ["batch", "tokens", HIDDEN]))
    graph = helper.make_graph(
        nodes, "last",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "tokens", HIDDEN]),
         helper.make_tensor_value_info("mask", TensorProto.BOOL, ["batch", 1, "tokens", "tokens"])],
        outputs, tensors,
    )  # fmt: skip
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    return onnx.shape_inference.infer_shapes(whole)


def run(model: onnx.ModelProto, path: Path) -> list[npt.NDArray[np.float32]]:
    """Score two rows of five tokens, the last two of the second masked."""
    onnx.save(model, path)
    x = np.random.default_rng(4).normal(size=(2, 5, HIDDEN)).astype(np.float32)
    mask = np.ones((2, 1, 5, 5), np.bool_)
    mask[1, :, :, 3:] = False
    found: list[npt.NDArray[np.float32]] = open_session(path, "cpu", 1).run(None, {"x": x, "mask": mask})
    return found


def test_scores_stay_and_work_goes(tmp_path: Path) -> None:
    model = layer()
    (wanted,) = run(model, tmp_path / "whole.onnx")
    assert join_heads(model) == 1
    assert keep_first_token(model)
    (found,) = run(model, tmp_path / "first.onnx")
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    sizes = {one.name: one.type.tensor_type.shape.dim[1].dim_value for one in inferred}
    assert (sizes["f"], sizes["r"], sizes["o"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "changes", [{"place": 1}, {"causal": 1}, {"mixer": "Softmax"}, {"residual": "x"}, {"also": True}]
)
def test_a_graph_of_another_form_is_left_as_it_is(changes: dict[str, Any]) -> None:
    model = layer(**changes)
    join_heads(model)
    before = model.SerializeToString()
    assert not keep_first_token(model)
    assert model.SerializeToString() == before
