"""Leaves out what the last layer computes for tokens that nobody reads: a score comes from the first one alone."""

from __future__ import annotations

from typing import Any

WORDWISE = {"Add", "LayerNormalization", "Gelu", "MatMul", "Identity"}
"""Operators between the last attention and the first token's vector, none of which mixes tokens."""


def keep_first_token(model: Any) -> bool:
    """Let the last attention ask for the first token only; keys and values stay those of all tokens.

    The first token's numbers are computed as before, and nothing else of the last layer is: of six layers, a
    seventh of the work. A graph of another form than BERT's, with heads joined (`join_heads`), is left as it is.

    Args:
        model: an `onnx.ModelProto` whose intermediate shapes are known; it is changed in place.

    Returns:
        whether the graph was changed.
    """
    graph = model.graph
    found = _LastLayer.find(graph)
    if found is None:
        return False
    from onnx import helper

    first, mask = "first_token", "first_token_mask"
    graph.initializer.append(helper.make_tensor("first_place", 7, [1], [0]))
    for node in found.rest:
        for place, name in enumerate(node.input):
            if name == found.source:
                node.input[place] = first
    added = [helper.make_node("Gather", [found.source, "first_place"], [first], name=first, axis=1)]
    if len(found.attention.input) > 3 and found.attention.input[3]:
        added.append(helper.make_node("Gather", [found.attention.input[3], "first_place"], [mask], name=mask, axis=2))
        found.attention.input[3] = mask
    nodes = list(graph.node)
    start = 1 + max(place for place, node in enumerate(nodes) if set(node.output) & {added[-1].input[0], found.source})
    del graph.node[:], graph.value_info[:]
    graph.node.extend([*nodes[:start], *added, *nodes[start:]])
    return True


class _LastLayer:
    """The parts of a transformer's last layer that `keep_first_token` changes."""

    def __init__(self, attention: Any, source: str, rest: list[Any]):
        self.attention, self.source = attention, source
        self.rest = rest
        """Nodes of the query and of all that comes after the attention."""

    @classmethod
    def find(cls, graph: Any) -> _LastLayer | None:
        makers = {name: node for node in graph.node for name in node.output}
        constants = {tensor.name for tensor in graph.initializer}
        shapes = {
            value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
            for value in (*graph.value_info, *graph.input)
        }
        attentions = [node for node in graph.node if node.op_type == "Attention"]
        pick = _pick_of_first(graph, makers, constants)
        if not attentions or pick is None:
            return None
        attention = attentions[-1]
        if not _asks_freely(attention, shapes):
            return None
        query = _chain(attention.input[0], makers, ("Add", "MatMul"), constants)
        if query is None:
            return None
        source = next(name for name in query[-1].input if name not in constants)
        after = _until(pick.input[0], makers, constants, {source, attention.output[0]})
        if after is None:
            return None
        outside = _users(graph, after) - {id(node) for node in (*after, pick)}
        shown = {output.name for output in graph.output} & {name for node in after for name in node.output}
        if outside or shown:
            return None
        return cls(attention, source, [query[-1], *after])


def _asks_freely(attention: Any, shapes: dict[str, list[int]]) -> bool:
    """Tell whether each token asks by itself: heads side by side, no causal order, a mask of four axes or none."""
    numbers = {attribute.name: attribute.i for attribute in attention.attribute}
    causal = numbers.get("is_causal", 0) or not numbers.get("q_num_heads", 0)
    mask = attention.input[3] if len(attention.input) > 3 else ""
    return not causal and len(attention.input) <= 4 and (not mask or len(shapes.get(mask, [])) == 4)


def _pick_of_first(graph: Any, makers: dict[str, Any], constants: set[str]) -> Any | None:
    """Find the node that takes the first token's vector: Gather(x, 0) along axis 1, of x[batch, tokens, hidden]."""
    from onnx import numpy_helper

    values = {tensor.name: tensor for tensor in graph.initializer}
    for node in reversed(graph.node):
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        if node.op_type == "Gather" and axis == 1 and node.input[1] in constants:
            index = numpy_helper.to_array(values[node.input[1]])
            maker = makers.get(node.input[0])
            if index.ndim == 0 and index == 0 and maker is not None and maker.op_type == "LayerNormalization":
                return node
    return None


def _chain(name: str, makers: dict[str, Any], kinds: tuple[str, ...], constants: set[str]) -> list[Any] | None:
    """Walk back from a tensor over nodes of these kinds, in this order."""
    chain = []
    for kind in kinds:
        node = makers.get(name)
        if node is None or node.op_type != kind:
            return None
        chain.append(node)
        name = _variable(node, constants)
    return chain


def _variable(node: Any, constants: set[str]) -> str:
    names = [name for name in node.input if name not in constants]
    return names[0] if len(names) == 1 else ""


def _until(name: str, makers: dict[str, Any], constants: set[str], ends: set[str]) -> list[Any] | None:
    """Collect the nodes between a tensor and the `ends`; None where another node than a word-wise one is met."""
    found: dict[int, Any] = {}
    waiting, met = [name], set()
    while waiting:
        current = waiting.pop()
        if current in ends:
            met.add(current)
            continue
        node = makers.get(current)
        if current in constants or (node is not None and id(node) in found):
            continue
        if node is None or node.op_type not in WORDWISE:
            return None
        found[id(node)] = node
        waiting += node.input
    return list(found.values()) if met == ends else None


def _users(graph: Any, nodes: list[Any]) -> set[int]:
    """Give the ids of all nodes that read what these nodes make."""
    made = {name for node in nodes for name in node.output}
    return {id(node) for node in graph.node if made & set(node.input)}
