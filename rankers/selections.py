"""Selections: filters to masks over the passages of one index; the last few are remembered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pydantic import ValidationError

from tamis.errors import InvalidInput
from tamis.indexer.filters import FILTER, Filter, Mask, select
from tamis.indexer.passages import PassageStore

REMEMBERED = 16
"""Masks that are kept, of a byte for each passage: services are asked the same few filters again and again."""


class Selections:
    """Which passages fulfil a filter. Safe to use from several threads."""

    def __init__(self, passages: PassageStore, columns: Mapping[str, str]) -> None:
        self._passages = passages
        self._columns = columns
        self._remembered = lru_cache(REMEMBERED)(self._select)

    def of(self, asked: Filter | Mapping[str, object]) -> Mask:
        """Say of every passage whether it fulfils a filter, given as such or as the JSON object that it is.

        Raises:
            InvalidInput: it is no filter, or does not fit the columns.
        """
        try:
            checked = FILTER.validate_python(asked)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "at its top"
            raise InvalidInput(f"this is no filter: {where}: {first['msg']}") from None
        return self._remembered(FILTER.dump_json(checked))

    def _select(self, asked: bytes) -> Mask:
        mask = select(FILTER.validate_json(asked), self._passages, self._columns)
        mask.setflags(write=False)  # it is shared
        return mask
