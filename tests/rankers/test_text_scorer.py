from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InvalidInput
from tamis.models.minilm import NAME
from tamis.models.scorer import Scorer
from tamis.models.scores import PairScores
from tamis.models.store import resolve_encoder
from tamis.rankers.cosine import CosineScorer
from tamis.rankers.pair_scorer import PairScorer
from tamis.rankers.text_scorer import CountsTokens, open_text_scorer

TEXTS = ["a sieve", "Copy a whole directory tree.", "", "naïve 東京 😀", "median of numbers " * 30, "x"]
QUERY = "how do I copy a folder"


@pytest.fixture(scope="module")
def scorer() -> Iterator[CosineScorer]:
    """The default encoder as a text scorer."""
    found = open_text_scorer(resolve_encoder(NAME, "fp32"))
    assert isinstance(found, CosineScorer)
    yield found
    found.close()


@pytest.fixture(scope="module")
def alone(scorer: CosineScorer) -> dict[str, np.float32]:
    """The score of each text, asked alone."""
    return {text: scorer.score(QUERY, [text])[0] for text in TEXTS}


def test_scores_are_cosines(scorer: CosineScorer) -> None:
    passages = scorer.encoder.encode(TEXTS, "passage").astype(np.float64)
    query = scorer.encoder.encode([QUERY], "query")[0].astype(np.float64)
    expected = passages @ query / np.linalg.norm(passages, axis=1) / np.linalg.norm(query)
    found = scorer.score(QUERY, TEXTS)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-7)
    assert found.argmax() == 1
    assert scorer.score(QUERY, []).shape == (0,)


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.sampled_from(TEXTS), max_size=9), remember=st.sampled_from((0, 2, 100)))
def test_a_score_depends_on_its_pair_alone(
    scorer: CosineScorer, alone: dict[str, np.float32], texts: list[str], remember: int
) -> None:
    """Bit for bit: in any order and company, repeated, remembered or not."""
    expected = np.array([alone[text] for text in texts], np.float32).tobytes()
    asked = scorer.remembering(remember)
    assert asked.score(QUERY, texts).tobytes() == expected
    assert asked.score(QUERY, texts).tobytes() == expected


def test_remembered_passages_are_read_once_and_no_more_than_was_allowed(scorer: CosineScorer) -> None:
    count = scorer.encoder.token_count
    asked = scorer.remembering(2)
    assert isinstance(asked, CountsTokens)
    query, sizes = int(count([QUERY])[0]), count(TEXTS[:3])
    asked.score(QUERY, [*TEXTS[:3], *TEXTS[:3]])
    assert asked.tokens_read == query + sizes.sum()
    asked.score(QUERY, TEXTS[:3])
    assert asked.tokens_read == 2 * query + sizes.sum() + sizes[2], "the third was not kept"


def test_what_the_window_cuts_off_is_not_read(scorer: CosineScorer) -> None:
    asked = CosineScorer(scorer.encoder)
    asked.score("x", ["word " * 5000])
    assert asked.tokens_read == 3 + scorer.encoder.bundle.settings.max_length


def test_several_threads_may_ask(scorer: CosineScorer, alone: dict[str, np.float32]) -> None:
    asked = scorer.remembering(3)
    expected = np.array([alone[text] for text in TEXTS], np.float32).tobytes()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: asked.score(QUERY, TEXTS).tobytes(), range(8)))
    assert set(found) == {expected}


def stand_in(reads_query: bool) -> Any:
    """What a PairScorer needs of a model: scores are the lengths of the texts, tokens their words."""

    def score_pairs(pairs: list[tuple[str, str]], stop: object) -> PairScores:
        found = PairScores.empty(len(pairs))
        found.scores[:] = [len(text) if text else np.nan for _, text in pairs]
        found.tokens[:] = [len(f"{query} {text}".split()) for query, text in pairs]
        return found

    closed: list[bool] = []
    bundle = SimpleNamespace(settings=SimpleNamespace(name="model", kind="quality-t5"))
    return SimpleNamespace(
        reads_query=reads_query,
        score_pairs=score_pairs,
        close=lambda: closed.append(True),
        closed=closed,
        bundle=bundle,
    )


def test_a_pair_scorer_counts_what_its_model_read() -> None:
    model = stand_in(reads_query=True)
    asked = PairScorer(cast(Scorer, model))
    assert isinstance(asked, CountsTokens)
    assert asked.score("two words", ["abc", "", "a b"])[[0, 2]].tolist() == [3, 3]
    assert np.isnan(asked.score("two words", ["abc", "", "a b"])[1])
    assert asked.tokens_read == 2 * (3 + 2 + 4)
    asked.close()
    assert model.closed


def test_a_model_that_reads_no_query_is_refused_and_closed() -> None:
    model = stand_in(reads_query=False)
    with pytest.raises(InvalidInput, match="quality-t5, which scores passages without a query"):
        PairScorer(cast(Scorer, model))
    assert model.closed
