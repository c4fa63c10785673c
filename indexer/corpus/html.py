"""Main text and title of a web page, by trafilatura; the only module that imports it."""

from __future__ import annotations

import codecs
import logging
import re

from .lines import BOM

CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""")
READ_AS = {"iso-8859-1": "cp1252", "latin1": "cp1252"} | dict.fromkeys(
    ["utf-16", "utf-16le", "utf-16be", "utf-16-le", "utf-16-be"], "utf-8"
)
"""What browsers take a declaration for (WHATWG): a page that says utf-16 in ASCII letters is not."""

DECLARED_WITHIN = 2048
"""Bytes from the start in which HTML lets a page declare its character set."""


def decode_page(data: bytes) -> str:
    """Decode a page by the character set that it declares, else as UTF-8.

    Raises:
        UnicodeDecodeError: the bytes are not what they are declared to be.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    declared = CHARSET.search(data[:DECLARED_WITHIN])
    encoding = declared[1].decode("ascii").lower() if declared else "utf-8"
    try:
        return data.removeprefix(BOM).decode(READ_AS.get(encoding, encoding))
    except LookupError:
        return data.removeprefix(BOM).decode()


def extract(page: str) -> tuple[str, str]:
    """Give title and main text of a page; of a page too small to have a main part, all its text.

    Raises:
        ValueError: the page cannot be parsed.
    """
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # a page without main text is no news: see below
    try:
        found = trafilatura.bare_extraction(
            page,
            with_metadata=True,
            include_comments=False,
            favor_recall=True,
            date_extraction_params={"extensive_search": False, "original_date": False},
        )
    except Exception as error:  # a parser of other people's pages meets what its authors did not foresee
        raise ValueError(f"cannot be read as HTML: {error}") from error
    title, text = ("", "") if found is None or isinstance(found, dict) else (found.title or "", found.text or "")
    if not (title.strip() and text.strip()):
        whole_title, whole_text = _everything(page)
        title, text = title.strip() or whole_title, text.strip() or whole_text
    return title.strip(), text.strip()


def _everything(page: str) -> tuple[str, str]:
    from lxml import etree, html  # type: ignore[import-untyped]

    try:
        tree = html.document_fromstring(page.encode(), parser=html.HTMLParser(encoding="utf-8"))
    except (etree.LxmlError, ValueError):  # lxml's word for an empty document
        return "", ""
    title = tree.findtext(".//title") or ""
    for element in tree.xpath("//script | //style | //head | //noscript"):
        element.drop_tree()
    lines = (" ".join(line.split()) for line in tree.itertext())
    return " ".join(title.split()), "\n".join(line for line in lines if line)
