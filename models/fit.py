"""Whether a graph and a tokenizer belong together, tried before the first pair is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tamis.errors import DamagedFile

from .bundle import ModelBundle
from .tokenizer import highest_id

if TYPE_CHECKING:
    import onnxruntime

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What a graph may read; the last not in all."""


def check_fit(bundle: ModelBundle, tokenizer: Tokenizer, session: onnxruntime.InferenceSession) -> None:
    """Run a scoring model on the largest token id that its tokenizer can give.

    Raises:
        DamagedFile: the tokenizer knows more tokens than the model, or the model does not give one number for a pair.
    """
    highest = highest_id(tokenizer)
    known = bundle.settings.scorer.vocabulary if bundle.settings.scorer else 0
    if highest >= known:
        raise DamagedFile(
            f"{bundle.tokenizer} gives token ids up to {highest}, but the model knows {known}: "
            "the tokenizer belongs to another model; export the model again"
        )
    names = [given.name for given in session.get_inputs()]
    if extra := set(names) - set(INPUTS):
        raise DamagedFile(f"{bundle.model} wants {sorted(extra)}, expected only {', '.join(INPUTS)}")
    values = (np.full((1, 3), highest, np.int64), np.ones((1, 3), np.int64), np.zeros((1, 3), np.int64))
    feed = {name: value for name, value in zip(INPUTS, values, strict=True) if name in names}
    try:
        outputs: list[npt.NDArray[np.float32]] = session.run(None, feed)
    except Exception as error:  # the classes of ONNX Runtime's errors have no common base below Exception
        raise DamagedFile(f"{bundle.model} cannot be run: {error}") from error
    shapes = [list(output.shape) for output in outputs]
    if shapes != [[1]]:
        raise DamagedFile(f"{bundle.model} gives {shapes} for one pair, expected one output of shape [1]")
