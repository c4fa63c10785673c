"""Lists of candidates without judgments as a collection: what a teacher alone can order.

    python -m tamis.training.recipes.candidate_lists FILE OUT

FILE (JSON lines, `.gz` too) holds `query` and `candidates`, a list of texts.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import orjson


def main() -> None:
    """Write a BEIR folder with one split, `train`, in which every candidate has grade 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    content = options.file.read_bytes()
    lines = (gzip.decompress(content) if options.file.suffix == ".gz" else content).splitlines()
    ids: dict[str, str] = {}
    (options.out / "qrels").mkdir(parents=True, exist_ok=True)
    with (options.out / "queries.jsonl").open("wb") as queries, (options.out / "qrels/train.tsv").open("w") as qrels:
        qrels.write("query-id\tcorpus-id\tscore\n")
        for number, line in enumerate(lines):
            record = orjson.loads(line)
            queries.write(orjson.dumps({"_id": f"q{number}", "text": record["query"]}) + b"\n")
            for text in dict.fromkeys(record["candidates"]):
                qrels.write(f"q{number}\t{ids.setdefault(text, f'p{len(ids)}')}\t0\n")
    with (options.out / "corpus.jsonl").open("wb") as corpus:
        corpus.writelines(orjson.dumps({"_id": id_, "title": "", "text": text}) + b"\n" for text, id_ in ids.items())


if __name__ == "__main__":
    main()
