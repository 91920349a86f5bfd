"""What was asked of the sandbox, so that tests can count LISTs and prove that nothing mutating was tried."""

import time
from collections import deque
from typing import Any

from aiohttp.web import BaseRequest

Entry = dict[str, Any]
READING = ("GET", "HEAD", "OPTIONS")


class Recording:
    """The latest 100,000 requests to the API and the sites, oldest first. A request without an answer yet has status None."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=100_000)

    def begin(self, server: str, request: BaseRequest) -> Entry:
        """Note a request; the caller sets `status`, and what else it learns, when it does."""
        entry: Entry = {
            "server": server,
            "time": time.time(),
            "method": request.method,
            "path": request.path,
            "query": request.query_string,
            "agent": request.headers.get("User-Agent", ""),
            "user": None,
            "mutating": request.method not in READING,
            "status": None,
        }
        self._entries.append(entry)
        return entry

    def entries(self) -> list[Entry]:
        """All entries, oldest first."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
