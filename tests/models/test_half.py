"""Types of a graph in fp16 that is fp32 in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tamis.models.half import even_norms
from tamis.models.session import open_session


def norm(x: int, scale: type) -> onnx.ModelProto:
    """Give y = RMSNormalization(x * 2, scale), then cast to fp32."""
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["x", "x"], ["twice"]),
            helper.make_node("RMSNormalization", ["twice", "scale"], ["y"], axis=-1),
            helper.make_node("Cast", ["y"], ["out"], to=TensorProto.FLOAT),
        ],
        "norm",
        [helper.make_tensor_value_info("x", x, ["n", 4])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.array([1, 2, 3, 4], scale), "scale")],
        value_info=[helper.make_tensor_value_info("twice", x, ["n", 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)


def test_a_norm_of_fp32_with_fp16_weights_runs_and_gives_its_numbers(tmp_path: Path) -> None:
    """The numbers 1, 1, 1, 1 have root mean square 1; 3, 3, 3, 3 likewise after division."""
    model = norm(TensorProto.FLOAT, np.float16)
    assert even_norms(model) == 1
    onnx.save(model, tmp_path / "model.onnx")
    (found,) = open_session(tmp_path / "model.onnx", "cpu", 1).run(
        None, {"x": np.array([[1] * 4, [3] * 4], np.float32)}
    )
    np.testing.assert_allclose(found, [[1, 2, 3, 4]] * 2, rtol=1e-3)


@pytest.mark.parametrize(("x", "scale"), [(TensorProto.FLOAT, np.float32), (TensorProto.FLOAT16, np.float16)])
def test_a_norm_of_one_type_is_left_as_it_is(x: int, scale: type) -> None:
    model = norm(x, scale)
    before = model.SerializeToString()
    assert even_norms(model) == 0
    assert model.SerializeToString() == before
