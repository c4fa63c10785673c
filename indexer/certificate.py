"""The certificate of a pruned index: what was tested, on what, and how sure it is that search did not get worse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.files import whole

from .config import IndexConfig

FILE = "certificate.json"
"""Lies beside the versions of an index until a build takes it into its manifest."""

FREE = ("quality", "corpus.skip_bad", "dense.threads")
"""Settings that a certificate does not bind: it says itself what is pruned; bad records stop the build, or are left out
of the same corpus alike; threads change a graph's bytes."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PairedTest(_Part):
    """One pipeline by one measure, pruned against whole."""

    pipeline: str
    measure: str
    whole: float
    pruned: float
    interval: tuple[float, float]
    """Of the mean difference, pruned minus whole, 95 %."""
    margin: float
    """Absolute."""
    p_non_inferiority: float
    p_equivalence: float
    changed: int
    """Queries whose value is another one."""
    power: float
    """Chance that this test succeeds where pruning does no harm, with the differences' observed spread."""
    topics_needed: int | None
    """Queries with which the power would be .8; None where so many do not help."""


class Step(_Part):
    """All tests of one share."""

    share: float
    passed: bool
    """All tests succeeded, each at its level: only then the share is proved (intersection-union test)."""
    passages: int
    bytes: int
    """Of what is searched, its vectors as they would be stored: without the encoder and the pruned texts."""
    relevant_kept: float
    """Share of the relevant judged passages that stay."""
    tests: tuple[PairedTest, ...]


class Certificate(_Part):
    """The largest share that was proved, with all that was tested on the way."""

    share: float
    margin: float
    """Relative to the mean of the whole index."""
    level: float
    estimator: str
    estimator_fingerprint: str
    duplicates: str
    corpus_sha256: str
    index_fingerprint: str
    encoder_fingerprint: str
    passage_encoder_fingerprint: str | None = None
    """None in a certificate of an older Tamis, which no build takes any more."""
    sparse_engine: str | None = None
    config: IndexConfig | None = None
    """Of the whole index."""
    pipeline_config: dict[str, JsonValue] | None = None
    """Of the longest pipeline; the others leave stages out."""
    collection: str
    split: str
    collection_fingerprint: str
    queries: int
    measures: tuple[str, ...]
    pipelines: tuple[str, ...]
    passages: int
    bytes: int
    """Of what is searched of the whole index."""
    build_seconds: dict[str, float]
    """Of the whole index, by phase."""
    build_cpu_seconds: dict[str, float] = Field(default_factory=dict)
    steps: tuple[Step, ...]
    """In rising order; the last one is the first that failed, unless all passed."""
    created: datetime

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        proved = next(step for step in self.steps if step.share == self.share)
        tests = [test for step in self.steps if step.share <= self.share for test in step.tests]
        return (
            f"{self.share:.0%} pruned by {self.estimator}: not worse by {self.margin:.0%} or more on "
            f"{self.collection}/{self.split} ({self.queries} queries; {', '.join(self.pipelines)}; "
            f"{', '.join(self.measures)}); largest p {max(test.p_non_inferiority for test in tests):.2g}, "
            f"{proved.relevant_kept:.1%} of the relevant passages kept"
        )

    def write(self, index: Path) -> None:
        """Put it beside the versions of an index."""
        with whole(index / FILE) as temporary:
            temporary.write_bytes(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2))

    @staticmethod
    def read(index: Path) -> Certificate:
        """Read what was proved about an index.

        Raises:
            NotFound: nothing was.
            DamagedFile: it is garbled.
        """
        try:
            return Certificate.model_validate_json((index / FILE).read_bytes())
        except FileNotFoundError:
            raise NotFound(
                f"{index} has no certificate; make one with `tamis prune prove {index} COLLECTION` on its whole version"
            ) from None
        except ValidationError as error:
            raise DamagedFile(f"{index / FILE} is garbled ({error.errors()[0]['msg']}); prove again") from None

    def check(self, made: Made) -> None:
        """Refuse a build of something else than what was proved.

        Raises:
            InvalidInput: corpus, a model, the word index or a setting is another one, or there is to be a cold tier and
                a blend was proved.
        """
        if self.config is None:
            raise InvalidInput(
                "the certificate is of an older Tamis and does not say how the index was built: prove again"
            )
        for what, wanted, found in (
            ("corpus", self.corpus_sha256, made.corpus_sha256),
            ("encoder of queries", self.encoder_fingerprint, made.encoder),
            ("encoder of passages", self.passage_encoder_fingerprint, made.passage_encoder),
            ("word index", self.sparse_engine, made.sparse_engine),
            *((name, wanted, found) for name, wanted, found in _differences(self.config, made.config)),
        ):
            _same(what, wanted, found)
        if made.config.quality.cold and (self.pipeline_config or {}).get("blend"):
            raise InvalidInput(
                "the certificate is also of a blend, whose features an index with a cold tier counts over both tiers: "
                "build without quality.cold (`--cold`), or prove again without the blend"
            )

    def check_estimator(self, fingerprint: str) -> None:
        """Refuse an estimator that is another one than what was proved.

        Raises:
            InvalidInput: it is another one.
        """
        _same("estimator", self.estimator_fingerprint, fingerprint)


@dataclass(frozen=True, slots=True)
class Made:
    """What decides the answers of an index that is to be built."""

    corpus_sha256: str
    encoder: str
    """Fingerprint of the encoder of queries."""
    passage_encoder: str
    """Fingerprint of the encoder of passages, which its precision is part of."""
    sparse_engine: str
    config: IndexConfig


def forget(index: Path) -> bool:
    """Take away what was proved about an index, since a later proof failed; say whether there was anything."""
    try:
        (index / FILE).unlink()
    except FileNotFoundError:
        return False
    return True


def _differences(wanted: IndexConfig, found: IndexConfig) -> list[tuple[str, str, str]]:
    """Name the settings that differ, with both values: those of `FREE` are not looked at."""
    one, other = _settings(wanted), _settings(found)
    return [(name, str(one[name]), str(other[name])) for name in one if one[name] != other[name]]


def _settings(config: IndexConfig) -> dict[str, JsonValue]:
    named = {
        f"{section}.{name}": value
        for section, values in config.model_dump(mode="json").items()
        for name, value in values.items()
    }
    # `auto` and a name may be the same engine, and a name and a folder the same model: what they lead to is compared
    free = (*FREE, "sparse.engine", "encoder.model", "encoder.precision", "corpus.format")
    return {name: value for name, value in named.items() if name not in free and name.partition(".")[0] not in free}


def _same(what: str, wanted: str | None, found: str) -> None:
    if wanted != found:
        raise InvalidInput(
            f"the certificate is of another {what} ({_short(str(wanted))}, this one is {_short(found)}): "
            "prove again, or name the share yourself with --prune"
        )


def _short(value: str) -> str:
    return value if len(value) < 40 else f"{value[:12]}..."
