"""Whoever sends referrals: kept connections over raw sockets, which cost little beside what is measured."""

import asyncio
import json
import secrets
import time

CONNECTIONS = 16


def requests(bodies, path, token=""):
    """Make requests of these bodies, each with an Idempotency-Key of its own."""
    return [_request(path, json.dumps(body).encode(), token) for body in bodies]


def _request(path, body, token):
    named = {
        "Host": "bench",
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "Idempotency-Key": secrets.token_hex(12),
    } | ({"Authorization": f"Bearer {token}"} if token else {})
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    head = "".join(f"{line}\r\n" for line in (*lines, ""))
    return head.encode() + body


def send(port, requests, connections=CONNECTIONS):
    """Send them all; give (seconds, milliseconds of each in the order of their ends). Anything but 201 is an error."""
    return asyncio.run(_send_all(port, requests, connections))


async def _send_all(port, requests, connections):
    waiting, took = list(reversed(requests)), []
    began = time.perf_counter()
    await asyncio.gather(*(_one_connection(port, waiting, took) for _ in range(connections)))
    return time.perf_counter() - began, took


async def _one_connection(port, waiting, took):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while waiting:
            request = waiting.pop()
            began = time.perf_counter()
            await ask(reader, writer, request)
            took.append(1000 * (time.perf_counter() - began))
    finally:
        writer.close()


async def ask(reader, writer, request):
    """Send one request and read its answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.split(b":")[1]))
    if not head.startswith(b"HTTP/1.1 201"):
        raise SystemExit(f"refused: {head.splitlines()[0].decode()} {body[:300].decode()}")


def percentile(took, part):
    """Give the value below which this part of all lies."""
    return sorted(took)[min(int(part * len(took)), len(took) - 1)]
