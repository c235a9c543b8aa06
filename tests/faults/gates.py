"""Gates: what stands between a service and a part, and may be shut, grow silent or slow; and the origin's gateway."""

import asyncio
import threading
from contextlib import suppress

CHUNK = 64 * 1024


class Loop:
    """An event loop in a thread of its own, for all gates."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="gates", daemon=True)
        self._thread.start()

    def run(self, coroutine):
        """Run something there, and give what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=30)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)


class Gate:
    """A TCP port of ours that leads to another one.

    `open`: all passes. `shut`: everybody is thrown out and nobody let in. `silent`: connections stay, nothing passes,
    neither way. `slow`: each piece waits for `delay` seconds.
    """

    def __init__(self, loop, to):
        self._loop, self.to, self.delay = loop, to, 0.0
        self._passes, self._pipes = asyncio.Event(), set()
        self._shut = False
        self._passes.set()
        self.port = loop.run(self._listen())

    async def _listen(self):
        self._server = await asyncio.start_server(self._let_in, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _let_in(self, reader, writer):
        if self._shut:
            writer.transport.abort()
            return
        try:
            inside, outside = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, outside)
        self._pipes.add(pair)
        try:
            await asyncio.gather(self._pass(reader, outside), self._pass(inside, writer))
        finally:
            self._pipes.discard(pair)

    async def _pass(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            while piece := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._passes.wait()
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):
            writer.close()

    def open(self):
        """Let everything pass."""

        async def change():
            self._shut, self.delay = False, 0.0
            self._passes.set()

        self._loop.run(change())

    def shut(self):
        """Throw everybody out, let nobody in."""

        async def change():
            self._shut = True
            self._passes.set()
            for pair in list(self._pipes):
                for writer in pair:
                    writer.transport.abort()

        self._loop.run(change())

    def silence(self):
        """Keep every connection, and let nothing through: what a lost route looks like from outside."""

        async def change():
            self._passes.clear()

        self._loop.run(change())

    def slow(self, delay):
        """Let each piece wait so many seconds."""
        self.delay = delay


class Gateway:
    """The one address of all services, as the product's own gateway: a connection a request, to whoever serves it."""

    def __init__(self, loop, route):
        """`route(path)` gives the ports to try, in order."""
        self._route = route
        self.port = loop.run(self._listen())

    async def _listen(self):
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _answer(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head[:-4].split(b"\r\n")
            kept = [line for line in lines if not line.lower().startswith((b"connection:", b"expect:"))]
            length = next((int(line[15:]) for line in kept if line.lower().startswith(b"content-length:")), 0)
            body = await reader.readexactly(length)
            request = b"\r\n".join([first, *kept, b"Connection: close"]) + b"\r\n\r\n" + body
            await self._pass_on(first.split(b" ")[1].decode(), request, writer)
        with suppress(OSError):
            writer.close()

    async def _pass_on(self, path, request, writer):
        for port in self._route(path):
            try:
                inside, outside = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            outside.write(request)
            while piece := await inside.read(CHUNK):
                writer.write(piece)
                await writer.drain()
            outside.close()
            return
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
