"""The script of a corpus against the language of its analyser."""

from __future__ import annotations

from typing import get_args

import pytest

from tamis.indexer.config import Language
from tamis.indexer.corpus.language import EXPECTED, script_mismatch, script_of

SAMPLES = {
    "ar": "اللغة العربية هي أكثر اللغات السامية تحدثا",
    "bn": "বাংলা ভাষা একটি ইন্দো আর্য ভাষা যা দক্ষিণ এশিয়ায় বলা হয়",
    "en": "The quick brown fox jumps over the lazy dog.",
    "hi": "हिन्दी विश्व की एक प्रमुख भाषा है और भारत की एक राजभाषा है",
    "ja": "自然言語処理は人工知能の一分野であり、コンピュータに言語を扱わせる。",
    "ko": "한국어는 대한민국과 조선민주주의인민공화국의 공용어이다",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю",
    "te": "తెలుగు అనేది ద్రావిడ భాషల కుటుంబానికి చెందిన భాష",
    "th": "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน",
    "zh": "自然语言处理是人工智能领域的一个重要方向。研究计算机如何理解语言。",
}


@pytest.mark.parametrize("written", SAMPLES)
@pytest.mark.parametrize("language", get_args(Language))
def test_every_language_against_every_script(written: str, language: str) -> None:
    """A warning appears exactly when the scripts differ, and names both and what fits."""
    warning = script_mismatch([SAMPLES[written]], language)
    if EXPECTED.get(language, "Latin") == EXPECTED.get(written, "Latin"):
        assert warning is None
    else:
        assert warning is not None
        assert EXPECTED.get(written, "Latin") in warning and EXPECTED.get(language, "Latin") in warning
        assert f"--language {language}" in warning
        assert written in warning.rpartition("fit: ")[2].split(", ")


def test_script_without_a_language() -> None:
    warning = script_mismatch(["γλώσσα είναι ένα σύστημα επικοινωνίας"], "en")
    assert warning is not None and "Greek" in warning and "no --language value fits" in warning


@pytest.mark.parametrize("sample", [[], ["", "12 + 34 = 46"], ["да"]])
def test_too_few_letters_say_nothing(sample: list[str]) -> None:
    assert script_mismatch(sample, "en") is None


def test_the_greater_part_decides() -> None:
    """Foreign names do not matter; Han counts more than letters, so code does not hide Chinese."""
    assert script_mismatch(["Peter Tschaikowski (Пётр Чайковский) was a composer of the romantic period"], "en") is None
    assert script_mismatch(["用 numpy.linalg.svd 计算矩阵的奇异值分解。返回结果"], "zh") is None
    assert script_mismatch(["lone surrogate \ud800 and words of more than twenty letters"], "en") is None


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", "Latin"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}", "Latin"),
        ("ж", "Cyrillic"),
        ("\N{HALFWIDTH KATAKANA LETTER KA}", "Katakana"),
        ("語", "Han"),
        ("한", "Hangul"),
        ("1", ""),
    ],
)
def test_script_of(character: str, script: str) -> None:
    assert script_of(character) == script
