"""All features of text against a slow, obvious reading of their formulas, on made-up and on real passages."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from statistics import mean, median

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.train_translation import train_translations
from tamis.indexer.sparse.analysis import analyzer_for
from tamis.rankers.features.extract import FeatureExtractor
from tamis.rankers.features.schema import PLACES, SCHEMA
from tamis.rankers.ranking import Candidates

MakeForward = Callable[[list[tuple[str, str]]], Path]
Tokens = list[str | None]
"""Tokens by position; None is a stop word."""

ENGLISH = analyzer_for("en")
NAN = math.nan


class Field:
    """Tokens of all passages in one field, as lists of strings."""

    def __init__(self, passages: list[Tokens]) -> None:
        self.passages = passages
        self.bags = [Counter(token for token in tokens if token) for tokens in passages]
        self.df = Counter(token for bag in self.bags for token in bag)
        self.cf = sum(self.bags, Counter())
        self.n = max(1, sum(1 for bag in self.bags if bag))
        self.c = max(1, self.cf.total())


def cut(
    passages: list[tuple[str, str]], tokenizer: Path
) -> tuple[dict[str, Field], Callable[[str], dict[str, list[str]]]]:
    """Cut passages and queries the straightforward way."""
    pieces = Tokenizer.from_file(str(tokenizer))

    def split(text: str) -> list[str]:
        return list(pieces.encode(text, add_special_tokens=False).tokens)

    contents = [f"{title}\n{text}" if title else text for title, text in passages]
    fields = {
        "analysed": Field([[ENGLISH.term(word) or None for word in ENGLISH.words(text)] for text in contents]),
        "unstemmed": Field([list(ENGLISH.words(text)) for text in contents]),
        "wordpiece": Field([list(split(text)) for text in contents]),
    }

    def read(query: str) -> dict[str, list[str]]:
        unspelt = [token.replace("[UNK]", "no match") for token in split(query)]
        return {"analysed": ENGLISH(query), "unstemmed": ENGLISH.words(query), "wordpiece": unspelt}

    return fields, read


def pooled(values: Sequence[float]) -> list[float]:
    if not values:
        return [NAN] * 6
    ratio = max(values) / min(values) if min(values) else NAN
    return [sum(values), mean(values), median(values), max(values), min(values), ratio]


def statistics(field: Field, row: int, query: list[str]) -> dict[str, list[float]]:
    """Compute the pooled statistics of single terms."""
    n, c, dl = field.n, field.c, sum(field.bags[row].values())
    average = c / n
    tf, df, cf = field.bags[row], field.df, field.cf
    inside = [q for q in query if tf[q]]
    spread = {q: tf[q] * math.log2(1 + average / dl) for q in inside}

    def gl2(q: str) -> float:
        rate = (cf[q] + 1) / (n + cf[q] + 1)
        return (math.log2(1 + rate) + spread[q] * math.log2((1 + rate) / rate)) / (1 + spread[q])

    def inexpb2(q: str) -> float:
        e = n * (1 - ((n - 1) / n) ** cf[q])
        return math.log2((n + 1) / (e + 0.5)) * (cf[q] + 2) / (df[q] + 1) * spread[q] / (1 + spread[q])

    def dph(q: str) -> float:
        s = tf[q] / dl
        if s == 1:
            return 0
        return (
            (1 - s) ** 2
            / (tf[q] + 1)
            * (tf[q] * math.log2(s * c / cf[q]) + 0.5 * math.log2(2 * math.pi * tf[q] * (1 - s)))
        )

    found = {
        "bm25": [
            math.log(1 + (n - df[q] + 0.5) / (df[q] + 0.5)) * tf[q] / (tf[q] + 2 * (0.25 + 0.75 * dl / average))
            for q in query
        ],
        "lm_dirichlet": [math.log((tf[q] + 1000 * (cf[q] + 1) / (c + 1)) / (dl + 1000)) for q in query if cf[q]],
        "dfr_gl2": [gl2(q) for q in inside],
        "dfr_inexpb2": [inexpb2(q) for q in inside],
        "dph": [dph(q) for q in inside],
        "tf": [float(tf[q]) for q in query],
        "tf_idf": [(1 + math.log(tf[q])) * math.log(n / df[q]) if tf[q] else 0 for q in query],
        "normalised_tf": [math.log(dl / (tf[q] or 0.5)) for q in query] if dl else [],
        "idf": [math.log(n / (df[q] + 1)) for q in query],
        "ictf": [math.log(c / (cf[q] + 1)) for q in query],
    }
    result = {name: pooled(values) for name, values in found.items()}
    for name in ("dfr_gl2", "dfr_inexpb2", "dph"):
        if query and not inside:
            result[name][0] = 0
    return result


def singles(field: Field, row: int, query: list[str]) -> dict[str, float]:
    """Compute the features that are one number."""
    n, c, bag = field.n, field.c, field.bags[row]
    dl, df, cf = sum(bag.values()), field.df, field.cf
    inside = [q for q in query if bag[q]]
    shares = {q: times / len(query) for q, times in Counter(query).items() if cf[q]}
    return {
        "lm_jelinek": sum(math.log(1 + 0.9 * bag[q] / (0.1 * dl * (cf[q] + 1) / (c + 1))) for q in inside)
        if query
        else NAN,
        "normalised_tf_idf": sum(math.log(1 + n / df[q]) * (1 + math.log(bag[q])) / dl for q in inside)
        if query and dl
        else NAN,
        "probability_sum": sum(bag[q] / dl for q in query) if query and dl else NAN,
        "doc_size": dl,
        "query_length": len(query),
        "coverage": len(inside) / len(query) if query else NAN,
        "unique_terms": len(set(query)),
        "matching_terms": len(inside),
        "clarity": sum(p * math.log(p * c / cf[q]) for q, p in shares.items()) if shares else NAN,
    }


def proximities(field: Field, row: int, query: list[str]) -> dict[str, float]:
    """Compute what depends on where terms stand."""
    if not query:
        return dict.fromkeys(("proximity", "tp_score", "tp_dist"), NAN)
    bag, dl = field.bags[row], sum(field.bags[row].values())
    k = 0.9 * (0.6 + 0.4 * dl / (field.c / field.n))
    weight = {q: max(0.0, math.log(field.n / field.df[q])) if field.df[q] else 0.0 for q in query}
    hits = [(at, token) for at, token in enumerate(field.passages[row]) if token in weight]

    def saturated(x: float) -> float:
        return 1.9 * x / (x + k)

    gain = {q: query.count(q) * weight[q] * saturated(bag[q]) for q in weight}
    near = [(b - a, p, q) for (a, p), (b, q) in pairwise(hits) if p != q]
    proximity = sum(gain[p] + gain[q] for distance, p, q in near if distance <= 8)
    gathered = Counter[str]()
    for distance, p, q in near:
        gathered[p] += weight[q] / distance**2  # type: ignore[assignment]  # Counter adds floats as well
        gathered[q] += weight[p] / distance**2  # type: ignore[assignment]
    tp_score = sum(gain.values()) + sum(min(1, weight[q]) * saturated(gathered[q]) for q in weight)
    tp_dist = 0.0
    for p, q in pairwise(query):
        if p != q:
            both = [(at, token) for at, token in hits if token in (p, q)]
            turns = [(a, b, x) for (a, x), (b, y) in pairwise(both) if x != y and b - a < 100]
            strength = weight[p] * weight[q] * (min(1, weight[p]) + min(1, weight[q])) ** 2
            exact = [(a, b) for a, b, x in turns if b == a + 1 and x == p]
            for spans in (exact, [(a, b) for a, b, _ in turns]):
                tp_dist += 0.4 * saturated(sum(strength / (b - a + 1) ** 2 for a, b in disjoint(spans)))
    return {"proximity": proximity, "tp_score": tp_score, "tp_dist": tp_dist}


def disjoint(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for span in spans:
        if not kept or span[0] > kept[-1][1]:
            kept.append(span)
    return kept


def pairs(field: Field, row: int, query: list[str], gap: int) -> dict[str, float]:
    """Count pairs of occurrences, one pair of query tokens after the other."""
    where = {q: [at for at, token in enumerate(field.passages[row]) if token == q] for q in query}

    @cache
    def count(p: str, q: str) -> int:
        return sum(1 for a in where[p] for b in where[q] if 0 < b - a <= gap)

    neighbours, everything = list(pairwise(query)), list(combinations(query, 2))
    return {
        f"unordered_bigrams.{gap}": sum(count(p, q) + count(q, p) for p, q in neighbours),
        f"ordered_bigrams.{gap}": sum(count(p, q) for p, q in neighbours),
        f"unordered_pairs.{gap}": sum(count(p, q) + count(q, p) for p, q in everything),
        f"ordered_pairs.{gap}": sum(count(p, q) for p, q in everything),
    }


def expected(field: Field, row: int, query: list[str]) -> dict[str, float]:
    """Compute all features of one field of one passage, by the last part of their names."""
    names = ("sum", "mean", "median", "max", "min", "max_min_ratio")
    result = {
        f"{name}.{pooler}": value
        for name, values in statistics(field, row, query).items()
        for pooler, value in zip(names, values, strict=True)
    }
    result |= singles(field, row, query) | proximities(field, row, query)
    for gap in (3, 8, 15):
        result |= pairs(field, row, query, gap)
    return result


def compare(
    passages: list[tuple[str, str]], queries: list[str], rows: list[int], folder: Path, tokenizer: Path
) -> None:
    """Compare every feature of every field of every query and passage."""
    fields, read = cut(passages, tokenizer)
    extractor = FeatureExtractor(ForwardIndex.open(folder))
    for query in queries:
        found = extractor.extract(query, Candidates(np.array(rows, np.int32), np.zeros(len(rows), np.float32)))
        assert not np.isinf(found).any()
        for name, field in fields.items():
            tokens = read(query)[name]
            for place, row in enumerate(rows):
                wanted = expected(field, row, tokens)
                assert len(wanted) == 84
                got = {key: float(found[place, PLACES[f"{name}.{key}"]]) for key in wanted}
                for key, value in wanted.items():
                    if key.endswith("ratio") and not math.isnan(value) and abs(value) > 1e6:
                        continue  # minimum is rounding noise around 0
                    assert got[key] == pytest.approx(value, rel=2e-5, abs=2e-6, nan_ok=True), (query, row, name, key)


WORDS = st.sampled_from(
    ["the", "cat", "cats", "dog", "dogs", "run", "running", "runs", "of", "x", "y's", "3.14", "zebra"]
)
TEXTS = st.lists(WORDS, max_size=40).map(" ".join)
QUERIES = st.lists(st.one_of(WORDS, st.sampled_from(["unheard", "日本", "the", "\U0001f600"])), max_size=12).map(
    " ".join
)


@settings(max_examples=30, deadline=None)
@given(
    passages=st.lists(st.tuples(st.one_of(st.just(""), TEXTS), TEXTS), min_size=1, max_size=6),
    queries=st.lists(QUERIES, min_size=1, max_size=3),
)
def test_made_up_passages(
    passages: list[tuple[str, str]], queries: list[str], make_forward: MakeForward, tokenizer_file: Path
) -> None:
    compare(passages, queries, list(range(len(passages))), make_forward(passages), tokenizer_file)


@pytest.mark.parametrize("collection", ["scifact", "msmarco-mini"])
@pytest.mark.data
def test_real_passages(collection: str, data_folder: Path, make_forward: MakeForward, tokenizer_file: Path) -> None:
    passages, queries = read(data_folder / collection, 300)
    compare(passages, queries[:4], list(range(0, 300, 50)), make_forward(passages), tokenizer_file)


def read(folder: Path, count: int) -> tuple[list[tuple[str, str]], list[str]]:
    with gzip.open(folder / "corpus.jsonl.gz") as lines:
        records = [orjson.loads(line) for _, line in zip(range(count), lines, strict=False)]
    with gzip.open(folder / "queries.jsonl.gz") as lines:
        queries = [orjson.loads(line)["text"] for _, line in zip(range(50), lines, strict=False)]
    return [(record.get("title", ""), record["text"]) for record in records], queries


def test_a_long_query(make_forward: MakeForward, tokenizer_file: Path) -> None:
    """More tokens than are sorted to find a median, with repeats."""
    passages = [("", "cat dog run " * 5 + "zebra"), ("dogs", "the cat runs"), ("", "x")]
    query = " ".join(["cat", "dog", "unheard", "running", "the", "zebra", "x"] * 9 + ["cat"])
    compare(passages, [query], [0, 1, 2], make_forward(passages), tokenizer_file)


def test_every_feature_of_a_field_was_compared() -> None:
    classic = {feature.name.partition(".")[2] for feature in SCHEMA if feature.field == "analysed" and feature.classic}
    field = Field([["a", "b"], ["b"]])
    assert {*expected(field, 0, ["a"]), "model1"} == classic | {"lm_jelinek"}


def test_translations(make_forward: MakeForward) -> None:
    """IBM Model 1 as its formula says, from the probabilities that were trained."""
    passages = [("cats", "the cat runs"), ("", "dog of the dog"), ("dogs", ""), ("", "")]
    folder = make_forward(passages)
    training = [("cat running", 0), ("running dogs", 1), ("cat zebra dog", 2), ("dog", 1)]
    trained = train_translations(training, ForwardIndex.open(folder), folder, lambda done: None)
    assert trained == ["analysed", "unstemmed", "wordpiece", "title"]
    forward = ForwardIndex.open(folder)
    query = "the cat dog dog unheard running"
    found = FeatureExtractor(forward).extract(query, Candidates(np.arange(4, dtype=np.int32), np.zeros(4, np.float32)))
    tokens = forward.read_query(query)["analysed"]
    counts = forward.statistics["analysed"]
    for row in range(4):
        passage = forward.terms_of_words[forward.words.of(row)]
        passage = passage[passage >= 0]
        score = 0.0 if len(passage) else NAN
        for target in tokens.numbers[tokens.numbers >= 0]:
            sources, probabilities = forward.translations["analysed"].of(int(target))
            t = dict(zip(sources.tolist(), probabilities.tolist(), strict=True))
            p = sum(0.95 * t.get(int(v), 0) + 0.05 * (v == target) for v in passage) / max(1, len(passage))
            score += math.log(1 + 0.9 * p / (0.1 * counts.cf[target] / counts.tokens))
        assert found[row, PLACES["analysed.model1"]] == pytest.approx(score, rel=1e-5, nan_ok=True)
    assert np.isnan(found[[1, 3], PLACES["title.model1"]]).all()
    assert not np.isnan(found[[0, 2], PLACES["title.model1"]]).any()
