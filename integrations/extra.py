"""A framework that is not installed, said with the command that installs it."""

from __future__ import annotations

from tamis.errors import MissingPrerequisite


def missing(framework: str, extra: str) -> MissingPrerequisite:
    """Make the error of an adapter whose framework cannot be imported."""
    return MissingPrerequisite(f"this adapter needs {framework}; pip install 'tamis[{extra}]'")
