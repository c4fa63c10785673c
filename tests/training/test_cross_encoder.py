"""A cross-encoder learns a planted relation, and an interrupted training goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tamis.errors import InvalidInput, NotFound
from tamis.training.groups import Group
from tamis.training.recipe import Recipe, read_recipe

torch = pytest.importorskip("torch")

from tamis.training.averaging import average_checkpoints  # noqa: E402
from tamis.training.card import write_card  # noqa: E402
from tamis.training.cross_encoder import GroupEvaluator, train_cross_encoder  # noqa: E402
from tamis.training.running import counts, mixed, reciprocal_rank, target  # noqa: E402

WORDS = ("apple", "bridge", "cloud", "drum", "eagle", "fox", "garden", "house")


def planted(count: int, seed: int, source: str = "planted") -> list[Group]:
    """The relevant passage holds the query's word; the others hold other words."""
    generator = np.random.default_rng(seed)
    groups = []
    for _ in range(count):
        words = generator.permutation(WORDS)[:4]
        passages = tuple(f"the {word} is here" for word in words)
        teacher = np.array([1, 0, 0, -1], np.float32)
        groups.append(Group(source, str(words[0]), passages, np.array([1, 0, 0, 0], np.float32), teacher))
    return groups


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A two-layer BERT with random weights and a vocabulary of the planted words."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("model")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "is", "here", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=32,
    )  # fmt: skip
    config.num_labels = 1
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(vocab={word: place for place, word in enumerate(vocabulary)}).save_pretrained(folder)
    yield str(folder)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_planted_relation_is_learned_and_an_interrupted_training_goes_on(small_model: str, tmp_path: Path) -> None:
    recipe = Recipe(max_length=16, steps=80, learning_rate=3e-3, evaluate_every=20, groups_per_step=16, warmup=0.1)
    learned, held_out = planted(400, 1), planted(60, 2)
    reached = train_cross_encoder(small_model, learned, held_out, recipe.model_copy(update={"steps": 20}), tmp_path)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["checkpoint-20", "eval"]
    more = train_cross_encoder(small_model, learned, held_out, recipe, tmp_path)
    assert (tmp_path / "checkpoints" / "checkpoint-80").is_dir()
    assert more > 0.85 and more >= reached  # chance is .52

    from sentence_transformers import CrossEncoder

    assert GroupEvaluator(held_out)(CrossEncoder(str(tmp_path / "model")))["dev_planted"] == pytest.approx(more)
    write_card(tmp_path, small_model, recipe, counts(learned), counts(held_out), more)
    card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
    assert "| planted | 400 | 1 |" in card and f"{more:.4f}" in card


def test_checkpoints_are_averaged_weight_by_weight(small_model: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from sentence_transformers import CrossEncoder

    state = load_file(Path(small_model) / "model.safetensors")
    for step, factor in ((100, 7.0), (200, 1.0), (1000, 3.0)):  # 1000 comes after 200, though not as text
        (tmp_path / f"checkpoint-{step}").mkdir()
        save_file({name: value * factor for name, value in state.items()},
                  tmp_path / f"checkpoint-{step}" / "model.safetensors")  # fmt: skip
    model = CrossEncoder(small_model)
    averaged = average_checkpoints(tmp_path, 2, model)
    assert averaged is not None
    weights: Any = averaged[0].model
    for name, value in weights.state_dict().items():
        if name in state:
            torch.testing.assert_close(value, state[name] * 2.0)
    assert average_checkpoints(tmp_path, 1, model) is None


def test_the_target_joins_teacher_and_judgment() -> None:
    (group,) = planted(1, 0)
    assert target(group, Recipe(sharpness=2.0, boost=3.0)) == [5.0, 0.0, 0.0, -2.0]


def test_shares_draw_and_repeat_sources() -> None:
    groups = planted(10, 0, "small") + planted(40, 1, "large")
    drawn = mixed(groups, Recipe(shares={"small": 2.5, "large": 0.25}))
    assert counts(drawn) == {"large": 10, "small": 25}
    assert mixed(groups, Recipe(shares={"small": 2.5, "large": 0.25})) == drawn
    with pytest.raises(InvalidInput, match="typo"):
        mixed(groups, Recipe(shares={"typo": 1.0}))


def test_a_tie_counts_against_the_relevant_passage() -> None:
    relevance = np.array([0, 1, 0], np.float32)
    assert reciprocal_rank(np.array([0.1, 0.9, 0.5]), relevance) == 1.0
    assert reciprocal_rank(np.array([0.9, 0.9, 0.5]), relevance) == 0.5
    assert reciprocal_rank(np.array([0.9, 0.1, 0.5]), relevance) == pytest.approx(1 / 3)


def test_training_without_groups_is_refused(small_model: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="0 and 1"):
        train_cross_encoder(small_model, [], planted(1, 0), Recipe(), tmp_path)


def test_recipes_are_read_and_wrong_values_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("steps = 7\n[shares]\nsquad = 0.5\n", encoding="utf-8")
    assert read_recipe(path, Recipe, seed=3, steps=None) == Recipe(steps=7, seed=3, shares={"squad": 0.5})
    path.write_text("stepps = 7\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="stepps"):
        read_recipe(path, Recipe)
    with pytest.raises(NotFound, match="no recipe"):
        read_recipe(tmp_path / "absent.toml", Recipe)
