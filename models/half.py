"""Graphs in fp16 with parts in fp32: types made such as ONNX Runtime's operators take them."""

from __future__ import annotations

from typing import Any

FLOAT, FLOAT16 = 1, 10
"""TensorProto's numbers of the types."""


def even_norms(model: Any) -> int:
    """Give norms of fp32 numbers with fp16 weights fp32 weights, and cast what they make.

    T5 in fp16 adds up its layers in fp32. ONNX allows such a RMSNormalization; ONNX Runtime does not load it.

    Args:
        model: an `onnx.ModelProto` whose intermediate types are known; it is changed in place.

    Returns:
        number of norms that were changed.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type != "RMSNormalization" or node.input[1] not in weights:
            continue
        scale = weights[node.input[1]]
        if scale.data_type != FLOAT16 or types.get(node.input[0]) != FLOAT:
            continue
        wide = f"{scale.name}_fp32"
        if wide not in weights:
            weights[wide] = numpy_helper.from_array(numpy_helper.to_array(scale).astype("float32"), wide)
            graph.initializer.append(weights[wide])
        name = node.output[0]
        node.input[1], node.output[0] = wide, f"{name}_fp32"
        nodes.append(helper.make_node("Cast", [node.output[0]], [name], name=f"{name}_cast", to=FLOAT16))
    changed = len(nodes) - len(graph.node)
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    return changed
