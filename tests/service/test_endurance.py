"""What takes minutes: requests made up from the document of the API, a huge body, and half an hour of searches."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .test_serve import started, wait_until_ready

CASES = 10_000
MINUTES = float(os.environ.get("TAMIS_SOAK_MINUTES", "30"))
WARM_UP_MINUTES = 5


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_a_body_of_64_mb_in_chunks_takes_no_memory(tamis: list[str]) -> None:
    """It is refused while it arrives: the service never holds more than its limit."""
    chunk = b" " * 65_536
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1_024):
            sent += len(chunk)
            yield chunk

    with started(tamis) as (process, url):
        wait_until_ready(url)
        httpx.post(f"{url}/v1/search", json={"query": "sort a list"})
        before = resident(process.pid)
        answer = httpx.post(f"{url}/v1/search", content=chunks(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
        assert resident(process.pid) - before < 16 << 20
        assert httpx.post(f"{url}/v1/search", json={"query": "sort a list"}).status_code == 200


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_requests_made_up_from_the_document_are_answered_as_it_says(url: str) -> None:
    """Never a 500, 503 and 504 only as declared, every answer of its declared shape."""
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    varied = [operation for operation in operations if operation.body or [*operation.iter_parameters()]]
    each = -(-CASES // len(varied))  # the others can be asked in one way only
    asked: Counter[str] = Counter()

    for operation in operations:

        @settings(
            max_examples=each,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(operation.as_strategy(), operation.as_strategy()))
        def check(case: Any) -> None:
            asked[case.operation.label] += 1
            response = case.call(base_url=url)
            assert response.status_code not in (500, 502), response.text
            case.validate_response(
                response,
                checks=[
                    schemathesis.checks.not_a_server_error,
                    schemathesis.specs.openapi.checks.response_schema_conformance,
                    schemathesis.specs.openapi.checks.content_type_conformance,
                ]
                if response.status_code < 500
                else [schemathesis.specs.openapi.checks.response_schema_conformance],
            )

        check()
    assert asked.total() >= CASES and len(asked) == len(operations), asked


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_half_an_hour_of_searches_takes_no_memory(tamis: list[str], tiny_index: Path) -> None:
    """After a warm-up the resident memory grows by less than 3 %; set TAMIS_SOAK_MINUTES for another length."""
    words = [line.split() for line in Path(__file__).read_text().splitlines() if line.split()]
    with started(tamis) as (process, url), httpx.Client(base_url=url, timeout=60) as client:
        wait_until_ready(url)
        begin, number, before = time.monotonic(), 0, 0
        warm = begin + 60 * min(WARM_UP_MINUTES, MINUTES / 2)
        while time.monotonic() < begin + 60 * MINUTES:
            number += 1
            query = " ".join(words[number % len(words)] + words[number * 7 % len(words)])[:500] or "list"
            assert client.post("/v1/search", json={"query": query, "k": 1 + number % 50}).status_code == 200
            if not before and time.monotonic() > warm:
                before = resident(process.pid)
        assert resident(process.pid) < 1.03 * before
