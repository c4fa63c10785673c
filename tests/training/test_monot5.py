"""A monoT5 learns a planted relation from random weights, and serves what it learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tamis.errors import InvalidInput
from tamis.training.groups import Group
from tamis.training.recipe import Recipe

torch = pytest.importorskip("torch")

from tamis.training.monot5 import Prompted, train_monot5  # noqa: E402
from tamis.training.running import dev_values  # noqa: E402

WORDS = ("apple", "bridge", "cloud", "drum", "eagle", "fox", "garden", "house")
PROMPT = "Query: {query} Document: {passage} Relevant:"


def planted(count: int, seed: int) -> list[Group]:
    """The relevant passage holds the query's word; the others hold other words."""
    generator = np.random.default_rng(seed)
    groups = []
    for _ in range(count):
        words = generator.permutation(WORDS)[:4]
        passages = tuple(f"the {word} is here" for word in words)
        relevance = np.array([1, 0, 0, 0], np.float32)
        groups.append(Group("planted", str(words[0]), passages, relevance, np.zeros(4, np.float32)))
    return groups


@pytest.fixture(scope="module")
def small_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of two layers with random weights, whose vocabulary is the planted words."""
    import transformers

    names: Any = transformers
    words = [*WORDS, "true", "false", "Query:", "Document:", "Relevant:", "the", "is", "here"]
    letters = sorted({letter for word in words for letter in word})
    pieces = [*(f"▁{word}" for word in words), "▁", *letters]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((piece, -3.0) for piece in pieces)]
    folder = tmp_path_factory.mktemp("t5")
    torch.manual_seed(0)
    config = names.T5Config(
        vocab_size=len(vocabulary), d_model=64, d_kv=16, num_heads=4, d_ff=128, num_layers=2, dropout_rate=0.0,
        decoder_start_token_id=0, feed_forward_proj="relu",
    )  # fmt: skip
    names.T5ForConditionalGeneration(config).save_pretrained(folder)
    names.T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=64).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe(
        max_length=48, groups_per_step=16, steps=60, learning_rate=3e-3, evaluate_every=20, patience=9, averaged=2,
        sharpness=0.0, boost=6.0,
    )  # fmt: skip


def test_it_learns_goes_on_and_what_is_saved_generates_what_was_trained(
    small_t5: Path, recipe: Recipe, tmp_path: Path
) -> None:
    from tamis.models.torch_text_ranker import TorchTextRanker

    learned, held_out = planted(600, 1), planted(60, 2)
    short = recipe.model_copy(update={"steps": 20})
    train_monot5(small_t5, learned, held_out, short, tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*")] == ["checkpoint-20"]
    reached = train_monot5(small_t5, learned, held_out, recipe, tmp_path)
    assert (tmp_path / "checkpoints" / "checkpoint-60").is_dir()
    assert reached > 0.85  # chance is .52
    pairs = [(group.query, passage) for group in held_out for passage in group.passages]
    scores = TorchTextRanker.load(tmp_path / "model", PROMPT, ("true", "false")).score(pairs, 48)
    assert dev_values(held_out, scores)["dev_planted"] == pytest.approx(reached)


def test_a_long_passage_is_cut_and_the_prompts_end_is_kept(small_t5: Path) -> None:
    model = Prompted.load(small_t5, PROMPT, ("true", "false"), 20)
    tokens = model.tokens([("apple", "the fox is here " * 30), ("fox", "the")])
    decode = model.ranker.tokenizer.decode
    assert tokens["input_ids"].shape == (2, 20)
    assert decode(tokens["input_ids"][0]).endswith("Relevant:</s>")
    assert tokens["attention_mask"].sum(dim=1).tolist()[0] == 20
    assert tokens["attention_mask"].sum(dim=1).tolist()[1] < 10


def test_training_without_groups_is_refused(small_t5: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="0 and 1"):
        train_monot5(small_t5, [], planted(1, 0), Recipe(), tmp_path)
