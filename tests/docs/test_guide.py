"""Every command of the guide: it runs, page by page from top to bottom; or its page says why not, and it exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tamis.cli.main import app

from .conftest import Shell, link_tree
from .pages import ALL, COMMAND, PAGES, PYTHON, ROOT, SHELL, Block

BEFORE = {
    "first-index.md": "tamis index build pydocs --out pydocs --rebuild",
    "pruning.md": "tamis index build ./corpus --out idx",
    "report.md": """
tamis eval run pydocs pydocs --out results/first
tamis eval run pydocs pydocs --without dense --out results/sparse
tamis eval ablate pydocs pydocs --out results/ablation
tamis eval run scifact ./scifact --out results/a
tamis eval run scifact ./scifact --without dense --out results/b
""",
}
"""What a page takes as done, which other pages say how to do."""

SLOW = {"README.md", "blend.md", "cookbook.md", "corpus-formats.md", "evaluation.md", "first-index.md", "models.md",
        "pruning.md", "report.md", "reranking.md", "tuning.md"}  # fmt: skip
"""Pages that take more than a few seconds."""

RUN = [block for block in ALL if block in (*SHELL, *PYTHON) and not block.not_run]


def test_blocks_are_found() -> None:
    assert len(SHELL) > 50 and len(PYTHON) > 10 and len(RUN) > 40


def test_no_command_hides_in_another_kind_of_block() -> None:
    hidden = [str(block) for block in ALL if COMMAND.search(block.text) and block not in (*SHELL, *PYTHON)]
    assert not hidden


def test_each_mark_stands_above_a_block() -> None:
    marks = sum(page.read_text(encoding="utf-8").count("<!-- not run") for page in PAGES)
    assert marks == sum(block.not_run is not None for block in (*SHELL, *PYTHON))


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_each_command_exists_and_takes_these_arguments(block: Block, tmp_path: Path) -> None:
    for words in block.commands():
        command: Any = get_command(app)
        rest = list(words)
        name = "tamis"
        while hasattr(command, "commands"):
            name = rest.pop(0)
            assert name in command.commands, f"no command {name!r}"
            command = command.commands[name]
        command.make_context(name, rest).close()


@pytest.mark.parametrize("block", [block for block in PYTHON if block.not_run], ids=str)
def test_python_that_is_not_run_can_be_read(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=pytest.mark.slow if page.name in SLOW else ())
        for page in dict.fromkeys(block.page for block in RUN)
    ],
)
def test_each_page_runs(
    page: Path,
    guide: Path,
    tmp_path: Path,
    shell: Shell,
    services: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link_tree(guide, tmp_path)
    monkeypatch.chdir(tmp_path)
    shell(BEFORE.get(page.name, ""), tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}  # a page's blocks go on from each other
    for block in (block for block in RUN if block.page == page):
        if block in SHELL:
            shell(block.text, tmp_path)
        else:
            text = block.text
            for said, meant in services.items():
                text = text.replace(said, meant)
            exec(compile("\n" * block.line + text, str(page.relative_to(ROOT)), "exec"), names)
