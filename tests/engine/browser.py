"""Debian's Chromium, headless, where it is installed: what becomes of a page, and a picture of it."""

import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = shutil.which("chromium")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-default-apps", "--disable-extensions")  # fmt: skip


def opened(page: str, *options: str) -> str:
    """Open an address in a browser of its own; what it writes to its standard output."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asked = [CHROMIUM, *QUIET, f"--user-data-dir={folder}", *options, page]
        return subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True).stdout


def dom(page: str) -> str:
    """The document after its scripts, if any, have had five seconds."""
    return opened(page, "--virtual-time-budget=5000", "--dump-dom")


def picture(page: str, path: Path, width: int, height: int, *options: str) -> None:
    """A picture of what is seen of a page in a window of this size."""
    opened(page, f"--window-size={width},{height}", f"--screenshot={path}", "--virtual-time-budget=3000", *options)
