"""How far a drill is: one line that is drawn anew on a terminal, a line every half minute elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from muster.text import span
from muster.units import ByteSize

EVERY = 30.0
"""Seconds between two lines, where there is no terminal."""
REDRAWN = 0.2


class Progress:
    """Says phase, bytes, rate and time left. Times are monotonic seconds."""

    def __init__(self, name: str, reporter: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """`reporter` is pytest's terminal reporter, or None: then nothing is said."""
        self._name, self._reporter, self._clock = name, reporter, clock
        self._terminal = reporter is not None and reporter.isatty()
        self._phase, self._began, self._said = "", clock(), clock()
        self._done = self._total = 0
        self._steps = ""
        self._drawing = threading.Lock()

    def phase(self, name: str) -> None:
        """A new phase begins."""
        self._phase, self._began, self._done, self._total, self._steps = name, self._clock(), 0, 0, ""
        if self._terminal:
            self._say(self.line())

    def __call__(self, done: int, total: int) -> None:
        """So many bytes of `total` (0: nobody knows) have passed in this phase."""
        self._done, self._total = done, total
        self.tick()

    def steps(self, done: int, total: int) -> None:
        """So many of `total` steps are done, where bytes are not known."""
        self._steps = f" {done}{f' of {total}' if total else ''} entries"
        self.tick()

    def tick(self) -> None:
        """Say how far it is, if it is time for that."""
        now = self._clock()
        if self._reporter is not None and now - self._said >= (REDRAWN if self._terminal else EVERY):
            self._said = now
            self._say(self.line())

    def line(self) -> str:
        """`drill db: restore 120MiB of 480MiB, 24MiB/s, 15.0 s left`; of a phase that counts no bytes, for how long it lasts."""
        passed = self._clock() - self._began
        if not self._done:
            return f"drill {self._name}: {self._phase}{self._steps}, {span(passed)}"
        rate = self._done / max(passed, 0.001)
        of = f" of {ByteSize(self._total)}" if self._total else ""
        left = f", {span(max(0, self._total - self._done) / rate)} left" if self._total else ""
        return f"drill {self._name}: {self._phase} {ByteSize(self._done)}{of}, {ByteSize(int(rate))}/s{left}"

    @contextmanager
    def ticking(self) -> Iterator["Progress"]:
        """Also say something while nothing passes; at the end the terminal is as it was."""
        over = threading.Event()
        ticker = threading.Thread(target=self._until, args=(over,), daemon=True)
        ticker.start()
        try:
            yield self
        finally:
            over.set()
            ticker.join()
            if self._terminal:
                self._say("")
                self._reporter.write_raw("\r")

    def _until(self, over: threading.Event) -> None:
        while not over.wait(REDRAWN if self._terminal else 1.0):
            self.tick()

    def told(self, line: str) -> None:
        """A line that stays."""
        if self._reporter is not None:
            self._reporter.write_line(line)

    def _say(self, line: str) -> None:
        with self._drawing:
            if not self._terminal:
                self._reporter.write_line(line)
                return
            self._reporter.rewrite(line, erase=True)
            self._reporter.flush()
