"""BundleSettings: what `bundle.json` says about a model, and how it is read back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from tamis.errors import DamagedFile

from .digest import sha256_json

FORMAT = 1
"""Version of the bundle's layout; a bundle with a higher one is refused."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Kind = Literal["encoder", "cross-encoder", "monot5", "quality-t5"]
Precision = Literal["fp32", "int8", "fp16"]
Pooling = Literal["mean", "cls"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileEntry(BaseModel):
    """One file of a bundle, as it was when the bundle was written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: Sha256
    bytes: int = Field(ge=1)


class ScorerSettings(BaseModel):
    """What the kinds that score need: how a query and a passage become one sequence, and what the score means."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    vocabulary: int = Field(ge=1, description="token ids that the model knows: rows of its embedding matrix")
    logits: int = Field(ge=1, le=2, description="cross-encoders: 2 have the score logit 1 minus logit 0")
    prompt: str | None = Field(None, description="T5 kinds: the text that the model reads; None: the tokenizer's pair")
    targets: tuple[str, str] | None = Field(
        None, description="T5 kinds: tokens whose log-softmax is taken; the score is that of the first"
    )


class Check(BaseModel):
    """What a lower precision cost on judged queries, beside the exact model."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    collection: str
    split: str
    run: str = Field(description="the ranking whose passages both models read")
    queries: int = Field(ge=1)
    measure: str
    against: Sha256 = Field(description="fingerprint of the exact model's bundle")
    exact: float = Field(description="mean that the exact model reaches")
    difference: float = Field(description="mean of this model minus that of the exact one")
    low: float = Field(description="lower end of the difference's 95 % interval")
    high: float = Field(description="its upper end")
    p: float = Field(ge=0, le=1, description="of the randomisation test, two-sided")
    significant_loss: bool


class BundleSettings(BaseModel):
    """Everything that must be known to run a model the way it was meant to be run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int = Field(FORMAT, ge=1, le=FORMAT, description="version of the bundle's layout")
    kind: Kind = Field("encoder", description="what the model does")
    name: str = Field(pattern=NAME_PATTERN, description="what people call it")
    precision: Precision = Field("fp32", description="number type of the weights")
    dimension: int = Field(ge=1, description="length of a vector; for models that score, the number of scores")
    pooling: Pooling | None = Field(None, description="encoders: how token vectors become one")
    normalise: bool = Field(False, description="encoders: vectors have unit length")
    max_length: int = Field(ge=2, description="tokens that are read of a text, special tokens included")
    query_prefix: str = Field("", description="put before every query")
    passage_prefix: str = Field("", description="put before every passage")
    scorer: ScorerSettings | None = Field(None, description="kinds that score: all kinds but encoder")
    source: str = Field("", description="what it was exported from")
    source_sha256: Sha256 | None = Field(None, description="sha256 of the source's weights")
    revision: str | None = Field(None, description="revision of the source, where it has one")
    licence: str | None = Field(None, description="SPDX identifier, where the source names it")
    parity: dict[str, float] = Field(default_factory=dict, description="measured differences from the source")
    checks: tuple[Check, ...] = Field((), strict=False, description="what `tamis model check` found")
    files: dict[str, FileEntry] = Field(description="name to sha256 and size of every other file")
    created_with: dict[str, str] = Field(default_factory=dict, description="versions of the exporting libraries")

    checksum: Sha256 | None = Field(None, description="sha256 of all the other settings")

    @model_validator(mode="after")
    def _scorer_fits(self) -> BundleSettings:
        if (self.scorer is None) != (self.kind == "encoder"):
            raise ValueError(f"kind {self.kind} and scorer do not fit: all kinds but encoder have one")
        return self

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `scorer` and `checks` where there are none: there are checksums that are older than they."""
        values: dict[str, Any] = serialise(self)
        if not values.get("checks", self):
            del values["checks"]
        if values.get("scorer", self) is None:
            del values["scorer"]
        return values

    def sealed(self) -> BundleSettings:
        """Give these settings with the checksum that `read_settings` asks for."""
        return self.model_copy(update={"checksum": sha256_json(self.model_dump(exclude={"checksum"}))})

    def identity(self) -> dict[str, object]:
        """Give what decides the model's output; two bundles alike in this give the same vectors or scores."""
        names = (
            "kind", "precision", "dimension", "pooling", "normalise", "max_length", "query_prefix", "passage_prefix",
            "scorer", "files",
        )  # fmt: skip
        return self.model_dump(include=set(names))


def read_settings(path: Path) -> BundleSettings:
    """Read a `bundle.json`.

    Raises:
        DamagedFile: it is not JSON, not a bundle's settings, changed, or of a newer format.
    """
    try:
        values: Any = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise DamagedFile(f"{path} is not JSON ({error}): {_AGAIN}") from None
    version = values.get("format") if isinstance(values, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise DamagedFile(
            f"{path} has format {version}, and this Tamis reads formats up to {FORMAT}: "
            "update Tamis, or export the model again with this version"
        )
    try:
        settings = BundleSettings.model_validate_json(orjson.dumps(values))
    except ValidationError as error:
        findings = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in error.errors())
        raise DamagedFile(f"{path} does not describe a model bundle ({findings}): {_AGAIN}") from None
    if settings != settings.sealed():
        raise DamagedFile(f"{path} was changed: its checksum is not that of its settings; {_AGAIN}")
    return settings


_AGAIN = "delete the bundle's folder and export the model again"
