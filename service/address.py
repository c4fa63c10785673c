"""Address: the socket that the service listens on; this machine alone, unless somebody insists."""

from __future__ import annotations

import ipaddress
import socket

from tamis.errors import InvalidInput

BACKLOG = 2_048
"""Connections that may wait to be accepted."""


def bind(host: str, port: int, public: bool = False) -> socket.socket:
    """Open a socket on the first address that `host` stands for; port 0 takes a free one.

    Raises:
        InvalidInput: no such host, the port is taken, or other machines could reach it and `public` is not set.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"cannot listen on host {host!r}: {error}; give an address such as 127.0.0.1") from None
    family, kind, _, _, where = found[0]
    if not public and not ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback:
        raise InvalidInput(
            f"host {host!r} ({where[0]}) can be reached from other machines, and no API key is set; set one "
            "(`tamis keys new`), use 127.0.0.1 behind a proxy that asks who is there, or insist with --insecure"
        )
    # asyncio sets TCP_NODELAY only where the protocol is named; without it, every answer waits 40 ms for an ACK.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidInput(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another, or 0 for a free one"
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Write a socket's address as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
