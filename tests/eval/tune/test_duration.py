from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.errors import InvalidInput
from tamis.eval.tune.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("80ms", 80.0), ("0.08s", 80.0), (" 1.5 s ", 1_500.0), (".5ms", 0.5), ("2.s", 2_000.0), ("1s", 1_000.0)],
)
def test_durations_as_people_write_them(text: str, milliseconds: float) -> None:
    assert parse_duration(text) == pytest.approx(milliseconds)


@given(st.floats(min_value=1e-3, max_value=1e6), st.sampled_from(["", " ", "  "]))
def test_milliseconds_and_seconds_agree(number: float, space: str) -> None:
    assert parse_duration(f"{number:.6f}{space}s") == pytest.approx(1_000 * parse_duration(f"{number:.6f}{space}ms"))


@given(st.text())
def test_any_text_is_read_as_a_positive_number_or_refused(text: str) -> None:
    try:
        assert 0 < parse_duration(text) < float("inf")
    except InvalidInput as error:
        assert repr(text) in str(error)


@pytest.mark.parametrize("text", ["80", "ms", "", "80 m", "80min", "1e3ms", "-5ms", "5 5ms", "nan s", "٣ms", "1_0ms"])
def test_what_is_no_number_with_a_unit_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="such as 80ms"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0ms", "0.0 s", "9" * 400 + "s"])
def test_nothing_and_endless_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="finite and above 0"):
        parse_duration(text)
