"""Connections with TLS in programs with input and output: the other end is TLS by hand over its plain socket.

What it does of the handshake, it does when nothing else happens any more, in the same thread: so never at once with the
loop. The certificates are the frozen ones, and each context is made once: nobody waits for keys.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from typing import Any

from loopcheck.compare.script import Body, Connection, Peer, Script, Server, SilentPeer, Stream
from loopcheck.kit.frozen import frozen_client, frozen_server

HOST = "localhost"
"""The name that the certificates are for."""

_USUAL = 2**16
"""Bytes. The usual limit of streams."""

_PROTOCOLS = {"client": ["h3", "a", "b"], "server": ["b", "a"]}
"""What each side says of the protocols that it speaks; "b" is what the server chooses."""


@functools.cache
def context(side: str, whose: str = "the loop's") -> ssl.SSLContext:
    """A context for one side, "client" or "server"; not to be changed.

    Args:
        side: the side.
        whose: "a peer's", or that of "a stranger", whom the other side does not trust, or who does not trust it.
    """
    if side == "server":
        made = frozen_server("self_signed" if whose == "a stranger" else "good")
        if whose != "the loop's":
            made.sni_callback = _keep_name
    elif whose == "a stranger":
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
    else:
        made = frozen_client()
    made.set_alpn_protocols(_PROTOCOLS[side])
    if side == "server":
        made.num_tickets = 0  # or who hangs up without having read them resets the connection
    return made


def _keep_name(tls: Any, name: str | None, _: ssl.SSLContext) -> None:
    tls.asked_for = name


def _other(side: str) -> str:
    return "client" if side == "server" else "server"


class SecurePeer(Peer):
    """The other end of TLS: as a peer, and all that it sends and reads is encrypted.

    Args:
        run: the run that it belongs to.
        owner: whose other end it is.
        sock: the socket, which a plain peer may have had before.
        side: "client" or "server".
        manner: how it takes part in the handshake: "plain", or as :data:`words_io.VALUES` has it.
    """

    is_secure = True

    def __init__(self, run: Script, owner: Any, sock: Any, side: str, manner: str) -> None:
        super().__init__(run, owner, sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = context(side, "a stranger" if manner == "stranger" else "a peer's")
        self._notified = False
        """Whether a close_notify has come."""
        self._tls: Any = made.wrap_bio(
            self._in, self._out, server_side=side == "server", server_hostname=HOST if side == "client" else None
        )
        self._manner = manner
        self._state = "waits" if manner == "waits" else "shakes"
        """That of the handshake: "waits" until it is told, "shakes", "done" or "failed"."""

    def moves(self) -> bool:
        """Go on with the handshake; whether something was sent."""
        if self._state != "shakes" or self.closed:
            return False
        ended = not self._fill()
        if self._manner in ("garbage", "hangs up"):
            self._state = "failed"
            if self._manner == "garbage":
                self._raw(b"no TLS\n" * 4)
            else:
                self.sock.close()
            return True
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            if ended:
                self._state = "failed"
        except ssl.SSLError:
            self._state = "failed"
        else:
            self._state = "done"
            self._tell()
            if self._manner == "early":
                self._tls.write(b"early")
        sent = self._flush()
        if self._state == "failed":
            self.sock.close()
        return sent or self._state in ("done", "failed")

    def handshake(self) -> str | None:
        """Begin with the handshake, if that was to wait."""
        if self._state != "waits":
            return "over"
        self._state = "shakes"
        return None

    def send(self, data: bytes) -> None:
        """Send some bytes."""
        if self._ready():
            self._tls.write(data)
            self._flush()

    def read(self) -> list[Any]:
        """All that comes, whether there may be more, and whether that is said by a close_notify."""
        if not self._ready():
            return ["over"]
        told = super().read()
        return told if told == ["over"] else [*told, self._notified]

    def _received(self) -> tuple[bytes, str]:
        got = b""
        self._notified = False
        there = self._fill()
        try:
            while some := self._tls.read(2**20):
                got += some
            self._notified = True
        except ssl.SSLWantReadError:
            return got, "goes on" if there else "ends"
        except ssl.SSLError as error:
            self._notified = isinstance(error, ssl.SSLZeroReturnError)
        if self._notified:
            self._say_goodbye()
        return got, "ends"

    def end(self) -> None:
        """Send close_notify, and no more."""
        if self._ready():
            self._say_goodbye()

    def truncate(self) -> None:
        """Send no more, without a close_notify."""
        self.sock.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Close, with a close_notify."""
        if self._ready():
            self._say_goodbye()
        super().leave()

    def vanish(self) -> None:
        """Read all, and close without a close_notify."""
        self.read()
        self.sock.close()

    def _ready(self) -> bool:
        return self._state == "done" and not self.closed

    def _say_goodbye(self) -> None:
        with contextlib.suppress(ssl.SSLError):  # it wants to read the answer
            self._tls.unwrap()
        self._flush()

    def _fill(self) -> bool:
        """Take what has come; whether there may be more."""
        try:
            while some := self.sock.recv(2**20):
                self._in.write(some)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _flush(self) -> bool:
        data = self._out.read()
        if data:
            self._raw(data)
        return bool(data)

    def _raw(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more
            self.sock.sendall(data)

    def _tell(self) -> None:
        """What is known of the other side once the handshake is done: which protocol was chosen, and whom a client
        asked for."""
        if self._owner.cut:  # its protocol factory fails, perhaps: then nobody promises an end
            return
        told = [self._tls.selected_alpn_protocol(), getattr(self._tls, "asked_for", None)]
        self._run.note(f"{self._owner.name}'s peer", "handshake", ", ".join(map(str, told)))


class Secured(Connection):
    """A transport with TLS and its protocol.

    Args:
        run: the run that it belongs to.
        name: its name.
        side: which side of TLS the loop is.
        manner: how the protocol is, or what the peer does.
        moment: when something is done.
        body: what is done.
        options: more for create_connection() or connect_accepted_socket().
    """

    def __init__(self, run: Script, name: str, side: str, manner: str, moment: str, body: Body, **options: Any) -> None:
        super().__init__(run, name, manner, moment, body, accepted=True)
        sock = self.pair()
        self.disposed.append(sock)
        self.peer = SecurePeer(run, self, self.peer.sock, _other(side), manner)
        usual = {"sock": sock, "ssl": context(side)} | ({"server_hostname": HOST} if side == "client" else {})
        connect = run.loop.create_connection if side == "client" else run.loop.connect_accepted_socket
        run.open(name, self.connect(lambda: connect(self.factory, **usual | options)))


class SecureServer(Server):
    """A server with TLS on a Unix socket.

    Args:
        run: the run that it belongs to.
        name: its name.
        start_serving: whether it accepts at once.
    """

    def __init__(self, run: Script, name: str, *, start_serving: bool) -> None:
        self.options = {"ssl": context("server")}
        super().__init__(run, name, "unix", start_serving=start_serving)

    def is_left_alone(self, code: str) -> bool:
        """Whether the connections below those with TLS are to be closed."""
        return code.endswith(".close_clients()")

    def other_end(self, one: Connection, sock: socket.socket) -> Peer:
        return SecurePeer(self.run, one, sock, "client", one.style)


def secured_stream(run: Script, name: str) -> Stream:
    """A stream with TLS."""
    one = Stream(run, name, ssl=context("client"), server_hostname=HOST)
    one.peer = SecurePeer(run, one, one.peer.sock, "server", "plain")
    return one


async def upgrade(one: Any, side: str) -> str | None:
    """Have start_tls() or StreamWriter.start_tls() make TLS of a plain connection; its peer does its part."""
    if isinstance(one.peer, SecurePeer | SilentPeer) or one.peer.closed or one.upgrading:
        return "over"
    if isinstance(one, Stream) and one.limit < _USUAL:
        return "over"
    if one.transport is None or one.lost or one.transport.is_closing() or one.style in ("read pipe", "write pipe"):
        return "over"
    one.peer = SecurePeer(one.run, one, one.peer.sock, _other(side), "plain")
    one.upgrading = True  # and for ever, if it comes to nothing
    host = HOST if side == "client" else None
    if isinstance(one, Stream):
        await one.writer.start_tls(context(side), server_hostname=host)
    else:
        loop, server_side = one.run.loop, side == "server"
        one.transport = await loop.start_tls(
            one.transport, one.protocol, context(side), server_side=server_side, server_hostname=host
        )
    one.upgrading = False
    return None
