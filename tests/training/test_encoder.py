"""An encoder learns which words belong together, also in shorter vectors, and goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tamis.errors import InvalidInput
from tamis.training.groups import Group
from tamis.training.recipe import EncoderRecipe

torch = pytest.importorskip("torch")

from tamis.training.encoder import CosineEvaluator, train_encoder  # noqa: E402
from tamis.training.running import METRIC  # noqa: E402

PARTS = {
    "apple": "pear", "bridge": "river", "cloud": "rain", "drum": "beat", "eagle": "hawk", "fox": "den",
    "garden": "rose", "house": "roof",
}  # fmt: skip
"""A word of the query, and the one in its relevant passage: they share no letters that the model could use."""

WARNINGS = ("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")


def planted(count: int, seed: int, negatives: int = 3) -> list[Group]:
    """The relevant passage holds the counterpart of the query's word."""
    generator = np.random.default_rng(seed)
    groups = []
    for _ in range(count):
        words = generator.permutation(list(PARTS))[: negatives + 1]
        passages = tuple(f"the {PARTS[word]} is here" for word in words)
        relevance = np.array([1, *[0] * negatives], np.float32)
        groups.append(Group("planted", str(words[0]), passages, relevance, np.zeros(negatives + 1, np.float32)))
    return groups


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two layers with random weights and a vocabulary of the planted words, pooled by the mean."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "is", "here", *PARTS, *PARTS.values()]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=16)
    whole = SentenceTransformer(modules=[transformer, Pooling(64, "mean")], device="cpu")
    whole.save_pretrained(str(folder / "model"))
    yield str(folder / "model")


@pytest.fixture
def recipe() -> EncoderRecipe:
    return EncoderRecipe(
        max_length=16, steps=60, learning_rate=3e-3, evaluate_every=20, groups_per_step=16, patience=9, averaged=2,
        dimensions=(16,),
    )  # fmt: skip


@pytest.mark.filterwarnings(*WARNINGS)
def test_it_learns_goes_on_and_short_vectors_work_too(
    small_encoder: str, recipe: EncoderRecipe, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    # Groups of three negatives and of none stand side by side: mined ones and those of a cloze.
    learned, held_out = planted(200, 1) + planted(200, 3, negatives=0), planted(40, 2)
    before = CosineEvaluator(held_out)(SentenceTransformer(small_encoder, device="cpu"))[METRIC]
    assert before < 0.75  # chance is .52
    train_encoder(small_encoder, learned, held_out, recipe.model_copy(update={"steps": 20}), tmp_path)
    reached = train_encoder(small_encoder, learned, held_out, recipe, tmp_path)
    assert (tmp_path / "checkpoints" / "checkpoint-60").is_dir()
    assert reached.start == pytest.approx(before)
    assert reached.trained > 0.95
    assert reached.shorter[16] > 0.9
    saved = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    assert CosineEvaluator(held_out)(saved)[METRIC] == pytest.approx(reached.trained)
    assert CosineEvaluator(held_out, 16)(saved)[METRIC] == pytest.approx(reached.shorter[16])


def test_a_dimension_must_be_below_the_models(small_encoder: str, recipe: EncoderRecipe, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="below the model's 64"):
        train_encoder(
            small_encoder, planted(4, 0), planted(4, 0), recipe.model_copy(update={"dimensions": (64,)}), tmp_path
        )


def test_groups_without_a_relevant_passage_teach_nothing(
    small_encoder: str, recipe: EncoderRecipe, tmp_path: Path
) -> None:
    (group,) = planted(1, 0)
    nothing = Group("planted", "apple", group.passages, np.zeros(4, np.float32), group.teacher)
    with pytest.raises(InvalidInput, match="0 and 1"):
        train_encoder(small_encoder, [nothing], [group], recipe, tmp_path)


def test_dev_groups_that_the_start_already_answers_are_refused_before_hours_of_training(
    small_encoder: str, recipe: EncoderRecipe, tmp_path: Path
) -> None:
    """A ceiling on similarity leaves only negatives that the same encoder ranks below the relevant passage."""
    (group,) = planted(1, 0, negatives=1)
    known = Group("planted", group.passages[0], group.passages, group.relevance, group.teacher)
    with pytest.raises(InvalidInput, match=r"first in every dev group.*--ceiling 0"):
        train_encoder(small_encoder, planted(40, 1), [known], recipe, tmp_path)
    assert not (tmp_path / "checkpoints").exists()
