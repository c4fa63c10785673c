"""Sessions: one thread, the provider told, clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from tamis.errors import DamagedFile, MissingPrerequisite
from tamis.models.session import open_session, provider_of


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    """A graph that adds its input to itself."""
    shape = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", shape[:1], shape[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_a_session_computes_on_one_thread_of_the_cpu(doubling: Path) -> None:
    session = open_session(doubling, "cpu", threads=1)
    assert provider_of(session) == "CPUExecutionProvider"
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    np.testing.assert_array_equal(session.run(None, {"x": np.array([1, 2], np.float32)})[0], [2, 4])


def test_auto_takes_what_there_is(doubling: Path) -> None:
    import onnxruntime

    cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    assert cuda or provider_of(open_session(doubling, "auto", threads=1)) == "CPUExecutionProvider"


def test_cuda_that_is_not_there_is_refused_with_what_to_install(doubling: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(MissingPrerequisite, match=r"pip install 'tamis\[gpu\]'"):
        open_session(doubling, "cuda", threads=1)


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(1000)])
def test_what_is_no_graph_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"cannot load .*model\.onnx"):
        open_session(tmp_path / "model.onnx", "cpu", threads=1)
