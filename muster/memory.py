"""How the allocator treats many threads: what each of them once needed goes back to the system instead of staying with it."""

import ctypes

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
_LARGE = 2**18
"""Bytes from which on a piece of memory is the system's again as soon as it is free."""


def share() -> None:
    """Let all threads take from one arena, and large pieces from the system. Nothing happens where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
