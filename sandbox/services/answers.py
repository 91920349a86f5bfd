"""Sending answers, well or badly: delays, hung and cut connections, dripping bodies."""

import asyncio
import socket
import struct
import time
from dataclasses import dataclass, field
from email.utils import formatdate

from aiohttp.web import BaseRequest, Response, StreamResponse

from sandbox.world import Trouble

CHUNK = 1 << 16  # bytes


@dataclass
class Answer:
    """A whole answer, ready to be sent."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    streamed: bool = False  # in chunks, without a Content-Length


async def suffer(request: BaseRequest, trouble: Trouble) -> None:
    """Wait, hang or cut the connection as the trouble says. After a cut or a hang it ends by cancellation alone."""
    await asyncio.sleep(trouble.delay)
    if trouble.reset:
        cut(request)
    if trouble.reset or trouble.hang:
        await asyncio.Event().wait()  # the server cancels the handler when the connection has gone


def cut(request: BaseRequest) -> None:
    """Close the connection with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def send(request: BaseRequest, answer: Answer, *, drip: float = 0.0, skew: float = 0.0) -> StreamResponse:
    """Write an answer. `drip`: seconds between two bytes of the body. `skew`: seconds by which the Date header is ahead."""
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if skew:
        headers["Date"] = formatdate(time.time() + skew, usegmt=True)
    if request.method == "HEAD":
        headers["Content-Length"] = str(len(answer.body))
    if request.method == "HEAD" or not (drip or answer.streamed):
        whole = Response(status=answer.status, body=None if request.method == "HEAD" else answer.body, headers=headers)
        await whole.prepare(request)
        await whole.write_eof()
        return whole
    if not answer.streamed:
        headers["Content-Length"] = str(len(answer.body))
    return await _in_steps(request, StreamResponse(status=answer.status, headers=headers), answer.body, drip)


async def _in_steps(request: BaseRequest, response: StreamResponse, body: bytes, drip: float) -> StreamResponse:
    await response.prepare(request)
    step = 1 if drip else CHUNK
    for start in range(0, len(body), step):
        await response.write(body[start : start + step])
        await asyncio.sleep(drip)
    await response.write_eof()
    return response
