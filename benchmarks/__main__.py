"""Run every benchmark in turn and write RESULTS.md: `make bench`, about an hour on two cores."""

from __future__ import annotations

import subprocess
import sys

MODULES = (
    "sparse",
    "encoder",
    "effectiveness",
    "dense",
    "memory",
    "frame",
    "evaluation",
    "features",
    "pruning",
    "tiers",
    "quality",
    "quality_proof",
    "service",
    "service_cpu",
    "service_budget",
    "service_overload",
    "service_reload",
    "reranker_serving",
    "portable_blend",
    "updating",
    "cold",
)


def main() -> None:
    """Run those that are named, or all; each in a process of its own."""
    for name in sys.argv[1:] or MODULES:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--record"], check=True)


if __name__ == "__main__":
    main()
