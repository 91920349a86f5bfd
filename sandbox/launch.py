"""Become another program that dies with its parent: `python -I -S launch.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT]...`.

A program of its own, because code between fork and exec in a process with threads can deadlock. UID and GID may be "-".
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Drop to the user, ask the kernel for the signal, make sure that the parent still lives, and exec."""
    parent, signal, uid, gid, *command = sys.argv[1:]
    if gid != "-":
        os.setgroups([])
        os.setgid(int(gid))
    if uid != "-":
        os.setuid(int(uid))
    # The kernel forgets this wish whenever the user changes, so it comes last.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0):
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("the supervisor is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
