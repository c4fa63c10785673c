"""ONNX graphs as files: cleaned of traces of the exporting machine, checked, and made int8."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tamis.errors import InvalidInput

DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
"""Operator sets that ONNX Runtime brings itself; any other would need a library of foreign code."""


def clean_graph(path: Path) -> None:
    """Take names of files and source lines of the exporter out of a graph, and check that it stands alone.

    Raises:
        InvalidInput: weights lie outside the file, or an operator is not ONNX Runtime's own.
    """
    import onnx

    # Without reading external data: the point is to find out that there is some.
    model = onnx.load(str(path), load_external_data=False)
    check_graph(model, path)
    model.producer_name, model.producer_version, model.doc_string = "tamis", "", ""
    del model.metadata_props[:]
    for graph in _graphs(model.graph):
        graph.doc_string = ""
        del graph.metadata_props[:], graph.value_info[:]
        for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
            part.doc_string = ""
            del part.metadata_props[:]
    onnx.save(model, str(path))


def check_graph(model: Any, path: Path) -> None:
    """Refuse a graph that needs more than its own file and ONNX Runtime."""
    if model.functions:
        raise InvalidInput(f"{path} defines functions of its own ({model.functions[0].name}): inline them")
    foreign = {opset.domain for opset in model.opset_import} - DOMAINS
    for graph in _graphs(model.graph):
        foreign |= {node.domain for node in graph.node} - DOMAINS
        for tensor in _tensors(graph):
            if tensor.external_data or tensor.data_location:
                raise InvalidInput(f"{path} keeps {tensor.name!r} in another file: save it with its weights inside")
    if foreign:
        raise InvalidInput(f"{path} needs operators of {sorted(foreign)}, expected only ONNX Runtime's own")


def quantise_graph(exact: Path, out: Path) -> None:
    """Write an int8 version of a graph: int8 weights per channel, activations scaled anew in each run.

    Weights take 7 of the 8 bits, since the sums of full ones saturate on CPUs without VNNI: what is computed would
    then depend on the machine, and be worse (measured on MiniLM: mean cosine .9937 with 7 bits, .9929 with 8).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a pre-processing that would not change this graph
    try:
        quantize_dynamic(
            exact,
            out,
            op_types_to_quantize=["MatMul", "Gather"],  # ONNX' Attention would be taken for Microsoft's older one
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    finally:
        root.setLevel(level)
    clean_graph(out)


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield a graph and those inside its nodes (branches and loop bodies)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                yield from _graphs(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
