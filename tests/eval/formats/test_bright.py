"""BRIGHT's layout: domains, excluded ids, rewritten queries, whole pages; as Parquet and as JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.errors import CorpusError, InvalidInput, NotFound
from tamis.eval.judged import Judged, read_judged, without_excluded
from tamis.eval.measures import parse_measure, score_run
from tamis.eval.trec import Run
from tamis.indexer.config import CorpusConfig
from tamis.indexer.corpus.open import open_corpus

Rows = list[dict[str, Any]]
Writer = Callable[[Path, Rows], None]

EXAMPLES: Rows = [
    {"query": "why do leaves fall", "reasoning": "", "id": "0", "excluded_ids": ["N/A"], "gold_ids_long": ["tree"],
     "gold_ids": ["tree/0.txt", "tree/1.txt"], "gold_answer": ""},
    {"query": "how do bats see", "reasoning": "", "id": "1", "excluded_ids": ["bat/9.txt"], "gold_ids_long": ["bat"],
     "gold_ids": ["bat/0.txt"], "gold_answer": ""},
]  # fmt: skip
DOCUMENTS: Rows = [
    {"id": f"{page}/{part}.txt", "content": f"{page} {part}"} for page in ("tree", "bat") for part in "019"
]
PAGES: Rows = [{"id": page, "content": f"all about {page}"} for page in ("tree", "bat")]


def as_parquet(path: Path, rows: Rows) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path.with_name(f"{path.name}-00000-of-00001.parquet"))


def as_json(path: Path, rows: Rows) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.with_name(f"{path.name}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))


@pytest.fixture(params=[as_parquet, as_json], ids=["parquet", "jsonl"])
def bright(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Two queries of one domain, with documents, pages and rewritten queries."""
    write: Writer = request.param
    root = tmp_path / "BRIGHT"
    write(root / "examples" / "biology", EXAMPLES)
    write(root / "documents" / "biology", DOCUMENTS)
    write(root / "documents" / "pony", PAGES)
    write(root / "long_documents" / "biology", PAGES)
    rewritten = [row | {"query": f"Let us think: {row['query']}"} for row in EXAMPLES]
    write(root / "gpt4_reason" / "biology", rewritten)
    return root


def test_a_domain(bright: Path) -> None:
    judged = read_judged(str(bright), "biology")
    assert (judged.name, judged.split) == ("BRIGHT", "biology")
    assert [query.text for query in judged.queries] == ["why do leaves fall", "how do bats see"]
    assert judged.qrels == {"0": {"tree/0.txt": 1, "tree/1.txt": 1}, "1": {"bat/0.txt": 1}}
    assert judged.excluded == {"1": {"bat/9.txt"}}, "N/A stands for nothing"
    assert judged.warnings == []
    assert judged.texts(["bat/0.txt"]) == {"bat/0.txt": ("", "bat 0")}
    corpus = open_corpus(judged.corpus, CorpusConfig())
    assert [record.id for record in corpus.records()] == [row["id"] for row in DOCUMENTS]  # type: ignore[union-attr]
    assert corpus.name == "biology" and len(corpus.digest()) == 64


def test_rewritten_queries_and_whole_pages(bright: Path) -> None:
    rewritten = read_judged(str(bright), "biology@gpt4_reason")
    original = read_judged(str(bright), "biology")
    assert [query.text for query in rewritten.queries] == [
        "Let us think: why do leaves fall", "Let us think: how do bats see"
    ]  # fmt: skip
    assert (rewritten.qrels, rewritten.excluded, rewritten.warnings) == (original.qrels, original.excluded, [])
    assert rewritten.fingerprint != original.fingerprint
    pages = read_judged(str(bright), "biology@gpt4_reason@long")
    assert pages.qrels == {"0": {"tree": 1}, "1": {"bat": 1}} and pages.queries == rewritten.queries
    assert pages.texts({"tree"}) == {"tree": ("", "all about tree")}


def test_other_gold_ids_of_rewritten_queries_are_counted(tmp_path: Path) -> None:
    root = tmp_path / "BRIGHT"
    as_json(root / "examples" / "biology", EXAMPLES)
    as_json(root / "documents" / "biology", DOCUMENTS)
    as_json(root / "grit_reason" / "biology", [EXAMPLES[0] | {"gold_ids": ["tree/0.txt"]}, EXAMPLES[1]])
    judged = read_judged(str(root), "biology@grit_reason")
    assert judged.qrels["0"] == {"tree/0.txt": 1}
    assert judged.warnings == [
        "the gold ids of 1 queries differ between examples and grit_reason; those of grit_reason are used"
    ]


def test_excluded_passages_are_removed_before_scoring(bright: Path) -> None:
    """An excluded passage on top would push the gold one to rank 2: nDCG@10 1/log2(3) instead of 1."""
    judged = read_judged(str(bright), "biology")
    run = Run({
        "0": (["tree/1.txt", "tree/0.txt"], np.array([2, 2], np.float32)),
        "1": (["bat/9.txt", "bat/0.txt", "bat/1.txt"], np.array([3, 2, 1], np.float32)),
    }, ties=1)  # fmt: skip
    left = without_excluded(run, judged)
    assert list(left.rankings["1"][0]) == ["bat/0.txt", "bat/1.txt"] and left.rankings["1"][1].tolist() == [2, 1]
    assert list(left.rankings["0"][0]) == ["tree/1.txt", "tree/0.txt"] and left.ties == 1
    measure = parse_measure("nDCG@10")
    assert score_run(run, judged.qrels, ["1"], [measure])["nDCG@10"][0] == pytest.approx(1 / np.log2(3))
    assert score_run(left, judged.qrels, ["1"], [measure])["nDCG@10"][0] == 1
    assert without_excluded(run, Judged("x", "test", "x", (), {})) is run


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("chemistry", "has no domain 'chemistry'; its domains: biology"),
        ("biology@claude", r"no queries in 'claude'; rewritten ones are in gpt4_reason"),
        ("pony", "has no domain 'pony'"),
    ],
)
def test_what_is_not_there_is_named(bright: Path, split: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        read_judged(str(bright), split)


def test_splits_and_corpora_that_cannot_be(bright: Path) -> None:
    with pytest.raises(InvalidInput, match="expected DOMAIN, DOMAIN@FOLDER"):
        read_judged(str(bright), "biology@gpt4_reason@grit_reason")
    with pytest.raises(CorpusError, match="has no domain 'chemistry'; its domains: biology, pony"):
        open_corpus(f"bright:{bright}/chemistry", CorpusConfig())
    with pytest.raises(CorpusError, match="expected nothing or `long` after the @, got 'short'"):
        open_corpus(f"bright:{bright}/biology@short", CorpusConfig())
    with pytest.raises(CorpusError, match="has BRIGHT's layout; name a domain, such as bright:"):
        open_corpus(str(bright), CorpusConfig())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"excluded_ids": ["bat/0.txt"]}, "query '1' has 1 gold ids excluded, the first 'bat/0.txt'"),
        ({"gold_ids": "bat/0.txt"}, "expected a list of ids in gold_ids, got 'bat/0.txt'"),
        ({"query": None}, "expected an id and a text"),
    ],
)
def test_rows_that_cannot_be(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    as_json(tmp_path / "examples" / "biology", [EXAMPLES[0], EXAMPLES[1] | change])
    as_json(tmp_path / "documents" / "biology", DOCUMENTS)
    with pytest.raises(InvalidInput, match=message):
        read_judged(str(tmp_path), "biology")


def test_a_domain_in_parts_is_read_whole_or_refused(tmp_path: Path) -> None:
    """Leetcode's documents come in several files; one that is missing would make the task easier in silence."""
    as_json(tmp_path / "examples" / "leetcode", EXAMPLES)
    folder = tmp_path / "documents"
    folder.mkdir()
    for number, rows in enumerate((DOCUMENTS[:2], DOCUMENTS[2:])):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"leetcode-{number:05}-of-00002.parquet")
    judged = read_judged(str(tmp_path), "leetcode")
    assert len(list(open_corpus(judged.corpus, CorpusConfig()).records())) == len(DOCUMENTS)
    (folder / "leetcode-00000-of-00002.parquet").unlink()
    with pytest.raises(CorpusError, match="holds 1 of the 2 parts of split 'leetcode'"):
        open_corpus(judged.corpus, CorpusConfig())


def test_a_split_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    as_json(tmp_path / "documents" / "biology", DOCUMENTS)
    as_parquet(tmp_path / "documents" / "biology", DOCUMENTS)
    with pytest.raises(CorpusError, match="holds split 'biology' more than once"):
        open_corpus(f"bright:{tmp_path}/biology", CorpusConfig())
