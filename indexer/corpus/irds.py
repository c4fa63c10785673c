"""Collections that ir-datasets provides: `irds:beir/scifact/test`; found and downloaded by that library."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tamis.errors import CorpusError, MissingPrerequisite, NotFound

from .raw import Missing, Raw

PREFIX = "irds:"
NO_TEXT = Missing("default_text(), or one of the fields `text`, `body`, `contents`")


def load_dataset(id: str) -> Any:  # noqa: A002
    """Open a data set by its id, without the prefix; nothing is downloaded yet.

    Raises:
        MissingPrerequisite: ir-datasets is not installed.
        NotFound: it knows no such id.
    """
    try:
        # not before it is asked for: the import makes the library's home, ~/.ir_datasets (or IR_DATASETS_HOME)
        import ir_datasets
    except ModuleNotFoundError as error:
        raise MissingPrerequisite(f"{PREFIX}{id} needs ir-datasets ({error}); pip install 'tamis[eval]'") from None
    try:
        return ir_datasets.load(id)
    except KeyError:
        near = difflib.get_close_matches(id, list(ir_datasets.registry), n=3, cutoff=0.5)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise NotFound(f"ir-datasets knows no {id!r}{hint}; all ids: https://ir-datasets.com") from None


def read_irds(id: str) -> Iterator[Raw]:  # noqa: A002
    """Yield the documents of a data set in its order, each with title, text and `url` where it has them.

    Raises:
        CorpusError: the data set has no documents, or they cannot be got.
        MissingPrerequisite: the data set needs a library that is not installed.
    """
    dataset = load_dataset(id)
    if not dataset.has_docs():
        raise CorpusError(f"{PREFIX}{id} has no documents of its own; name one that has, such as {id}/...")
    with named_failures(id):
        for number, document in enumerate(dataset.docs_iter(), start=1):
            title, text = title_and_text(document)
            url = getattr(document, "url", None)
            fields = {"url": url} if isinstance(url, str) and url else {}
            yield Raw(PREFIX + id, number, document.doc_id, title, text, fields, text)


def title_and_text(document: Any) -> tuple[str, object]:
    """Split what ir-datasets says is a document's text into its title and the rest.

    `default_text()` is that library's own word on which fields to index; most begin with the title.
    """
    title = getattr(document, "title", None)
    title = title if isinstance(title, str) else ""
    if not hasattr(document, "default_text"):
        fields = (getattr(document, name, None) for name in ("text", "body", "contents"))
        return title, next((value for value in fields if value is not None), NO_TEXT)
    text = document.default_text()
    if isinstance(text, str) and text.startswith(f"{title} "):
        return title, text[len(title) + 1 :]
    return "", text


@contextmanager
def named_failures(id: str) -> Iterator[None]:  # noqa: A002
    """Turn what goes wrong while a data set is got and read (network, disk, format) into one of our errors."""
    try:
        yield
    except ImportError as error:
        raise MissingPrerequisite(f"{PREFIX}{id}: {error}") from error
    except (OSError, RuntimeError, ValueError, LookupError) as error:
        raise CorpusError(
            f"{PREFIX}{id} cannot be read: {type(error).__name__}: {error}. "
            "ir-datasets downloads it on first use, or says where a copy that you hold must be put"
        ) from error
