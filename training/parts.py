"""Parts of a split, for models that are trained one upon the other: an encoder, then a blend that reads its scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from tamis.errors import InvalidInput
from tamis.eval.formats.lines import first_of
from tamis.eval.judged import Judged
from tamis.files import whole
from tamis.rankers.blend.bundle import check_new

from .blend.folds import parted
from .blend.logged import relevant_of

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Parts:
    """A split in parts."""

    parts: tuple[Judged, ...]
    are_apart: bool
    """No relevant passage of one part is relevant in another; not so where nearly all queries share passages."""


def into_parts(judged: Judged, shares: Mapping[str, float], seed: int = 0) -> Parts:
    """Divide a split so that queries with a common relevant passage stay in one part.

    A model that has seen a query, or another one with the same answer, knows too much of it: what a second model
    learned from its scores there would not hold for new queries.

    Args:
        judged: the split.
        shares: of the queries that each part gets, about, by its name; relative to their sum.
        seed: of the draw.

    Raises:
        InvalidInput: fewer than two parts, a name or share that cannot be, a part without queries, or a collection
            with pairs of queries (FollowIR) or excluded passages (BRIGHT).
    """
    if len(shares) < 2:
        raise InvalidInput(f"a split is divided into two parts or more, got {len(shares)}")
    for name, share in shares.items():
        if not NAME.fullmatch(name):
            raise InvalidInput(f"a part's name has letters, digits, '_' and '-', up to 64, got {name!r}")
        if not 0 < share < float("inf"):
            raise InvalidInput(f"the share of part {name!r} must be a number above 0, got {share}")
    if judged.pairs or judged.excluded:
        raise InvalidInput(f"{judged.name} has pairs of queries or excluded passages; parts in BEIR's layout lose them")
    dealt = parted([relevant_of(judged, query) for query in judged.queries], list(shares.values()), seed)
    parts = []
    for number, name in enumerate(shares):
        queries = [query for query, part in zip(judged.queries, dealt.of.tolist(), strict=True) if part == number]
        if not queries:
            raise InvalidInput(f"part {name!r} gets none of the {len(judged.queries)} queries; give it a larger share")
        qrels = {query.id: judged.qrels[query.id] for query in queries}
        parts.append(replace(judged, split=name, queries=tuple(queries), qrels=qrels, warnings=[]))
    return Parts(tuple(parts), dealt.are_apart)


def write_parts(parts: Sequence[Judged], folder: Path) -> None:
    """Write queries and judgments in BEIR's layout, a split for each part, all or nothing.

    The corpus is not copied; where the collection is such a folder itself, its corpus is linked, so that commands that
    read texts find them. The index is that of the whole collection.

    Raises:
        InvalidInput: something is there already.
    """
    check_new(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole(folder) as temporary:
        (temporary / "qrels").mkdir(parents=True)
        if (corpus := first_of(Path(parts[0].corpus), "corpus.jsonl")) is not None:
            (temporary / corpus.name).symlink_to(corpus.resolve())
        with (temporary / "queries.jsonl").open("wb") as file:
            for part in parts:
                file.writelines(orjson.dumps({"_id": one.id, "text": one.text}) + b"\n" for one in part.queries)
        for part in parts:
            rows = (f"{query}\t{id_}\t{grade}\n" for query, own in part.qrels.items() for id_, grade in own.items())
            text = "query-id\tcorpus-id\tscore\n" + "".join(rows)
            (temporary / "qrels" / f"{part.split}.tsv").write_text(text, encoding="utf-8")
