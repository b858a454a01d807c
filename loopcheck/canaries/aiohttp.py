"""aiohttp: its server and its client."""

import asyncio
import contextlib

from loopcheck.check import check
from loopcheck.kit import soon

NEEDS = ("aiohttp",)
AIOHTTP = "PyPI: aiohttp"


@contextlib.asynccontextmanager
async def serving(routes, patience, **options):
    """An application on a port of its own; its address without the scheme. It is shut down after the block."""
    from aiohttp import web

    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application, shutdown_timeout=patience)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, **options).start()
        host, port = runner.addresses[0]
        yield f"{host}:{port}"
    finally:
        await soon(runner.cleanup(), patience, "the server shuts down")


@check(AIOHTTP, level="should")
async def server_answers_client(loop, patience):
    """aiohttp's client gets JSON, a stream and an upload of a megabyte from aiohttp's server, over kept connections."""
    import aiohttp
    from aiohttp import web

    async def greet(request):
        return web.json_response({"hello": request.match_info["name"]})

    async def count(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(16):
            await response.write(b"x" * 65536)
        return response

    async def measure(request):
        return web.json_response(len(await request.read()))

    async def upload():
        for _ in range(16):
            yield b"y" * 65536

    async def converse(address):
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{address}/hello/world") as response:
                greeting = await response.json()
            async with session.get(f"http://{address}/count") as response:
                received = len(await response.read())
            async with session.post(f"http://{address}/measure", data=upload()) as response:
                return greeting, received, await response.json()

    routes = [web.get("/hello/{name}", greet), web.get("/count", count), web.post("/measure", measure)]
    async with serving(routes, patience) as address:
        seen = await soon(converse(address), patience, "three requests are answered")

    assert seen == ({"hello": "world"}, 2**20, 2**20)


@check(AIOHTTP, level="should", needs=("tls",))
async def server_answers_client_over_tls(loop, patience, tls):
    """aiohttp's client gets an answer from aiohttp's server over HTTPS."""
    import aiohttp
    from aiohttp import web

    async def answer(request):
        return web.Response(text=f"over {request.scheme}")

    async def converse(address):
        port = address.rpartition(":")[2]
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"https://localhost:{port}/", ssl=tls.client) as response,
        ):
            return await response.text()

    async with serving([web.get("/", answer)], patience, ssl_context=tls.server) as address:
        seen = await soon(converse(address), patience, "a request over HTTPS is answered")

    assert seen == "over https"


@check(AIOHTTP, level="should")
async def client_times_out(loop, patience):
    """A request that is not answered in time raises TimeoutError in aiohttp's client, which goes on to work."""
    import aiohttp
    from aiohttp import web

    answered = asyncio.Event()

    async def keep_waiting(request):
        await answered.wait()
        return web.Response(text="too late")

    async def answer(request):
        return web.Response(text="in time")

    async def converse(address):
        async with aiohttp.ClientSession() as session:
            outcome = "answered"
            try:
                async with session.get(f"http://{address}/never", timeout=aiohttp.ClientTimeout(total=0.05)):
                    pass
            except TimeoutError:
                outcome = "TimeoutError"
            answered.set()
            async with session.get(f"http://{address}/") as response:
                return outcome, await response.text()

    async with serving([web.get("/never", keep_waiting), web.get("/", answer)], patience) as address:
        seen = await soon(converse(address), patience, "a time-out passes, and the next request is answered")

    assert seen == ("TimeoutError", "in time")


@check(AIOHTTP, level="should")
async def websocket_echoes(loop, patience):
    """A websocket of aiohttp carries text and bytes both ways, and the client closes it with a code."""
    import aiohttp
    from aiohttp import web

    codes = []

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        codes.append(socket.close_code)
        return socket

    async def converse(address):
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{address}/", autoping=True) as socket,
        ):
            await socket.send_str("text")
            await socket.ping()
            await socket.send_bytes(b"b" * 100_000)
            said = [await socket.receive_str(), await socket.receive_bytes()]
            await socket.close(code=4001)
            return said, socket.closed

    async with serving([web.get("/", echo)], patience) as address:
        seen = await soon(converse(address), patience, "a websocket echoes, and is closed")

    assert (seen, codes) == ((["text", b"b" * 100_000], True), [4001])
