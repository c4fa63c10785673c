"""Recipes: everything that decides how a model is trained, in typed, frozen configurations."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.config import Section


class Running(Section):
    """How any training runs."""

    max_length: int = Field(256, ge=16, le=8192, description="tokens that are read of a text or pair; passages are cut")
    groups_per_step: int = Field(8, ge=1, description="groups from which one step of the optimiser is computed")
    steps: int = Field(2_000, ge=1, description="steps of the optimiser; groups are repeated where there are too few")
    learning_rate: float = Field(5e-5, gt=0, description="its highest value; it rises, then falls to 0 in a line")
    warmup: float = Field(0.06, ge=0, le=1, description="share of the steps in which the learning rate rises")
    evaluate_every: int = Field(200, ge=1, description="steps between two looks at the dev groups, and checkpoints")
    patience: int = Field(5, ge=1, description="looks without a better value after which training ends")
    averaged: int = Field(3, ge=1, description="last checkpoints whose mean weights are tried at the end")
    seed: int = Field(0, description="of all that is random")
    bf16: bool | None = Field(
        None, description="compute in bfloat16 what bears it; none: where the processor multiplies such numbers itself"
    )
    shares: dict[str, float] = Field(
        default_factory=dict, description="share of a source's groups that is used; above 1 repeats them"
    )


class Recipe(Running):
    """How a reranker is trained."""

    sharpness: float = Field(2.0, ge=0, description="of the teacher's order in the target distribution")
    boost: float = Field(3.0, ge=0, description="what is added to a relevant passage's logit in the target")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="0 costs a tenth less time, and one pass learns nothing by heart"
    )


class EncoderRecipe(Running):
    """How an encoder is trained."""

    groups_per_step: int = Field(32, ge=2, description="groups of a step, negatives of one another")
    learning_rate: float = Field(2e-5, gt=0, description="its highest value; it rises, then falls to 0 in a line")
    negatives: int = Field(3, ge=0, description="hard negatives taken of a group, the hardest first")
    scale: float = Field(20.0, gt=0, description="what cosines are multiplied by before the softmax")
    dimensions: tuple[int, ...] = Field(
        (), description="shorter vectors that shall work too, such as 256, 128; empty: only the model's own length"
    )


R = TypeVar("R", bound=Running)


def read_recipe(path: Path | None, kind: type[R], **changes: object) -> R:
    """Read a TOML file of values; the others keep their defaults. Changes that are not None win.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no TOML file, or a value is unknown or does not fit.
    """
    values: dict[str, object] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(f"no recipe {path}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path} is not a TOML file: {error}") from None
    values |= {name: value for name, value in changes.items() if value is not None}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidInput(f"{path or 'recipe'}: {found}; `tamis train recipe` shows what there is") from None
