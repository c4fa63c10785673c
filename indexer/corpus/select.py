"""The documents of some ids, found in one pass over a corpus that has no index."""

from __future__ import annotations

from collections.abc import Callable, Collection

from tamis.errors import InvalidInput

from ..passage import BadRecord, Document
from .open import Corpus
from .raw import Meter
from .validate import Validator

SHOWN = 10


def select(corpus: Corpus, ids: Collection[str], progress: Callable[[int], None] | None = None) -> dict[str, Document]:
    """Read the documents with these ids; nothing else is held, and the pass ends when all were found.

    Args:
        corpus: where to look; of several records with one id, the first that can be indexed is taken.
        ids: what to look for.
        progress: called with the number of documents found so far.

    Raises:
        InvalidInput: some ids are not in the corpus, or their records cannot be indexed; ten are named.
    """
    wanted = set(ids)
    found: dict[str, Document] = {}
    faults: dict[str, str] = {}
    validator = Validator(corpus.config)
    for item in corpus.raw(Meter()) if wanted else ():
        if isinstance(item, BadRecord) or str(item.id) not in wanted:
            continue
        record = validator.check(item)
        if isinstance(record, BadRecord):
            faults.setdefault(str(item.id), record.reason)
            continue
        found[record.id] = record
        if progress is not None:
            progress(len(found))
        if len(found) == len(wanted):
            break
    _check_found(corpus, wanted - found.keys(), len(wanted), faults)
    return found


def _check_found(corpus: Corpus, missing: set[str], asked: int, faults: dict[str, str]) -> None:
    if missing:
        first = sorted(missing)[:SHOWN]
        named = ", ".join(f"{one!r} ({faults[one]})" if one in faults else repr(one) for one in first)
        more = ", ..." if len(missing) > SHOWN else ""
        raise InvalidInput(f"{len(missing)} of {asked} passages are not in {corpus.name} or not usable: {named}{more}")
