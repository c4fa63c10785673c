"""Reading-comprehension sets as passage retrieval: short windows, of which those with the answer are relevant.

    python -m tamis.training.recipes.answer_windows SQUAD OUT [--tokens 90] [--queries 30000]

The other windows of the same paragraph and article are the hardest negatives there are: same topic,
same words, and not the answer.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tamis.indexer.config import SplitConfig
from tamis.indexer.passage import Document
from tamis.indexer.split import Splitter


def main() -> None:
    """Write a BEIR folder with one split, `train`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("squad", type=Path, help="BEIR folder whose queries carry metadata.answers")
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=90, help="longest window, in words and parts of words, about")
    parser.add_argument("--queries", type=int, default=30_000, help="sampled from the train split")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lines = (options.squad / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    judged = dict(line.split("\t")[:2] for line in lines)
    chosen = set(random.Random(options.seed).sample(sorted(judged), min(options.queries, len(judged))))
    documents = set(judged.values())
    (options.out / "qrels").mkdir(parents=True, exist_ok=True)
    windows = _windows(options.squad / "corpus.jsonl.gz", documents, options.tokens, options.out / "corpus.jsonl")
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
                qrels.writelines(f"{query['_id']}\t{id_}\t1\n" for id_ in with_answer[:1])
                # the answer may be repeated where it answers nothing: only the first window is sure enough
                qrels.writelines(f"{query['_id']}\t{id_}\t0\n" for id_, _ in windows[judged[query["_id"]]]
                                 if id_ not in with_answer)  # fmt: skip


def _windows(corpus: Path, documents: set[str], tokens: int, out: Path) -> dict[str, list[tuple[str, str]]]:
    splitter = Splitter(SplitConfig(enabled=True, tokens=tokens, overlap=0), None)
    found: dict[str, list[tuple[str, str]]] = {}
    with out.open("wb") as file:
        for record in _records(corpus):
            if record["_id"] not in documents:
                continue
            passages = splitter.split(Document(record["_id"], "", record["text"]))
            found[record["_id"]] = [(passage.id, passage.text) for passage in passages]
            file.writelines(
                orjson.dumps({"_id": passage.id, "title": "", "text": passage.text}) + b"\n" for passage in passages
            )
    return found


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as file:
        for line in file:
            yield orjson.loads(line)


if __name__ == "__main__":
    main()
