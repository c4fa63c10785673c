"""The loop of a peer's worker: requests in, answers out, a line of JSON each. Needs Python alone.

A request is `{"do": NAME, ...arguments}`. The answer holds `value`, and the `seconds` and `cpu_seconds` that the work
itself took, without reading, writing and waiting; or `error`. The worker ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any


def serve(work: Mapping[str, Callable[..., Any]], prepare: Mapping[str, Callable[[Any], Any]] | None = None) -> None:
    """Answer until standard input ends.

    Args:
        work: what can be done, by name; a request's other values are its arguments. This is timed.
        prepare: by name, what makes JSON of its result; not timed.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not stand among the answers
    for line in sys.stdin:
        request = json.loads(line)
        name = request.pop("do")
        try:
            clock, cpu = time.perf_counter(), time.process_time()
            value = work[name](**request)
            seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
            value = prepare[name](value) if prepare and name in prepare else value
            answer = {"value": value, "seconds": seconds, "cpu_seconds": cpu_seconds}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
