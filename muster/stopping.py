"""SIGTERM and SIGHUP end a run as Ctrl-C does: in order, with the rest *not run*, reports written and the sandbox gone."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_installed: list[signal.Signals] = []


def install() -> None:
    """Take the signals that would otherwise end the process at once; one that the caller ignores (nohup) stays ignored."""
    if threading.current_thread() is threading.main_thread():
        for each in SIGNALS:
            if signal.getsignal(each) is signal.SIG_DFL:
                signal.signal(each, _interrupt)
                _installed.append(each)


def ignore() -> None:
    """Let nothing but Ctrl-C interrupt what comes now."""
    for each in _installed:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def later() -> Iterator[None]:
    """Until the end of the block one signal that ends the run waits, Ctrl-C too; a second one does not."""
    waiting: list[KeyboardInterrupt] = []

    def wait(number: int, frame: FrameType | None) -> None:
        if waiting:
            _interrupt(number, frame)
        waiting.append(KeyboardInterrupt(signal.Signals(number).name))

    taken = (signal.SIGINT, *_installed) if threading.current_thread() is threading.main_thread() else ()
    before = {each: signal.signal(each, wait) for each in taken if signal.getsignal(each) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if waiting:
        raise waiting[0]


def uninstall() -> None:
    """Put things back as they were."""
    while _installed:
        signal.signal(_installed.pop(), signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal calls it
    raise KeyboardInterrupt(signal.Signals(number).name)
