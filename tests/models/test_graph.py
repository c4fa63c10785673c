"""Graphs: nothing foreign, nothing outside the file, no traces of the exporting machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tamis.errors import InvalidInput
from tamis.models.graph import clean_graph


def model(domain: str = "", operator: str = "MatMul") -> onnx.ModelProto:
    """Give y = x w."""
    weights = numpy_helper.from_array(np.eye(64, dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w"], ["y"], domain=domain, doc_string="File /home/ada/secret.py")],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def test_traces_of_the_exporting_machine_are_gone(tmp_path: Path) -> None:
    whole = model()
    whole.graph.node[0].metadata_props.add(key="stack_trace", value="/home/ada/secret.py")
    onnx.save(whole, tmp_path / "model.onnx")
    clean_graph(tmp_path / "model.onnx")
    assert b"ada" not in (tmp_path / "model.onnx").read_bytes()
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    onnx.save(model(), tmp_path / "model.onnx", save_as_external_data=True, location="elsewhere.bin", size_threshold=0)
    with pytest.raises(InvalidInput, match="'w' in another file"):
        clean_graph(tmp_path / "model.onnx")


def test_weights_by_a_path_out_of_the_folder_are_refused_unread(tmp_path: Path) -> None:
    evil = model()
    weights = evil.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../../etc/passwd")
    (tmp_path / "model.onnx").write_bytes(evil.SerializeToString())
    with pytest.raises(InvalidInput, match="'w' in another file"):
        clean_graph(tmp_path / "model.onnx")


def test_operators_of_a_foreign_library_are_refused(tmp_path: Path) -> None:
    onnx.save(model("ai.example.custom", "Steal"), tmp_path / "model.onnx")
    with pytest.raises(InvalidInput, match=r"operators of \['ai.example.custom'\]"):
        clean_graph(tmp_path / "model.onnx")


def test_functions_in_a_graph_are_refused(tmp_path: Path) -> None:
    whole = model()
    node = helper.make_node("Identity", ["a"], ["b"])
    whole.functions.append(helper.make_function("own", "Copy", ["a"], ["b"], [node], [helper.make_opsetid("", 18)]))
    (tmp_path / "model.onnx").write_bytes(whole.SerializeToString())
    with pytest.raises(InvalidInput, match="Copy"):
        clean_graph(tmp_path / "model.onnx")
