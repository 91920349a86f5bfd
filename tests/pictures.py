"""`python -m tests.pictures`: make docs/images/*.png anew, from real runs against the sandbox. Needs Chromium; no part of CI."""

import html
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.engine.browser import picture
from tests.proof.harness import ROOT, without_sandbox

IMAGES = ROOT / "docs" / "images"
MOST = 150_000
"""Bytes of one picture."""
TERMINAL = "body{{margin:0;padding:12px;background:#16191d;color:#d7dce1;font:14px/1.35 'DejaVu Sans Mono',monospace}}pre{{margin:0}}"
FAULTS = ("connections-nearly-exhausted", "pod-not-ready", "certificate-expires-tomorrow", "prometheus-stopped")


def run(reports: Path, *arguments: str) -> str:
    """What a run prints, from the line on at which its page begins."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--reports", str(reports), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=without_sandbox(), capture_output=True, text=True, timeout=300, check=False)
    return done.stdout.partition("\n\n")[2].strip()


def terminal(folder: Path, command: str, said: str, name: str, width: int, rows: int) -> None:
    """A picture of a terminal of so many columns."""
    page = folder / f"{name}.html"
    text = html.escape(f"$ {command}\n{said}")
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8><style>{TERMINAL.format()}</style><pre>{text}</pre>", encoding="utf-8")
    kept(page, name, int(width * 8.43) + 26, rows * 19 + 24)


def kept(page: Path, name: str, width: int, height: int) -> None:
    """A picture among those of the docs. Raises ValueError when it is too large for them."""
    path = IMAGES / f"{name}.png"
    picture(page.as_uri(), path, width, height, "--disable-lcd-text")
    if path.stat().st_size > MOST:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, more than {MOST}")


def main() -> None:
    """Two calm mornings, one on which much is wrong, and a call at night."""
    from muster import journal, values

    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reports = folder / "out"
        for faults in ((), FAULTS[2:3], FAULTS):
            said = run(reports, "checks/daily", "--digest", *(part for fault in faults for part in ("--fault", fault)))
        terminal(folder, "pytest checks/daily --digest", said, "digest", 80, said.count("\n") + 3)
        for size, width, height in (("laptop", 1280, 720), ("phone", 390, 844)):
            kept(reports / "summary.html", f"report-{size}", width, height)
        run(folder / "night", "checks", "--alert", "DatabaseConnectionPoolExhausted", "--fault", FAULTS[0])
        lines = [each.text for each in values.page(journal.read(folder / "night" / "journal.jsonl"), 46)]
        asked = "pytest checks --alert \\\n    DatabaseConnectionPoolExhausted"
        terminal(folder, asked, "\n".join(lines), "night-call", 48, len(lines) + 3)


if __name__ == "__main__":
    main()
