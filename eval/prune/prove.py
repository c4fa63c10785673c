"""Proves the largest share that may be pruned: rising shares, all pipelines, all measures, until the first failure.

An intersection-union test (Berger 1982): a share is proved only where every test succeeds, each at its own level, so
that nothing is corrected for their number. The shares are tested in a fixed order and the first failure ends it, so
that no share is picked because it happened to pass (Maurer, Hothorn and Lehmacher 1995).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ir_measures import Measure

from tamis.errors import InvalidInput
from tamis.indexer.certificate import Certificate, Step, forget
from tamis.indexer.manifest import searched_bytes
from tamis.indexer.progress import Progress
from tamis.indexer.published import PublishedIndex
from tamis.indexer.quality.cache import ScoreCache
from tamis.indexer.quality.choose import DEFAULT, open_estimator
from tamis.indexer.quality.decide import decide
from tamis.indexer.quality.duplicates import Mode, find_duplicates
from tamis.indexer.quality.prune import CACHE
from tamis.indexer.quality.role import Estimator, Trained
from tamis.rankers.config import PipelineConfig

from ..judged import Judged, check_judged_ids
from ..measures import Values
from ..significance import LEVEL
from .answers import answer_all
from .noninferior import POWER, paired_test
from .trial import make_trial, stored_bytes

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 13))
"""5 to 60 %."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it."""

    steps: tuple[Step, ...]
    certificate: Certificate | None
    reason: str
    """Why there is no certificate, or why it goes no further."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be proved."""

    judged: Judged
    config: PipelineConfig
    measures: Sequence[Measure]
    margin: float
    shares: Sequence[float] = SHARES
    estimator: str | None = None
    duplicates: Mode = "keep"


def prove(path: Path, question: Question, progress: Progress) -> Proof:
    """Prove how much of an index may be pruned.

    Args:
        path: folder of an index whose current version is whole.
        question: what is to be proved.
        progress: who is told how far it is.

    Raises:
        InvalidInput: the index is pruned already, the estimator learned from some of the queries, the margin is not
            between 0 and 1, or index and collection do not belong together.
    """
    if not 0 < question.margin < 1:
        raise InvalidInput(f"a margin is a share between 0 and 1, such as 0.05, got {question.margin}")
    if not question.shares or list(question.shares) != sorted(set(question.shares)):
        raise InvalidInput(f"shares must be in rising order, got {list(question.shares)}")
    with ExitStack() as stack:
        whole = stack.enter_context(PublishedIndex.open(path))
        sweep = _Sweep.prepare(path, whole, question, progress, stack)
        steps: list[Step] = []
        for share in question.shares:
            steps.append(sweep.step(share))
            if not steps[-1].passed:
                break
        return sweep.conclude(tuple(steps))


@dataclass
class _Sweep:
    path: Path
    whole: PublishedIndex
    question: Question
    progress: Progress
    estimator: Estimator
    scores: npt.NDArray[np.float32]
    values: dict[str, Values]

    @staticmethod
    def prepare(path: Path, whole: PublishedIndex, question: Question, progress: Progress, stack: ExitStack) -> _Sweep:
        manifest, judged = whole.manifest, question.judged
        if manifest.pruning is not None and manifest.pruning.pruned:
            raise InvalidInput(
                f"{path} left out {manifest.pruning.pruned:,} passages already: prove on the whole index; "
                f"`tamis index restore {path}` makes it so"
            )
        for warning in check_judged_ids(judged, whole.passages.all_ids()):
            progress.note(warning)
        name = question.estimator or manifest.config.quality.used or DEFAULT

        def texts() -> Iterator[str]:
            return (text for _, text in whole.passages.contents())

        language = manifest.config.sparse.language
        estimator = stack.enter_context(open_estimator(name, texts, whole.encoder.bundle, language))
        _unseen(estimator, judged)
        with progress.phase("quality", len(whole.passages), "passages") as report:
            scores = ScoreCache(path / CACHE, estimator).score(texts(), len(whole.passages), report)
        with progress.phase("whole", len(judged.queries), "queries") as report:
            values = answer_all(path, question.config, judged, question.measures, report)
        return _Sweep(path, whole, question, progress, estimator, scores, values)

    def step(self, share: float) -> Step:
        """Prune a share for real, ask everything, test everything."""
        judged = self.question.judged
        keep = self._keep(share)
        with tempfile.TemporaryDirectory(prefix="tamis-prove-") as scratch:
            trial = Path(scratch) / "index"
            manifest = make_trial(self.whole, keep, self.scores, trial)
            with self.progress.phase(f"{share:.0%}", len(judged.queries), "queries") as report:
                pruned = answer_all(trial, self.question.config, judged, self.question.measures, report)
        tests = tuple(
            paired_test(pipeline, measure, values, pruned[pipeline][measure], self.question.margin)
            for pipeline, measures in self.values.items()
            for measure, values in measures.items()
        )
        return Step(
            share=share,
            passed=all(test.p_non_inferiority < LEVEL for test in tests),
            passages=len(keep),
            bytes=stored_bytes(self.whole.manifest, manifest),
            relevant_kept=self._relevant_kept(keep),
            tests=tests,
        )

    def _keep(self, share: float) -> npt.NDArray[np.int32]:
        texts = (text for _, text in self.whole.passages.contents())
        repeated = find_duplicates(texts, self.question.duplicates)
        ids = self.whole.passages.all_ids().to_pylist()
        gone = [one.row for one in decide(self.scores, share, repeated, ids)]
        return np.setdiff1d(np.arange(len(self.scores), dtype=np.int32), gone).astype(np.int32)

    def _relevant_kept(self, keep: npt.NDArray[np.int32]) -> float:
        relevant = {id_ for found in self.question.judged.qrels.values() for id_, grade in found.items() if grade > 0}
        rows = [row for id_ in relevant if (row := self.whole.ids.row_of(id_)) is not None]
        return float(np.isin(rows, keep).mean()) if rows else 1.0

    def conclude(self, steps: tuple[Step, ...]) -> Proof:
        """Say what was proved."""
        proved = [step for step in steps if step.passed]
        if not proved:
            reason = _why_not(steps[0], len(self.question.judged.queries))
            if forget(self.path):
                reason += ". The certificate of an earlier proof was taken away"
            return Proof(steps, None, reason)
        certificate = self._certificate(steps, proved[-1].share)
        certificate.write(self.path)
        return Proof(steps, certificate, "" if steps[-1].passed else _failures(steps[-1]))

    def _certificate(self, steps: tuple[Step, ...], share: float) -> Certificate:
        manifest, judged = self.whole.manifest, self.question.judged
        return Certificate(
            share=share,
            margin=self.question.margin,
            level=LEVEL,
            estimator=self.question.estimator or manifest.config.quality.used or DEFAULT,
            estimator_fingerprint=self.estimator.fingerprint,
            duplicates=self.question.duplicates,
            corpus_sha256=manifest.corpus.sha256,
            index_fingerprint=manifest.fingerprint,
            encoder_fingerprint=manifest.encoder.query_fingerprint,
            passage_encoder_fingerprint=manifest.encoder.passage_fingerprint,
            sparse_engine=manifest.sparse_engine,
            config=manifest.config,
            pipeline_config=self.question.config.model_dump(mode="json"),
            collection=judged.name,
            split=judged.split,
            collection_fingerprint=judged.fingerprint,
            queries=len(judged.queries),
            measures=tuple(map(str, self.question.measures)),
            pipelines=tuple(self.values),
            passages=manifest.passages,
            bytes=searched_bytes(manifest.files),
            build_seconds=manifest.seconds,
            build_cpu_seconds=manifest.cpu_seconds,
            steps=steps,
            created=datetime.now(UTC).replace(microsecond=0),
        )


def _unseen(estimator: Estimator, judged: Judged) -> None:
    """Refuse to prove an estimator on what it learned from."""
    if isinstance(estimator, Trained) and (known := estimator.knows([query.text for query in judged.queries])):
        raise InvalidInput(
            f"estimator {estimator.name} learned from {len(known)} of the {len(judged.queries)} queries of "
            f"{judged.name}/{judged.split}, the first is {known[0]!r}: a proof needs queries that it never saw"
        )


def _failures(step: Step) -> str:
    failed = [test for test in step.tests if test.p_non_inferiority >= LEVEL]
    listed = ", ".join(
        f"{test.pipeline} {test.measure} ({test.pruned - test.whole:+.4f}, p {test.p_non_inferiority:.2g})"
        for test in failed
    )
    return f"{step.share:.0%} fails for {listed}"


def _why_not(step: Step, queries: int) -> str:
    """Say whether pruning harms, or whether there were too few queries to tell."""
    failed = [test for test in step.tests if test.p_non_inferiority >= LEVEL]
    weak = [test for test in failed if test.power < POWER]
    if not weak:
        return _failures(step)
    needed = [test.topics_needed for test in weak if test.topics_needed is not None]
    enough = f"{max(needed):,} are needed" if len(needed) == len(weak) else "no reasonable number would do"
    worst = min(weak, key=lambda test: test.power)
    return (
        f"{queries} queries are too few to tell: the test of {worst.pipeline} by {worst.measure} would find harmless "
        f"pruning harmless with a chance of {worst.power:.0%}; {enough} for 80 %. {_failures(step)}"
    )
