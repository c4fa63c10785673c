"""The address: this machine alone, unless somebody insists."""

from __future__ import annotations

import socket

import pytest

from tamis.errors import InvalidInput
from tamis.service.address import address, bind


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.5.5.5"])
def test_loopback_gets_a_free_port(host: str) -> None:
    with bind(host, 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert address(listener).endswith(f":{port}")
        assert listener.proto == socket.IPPROTO_TCP  # else asyncio leaves Nagle's algorithm on


def test_an_ipv6_address_is_written_in_brackets() -> None:
    try:
        listener = bind("::1", 0)
    except InvalidInput as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listener:
        assert address(listener).startswith("http://[::1]:")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "8.8.8.8"])
def test_what_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match=r"can be reached from other machines.*--insecure"):
        bind(host, 0)


def test_insecure_insists() -> None:
    with bind("0.0.0.0", 0, public=True) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_a_port_that_is_taken_is_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"port {port}: .*in use.*0 for a free one"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1", "x" * 300])
def test_no_such_host(host: str) -> None:
    with pytest.raises(InvalidInput, match="cannot listen on host"):
        bind(host, 0)
