"""Digests against published values, and canonical JSON."""

from __future__ import annotations

from pathlib import Path

from tamis.models.digest import sha256_file, sha256_json

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_file_digest_is_the_published_one_of_abc(tmp_path: Path) -> None:
    """FIPS 180-2, appendix B.1."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc") == ABC


def test_json_digest_ignores_the_order_of_keys_only() -> None:
    first = sha256_json({"a": 1, "b": [1, 2]})
    assert first == sha256_json({"b": [1, 2], "a": 1})
    assert first != sha256_json({"b": [2, 1], "a": 1})


def test_json_digest_is_over_the_compact_text(tmp_path: Path) -> None:
    (tmp_path / "text").write_text('{"a":"ü","b":1}', encoding="utf-8")
    assert sha256_json({"b": 1, "a": "ü"}) == sha256_file(tmp_path / "text")
