"""Forward indexes that the tests build and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from tamis.indexer.forward.build import build_forward
from tamis.indexer.forward.layout import ForwardSettings
from tamis.indexer.passage import Passage

MakeForward = Callable[[list[tuple[str, str]]], Path]
"""Titles and texts to the folder of a forward index."""


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WordPiece tokenizer of letters and a few whole words."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,"
    pieces = ["[UNK]", *letters, *(f"##{letter}" for letter in letters), "the", "cat", "##s", "dog", "run", "##ning"]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="session")
def make_forward(tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeForward:
    """Build the forward index of a few passages."""

    def make(passages: list[tuple[str, str]]) -> Path:
        folder = tmp_path_factory.mktemp("forward") / "forward"
        stream = (Passage(str(row), str(row), title, text) for row, (title, text) in enumerate(passages))
        build_forward(stream, ForwardSettings("en", tokenizer_file), folder, lambda done: None)
        return folder

    return make
