"""The guide as web pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .pages import ROOT

SHIPPED = {"results.md"}
"""Pages that come from outside the folder."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command: list[str | Path] = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _leaves(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [leaf for item in (nav.values() if isinstance(nav, dict) else nav) for leaf in _leaves(item)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = _leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted({path.name for path in (ROOT / "docs").glob("*.md")} | SHIPPED)


def test_pages_ask_no_other_host(site: Path) -> None:
    pages = list(site.glob("*.html"))
    assert len(pages) > 20
    loads = re.compile(r"""(?:<(?:script|img|iframe)\b[^>]*\bsrc|<link\b[^>]*\bhref)=["'](?:https?:)?//[^"']+""")
    assert not [found for page in pages for found in loads.findall(page.read_text(encoding="utf-8"))]
    styles = [path.read_text(encoding="utf-8", errors="replace") for path in site.rglob("*.css")]
    assert styles and not [found for style in styles for found in re.findall(r"url\(\s*['\"]?(?:https?:)?//", style)]


def test_the_results_are_a_page(site: Path) -> None:
    assert "RESULTS.md" not in (site / "first-index.html").read_text(encoding="utf-8")
    assert 'href="results.html"' in (site / "first-index.html").read_text(encoding="utf-8")
    assert "<table>" in (site / "results.html").read_text(encoding="utf-8")
