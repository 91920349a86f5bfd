"""A port that stays the same while what listens on it comes, goes and changes its certificate."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp.web import BaseRequest, Server, StreamResponse

Handler = Callable[[BaseRequest], Awaitable[StreamResponse]]
HOST = "127.0.0.1"


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound


class Replaceable(ssl.SSLContext):
    """The context of a server that goes on while `current` is replaced: who has begun a handshake ends it as it began."""

    current: ssl.SSLContext

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """What a new connection speaks TLS through."""
        return self.current.wrap_bio(*arguments, **options)


class Listener:
    """One port, chosen by the kernel and never given back; closed, nothing answers on it and connections are refused."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        # A bound socket that does not listen keeps the port from everybody else and refuses connections.
        self._reservation = _bound(0)
        self.port: int = self._reservation.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._http: Server | None = None
        self._context = Replaceable(ssl.PROTOCOL_TLS_SERVER)
        self.secure = False

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.secure else 'http'}://{HOST}:{self.port}"

    async def open(self, context: ssl.SSLContext | None) -> None:
        """Listen, with TLS when there is a context.

        A server that speaks TLS is only given the new context. Were it closed and opened, who connects in between would be refused
        or, already accepted, left without an answer.
        """
        if context is not None:
            self._context.current = context
            if self._server is not None and self.secure:
                return
        await self.close()
        self.secure = context is not None
        # A handler must end when its client has gone: a hung one would stay for ever.
        self._http = Server(self._handler, handler_cancellation=True, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(
            self._http, sock=_bound(self.port), ssl=self._context if self.secure else None, backlog=1024
        )

    async def close(self) -> None:
        """Stop listening and close every connection; the port stays reserved."""
        if self._server is not None and self._http is not None:
            self._server.close()
            for connection in list(self._http.connections):
                if connection.transport is not None:
                    connection.transport.abort()
            await self._http.shutdown(timeout=0.01)  # 0 would mean to wait for ever
        self._server = self._http = None
