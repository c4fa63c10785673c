from __future__ import annotations

import time

import pytest

from tamis.indexer.passage import Passage
from tamis.indexer.sentences import LONGEST, SHORTEST, sentence_spans, units_of


def cut(text: str) -> list[str]:
    """The sentences of a text."""
    return [text[start:end] for start, end in sentence_spans(text)]


def test_a_sentence_each_and_a_short_last_one_goes_with_the_one_before() -> None:
    first, second = "A first sentence that is long enough to stand alone.", "A second one, also long enough, is there!"
    assert cut(f"{first} {second}") == [first, second]
    assert cut(f"{first} {second} And a third?") == [first, f"{second} And a third?"]


def test_what_is_short_goes_with_what_follows() -> None:
    assert cut("Results. The treatment had no effect at all on the patients who took it.") == [
        "Results. The treatment had no effect at all on the patients who took it."
    ]


def test_a_line_ends_a_sentence_unless_it_was_only_wrapped_there() -> None:
    wrapped = "This sentence was wrapped by an editor after a long line\nand goes on here, until it ends with a stop."
    assert cut(wrapped) == [wrapped]
    listed = "* the first of several things that are listed here\n* the second of several things that are listed"
    assert cut(listed) == listed.split("\n")


def test_other_scripts() -> None:
    one, other = "语言文字处理系统" * 6 + "。", "第二个句子也足够长" * 6 + "。"
    assert cut(one + other) == [one, other]


@pytest.mark.parametrize(
    "text",
    [
        "One. Two! Three? " * 40,
        "no end of any sentence " * 300,
        "x" * 5_000,
        "\n\n  A line.\r\n\r\nAnother line, which is a little longer than the first one.\x0c And a page.  \n",
        "“Quoted.” He said so — twice… (In brackets.) ¿Y en español? ¡Sí! Ça va. Ünïcode\u2028separators\u2029here. "
        * 5,
    ],
)
def test_spans_hold_the_whole_text_in_order(text: str) -> None:
    """Nothing but white space lies between them, none is empty, only a lone one is short, none is too long."""
    spans = sentence_spans(text)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)
    assert all(not text[end:start].strip() for end, start in zip(edges[::2], edges[1::2], strict=True))
    lengths = [end - start for start, end in spans]
    assert len(lengths) == 1 or min(lengths) >= SHORTEST
    assert max(lengths) <= LONGEST + 2 * SHORTEST + 1


def test_the_title_goes_with_each_sentence() -> None:
    first, second = "The first sentence of this passage is here.", "The second sentence of this passage is here."
    assert units_of(Passage("a", "a", "Title", f"{first} {second}")) == [f"Title\n{first}", f"Title\n{second}"]
    assert units_of(Passage("a", "a", "", f"{first} {second}")) == [first, second]


@pytest.mark.parametrize("text", ["", " \n ", "One sentence, which ends here.\n"])
def test_a_passage_of_one_sentence_or_none_is_one_unit(text: str) -> None:
    passage = Passage("a", "a", "Title", text)
    assert units_of(passage) == [passage.contents]


def test_a_very_long_line_takes_time_in_proportion() -> None:
    line = "语言文字处理系统。" * 5_000
    start = time.perf_counter()
    assert len(sentence_spans(line)) > 500
    assert time.perf_counter() - start < 5
