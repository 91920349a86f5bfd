"""How far a drill is: one line that is drawn anew on a terminal, a line every half minute elsewhere."""

import time
from collections.abc import Callable
from typing import Any

from muster.text import span
from muster.units import ByteSize

EVERY = 30.0
"""Seconds between two lines, where there is no terminal."""
REDRAWN = 0.1


class Progress:
    """Says phase, bytes, rate and time left. Times are monotonic seconds."""

    def __init__(self, name: str, reporter: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """`reporter` is pytest's terminal reporter, or None: then nothing is said."""
        self._name, self._reporter, self._clock = name, reporter, clock
        self._terminal = reporter is not None and reporter.isatty()
        self._phase, self._began, self._said = "", clock(), clock()

    def phase(self, name: str) -> None:
        """A new phase begins."""
        self._phase, self._began = name, self._clock()
        if self._terminal:
            self._draw(f"drill {self._name}: {name}")

    def __call__(self, done: int, total: int) -> None:
        """So many bytes of `total` (0: nobody knows) have passed in this phase."""
        self._say(self.line(done, total, self._clock()))

    def _say(self, line: str) -> None:
        now = self._clock()
        if self._reporter is None or now - self._said < (REDRAWN if self._terminal else EVERY):
            return
        self._said = now
        if self._terminal:
            self._draw(line)
        else:
            self._reporter.write_line(line)

    def steps(self, done: int, total: int) -> None:
        """So many of `total` steps are done, where bytes are not known."""
        self._say(f"drill {self._name}: {self._phase} {done}{f' of {total}' if total else ''} entries")

    def line(self, done: int, total: int, now: float) -> str:
        """`drill db: restore 120MiB of 480MiB, 24MiB/s, 15 s left`."""
        rate = done / max(now - self._began, 0.001)
        of = f" of {ByteSize(total)}, {span(max(0, total - done) / rate)} left" if total and rate else ""
        return f"drill {self._name}: {self._phase} {ByteSize(done)}{of}, {ByteSize(int(rate))}/s"

    def told(self, line: str) -> None:
        """A line that stays."""
        if self._reporter is not None:
            self._reporter.write_line(line)

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._terminal:
            self._draw("")
            self._reporter.write_raw("\r")

    def _draw(self, line: str) -> None:
        self._reporter.rewrite(line, erase=True)
        self._reporter.flush()
