"""Reading-comprehension sets as passage retrieval: short windows, of which those with the answer are relevant.

    python -m tamis.training.recipes.answer_windows SQUAD OUT [--tokens 90] [--queries 30000]

The other windows of the same paragraph and article are the hardest negatives there are: same topic,
same words, and not the answer.
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tamis.indexer.config import SplitConfig
from tamis.indexer.passage import Document
from tamis.indexer.split import Splitter

SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"])")
"""White space between two sentences."""


def main() -> None:
    """Write a BEIR folder with one split, `train`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("squad", type=Path, help="BEIR folder whose queries carry metadata.answers")
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=90, help="longest window, in words and parts of words, about")
    parser.add_argument("--sentences", type=int, help="windows of one to so many whole sentences instead")
    parser.add_argument("--queries", type=int, default=30_000, help="sampled from the train split")
    parser.add_argument("--repeated", action="store_true", help="every window that holds an answer is relevant")
    parser.add_argument("--documents", type=int, help="ask all questions of so many documents, and no others")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lines = (options.squad / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    judged = dict(line.split("\t")[:2] for line in lines)
    draw = random.Random(options.seed)
    if options.documents:
        known = sorted(set(judged.values()))
        few = set(draw.sample(known, min(options.documents, len(known))))
        judged = {query: document for query, document in judged.items() if document in few}
        chosen = set(judged)
    else:
        chosen = set(draw.sample(sorted(judged), min(options.queries, len(judged))))
    documents = set(judged.values())
    (options.out / "qrels").mkdir(parents=True, exist_ok=True)
    sure = None if options.repeated else 1
    windows = _windows(options.squad / "corpus.jsonl.gz", documents, options, options.out / "corpus.jsonl")
    with (options.out / "queries.jsonl").open("wb") as queries, (options.out / "qrels/train.tsv").open("w") as qrels:
        qrels.write("query-id\tcorpus-id\tscore\n")
        for query in _records(options.squad / "queries.jsonl.gz"):
            if query["_id"] not in chosen:
                continue
            answers = [answer.lower() for answer in query["metadata"]["answers"]]
            with_answer = [
                id_ for id_, text in windows[judged[query["_id"]]] if any(answer in text.lower() for answer in answers)
            ]
            if with_answer:
                queries.write(orjson.dumps({"_id": query["_id"], "text": query["text"]}) + b"\n")
                qrels.writelines(f"{query['_id']}\t{id_}\t1\n" for id_ in with_answer[:sure])
                # an answer may be repeated where it answers nothing: for ranking, only the first window is sure enough
                qrels.writelines(f"{query['_id']}\t{id_}\t0\n" for id_, _ in windows[judged[query["_id"]]]
                                 if id_ not in with_answer)  # fmt: skip


def _windows(
    corpus: Path, documents: set[str], options: argparse.Namespace, out: Path
) -> dict[str, list[tuple[str, str]]]:
    splitter = Splitter(SplitConfig(enabled=True, tokens=options.tokens, overlap=0), None)
    draw = random.Random(options.seed)
    found: dict[str, list[tuple[str, str]]] = {}
    with out.open("wb") as file:
        for record in _records(corpus):
            if record["_id"] not in documents:
                continue
            if options.sentences:
                texts = _sentences(record["text"], options.sentences, draw)
            else:
                passages = splitter.split(Document(record["_id"], "", record["text"]))
                texts = [passage.text for passage in passages]
            found[record["_id"]] = [(f"{record['_id']}#{number}", text) for number, text in enumerate(texts)]
            file.writelines(
                orjson.dumps({"_id": id_, "title": "", "text": text}) + b"\n" for id_, text in found[record["_id"]]
            )
    return found


def _sentences(text: str, most: int, draw: random.Random) -> list[str]:
    sentences = SENTENCE.split(text)
    windows, start = [], 0
    while start < len(sentences):
        size = draw.randint(1, most)
        windows.append(" ".join(sentences[start : start + size]))
        start += size
    return windows


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as file:
        for line in file:
            yield orjson.loads(line)


if __name__ == "__main__":
    main()
