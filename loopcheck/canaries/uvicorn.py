"""uvicorn, asked by httpx."""

import asyncio
import contextlib
import hashlib
import random

from loopcheck.check import check
from loopcheck.kit import soon

NEEDS = ("uvicorn", "httpx")
UVICORN = "PyPI: uvicorn"


class Application:
    """An ASGI application that answers with a digest of what it receives, and keeps /wait waiting until told."""

    def __init__(self):
        self.events = []
        self.waiting, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                self.events.append(kind)
                await send({"type": f"lifespan.{kind}.complete"})
            return
        received, more = b"", True
        while more:
            message = await receive()
            received, more = received + message.get("body", b""), message.get("more_body", False)
        if scope["path"] == "/wait":
            self.waiting.set()
            await self.go_on.wait()
        self.events.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for part in (b"received ", hashlib.sha256(received).hexdigest().encode()):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def received(body=b""):
    """What the application answers."""
    return f"received {hashlib.sha256(body).hexdigest()}"


@contextlib.asynccontextmanager
async def serving(application, patience):
    """uvicorn with an application: the server, which the block may stop, and a client of httpx that asks it."""
    import httpx
    import uvicorn

    config = uvicorn.Config(application, host="127.0.0.1", port=0, lifespan="on", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve())

    async def started():
        while not server.started and not running.done():
            await asyncio.sleep(0.005)

    await soon(started(), patience, "the server starts")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=patience) as client:
            yield server, client
    finally:
        server.should_exit = True
        await soon(running, patience, "the server ends")


@check(UVICORN, level="should")
async def answers_requests(loop, patience):
    """uvicorn answers httpx, ten times at once and with a body of a megabyte, between startup and shutdown."""
    application, body = Application(), random.Random(1).randbytes(2**20)
    async with serving(application, patience) as (_, client):
        answers = await soon(
            asyncio.gather(*(client.get(f"/{number}") for number in range(10))), patience, "ten requests are answered"
        )
        large = await soon(client.post("/large", content=body), patience, "an upload is answered")

    events = application.events
    assert ([one.text for one in answers], large.text) == ([received()] * 10, received(body))
    assert (events[0], len(events), events[-1]) == ("startup", 13, "shutdown")


@check(UVICORN, level="should")
async def shuts_down_gracefully(loop, patience):
    """uvicorn that is told to exit answers the request that it is working on, and then shuts the application down."""
    application = Application()
    async with serving(application, patience) as (server, client):
        asking = asyncio.ensure_future(client.get("/wait"))
        await soon(application.waiting.wait(), patience, "a request comes in")
        server.should_exit = True
        listener = server.servers[0]
        application.go_on.set()
        answer = await soon(asking, patience, "the request is answered")

    assert (answer.text, listener.is_serving()) == (received(), False)
    assert application.events == ["startup", "/wait", "shutdown"]
