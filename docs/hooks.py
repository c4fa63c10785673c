"""What the guide takes from outside its folder: the measured results."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

RESULTS = "../benchmarks/RESULTS.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the results as a page."""
    path = Path(config.docs_dir, RESULTS).resolve()
    files.append(File.generated(config, "results.md", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to the file lead to that page."""
    return markdown.replace(f"({RESULTS}", "(results.md")
