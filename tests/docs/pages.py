"""The guide's pages and what they tell the reader to type."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

MARK = re.compile(r"<!-- not run: (.+?) -->")
COMMAND = re.compile(r"^(?:tamis|curl|pip|make|python) ", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None
    """The reason, from the comment above."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    def commands(self) -> list[list[str]]:
        """List the commands of `tamis` in a shell's block, each without that word and without redirections."""
        lines = self.text.replace("\\\n", " ").splitlines()
        found = [shlex.split(line.split(" >> ")[0].rstrip(" &"), comments=True) for line in lines]
        bare = [words[next((n for n, word in enumerate(words) if "=" not in word), 0) :] for words in found if words]
        return [words[1:] for words in bare if words[:1] == ["tamis"]]


def blocks(page: Path) -> list[Block]:
    """List a page's fenced blocks."""
    found: list[Block] = []
    reason: str | None = None
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            assert token.map is not None
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, reason))
        mark = MARK.fullmatch(token.content.strip()) if token.type == "html_block" else None
        reason = mark.group(1) if mark else None
    return found


ALL = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in ALL if block.language == "sh" or (not block.language and COMMAND.search(block.text))]
PYTHON = [block for block in ALL if block.language == "python"]
