"""A bundle's tokenizer, as the `tokenizers` library reads it."""

from __future__ import annotations

from tokenizers import Tokenizer

from tamis.errors import DamagedFile

from .bundle import ModelBundle


def load_tokenizer(bundle: ModelBundle) -> Tokenizer:
    """Load a bundle's tokenizer, with neither padding nor truncation.

    Raises:
        DamagedFile: the file is no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
    except Exception as error:  # the library raises plain Exception
        raise DamagedFile(f"{bundle.tokenizer} is not a tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def highest_id(tokenizer: Tokenizer) -> int:
    """Give the highest token id that a tokenizer knows."""
    return int(max(tokenizer.get_vocab(with_added_tokens=True).values()))
