"""TREC run and judgment files, read and written.

trec_eval ignores the ranks of a run and orders by score, ties by passage id *descending*. Runs that
Tamis writes therefore carry strictly decreasing scores, so that the order served is the order scored.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from tamis.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Run:
    """Rankings by query id: passage ids and scores, best first."""

    rankings: Mapping[str, tuple[Sequence[str], npt.NDArray[np.float32]]]
    tag: str = "tamis"
    ties: int = 0
    """Neighbours of equal score in the file it was read from, whose order trec_eval's rule decides."""

    def __len__(self) -> int:
        return sum(len(ids) for ids, _ in self.rankings.values())


def strictly_decreasing(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lower each score that is not below the one before it to the next smaller float32.

    Args:
        scores: float32[n], in descending order, finite.
    """
    if len(scores) < 2 or (np.diff(scores) < 0).all():
        return scores
    lowered = scores.copy()
    for tie in np.flatnonzero(np.diff(scores) >= 0).tolist():
        place = tie + 1
        while place < len(lowered) and lowered[place] >= lowered[place - 1]:  # lowering one may make the next a tie
            lowered[place] = np.nextafter(lowered[place - 1], np.float32(-np.inf))
            place += 1
    return lowered


def untied(run: Run) -> Run:
    """Give every ranking strictly decreasing scores, so that trec_eval's rule of ties scores the order it has."""
    rankings = {query: (ids, strictly_decreasing(scores)) for query, (ids, scores) in run.rankings.items()}
    return replace(run, rankings=rankings)


def run_lines(run: Run) -> Iterator[str]:
    """Write a run as TREC lines, `query Q0 passage rank score tag`, in the order of its queries.

    Raises:
        InvalidInput: an id holds white space, which the format cannot carry.
    """
    for query, (ids, scores) in run.rankings.items():
        start, end = f"{query} Q0 ", f" {run.tag}\n"
        texts = _as_text(strictly_decreasing(scores))
        for rank, (id_, score) in enumerate(zip(ids, texts, strict=True), start=1):
            if id_.split() != [id_]:
                raise InvalidInput(
                    f"passage id {id_!r} of query {query!r} holds white space, which a TREC run cannot carry; "
                    "rename it in the corpus"
                )
            yield f"{start}{id_} {rank} {score}{end}"


def _as_text(scores: npt.NDArray[np.float32]) -> list[str]:
    """Write scores with the fewest digits that give the same float32 again; one by one this takes six times as long."""
    if not len(scores):
        return []
    return orjson.dumps(np.ascontiguousarray(scores), option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1].split(",")


def write_run(run: Run, path: Path) -> None:
    """Write a run file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(run_lines(run))


@dataclass(slots=True)
class _Ranking:
    ids: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def read_run(path: Path) -> Run:
    """Read a TREC run (`.gz` too), ordered as trec_eval orders it: by score, ties by id descending.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line is malformed, a score is not finite, or a passage stands twice for a query.
    """
    found: dict[str, _Ranking] = {}
    tag = "run"
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 6:
            raise InvalidInput(f"{path}:{number}: expected `query Q0 passage rank score tag`, got {line.strip()!r}")
        query, _, id_, _, text, tag = fields
        try:
            score = float(text)
        except ValueError:
            raise InvalidInput(f"{path}:{number}: the score {text!r} is no number") from None
        if not np.isfinite(score):
            raise InvalidInput(f"{path}:{number}: the score of passage {id_!r} is {text}, expected a finite number")
        ranking = found.setdefault(query, _Ranking())
        ranking.ids.append(id_)
        ranking.scores.append(score)
    if not found:
        raise InvalidInput(f"{path} holds no rankings")
    rankings, ties = {}, 0
    for query, ranking in found.items():
        if len(set(ranking.ids)) != len(ranking.ids):
            twice = next(id_ for id_ in ranking.ids if ranking.ids.count(id_) > 1)
            raise InvalidInput(f"{path}: passage {twice!r} stands twice for query {query!r}")
        ids, scores = _as_trec_eval(ranking)
        ties += int((np.diff(scores) == 0).sum())
        rankings[query] = (ids, scores)
    return Run(rankings, tag, ties)


def _as_trec_eval(ranking: _Ranking) -> tuple[list[str], npt.NDArray[np.float32]]:
    scores = np.array(ranking.scores, np.float32)  # trec_eval keeps scores as C floats
    by_id = sorted(range(len(scores)), key=lambda place: ranking.ids[place].encode(), reverse=True)
    order = sorted(by_id, key=lambda place: -scores[place])  # stable: ties stay in descending order of ids
    return [ranking.ids[place] for place in order], scores[order]


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read TREC judgments (`query 0 passage relevance`, `.gz` too): relevance by query id and passage id.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line is malformed, or a passage is judged twice and differently.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            query, _, id_, text = fields
            score = int(text)
        except ValueError:
            raise InvalidInput(f"{path}:{number}: expected `query 0 passage relevance`, got {line.strip()!r}") from None
        if qrels.setdefault(query, {}).setdefault(id_, score) != score:
            raise InvalidInput(f"{path}:{number}: passage {id_!r} is judged twice for query {query!r}, and differently")
    return qrels


def write_qrels(qrels: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Write judgments as TREC lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"{query} 0 {id_} {score}\n" for query, judged in qrels.items() for id_, score in judged.items()
        )


def _lines(path: Path) -> Iterable[str]:
    if not path.is_file():
        raise NotFound(f"no file {path}")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return content.decode().splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as text: {error}") from None
