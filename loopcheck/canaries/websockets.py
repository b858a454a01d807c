"""websockets: its server and its client."""

import random

from loopcheck.check import check
from loopcheck.kit import soon

NEEDS = ("websockets",)
WEBSOCKETS = "PyPI: websockets"


async def echo(connection):
    async for message in connection:
        await connection.send(message)


@check(WEBSOCKETS, level="should")
async def echoes(loop, patience):
    """A connection of websockets carries text and a megabyte both ways, and answers pings."""
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    large = random.Random(1).randbytes(2**20)  # which cannot be compressed

    async def converse(server):
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None, max_size=2**21) as connection:
            await connection.send("text")
            text = await connection.recv()
            await (await connection.ping())
            await connection.send(large)
            return text, await connection.recv() == large

    async with serve(echo, "127.0.0.1", 0, max_size=2**21) as server:
        seen = await soon(converse(server), patience, "two messages come back")

    assert seen == ("text", True)


@check(WEBSOCKETS, level="should")
async def closes_from_both_sides(loop, patience):
    """A connection of websockets that one side closes with a code and a reason tells both of the other side."""
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve
    from websockets.exceptions import ConnectionClosed

    told = []

    async def until_closed(connection):
        try:
            while await connection.recv() != "close":
                pass
            await connection.close(4002, "as asked")
        except ConnectionClosed as closed:
            told.append(closed.rcvd and (closed.rcvd.code, closed.rcvd.reason))

    async def converse(server):
        address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(address, proxy=None) as connection:
            await connection.close(4001, "enough")
        async with connect(address, proxy=None) as connection:
            await connection.send("close")
            try:
                await connection.recv()
            except ConnectionClosed as closed:
                told.append(closed.rcvd and (closed.rcvd.code, closed.rcvd.reason))

    async with serve(until_closed, "127.0.0.1", 0) as server:
        await soon(converse(server), patience, "two connections are closed")

    assert told == [(4001, "enough"), (4002, "as asked")]


@check(WEBSOCKETS, level="should")
async def server_closes_its_connections(loop, patience):
    """A server of websockets that is closed ends the connections that it has with code 1001."""
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve
    from websockets.exceptions import ConnectionClosed

    async def converse(server):
        address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(address, proxy=None) as connection:
            await connection.send("hello")
            await connection.recv()
            server.close()
            try:
                await connection.recv()
            except ConnectionClosed as closed:
                return closed.rcvd and closed.rcvd.code

    async with serve(echo, "127.0.0.1", 0) as server:
        seen = await soon(converse(server), patience, "a connection is closed by the server")

    assert seen == 1001
