"""asyncssh: its server and its client, which speak a binary protocol with requests, channels and flow control."""

import asyncio
import contextlib

from loopcheck.check import check
from loopcheck.kit import soon

NEEDS = ("asyncssh",)
ASYNCSSH = "PyPI: asyncssh"


@contextlib.asynccontextmanager
async def connected(handle, patience):
    """A client connected to a server that gives each session to ``handle``; both are closed after the block."""
    import asyncssh

    class Welcoming(asyncssh.SSHServer):
        def begin_auth(self, username):
            return False

    key = asyncssh.generate_private_key("ssh-ed25519")
    listening = asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Welcoming, process_factory=handle
    )
    async with await soon(listening, patience, "the server listens") as server:
        connecting = asyncssh.connect(
            "127.0.0.1",
            server.get_port(),
            username="user",
            known_hosts=None,
            client_keys=None,
            agent_path=None,
            config=None,
        )
        async with await soon(connecting, patience, "the client is let in") as connection:
            yield connection


@check(ASYNCSSH, level="should")
async def commands_run(loop, patience):
    """Three commands at once over one connection of asyncssh each get their own input, output and exit status."""

    async def handle(process):
        text = await process.stdin.read()
        process.stdout.write(text.upper())
        process.stderr.write(process.command)
        process.exit(len(text) % 256)

    async with connected(handle, patience) as connection:
        running = (connection.run(f"command {size}", input="x" * size) for size in (1, 2, 300_000))
        seen = await soon(asyncio.gather(*running), patience, "three commands end")

    assert [(one.stdout, one.stderr, one.exit_status) for one in seen] == [
        ("X" * size, f"command {size}", size % 256) for size in (1, 2, 300_000)
    ]


@check(ASYNCSSH, level="should")
async def command_is_cancelled(loop, patience):
    """A command of asyncssh that is given up is closed on both sides, and the connection goes on with the next one."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def handle(process):
        if process.command == "wait":
            started.set()
            await process.stdin.read()
            ended.set()
            return
        process.stdout.write(process.command)
        process.exit(0)

    async def wait(connection):
        async with connection.create_process("wait") as process:
            await process.wait()

    async with connected(handle, patience) as connection:
        waiting = asyncio.ensure_future(wait(connection))
        await soon(started.wait(), patience, "a command starts")
        waiting.cancel()
        await soon(asyncio.wait([waiting]), patience, "a cancelled command ends")
        await soon(ended.wait(), patience, "the server is told that the command was given up")
        after = await soon(connection.run("next"), patience, "the next command ends")

    assert (waiting.cancelled(), after.stdout) == (True, "next")
