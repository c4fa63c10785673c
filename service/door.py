"""Door: while no search can be admitted, requests for one are refused before they are parsed, at a tenth of the cost.

Under five times the load that a service can carry, four of five requests are refusals, and each one that goes through
parser, middleware and router takes time from the searches. Only what is surely one whole request for a search is
answered here, or given a place that is kept for it and handed to the app as it is; whatever else comes takes the
ordinary way through the parser, which refuses it too, if it must.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import formatdate

import orjson

from .access import AccessMiddleware
from .access_log import log_request
from .errors import RequestError, error_body
from .headers import CACHE, HEADERS
from .metrics import UNROUTED, Metrics
from .request_id import request_id_of
from .workers import Place, Workers

HEAD = re.compile(
    rb"(GET|POST) ((?:/v1)?/search|/v1/msearch)(?:\?([!-~]*))? HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t!-~]*\r\n)+)\r\n"
)
ORDINARY = frozenset({b"connection", b"expect", b"transfer-encoding", b"upgrade"})
"""Headers that change how a request is read or answered; those that bear one take the ordinary way."""
DIGITS = re.compile(rb"[0-9]{1,6}")
LARGEST = 16_384
"""Bytes of a request that may be looked at."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A search that is here as a whole, and the place that is kept for it."""

    place: Place
    method: str
    path: str
    query_string: bytes
    headers: list[tuple[bytes, bytes]]
    """Names in lower case."""
    body: bytes


class Door:
    """Gives places to searches, and answers those that there are none for."""

    def __init__(self, workers: Workers, metrics: Metrics, access: AccessMiddleware) -> None:
        """Refuse what `workers` have no place for, and that only to those whom `access` lets search."""
        self._workers, self._metrics, self._access = workers, metrics, access
        fixed = {**HEADERS, CACHE[0].decode(): CACHE[1].decode(), "content-type": "application/json"}
        self._fixed = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())

    def receive(self, data: bytes) -> Arrived | bytes | None:
        """Return the search in `data` with a place, the whole answer 429 where there is none, or None for all else.

        Args:
            data: what a connection received between two requests.
        """
        start = time.perf_counter()
        found = HEAD.match(data) if len(data) <= LARGEST else None
        if found is None:
            return None
        lines = [line.partition(b":") for line in found[4].split(b"\r\n")[:-1]]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        length = headers.get(b"content-length", b"0")
        whole = DIGITS.fullmatch(length) and int(length) == len(data) - found.end()
        if not whole or len(headers) < len(lines) or b"host" not in headers or not headers.keys().isdisjoint(ORDINARY):
            return None
        method, path = found[1].decode(), found[2].decode()
        given = [*headers.items()]
        if self._access.refused({"type": "http", "path": path, "headers": given, "state": {}}):
            return None
        if (place := self._workers.place()) is not None:
            return Arrived(place, method, path, found[3] or b"", given, data[found.end() :])
        request_id = request_id_of(headers.get(b"x-request-id", b""))
        try:
            self._workers.check_room()
        except RequestError as error:
            answer = self._answer(error, request_id)
        else:
            return None
        self._metrics.requests.labels(UNROUTED, 429).inc()
        self._metrics.duration.labels(UNROUTED).observe(time.perf_counter() - start)
        log_request(method, path, 429, start, request_id)
        return answer

    def _answer(self, error: RequestError, request_id: str) -> bytes:
        body = orjson.dumps(error_body(error.status, error.code, str(error), request_id=request_id))
        head = "".join(f"{name.lower()}: {value}\r\n" for name, value in (error.headers or {}).items())
        return (
            f"HTTP/1.1 {error.status} Too Many Requests\r\ndate: {formatdate(usegmt=True)}\r\n{self._fixed}{head}"
            f"x-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode("latin-1") + body
