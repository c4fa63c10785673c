"""A service whose reranker takes seconds: the real pipeline, with a sleep before the model. For `service_budget`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from tamis.config import load_config
from tamis.rankers.engine import Engine
from tamis.rankers.ranking import Candidates, Query
from tamis.rankers.stages import Rescored, Rescorer, Stoppable
from tamis.service.serve import serve

SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Slow:
    """Waits before the real reranker, which cannot be stopped meanwhile; what nobody waits for then is not read."""

    rescorer: Rescorer
    stoppable: ClassVar[bool] = True

    def rescore(
        self, queries: Sequence[Query], candidates: Sequence[Candidates], stop: Callable[[], bool] | None = None, /
    ) -> Rescored:
        """Wait, then ask the real one."""
        time.sleep(SECONDS)
        if isinstance(self.rescorer, Stoppable):
            return self.rescorer.rescore(queries, candidates, stop)
        return self.rescorer.rescore(queries, candidates)


def main() -> None:
    """Serve an index as `tamis serve` does, but slowly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--config", type=Path)
    options = parser.parse_args()
    config = load_config(options.config, {"service.port": options.port})

    def opened() -> Engine:
        engine = Engine.open(options.index, config.pipeline)
        if engine.pipeline.rerank is None:
            raise SystemExit("the configuration names no reranker")
        engine.pipeline = replace(engine.pipeline, rerank=Slow(engine.pipeline.rerank))
        return engine

    serve({"slow": opened}, config.service, lambda line: print(line, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
