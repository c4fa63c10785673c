"""Batches for a GPU: every pair in its shape, smaller ones where memory is short; buffers tried on the CPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from tamis.models.device_batches import DeviceBatches
from tamis.models.device_buffers import DeviceBuffers
from tamis.models.layout import Pair
from tamis.models.scorer import Scorer
from tamis.models.session import open_session

from .conftest import Exported


def pair(*ids: int) -> Pair:
    """Give a pair of these tokens."""
    values = np.array(ids, np.int64)
    return Pair(values, values % 2, False, False)


class SmallDevice:
    """Sums the real tokens of each row; has memory for `rows` rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.shapes: list[tuple[int, ...]] = []
        self.forgotten = 0

    def run(self, feed: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Sum tokens, or fail as ONNX Runtime does."""
        ids, mask, types = (feed[name] for name in ("input_ids", "attention_mask", "token_type_ids"))
        self.shapes.append(ids.shape)
        if len(ids) > self.rows:
            raise RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 12")
        assert types.shape == ids.shape == mask.shape
        return np.asarray((ids * mask).sum(axis=1), np.float32)

    def forget(self) -> None:
        """Count."""
        self.forgotten += 1


PAIRS = {place: pair(*range(1, 2 + place % 40)) for place in range(100)}
SUMS = {place: float(sum(range(1, 2 + place % 40))) for place in range(100)}


def scores(batches: DeviceBatches, pairs: Mapping[int, Pair]) -> dict[int, float]:
    """Collect scores by place."""
    found: dict[int, float] = {}
    for computed in batches.run(pairs):
        found |= dict(zip(computed.places, computed.scores.tolist(), strict=True))
    return found


def test_every_pair_gets_its_own_score_in_few_shapes() -> None:
    device = SmallDevice(1_000)
    assert scores(DeviceBatches(device, 512), PAIRS) == SUMS
    assert set(device.shapes) == {(4_096 // length, length) for length in (16, 32, 48)}


def test_a_batch_that_does_not_fit_is_halved_until_it_does() -> None:
    device = SmallDevice(20)
    batches = DeviceBatches(device, 512)
    assert scores(batches, PAIRS) == SUMS
    assert device.forgotten > 0
    assert all(computed.smaller for computed in batches.run(PAIRS))
    assert not any(computed.smaller for computed in DeviceBatches(SmallDevice(1_000), 512).run(PAIRS))


def test_a_pair_that_never_fits_has_no_score_and_a_reason() -> None:
    found = list(DeviceBatches(SmallDevice(0), 512).run({7: pair(1, 2, 3)}))
    assert [computed.places for computed in found] == [[7]]
    assert np.isnan(found[0].scores).all()
    assert found[0].reason == "the GPU has no memory for 16 tokens"


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    class Broken(SmallDevice):
        def run(self, feed: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
            raise RuntimeError("cuDNN is of another version")

    with pytest.raises(RuntimeError, match="another version"):
        list(DeviceBatches(Broken(1), 512).run(PAIRS))


def test_stop_is_asked_before_each_batch() -> None:
    device = SmallDevice(1_000)
    assert len(list(DeviceBatches(device, 512).run(PAIRS, lambda: len(device.shapes) >= 1))) == 1


def test_bound_buffers_give_the_same_scores_but_for_rounding(cross_encoder: Exported) -> None:
    """The very code that runs on a GPU, with its buffers in the CPU's memory."""
    session = open_session(cross_encoder.bundle.model, "cpu", threads=1)
    with Scorer.open(cross_encoder.bundle) as scorer:
        texts = [("what is a cat", "a cat " * count) for count in range(1, 50, 3)]
        joined = {place: scorer.joined(*text) for place, text in enumerate(texts)}
        wanted = scorer.score_pairs(texts).scores
        batches = DeviceBatches(DeviceBuffers(session, "cpu"), 96)
        for _ in range(2):  # the second time in buffers that were used
            found = scores(batches, joined)
            np.testing.assert_allclose([found[place] for place in range(len(texts))], wanted, atol=1e-4)
        alone = scores(batches, {0: joined[5]})
        assert alone[0] == found[5]
