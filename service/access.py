"""Access: who may ask what. Every address that is not listed as public needs a key, unknown ones too."""

from __future__ import annotations

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from .errors import envelope
from .keys import Keys, Scope

PUBLIC = frozenset({"/livez", "/readyz", "/healthz", "/health", "/v1/health/live", "/v1/health/ready", "/"})
PUBLIC_FOLDER = "/playground/"
"""The playground's files: the page asks for a key itself, and sends it with what it asks."""

ADMIN_FOLDER = "/v1/admin/"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class AccessMiddleware:
    """Answers 401, 403 and 421 before a byte of the body is read."""

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Collection[str]) -> None:
        """Ask for `keys`, and be spoken to by one of the names in `hosts` alone; empty: by any name."""
        self.app = app
        self.keys = keys
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        refused = self.refused(scope) if scope["type"] == "http" else None
        if refused is None:
            await self.app(scope, receive, send)
            return
        status, message = refused
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        code = {401: "no_access", 403: "not_allowed", 421: "unknown_host"}[status]
        await envelope(scope, status, code, message, headers=headers)(scope, receive, send)  # type: ignore[arg-type]

    def refused(self, scope: AsgiScope) -> tuple[int, str] | None:
        """Return status and message for a request that may not ask; None: it may."""
        if self.hosts and (name := _host(scope)) not in self.hosts:
            # A page on the web that makes its own name point here would else read every answer.
            return 421, (
                f"this service is not called {name[:64]!r}; it answers to {', '.join(sorted(self.hosts))}; "
                "`service.allowed_hosts` adds names"
            )
        needed = needed_scope(scope["path"])
        if needed is None or (needed == "search" and not self.keys):
            return None
        if not self.keys:
            return 403, "administration needs a key, and this service was started without any; see docs/http.md"
        key = self.keys.find(_given(scope))
        if key is None:
            return 401, "a key is needed: send the header Authorization: Bearer KEY"
        if needed not in key.scopes:
            return 403, f"key {key.name!r} has not the scope {needed!r}"
        scope["state"]["key"] = key.name
        return None


def needed_scope(path: str) -> Scope | None:
    """Say what scope an address needs; None: it is public."""
    if path in PUBLIC or path.startswith(PUBLIC_FOLDER):
        return None
    return "admin" if path.startswith(ADMIN_FOLDER) else "search"


def allowed_hosts(host: str, allowed: Collection[str], keys: Keys) -> tuple[str, ...]:
    """Say which names the service answers to: those of the configuration; else, without keys, this machine's own."""
    if allowed:
        return () if "*" in allowed else tuple(allowed)
    if keys or host not in {*LOOPBACK_NAMES, "::1"}:
        return ()
    return LOOPBACK_NAMES


def _host(scope: AsgiScope) -> str:
    """Return the name of the header Host, without its port."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    name, colon, port = given.rpartition(":")
    return (name if colon and port.isdigit() else given).lower()


def _given(scope: AsgiScope) -> str:
    """Return the key of a request, from the headers alone: addresses end up in logs."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    kind, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get(b"x-api-key", b"").decode("latin-1").strip()
