"""What programs try with all kinds of arguments: to connect, to listen, to look up; on the loopback only."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable
from typing import Any

from loopcheck.compare.script import Script, Told, _End
from loopcheck.kit.ports import free_port


class Attempts(_End):
    """What is tried, and the ports for that.

    Args:
        run: the run that it belongs to.
        name: its name.
    """

    def __init__(self, run: Script, name: str) -> None:
        super().__init__(run, name)
        self.under_way = 0
        self.held = contextlib.ExitStack()
        self.port: dict[str, int] = {}

    @property
    def refusing(self) -> int:
        """A port that refuses, whoever connects."""
        if "refusing" not in self.port:
            self.port["refusing"] = self.held.enter_context(free_port("127.0.0.1", *_version_6()))
        return self.port["refusing"]

    @property
    def listening(self) -> int:
        """A port that somebody listens at, at 127.0.0.1 alone."""
        if "listening" not in self.port:
            port = self.held.enter_context(free_port("127.0.0.1", *_version_6()))
            self.held.enter_context(socket.create_server(("127.0.0.1", port)))
            self.port["listening"] = port
        return self.port["listening"]

    @property
    def stream(self) -> socket.socket:
        """A socket that is not connected."""
        return self.held.enter_context(socket.socket())

    @property
    def datagram(self) -> socket.socket:
        """A socket for datagrams."""
        return self.held.enter_context(socket.socket(type=socket.SOCK_DGRAM))

    async def outcome(self, awaitable: Awaitable[Any]) -> Told:
        """What came of something that was tried: it is closed again."""
        self.under_way += 1
        try:
            return Told(self.described(await awaitable))
        finally:
            self.under_way -= 1

    def described(self, value: Any) -> str:
        """What is to be told of a transport with its protocol, of a server, and of what was looked up."""
        if hasattr(value, "sockets"):
            text = ", ".join(sorted(map(_kind, value.sockets)))
            value.close()
            return f"a server on {text}"
        if isinstance(value, tuple) and hasattr(value[0], "get_extra_info"):
            sock, peer = (value[0].get_extra_info(what) for what in ("socket", "peername"))
            value[0].abort()
            known = {port: name for name, port in self.port.items()}
            to = f"{peer[0]}, {known.get(peer[1], peer[1])}" if peer else "nobody"
            return f"{_kind(sock)} to {to}"
        if isinstance(value, list):
            return str([(int(family), int(kind), *more) for family, kind, *more in value])
        return str(value)

    def moves(self) -> bool:
        """Wait a little if something is under way: names are looked up in another thread."""
        return self.under_way > 0 and self.nap()

    def dispose(self) -> None:
        self.held.close()
        super().dispose()


def _kind(sock: Any) -> str:
    """The family and the type of a socket, which need not be members of an enum."""
    return f"{socket.AddressFamily(sock.family).name} {socket.SocketKind(sock.type).name}"


def _version_6() -> list[str]:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return []
    return ["::1"]
