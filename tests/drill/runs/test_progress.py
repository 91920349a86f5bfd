"""How far a drill is: a line each half minute, or one that is drawn anew."""

import threading

from drill.progress import Progress


class Reporter:
    """Keeps what is written."""

    def __init__(self, *, terminal: bool) -> None:
        self.terminal, self.lines, self.drawn = terminal, [], []
        self.said = threading.Event()

    def isatty(self) -> bool:
        return self.terminal

    def write_line(self, line: str) -> None:
        self.lines.append(line)
        self.said.set()

    def rewrite(self, line: str, *, erase: bool) -> None:
        assert erase
        self.drawn.append(line)
        self.said.set()

    def write_raw(self, text: str) -> None:
        self.drawn.append(text)

    def flush(self) -> None:
        """Nothing is held back."""


class Clock:
    """Goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


MIB = 2**20


def test_off_a_terminal_there_is_a_line_each_half_minute() -> None:
    reporter, clock = Reporter(terminal=False), Clock()
    progress = Progress("db", reporter, clock)
    progress.phase("restore")
    for second in range(1, 91):
        clock.now = 1000.0 + second
        progress(second * 4 * MIB, 480 * MIB)
    assert reporter.lines == [
        "drill db: restore 120MiB of 480MiB, 4MiB/s, 90.0 s left",
        "drill db: restore 240MiB of 480MiB, 4MiB/s, 60.0 s left",
        "drill db: restore 360MiB of 480MiB, 4MiB/s, 30.0 s left",
    ]
    assert reporter.drawn == []


def test_what_counts_no_bytes_says_for_how_long_it_lasts() -> None:
    reporter, clock = Reporter(terminal=False), Clock()
    progress = Progress("db", reporter, clock)
    progress.phase("schema")
    clock.now += 31
    progress.tick()
    progress.tick()
    progress.phase("restore")
    clock.now += 30
    progress(7 * MIB, 0)
    assert reporter.lines == ["drill db: schema, 31.0 s", "drill db: restore 7MiB, 238.9KiB/s"]


def test_on_a_terminal_one_line_is_drawn_anew_and_goes_at_the_end() -> None:
    reporter, clock = Reporter(terminal=True), Clock()
    with Progress("db", reporter, clock).ticking() as progress:
        progress.phase("restore")
        clock.now += 10
        progress(MIB, 4 * MIB)
    assert reporter.lines == []
    assert reporter.drawn[0] == "drill db: restore, 0.0 s"
    assert "drill db: restore 1MiB of 4MiB, 102.4KiB/s, 30.0 s left" in reporter.drawn
    assert reporter.drawn[-2:] == ["", "\r"]


def test_while_nothing_passes_something_is_said_all_the_same() -> None:
    reporter, clock = Reporter(terminal=False), Clock()
    with Progress("db", reporter, clock).ticking() as progress:
        progress.phase("amcheck")
        clock.now += 40
        assert reporter.said.wait(30.0)
    assert reporter.lines == ["drill db: amcheck, 40.0 s"]


def test_without_a_reporter_nothing_is_said() -> None:
    with Progress("db", None).ticking() as progress:
        progress.phase("restore")
        progress(1, 2)
        progress.told("a line")
