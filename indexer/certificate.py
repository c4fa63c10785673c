"""The certificate of a pruned index: what was tested, on what, and how sure it is that search did not get worse."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.files import whole

FILE = "certificate.json"
"""Lies beside the versions of an index until a build takes it into its manifest."""


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
    collection: str
    split: str
    collection_fingerprint: str
    queries: int
    measures: tuple[str, ...]
    pipelines: tuple[str, ...]
    passages: int
    bytes: int
    """Of the whole index."""
    build_seconds: dict[str, float]
    """Of the whole index, by phase."""
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

    def check(self, corpus_sha256: str, encoder: str, estimator: str) -> None:
        """Refuse a build of something else than what was proved.

        Args:
            corpus_sha256: of the corpus that is to be built.
            encoder: fingerprint of the encoder of queries.
            estimator: fingerprint of the estimator.

        Raises:
            InvalidInput: corpus, encoder or estimator is another one.
        """
        for what, wanted, found in (
            ("corpus", self.corpus_sha256, corpus_sha256),
            ("encoder", self.encoder_fingerprint, encoder),
            ("estimator", self.estimator_fingerprint, estimator),
        ):
            if wanted != found:
                raise InvalidInput(
                    f"the certificate is of another {what} ({wanted[:12]}..., this one is {found[:12]}...): "
                    "prove again, or name the share yourself with --prune"
                )
