"""Forest: the trees of a LightGBM model as flat arrays, added up by machine code without the GIL.

Gives the same bits as LightGBM's own `predict(raw_score=True)`; it needs no LightGBM, and a garbled file is an error
here, where LightGBM ends the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import DamagedFile
from tamis.indexer.forward.compiled import compiled

from ..ranking import Scores

CATEGORICAL, DEFAULT_LEFT = 1, 2
"""Bits of LightGBM's `decision_type`; the two above them say what counts as missing."""

MISSING_ZERO, MISSING_NAN = 1, 2

ZERO = 1e-35
"""LightGBM takes what is nearer to 0 for 0."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees one after the other; a child below 0 is the leaf of number -1 - child of its tree."""

    features: int
    """Columns that it reads."""
    roots: npt.NDArray[np.int64]
    """Where each tree's nodes begin: int64[trees + 1]."""
    leaf_starts: npt.NDArray[np.int64]
    """Where each tree's leaves begin: int64[trees + 1]."""
    column: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    decision: npt.NDArray[np.int32]
    children: npt.NDArray[np.int32]
    """Left and right child within the tree: int32[nodes, 2]."""
    leaves: npt.NDArray[np.float64]
    leaf_counts: npt.NDArray[np.int64]
    """Candidates of the training that came to each leaf."""

    @property
    def trees(self) -> int:
        """How many there are; with none, every score is 0."""
        return len(self.roots) - 1

    @staticmethod
    def parse(text: str) -> Forest:
        """Read LightGBM's text format, versions 3 and 4.

        Raises:
            DamagedFile: it is no such text, or a tree does not hang together.
        """
        head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
        try:
            known = _values(head)
            count = int(known["max_feature_idx"]) + 1
            trees = [_Tree.parse(_values(block), count) for block in blocks]
        except (KeyError, ValueError, IndexError) as error:
            raise DamagedFile(f"the forest is no LightGBM model ({error!r}); train or publish it again") from None
        if "\nend of trees" not in text or not head.startswith("tree\n"):
            raise DamagedFile("the forest is no whole LightGBM model: its begin or end is missing; train it again")
        return Forest(
            features=count,
            roots=np.cumsum([0, *(len(tree.column) for tree in trees)], dtype=np.int64),
            leaf_starts=np.cumsum([0, *(len(tree.leaves) for tree in trees)], dtype=np.int64),
            column=_joined([tree.column for tree in trees], np.int32),
            threshold=_joined([tree.threshold for tree in trees], np.float64),
            decision=_joined([tree.decision for tree in trees], np.int32),
            children=_joined([tree.children for tree in trees], np.int32).reshape(-1, 2),
            leaves=_joined([tree.leaves for tree in trees], np.float64),
            leaf_counts=_joined([tree.leaf_counts for tree in trees], np.int64),
        )

    def score(self, values: Scores) -> npt.NDArray[np.float64]:
        """Add up the trees: float64[n] for float32[n, features]; a row's score does not depend on the others."""
        return _add_up(
            values, self.roots, self.leaf_starts, self.column, self.threshold, self.decision, self.children, self.leaves
        )


@dataclass(frozen=True, slots=True)
class _Tree:
    column: npt.NDArray[Any]
    threshold: npt.NDArray[Any]
    decision: npt.NDArray[Any]
    children: npt.NDArray[Any]
    leaves: npt.NDArray[Any]
    leaf_counts: npt.NDArray[Any]

    @staticmethod
    def parse(known: dict[str, str], features: int) -> _Tree:
        count = int(known["num_leaves"])
        leaves = _numbers(known["leaf_value"], np.float64, count)
        if int(known["num_cat"]):
            raise ValueError("a tree with categories")
        inner = {name: known.get(name, "") for name in ("split_feature", "threshold", "decision_type")}
        column = _numbers(inner["split_feature"], np.int32, count - 1)
        threshold = _numbers(inner["threshold"], np.float64, count - 1)
        decision = _numbers(inner["decision_type"], np.int32, count - 1)
        sides = [_numbers(known.get(f"{side}_child", ""), np.int32, count - 1) for side in ("left", "right")]
        children = np.stack(sides, axis=1)
        parents = np.arange(count - 1)[:, None]
        if not ((column >= 0) & (column < features)).all() or (decision & CATEGORICAL).any():
            raise ValueError("a split on a column that is not there")
        # Children come after their parent, so that every walk ends; leaves are those of this tree.
        if not np.where(children < 0, -1 - children < count, (children > parents) & (children < count - 1)).all():
            raise ValueError("a tree with a node that is not there")
        if not np.isfinite(leaves).all():
            raise ValueError("a leaf that is no number")
        counts = _numbers(known["leaf_count"], np.int64, count) if count > 1 else np.ones(1, np.int64)
        if (counts < 1).any():
            raise ValueError("a leaf that no candidate came to")
        return _Tree(column, threshold, decision, children, leaves, counts)


def _values(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _numbers(text: str, kind: type[Any], count: int) -> npt.NDArray[Any]:
    found = np.array([kind(part) for part in text.split()], kind)
    if len(found) != count:
        raise ValueError(f"{len(found)} numbers where {count} belong")
    return found


def _joined(parts: list[npt.NDArray[Any]], kind: type[Any]) -> npt.NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


@compiled
def _add_up(
    values: Scores,
    roots: npt.NDArray[np.int64],
    leaf_starts: npt.NDArray[np.int64],
    column: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
    decision: npt.NDArray[np.int32],
    children: npt.NDArray[np.int32],
    leaves: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Walk every row down every tree, one tree after the other as long as its nodes are in the first cache."""
    total = np.zeros(len(values))
    for tree in range(len(roots) - 1):
        root, first_leaf = roots[tree], leaf_starts[tree]
        for row in range(len(values)):
            node = 0 if roots[tree + 1] > root else -1
            while node >= 0:
                at = root + node
                value = np.float64(values[row, column[at]])
                missing = decision[at] >> 2 & 3
                if np.isnan(value) and missing != MISSING_NAN:
                    value = np.float64(0.0)
                if (missing == MISSING_NAN and np.isnan(value)) or (missing == MISSING_ZERO and abs(value) <= ZERO):
                    goes_left = decision[at] & DEFAULT_LEFT != 0
                else:
                    goes_left = value <= threshold[at]
                node = children[at, 0] if goes_left else children[at, 1]
            total[row] += leaves[first_leaf - 1 - node]
    return total
