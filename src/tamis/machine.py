"""What of the machine this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Count the processor cores that this process may run on: fewer than the machine's in a container."""
    return len(os.sched_getaffinity(0))
