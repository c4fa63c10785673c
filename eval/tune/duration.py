"""Durations as people write them, such as `80ms`."""

from __future__ import annotations

import math
import re

from tamis.errors import InvalidInput

FORM = re.compile(r"\s*(?P<number>[0-9]+(\.[0-9]*)?|\.[0-9]+)\s*(?P<unit>ms|s)\s*")
MILLISECONDS = {"ms": 1.0, "s": 1_000.0}


def parse_duration(text: str) -> float:
    """Read a duration, such as `80ms` or `0.5 s`, as milliseconds.

    Raises:
        InvalidInput: it is no number with a unit, or it is not above 0.
    """
    found = FORM.fullmatch(text)
    if not found:
        raise InvalidInput(f"cannot read {text!r} as a duration; expected a number and `ms` or `s`, such as 80ms")
    milliseconds = float(found["number"]) * MILLISECONDS[found["unit"]]
    if not 0 < milliseconds < math.inf:
        raise InvalidInput(f"the duration {text!r} must be finite and above 0")
    return milliseconds
