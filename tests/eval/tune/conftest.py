"""Judged collections for tuning: one of real text, and one with an arm that is known to mislead."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from tamis.indexer.build import build
from tamis.indexer.config import IndexConfig
from tamis.indexer.corpus.open import open_corpus
from tamis.rankers.engine import Engine

TOPICS = {
    "The kitten naps on a warm sofa.": "cats sleeping on couches",
    "Rain fell on the harbour all night.": "wet weather in ports after dark",
    "She paid the invoice with a bank transfer.": "settling bills through money orders",
    "The train to the mountains leaves at noon.": "railway departures for alpine villages",
    "He sliced onions for the evening soup.": "chopping vegetables before cooking dinner",
    "The telescope found a distant galaxy.": "astronomers discovering faraway stars",
}
"""Texts of passages, and what means the same in other words."""


def write_collection(
    folder: Path, corpus: dict[str, str], queries: dict[str, str], splits: dict[str, list[tuple[str, str]]]
) -> Path:
    """Write a BEIR folder; `splits`: pairs of a query and its one relevant passage."""
    (folder / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", corpus), ("queries", queries)):
        lines = [orjson.dumps({"_id": id_, "title": "", "text": text}) for id_, text in texts.items()]
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    for split, pairs in splits.items():
        rows = ["query-id\tcorpus-id\tscore", *(f"{query}\t{passage}\t1" for query, passage in pairs)]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def titles(tmp_path_factory: pytest.TempPathFactory, tiny_engine: Engine) -> Path:
    """The small index' own passages, asked for by their titles: 60 training queries, 30 for confirming."""
    passages = tiny_engine.index.passages.take(list(range(90)))
    queries = {f"q{number}": passage.title for number, passage in enumerate(passages)}
    pairs = [(f"q{number}", passage.id) for number, passage in enumerate(passages)]
    corpus = {passage.id: passage.text for passage in passages}
    folder = tmp_path_factory.mktemp("titles") / "titles"
    return write_collection(folder, corpus, queries, {"train": pairs[:60], "test": pairs[60:], "few": pairs[:10]})


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An HNSW index and a collection where words find the answer and meaning finds something else.

    Every passage holds a word that no other has, and a sentence on a topic. A query holds that word,
    and another topic in words that no passage has.
    """
    chance = random.Random(7)
    words = sorted({"".join(chance.choices("bcdfghjklmnpqrstvwxz", k=7)) for _ in range(120)})
    chance.shuffle(words)
    texts = list(TOPICS)
    corpus, queries = {}, {}
    for place, word in enumerate(words):
        corpus[f"p{place}"] = f"{texts[place % len(texts)]} {word}"
        queries[f"q{place}"] = f"{TOPICS[texts[(place + 1) % len(texts)]]} {word}"
    pairs = [(f"q{place}", f"p{place}") for place in range(len(words))]
    folder = tmp_path_factory.mktemp("planted")
    collection = write_collection(folder / "words", corpus, queries, {"train": pairs[:60], "test": pairs[60:90]})
    config = IndexConfig.model_validate({"dense": {"flat_below": 0}})
    build(open_corpus(str(collection), config.corpus), folder / "index", config)
    return folder / "index", collection
