"""One search from the command line, from nothing: start Python and Java, verify and open the index, answer.

python -m benchmarks.cold [--record]
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from .corpora import pydocs_index
from .harness import Result, alternate, median, record


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the table to RESULTS.md")
    options = parser.parse_args()
    command = [sys.executable, "-m", "tamis.cli", "search", str(pydocs_index()), "how do I sort a list", "--explain"]
    seconds = alternate({"search": lambda: subprocess.run(command, check=True, capture_output=True)}, rounds=7)
    rows = [["tamis search, Lucene", f"{median(seconds['search']):.2f}", f"{max(seconds['search']):.2f}"]]
    print(*rows[0])
    if options.record:
        header = ("command", "median s", "longest s")
        remarks = f"Asked: under 3 s on the demo index; the median is {rows[0][1]} s."
        record(Result("cold", "A search from nothing", "python -m benchmarks.cold --record", header, rows, remarks))


if __name__ == "__main__":
    main()
