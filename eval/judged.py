"""Queries and judgments of one split of a collection, whatever its layout: read, checked, and what scoring needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.errors import InvalidInput, NotFound
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.irds import PREFIX
from tamis.indexer.corpus.open import open_corpus
from tamis.indexer.corpus.select import select
from tamis.indexer.passage import Passage
from tamis.models.digest import sha256_json
from tamis.rankers.ranking import Query

from .formats import beir, bright, followir, irds, msmarco, mteb, own
from .formats.content import Content, Pair, Qrels
from .trec import Run

LAYOUTS: tuple[tuple[Callable[[Path], bool], Callable[[Path, str], Content]], ...] = (
    (followir.is_followir, followir.read_followir),
    (bright.is_bright, bright.read_bright),
    (msmarco.is_msmarco, msmarco.read_msmarco),
    (mteb.is_mteb, mteb.read_mteb),
    (beir.is_beir, beir.read_beir),
)
"""How each layout is told and read; the first that fits is taken."""

LOOKED_FOR = """looked for:
  BEIR      queries.jsonl[.gz] and qrels/SPLIT.tsv
  MS MARCO  qrels.SPLIT.tsv and queries.SPLIT.tsv, or 2019qrels-pass.txt and msmarco-test2019-queries.tsv
  BRIGHT    examples/ and documents/
  FollowIR  qrels_og/ and qrels_changed/, or queries/, data/ and qrel_diff/
See docs/collections.md."""


class Text(NamedTuple):
    """What a passage says."""

    title: str
    text: str

    @property
    def contents(self) -> str:
        """Title and text as one string, joined as an index joins them."""
        return Passage("", "", self.title, self.text).contents


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged collection's split."""

    name: str
    split: str
    corpus: str
    """What to index: as `tamis index build` takes it."""
    queries: tuple[Query, ...]
    """Those with judgments, in ascending order of their ids."""
    qrels: Qrels
    """Relevance by query id and passage id."""
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Passages by query id that are removed from a ranking before it is scored: see `without_excluded`."""
    pairs: tuple[Pair, ...] = ()
    """Of FollowIR: questions under two instructions."""
    pools: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Candidates by query id, best first, where the collection is one for rerankers."""
    warnings: list[str] = field(default_factory=list)
    """What is right but may surprise, one sentence each."""

    @property
    def fingerprint(self) -> str:
        """Hash of queries and judgments, and of what else decides a score."""
        content: list[object] = [[(query.id, query.text) for query in self.queries], self.qrels]
        if self.excluded:
            content.append({query: sorted(ids) for query, ids in self.excluded.items()})
        if self.pairs:
            content.append([(pair.original, pair.changed, pair.passages) for pair in self.pairs])
        return sha256_json(content)

    def texts(self, ids: Collection[str], progress: Callable[[int], None] | None = None) -> dict[str, Text]:
        """Read the texts of passages from the corpus, in one pass over it; memory is bounded by what is asked for.

        Args:
            ids: of the passages; order and repetition do not matter.
            progress: called with the number of passages found so far.

        Raises:
            InvalidInput: some ids are not in the corpus; their number and the first ten are named.
            CorpusError: the corpus cannot be read.
        """
        found = select(open_corpus(self.corpus, CorpusConfig()), ids, progress)
        return {id_: Text(document.title, document.text) for id_, document in found.items()}


def read_judged(collection: str, split: str) -> Judged:
    """Read one split of a collection.

    Args:
        collection: name of one that comes with Tamis, `irds:` and an id of ir-datasets, or a folder in the layout of
            BEIR, MS MARCO, BRIGHT or FollowIR.
        split: name of the judgments, of BRIGHT the domain; see docs/collections.md.

    Raises:
        NotFound: there is no such collection or split.
        InvalidInput: judgments or queries are malformed, contradict each other, or a judged query has no text.
    """
    return _checked(_read(collection, split), collection)


def without_excluded(run: Run, judged: Judged) -> Run:
    """Remove from each ranking the passages that the collection excludes for its query; the others keep their order."""
    if not judged.excluded:
        return run
    rankings = {}
    for query, (ids, scores) in run.rankings.items():
        excluded = judged.excluded.get(query, frozenset())
        kept = np.array([id_ not in excluded for id_ in ids], bool)
        rankings[query] = ([id_ for id_ in ids if id_ not in excluded], scores[kept])
    ties = sum(int((np.diff(scores) == 0).sum()) for _, scores in rankings.values()) if run.ties else 0
    return Run(rankings, run.tag, ties)


def check_judged_ids(judged: Judged, ids: pa.ChunkedArray) -> list[str]:
    """Say how many of the judged passages an index or corpus does not hold.

    Args:
        judged: queries and judgments.
        ids: large_string[passages], all that can be found, as `PassageStore.all_ids` gives them.

    Raises:
        InvalidInput: it holds none of them, so that it is of another collection.
    """
    wanted = sorted({id_ for found in judged.qrels.values() for id_ in found})
    there = pc.filter(ids, pc.is_in(ids, value_set=pa.array(wanted, ids.type))).to_pylist()
    missing = set(wanted) - set(there)
    if not missing:
        return []
    if not there:
        raise InvalidInput(
            f"none of the {len(wanted)} judged passages of {judged.name} is in the index, the first is {wanted[0]!r}: "
            "was it built of another collection, or with --split (which gives passages ids of their own)?"
        )
    relevant = {id_ for found in judged.qrels.values() for id_, grade in found.items() if grade > 0}
    lost = len(missing & relevant)
    tail = f"; {lost} of them are relevant, and no system can find them" if lost else ""
    return [
        f"{len(missing)} of {len(wanted)} judged passages are not in the index, the first is {min(missing)!r}{tail}"
    ]


def _read(collection: str, split: str) -> Content:
    if collection.startswith(PREFIX):
        return irds.read_irds(collection.removeprefix(PREFIX), split)
    if collection in own.names():
        return own.read_own(collection, split)
    folder = Path(collection)
    if not folder.is_dir():
        raise NotFound(
            f"no collection {collection!r}: expected a folder, `{PREFIX}` and an id of ir-datasets, "
            f"or one of {', '.join(own.names())}"
        )
    read = next((read for fits, read in LAYOUTS if fits(folder)), None)
    if read is None:
        raise NotFound(f"{folder} has no layout of a judged collection; {LOOKED_FOR}")
    return read(folder, split)


def _checked(content: Content, collection: str) -> Judged:
    """Refuse judgments whose queries are missing or empty, and name what is right but may surprise."""
    texts, qrels = content.queries, content.qrels
    if missing := sorted(qrels.keys() - texts.keys()):
        raise InvalidInput(f"{collection}: {len(missing)} judged queries have no text, the first is {missing[0]!r}")
    if empty := sorted(query for query in qrels if not texts[query].strip()):
        raise InvalidInput(f"{collection}: the text of {len(empty)} judged queries is empty, the first is {empty[0]!r}")
    warnings = list(content.warnings)
    if unjudged := sorted(texts.keys() - qrels.keys() - content.elsewhere):
        warnings.append(
            f"{len(unjudged)} of {len(texts)} queries have no judgments and are not asked, the first is {unjudged[0]!r}"
        )
    if hopeless := [query for query, found in qrels.items() if max(found.values()) <= 0]:
        warnings.append(
            f"{len(hopeless)} of {len(qrels)} judged queries have no relevant passage and count 0 by every measure, "
            f"the first is {min(hopeless)!r}"
        )
    queries = tuple(Query(id_, texts[id_]) for id_ in sorted(qrels))
    return Judged(
        content.name, content.split, content.corpus, queries, qrels,
        content.excluded, content.pairs, content.pools, warnings,
    )  # fmt: skip
