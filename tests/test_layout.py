from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("eval", "indexer", "integrations", "models", "rankers", "service", "training")


@pytest.mark.parametrize("name", FOLDERS)
def test_the_import_root_links_to_the_real_folder(name: str) -> None:
    """A checkout without symbolic links has text files there instead, and nothing can be imported."""
    link = ROOT / "src" / "tamis" / name
    message = f"src/tamis/{name} must be a link to ../../{name}; run: git config core.symlinks true && git checkout ."
    assert link.is_symlink(), message
    assert link.resolve() == ROOT / name, message


def test_the_public_face_is_light() -> None:
    """`import tamis` must start neither torch nor a JVM, nor load the engines."""
    import subprocess
    import sys

    probe = "import sys, tamis; print([m for m in ('torch', 'jnius', 'faiss', 'onnxruntime') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
