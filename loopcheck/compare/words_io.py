"""The words of programs with input and output: connections, streams, servers, descriptors, sockets and datagrams.

Such a program is a script. Outside of the running loop one thing is done, then the loop runs until nothing happens any
more, then the next; what a turn or a moment does, it does in one go. So there is never more than one cause at a time.
The other end of everything is a plain socket of the program's own, called its peer.
"""

from __future__ import annotations

from loopcheck.compare.word import MOMENT, SCRIPT, TURN, Word

KINDS = {
    "connection": "i",
    "stream": "y",
    "server": "z",
    "watched": "a",
    "socket": "b",
    "datagrams": "u",
    "child": "j",
    "process": "v",
}

VALUES = {
    "bytes": ("b'a'", "b'bc\\n'", "b''", "b'defghijklmnopqrstuvwxyz'"),
    "memory": ("bytearray(b'a')", "memoryview(b'bc')", "memoryview(b'abcdef')[::2].tobytes()", "'a'", "None"),
    "sent": ("b'a'", "b'bc\\n'", "b'defghijklmnopqrstuvwxyz'", "b'\\n\\n'"),
    "count": ("1", "4", "0", "30"),
    "some": ("1", "4", "30"),
    "limit": ("2**16", "4", "1"),
    "water": ("0", "1", "2**20", "None"),
    "style": ("'plain'", "'keeps open'", "'buffered'", "'early'", "'gone'", "'fails'", "'read pipe'", "'write pipe'"),
    "family": ("'unix'", "'tcp'"),
    "manner": ("'plain'", "'keeps open'", "'buffered'", "'early'", "'gone'"),
    "moment": (
        "'data_received'",
        "'connection_made'",
        "'eof_received'",
        "'connection_lost'",
        "'pause_writing'",
        "'resume_writing'",
    ),
    "letter": ("'datagram_received'", "'connection_made'", "'error_received'", "'connection_lost'"),
    "fault": ("ValueError('v')", "SystemExit('v')", "KeyboardInterrupt('v')"),
    "info": ("'socket'", "'peername'", "'nothing'"),
    "mark": ("0", "1", "100", "-1", "None"),
    # of what is tried
    "host": (
        *("'127.0.0.1'", "'127.0.0.1'", "'localhost'", "None", "'::1'", "'127.1'", "b'127.0.0.1'"),
        *("''", "5", "'\\0'", "'a' * 70", "['127.0.0.1']"),
    ),
    "port": (
        *("ports.listening", "ports.listening", "ports.refusing", "0", "None", "str(ports.listening)"),
        *("-1", "65536", "'a'"),
    ),
    "to_connect": (
        *("{}", "{}", "{}", "{'family': socket.AF_INET}", "{'family': socket.AF_INET6}", "{'family': socket.AF_UNIX}"),
        *("{'family': 'a'}", "{'proto': socket.IPPROTO_TCP}", "{'proto': socket.IPPROTO_UDP}", "{'flags': 'a'}"),
        *("{'flags': socket.AI_NUMERICHOST}", "{'flags': socket.AI_PASSIVE}", "{'sock': 5}", "{'sock': None}"),
        *("{'sock': ports.stream}", "{'local_addr': ('127.0.0.1', 0)}", "{'local_addr': ('::1', 0)}"),
        *("{'local_addr': ('127.0.0.1',)}", "{'local_addr': 5}", "{'local_addr': ('localhost', 0)}"),
        *("{'local_addr': ('127.0.0.1', 'a')}", "{'local_addr': ('127.0.0.1', ports.refusing)}"),
        *("{'server_hostname': 'a'}", "{'ssl_handshake_timeout': 1}", "{'ssl_shutdown_timeout': 1}"),
        *("{'happy_eyeballs_delay': 1000}", "{'interleave': 1}", "{'interleave': 0}"),
        *("{'all_errors': True}", "{'server_hostname': None}"),
    ),
    "own_host": (
        *("'127.0.0.1'", "'127.0.0.1'", "'::1'", "'localhost'", "['127.0.0.1', '::1']", "['127.0.0.1', '127.0.0.1']"),
        *("('127.0.0.1',)", "'127.1'", "5", "'\\0'", "[5]"),
    ),
    "to_serve": (
        *("{}", "{}", "{}", "{'family': socket.AF_INET}", "{'family': socket.AF_INET6}", "{'family': 'a'}"),
        *("{'flags': 0}", "{'sock': 5}", "{'sock': ports.stream}", "{'sock': ports.datagram}", "{'backlog': 0}"),
        *("{'backlog': -1}", "{'backlog': 'a'}", "{'ssl': 5}", "{'ssl': True}", "{'ssl_handshake_timeout': 1}"),
        *("{'ssl_shutdown_timeout': 1}", "{'reuse_address': False}", "{'reuse_port': True}", "{'keep_alive': True}"),
        "{'start_serving': False}",
    ),
    "address": (
        *("('127.0.0.1', 0)", "None", "('127.0.0.1', ports.refusing)", "('::1', 0)", "('localhost', 0)", "'a'", "5"),
        *("('127.0.0.1',)", "('127.0.0.1', 'a')", "('127.0.0.1', -1)", "('127.0.0.1', 65536)", "(5, 0)", "()"),
    ),
    "to_send": (
        *("{}", "{}", "{}", "{'family': socket.AF_INET}", "{'family': socket.AF_INET6}"),
        *("{'proto': socket.IPPROTO_UDP}", "{'flags': 0}", "{'reuse_port': True}"),
        *("{'allow_broadcast': True}", "{'sock': 5}", "{'sock': ports.stream}", "{'sock': ports.datagram}"),
        "{'family': 'a'}",
    ),
    "to_look_up": (
        *("{}", "{}", "{'family': socket.AF_INET}", "{'family': socket.AF_INET6}", "{'type': socket.SOCK_STREAM}"),
        *("{'type': socket.SOCK_DGRAM}", "{'proto': socket.IPPROTO_TCP}", "{'flags': socket.AI_NUMERICHOST}"),
        *("{'flags': socket.AI_PASSIVE}", "{'flags': socket.AI_CANONNAME}", "{'family': 'a'}", "{'family': 1000}"),
        *("{'type': 1000}", "{'flags': 'a'}"),
    ),
    "service": ("80", "0", "None", "'80'", "b'80'", "'a'", "-1"),
    "known_host": (
        *("'127.0.0.1'", "'localhost'", "'::1'", "None", "'127.1'", "b'127.0.0.1'", "5", "'\\0'", "'a' * 70"),
    ),
    "place": (
        *("('127.0.0.1', 80)", "('::1', 80)", "('::1', 80, 0, 0)", "('127.0.0.1', 80, 0, 0)", "('localhost', 80)"),
        *("('127.0.0.1',)", "('127.0.0.1', 'a')", "('127.0.0.1', -1)", "('127.0.0.1', 65536)", "5", "'a'", "()"),
        "['127.0.0.1', 80]",
    ),
    "said": ("socket.NI_NUMERICHOST | socket.NI_NUMERICSERV", "socket.NI_NUMERICHOST | socket.NI_DGRAM", "'a'"),
    # of signals
    "harmless": ("signal.SIGURG", "signal.SIGWINCH", "signal.SIGCONT"),
    "no_signal": ("0", "-1", "1000", "'a'", "None", "1.5"),
    # of processes
    "way": ("'exec'", "'shell'"),
    "does": ("'echo'", "'echo'", "'echo'", "'cat'", "'says'", "'true'", "'dies'", "'deaf'", "'missing'", "'folder'"),
    "child_option": (
        *("{}", "{}", "{}", "{}", "{}", "{}"),
        *("{'stderr': subprocess.STDOUT}", "{'stdin': subprocess.DEVNULL}", "{'stdout': subprocess.DEVNULL}"),
        *("{'text': True}", "{'universal_newlines': True}", "{'bufsize': 1}", "{'encoding': 'ascii'}"),
        *("{'shell': True}", "{'shell': False}", "{'errors': 'a'}", "{'stdin': 'a'}"),
        *("{'cwd': '/'}", "{'cwd': '/missing'}", "{'env': {}}", "{'start_new_session': True}"),
    ),
    "line": ("b'a\\n'", "b'b\\nc'", "b''", "b'x'"),
    "input": ("None", "b'a\\nb'", "b''", "much"),
    "signal": ("signal.SIGTERM", "signal.SIGKILL", "signal.SIGUSR1", "9"),
    "pipe": ("0", "1", "2", "3"),
    "end": (
        *("'process_exited'", "'connection_made'", "'pipe_data_received'", "'pipe_connection_lost'"),
        "'connection_lost'",
    ),
    # of TLS
    "side": ("'client'", "'server'"),
    "secured": (
        *("'plain'", "'plain'", "'keeps open'", "'buffered'", "'early'", "'fails'"),
        *("'waits'", "'stranger'", "'garbage'", "'hangs up'"),
    ),
    "tls_option": (
        *("{}", "{}", "{}", "{}"),
        *("{'server_hostname': 'alt.test'}", "{'server_hostname': ''}", "{'server_hostname': None}"),
        *("{'ssl_handshake_timeout': 1000}", "{'ssl_handshake_timeout': 0}", "{'ssl_handshake_timeout': -1}"),
        *("{'ssl_shutdown_timeout': 1000}", "{'ssl_shutdown_timeout': 0}", "{'ssl_shutdown_timeout': -1}"),
        *("{'ssl': True}", "{'ssl': 5}", "{'ssl': None}", "{'ssl': {}}"),
    ),
    "tls_info": (
        *("'sslcontext'", "'ssl_object'", "'peercert'", "'cipher'", "'compression'", "'socket'", "'peername'"),
    ),
}

_PLAIN = (SCRIPT, TURN)
_ANY = (SCRIPT, TURN, MOMENT)
_PEERS = ("connection", "stream", "watched", "socket", "datagrams")


def _peers() -> tuple[Word, ...]:
    """What the other end does: nothing else goes on."""
    words = []
    for kind in _PEERS:
        words += [
            Word(f"{kind}_peer_sends", "{0}.peer.send({1})", (kind, "sent"), (SCRIPT,), weight=5),
            Word(f"{kind}_peer_reads", "{0}.peer.read()", (kind,), (SCRIPT,), weight=4),
            Word(f"{kind}_peer_closes", "{0}.peer.close()", (kind,), (SCRIPT,), weight=2),
        ]
        if kind != "datagrams":
            words += [
                Word(f"{kind}_peer_ends", "{0}.peer.end()", (kind,), (SCRIPT,), weight=2),
                Word(f"{kind}_peer_is_deaf", "{0}.peer.deaf()", (kind,), (SCRIPT,)),
                Word(f"{kind}_peer_drops", "{0}.peer.drop()", (kind,), (SCRIPT,)),
            ]
    return tuple(words)


def _calls(kind: str, of: str, where: tuple[str, ...]) -> tuple[Word, ...]:
    """What connections and the writers of streams have in common."""

    def word(name: str, call: str, *holes: str, weight: int = 1, places: tuple[str, ...] = where) -> Word:
        return Word(f"{kind}_{name}", f"{of}.{call}", (kind, *holes), places, weight=weight)

    return (
        word("write", "write({1})", "bytes", weight=5),
        word("write_memory", "write({1})", "memory"),
        word("write_much", "write(much)", weight=2),
        word("writelines", f"is_closing() or {of}.writelines([{{1}}, {{2}}, b'x'])", "bytes", "bytes"),
        word("write_eof", "write_eof()", weight=2),
        word("can_write_eof", "can_write_eof()"),
        word("close", "close()", weight=3),
        word("is_closing", "is_closing()"),
        word("extra_info", f"is_closing() or {of}.get_extra_info({{1}}) is None", "info"),
    )


def _tries(name: str, call: str, *holes: str, weight: int = 1) -> tuple[Word]:
    """Something that is tried."""
    return (Word(f"try_{name}", f"outcome(loop.{call})", holes, _PLAIN, "t", form="start", weight=weight),)


def _reads(pipe: str) -> tuple[Word, ...]:
    """What is read of a child."""

    def word(name: str, call: str, *holes: str) -> Word:
        code = f"{{0}}.process.{pipe}.{call}"
        return Word(f"{name}_{pipe}", code, ("process", *holes), _PLAIN, "t", form="start", weight=2, costly=True)

    return (
        word("readline", "readline()"),
        word("read", "read()"),
        word("read_some", "read({1})", "count"),
        word("readexactly", "readexactly({1})", "count"),
    )


def _both(kind: str, where: tuple[str, ...]) -> tuple[Word, ...]:
    """What is done with a child, in both ways."""

    def word(name: str, call: str, *holes: str, weight: int = 1) -> Word:
        return Word(f"{kind}_{name}", f"{{0}}.{call}", (kind, *holes), where, weight=weight, costly=True)

    return (
        word("write", "write({1})", "line", weight=5),
        word("write_much", "write(much)"),
        word("close_input", "close_input()", weight=3),
        word("kill", "kill()", weight=2),
        word("terminate", "terminate()"),
        word("signal", "signal({1})", "signal", weight=2),
        word("returncode", "returncode()", weight=3),
    )


WORDS = (
    # turns
    Word("turn", "loop.call_soon({body})", where=(SCRIPT,), makes="h", body=TURN, weight=8),
    Word("turn_in_task", "loop.create_task(in_task({body}))", where=(SCRIPT,), makes="h", body=TURN, weight=4),
    Word("fail", "{0}", ("fault",), (MOMENT,), form="raise", weight=2),
    Word("fail_in_turn", "{0}", ("fault",), (TURN,), form="raise"),
    Word("stop_in_turn", "loop.stop()", where=(TURN,)),
    Word("sleeps", "sleeps()", where=(SCRIPT,)),
    Word("cancel_started", "{0}.cancel()", ("task",), _PLAIN, weight=3),
    Word("handle_errors", "loop.set_exception_handler(handler)", where=_PLAIN),
    Word("debug", "loop.set_debug({0})", ("flag",), (SCRIPT,)),
    Word("where", "asyncio.get_running_loop() is loop", where=(TURN, MOMENT)),
    # connections
    Word(
        "connection",
        "connection('{me}', {0}, {1}, {body})",
        ("style", "moment"),
        (SCRIPT,),
        makes="i",
        body=MOMENT,
        weight=10,
    ),
    Word("when", "{0}.when({1}, {body})", ("connection", "moment"), _ANY, makes="c", body=MOMENT, weight=4),
    *_calls("connection", "{0}.transport", _ANY),
    Word("abort", "{0}.transport.abort()", ("connection",), _ANY, weight=2),
    Word("pause_reading", "{0}.transport.pause_reading()", ("connection",), _ANY, weight=3),
    Word("resume_reading", "{0}.transport.resume_reading()", ("connection",), _ANY, weight=3),
    Word("is_reading", "{0}.transport.is_reading()", ("connection",), _ANY),
    Word(
        "buffer_size",
        "{0}.transport.is_closing() or {0}.transport.get_write_buffer_size() == 0",
        ("connection",),
        (SCRIPT,),
        weight=2,
    ),
    Word("buffer_high", "{0}.transport.set_write_buffer_limits({1})", ("connection", "water"), _ANY),
    Word("buffer_low", "{0}.transport.set_write_buffer_limits(low={1})", ("connection", "water"), _ANY),
    Word("buffer_limits", "{0}.transport.get_write_buffer_limits()", ("connection",), _ANY),
    Word("set_protocol", "{0}.transport.set_protocol({0}.another())", ("connection",), _ANY),
    Word("get_protocol", "{0}.transport.get_protocol() is {0}.protocol", ("connection",), _ANY),
    # streams
    Word("stream", "stream('{me}', limit={0})", ("limit",), (SCRIPT,), makes="y", weight=6),
    Word("readline", "{0}.reader.readline()", ("stream",), _PLAIN, "t", form="start", weight=3),
    Word("read", "{0}.reader.read()", ("stream",), _PLAIN, "t", form="start", weight=2),
    Word("read_some", "{0}.reader.read({1})", ("stream", "count"), _PLAIN, "t", form="start", weight=2),
    Word("readexactly", "{0}.reader.readexactly({1})", ("stream", "count"), _PLAIN, "t", form="start", weight=2),
    Word("readuntil", "{0}.reader.readuntil(b'c')", ("stream",), _PLAIN, "t", form="start"),
    Word("drain", "{0}.writer.drain()", ("stream",), _PLAIN, "t", form="start", weight=2),
    Word("stream_wait_closed", "{0}.writer.wait_closed()", ("stream",), _PLAIN, "t", form="start", weight=2),
    Word("at_eof", "{0}.reader.at_eof()", ("stream",), _PLAIN),
    Word("reader_exception", "{0}.reader.exception()", ("stream",), _PLAIN),
    *_calls("stream", "{0}.writer", _PLAIN),
    Word("stream_abort", "{0}.writer.transport.abort()", ("stream",), _PLAIN),
    # TLS
    Word(
        "secured",
        "secured('{me}', {0}, {1}, {2}, {body}, **{3})",
        ("side", "secured", "moment", "tls_option"),
        (SCRIPT,),
        makes="i",
        body=MOMENT,
        weight=12,
        costly=True,
    ),
    Word(
        "secured_stream",
        "secured_stream('{me}')",
        (),
        (SCRIPT,),
        makes="y",
        weight=8,
        costly=True,
    ),
    Word(
        "secure_server",
        "secure_server('{me}', start_serving={0})",
        ("flag",),
        (SCRIPT,),
        makes="z",
        weight=4,
        costly=True,
    ),
    Word("upgrade", "upgrade({0}, {1})", ("connection", "side"), _PLAIN, "t", form="start", weight=8, costly=True),
    Word("stream_upgrade", "upgrade({0}, 'client')", ("stream",), _PLAIN, "t", form="start", weight=8, costly=True),
    Word("tls_info", "{0}.transport.get_extra_info({1}) is None", ("connection", "tls_info"), _ANY, costly=True),
    Word("peer_vanishes", "{0}.peer.vanish()", ("connection",), (SCRIPT,), weight=3, costly=True),
    Word("peer_truncates", "{0}.peer.truncate()", ("connection",), (SCRIPT,), weight=2, costly=True),
    Word("peer_handshakes", "{0}.peer.handshake()", ("connection",), (SCRIPT,), weight=2, costly=True),
    Word("stream_peer_vanishes", "{0}.peer.vanish()", ("stream",), (SCRIPT,), weight=2, costly=True),
    Word("stream_peer_truncates", "{0}.peer.truncate()", ("stream",), (SCRIPT,), costly=True),
    Word("buffer_both", "{0}.transport.set_write_buffer_limits({1}, {2})", ("connection", "mark", "mark"), _ANY),
    # what is tried
    *_tries("connect", "create_connection(asyncio.Protocol, {0}, {1}, **{2})", "host", "port", "to_connect", weight=4),
    *_tries("connect_nowhere", "create_connection(asyncio.Protocol, **{0})", "to_connect"),
    *_tries("serve", "create_server(asyncio.Protocol, {0}, {1}, **{2})", "own_host", "port", "to_serve", weight=4),
    *_tries(
        "send",
        "create_datagram_endpoint(asyncio.DatagramProtocol, {0}, {1}, **{2})",
        "address",
        "address",
        "to_send",
        weight=4,
    ),
    *_tries("look_up", "getaddrinfo({0}, {1}, **{2})", "known_host", "service", "to_look_up", weight=4),
    *_tries("name", "getnameinfo({0}, {1})", "place", "said", weight=2),
    # signals
    Word("add_signal", "loop.add_signal_handler({0}, {body})", ("harmless",), _PLAIN, "c", TURN, weight=4),
    Word("add_signal_arguments", "loop.add_signal_handler({0}, {body}, 1, 'a')", ("harmless",), _PLAIN, "c", TURN),
    Word("add_no_signal", "loop.add_signal_handler({0}, print)", ("no_signal",), _PLAIN),
    Word("add_signal_coroutine", "loop.add_signal_handler({0}, asyncio.sleep, 0)", ("harmless",), _PLAIN),
    Word("remove_signal", "loop.remove_signal_handler({0})", ("harmless",), _PLAIN, weight=3),
    Word("remove_no_signal", "loop.remove_signal_handler({0})", ("no_signal",), _PLAIN),
    Word("raise_signal", "signal.raise_signal({0})", ("harmless",), _PLAIN, weight=5),
    Word("kill_itself", "os.kill(os.getpid(), {0})", ("harmless",), _PLAIN, weight=2),
    Word("raise_elsewhere", "in_thread(functools.partial(signal.raise_signal, {0}))", ("harmless",), _PLAIN),
    Word("add_elsewhere", "in_thread(functools.partial(loop.add_signal_handler, {0}, print))", ("harmless",), _PLAIN),
    # processes
    Word(
        "child",
        "child('{me}', {0}, {1}, {2}, {body}, **{3})",
        ("way", "does", "end", "child_option"),
        (SCRIPT,),
        makes="j",
        body=MOMENT,
        weight=8,
        costly=True,
    ),
    Word("when_child", "{0}.when({1}, {body})", ("child", "end"), _ANY, "c", MOMENT, weight=4, costly=True),
    Word("child_pause", "{0}.pause()", ("child",), _ANY, costly=True),
    Word("child_resume", "{0}.resume()", ("child",), _ANY, costly=True),
    Word("child_close", "{0}.close()", ("child",), _ANY, weight=2, costly=True),
    Word("child_pid", "isinstance({0}.transport.get_pid(), int)", ("child",), _ANY, costly=True),
    Word("child_pipe", "{0}.transport.get_pipe_transport({1}) is None", ("child", "pipe"), _ANY, costly=True),
    Word(
        "process",
        "process('{me}', {0}, {1}, **{2})",
        ("way", "does", "child_option"),
        (SCRIPT,),
        makes="v",
        weight=8,
        costly=True,
    ),
    Word("process_wait", "{0}.process.wait()", ("process",), _PLAIN, "t", form="start", weight=3, costly=True),
    Word("communicate", "{0}.communicate({1})", ("process", "input"), _PLAIN, "t", form="start", weight=4, costly=True),
    Word("process_drain", "{0}.drain()", ("process",), _PLAIN, "t", form="start", costly=True),
    Word("process_pid", "isinstance({0}.process.pid, int)", ("process",), _PLAIN, costly=True),
    *_reads("stdout"),
    *_reads("stderr"),
    *_both("child", _ANY),
    *_both("process", _PLAIN),
    # servers
    Word("server", "server('{me}', {0}, start_serving={1})", ("family", "flag"), (SCRIPT,), makes="z", weight=4),
    Word(
        "dial",
        "{0}.dial('{me}', {1}, {2}, {body})",
        ("server", "manner", "moment"),
        (SCRIPT,),
        makes="i",
        body=MOMENT,
        weight=8,
    ),
    Word("server_close", "{0}.server.close()", ("server",), _PLAIN, weight=5),
    Word("close_clients", "{0}.server.close_clients()", ("server",), _PLAIN, since=(3, 13)),
    Word("abort_clients", "{0}.server.abort_clients()", ("server",), _PLAIN, since=(3, 13)),
    Word("server_wait_closed", "{0}.server.wait_closed()", ("server",), _PLAIN, "t", form="start", weight=4),
    Word("start_serving", "{0}.server.start_serving()", ("server",), _PLAIN, "t", form="start", weight=2),
    Word("serve_forever", "{0}.server.serve_forever()", ("server",), _PLAIN, "t", form="start"),
    Word("is_serving", "{0}.server.is_serving()", ("server",), _PLAIN, weight=2),
    Word("server_sockets", "len({0}.server.sockets)", ("server",), _PLAIN),
    Word("server_loop", "{0}.server.get_loop() is loop", ("server",), _PLAIN),
    # descriptors
    Word("watched", "watched('{me}')", where=_PLAIN, makes="a", weight=4),
    Word("add_reader", "loop.add_reader({0}.fd, {0}.reads, {body})", ("watched",), _ANY, "c", MOMENT, weight=5),
    Word("add_writer", "loop.add_writer({0}.fd, {0}.writes, {body})", ("watched",), _ANY, "c", MOMENT, weight=4),
    Word(
        "add_reader_object", "loop.add_reader({0}.sock, {0}.reads, {body}, 'x', 'y')", ("watched",), _ANY, "c", MOMENT
    ),
    Word(
        "add_writer_object", "loop.add_writer({0}.sock, {0}.writes, {body}, 'x', 'y')", ("watched",), _ANY, "c", MOMENT
    ),
    Word("remove_reader", "loop.remove_reader({0}.fd)", ("watched",), _ANY, weight=4),
    Word("remove_reader_object", "loop.remove_reader({0}.sock)", ("watched",), _ANY),
    Word("remove_writer", "loop.remove_writer({0}.fd)", ("watched",), _ANY, weight=3),
    # sockets
    Word("socket", "plain_socket('{me}')", where=_PLAIN, makes="b", weight=4),
    Word("sock_recv", "{0}.recv(loop.sock_recv, {1})", ("socket", "some"), _PLAIN, "t", form="start", weight=4),
    Word("sock_recv_into", "{0}.recv_into(loop.sock_recv_into)", ("socket",), _PLAIN, "t", form="start", weight=2),
    Word("sock_sendall", "{0}.send(loop.sock_sendall, {1})", ("socket", "sent"), _PLAIN, "t", form="start", weight=3),
    Word("sock_send_much", "{0}.send(loop.sock_sendall, much)", ("socket",), _PLAIN, "t", form="start", weight=2),
    Word("sock_accept", "{0}.accept(loop.sock_accept)", ("socket",), _PLAIN, "t", form="start", weight=2),
    Word("sock_connect", "{0}.connect(loop.sock_connect)", ("socket",), _PLAIN, "t", form="start", weight=2),
    Word("sock_dialled", "{0}.dialled()", ("socket",), (SCRIPT,), weight=2),
    Word("sock_recvfrom", "{0}.recvfrom(loop.sock_recvfrom)", ("socket",), _PLAIN, "t", form="start", weight=2),
    Word("sock_recvfrom_into", "{0}.recvfrom_into(loop.sock_recvfrom_into)", ("socket",), _PLAIN, "t", form="start"),
    Word("sock_sendto", "{0}.sendto(loop.sock_sendto, {1})", ("socket", "sent"), _PLAIN, "t", form="start"),
    Word("sock_posted", "{0}.posted({1})", ("socket", "sent"), (SCRIPT,), weight=2),
    # datagrams
    Word(
        "datagrams",
        "datagrams('{me}', {0}, {1}, {body})",
        ("flag", "letter"),
        (SCRIPT,),
        makes="u",
        body=MOMENT,
        weight=6,
    ),
    Word("when_datagram", "{0}.when({1}, {body})", ("datagrams", "letter"), _ANY, makes="c", body=MOMENT, weight=2),
    Word("sendto", "{0}.sendto({1})", ("datagrams", "sent"), _ANY, weight=5),
    Word("datagram_close", "{0}.transport.close()", ("datagrams",), _ANY, weight=2),
    Word("datagram_abort", "{0}.transport.abort()", ("datagrams",), _ANY),
    Word("datagram_is_closing", "{0}.transport.is_closing()", ("datagrams",), _ANY),
    Word(
        "datagram_info",
        "{0}.transport.is_closing() or {0}.transport.get_extra_info({1}) is None",
        ("datagrams", "info"),
        _ANY,
    ),
    # other ends
    *_peers(),
)


def _about(kind: str, *more: str, costly: bool = False, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words about one kind of thing, with or without those that are costly, and more."""
    words = [word for word in WORDS if kind in word.holes or word.makes == KINDS[kind]]
    return (*(word.name for word in words if costly >= word.costly and word.name not in without), *more)


_SERVED = ("connection_write", "connection_close", "connection_peer_reads", "cancel_started", "turn")
"""What is done with the connections of servers."""

THEMES = (
    _about("connection", "turn", "fail"),
    _about("connection", "turn"),
    _about("stream", "turn", "cancel_started"),
    _about("server", *_SERVED),
    _about("watched", "turn", "fail"),
    _about("socket", "turn", "cancel_started"),
    _about("datagrams", "turn", "fail"),
    (*(word.name for word in WORDS if word.holes[:1] in (("harmless",), ("no_signal",))), "turn", "stop_in_turn"),
    (*(word.name for word in WORDS if word.name.startswith("try_")), "turn_in_task", "cancel_started"),
)
"""Words about one kind of thing; most programs are mostly about one."""

TLS_THEMES = (
    _about("connection", "turn", "fail", costly=True, without=("connection", "dial")),
    _about("connection", "turn", "cancel_started", costly=True, without=("dial",)),
    _about("stream", "turn", "cancel_started", costly=True),
    _about("server", *_SERVED, "peer_vanishes", "peer_truncates", costly=True, without=("server",)),
)
"""The same with TLS."""

CHILD_THEMES = (
    _about("child", "turn", "fail", costly=True),
    _about("process", "turn", "cancel_started", costly=True),
)
"""The same with child processes."""
