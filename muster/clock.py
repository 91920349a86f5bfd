"""The clock by which a run waits; what waits takes one, so that a test need not."""

import time


class Clock:
    """Monotonic seconds, and waiting. Ctrl-C and what ends a run in order end a wait at once."""

    def now(self) -> float:
        """Seconds; only differences mean something."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Return after so many seconds."""
        time.sleep(max(0.0, seconds))
