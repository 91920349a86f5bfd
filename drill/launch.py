"""Become another program that dies with its parent: `python -I -S launch.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT]...`.

A program of its own, because code between fork and exec in a process with threads can deadlock. UID and GID may be "-",
PROGRAM is a path: after the user has changed, our own modules may be out of reach.
What is started may run code that a backup brought along, so it gets no network where the machine lets us take it away, no
core dump, and no way to more rights than it begins with.
"""

import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


def main() -> None:
    """Leave the network, drop to the user, ask for a signal when the parent dies, make sure that it still lives, and exec."""
    parent, signal, uid, gid, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    _leave_network(libc)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if gid != "-":
        os.setgroups([])
        os.setgid(int(gid))
    if uid != "-":
        os.setuid(int(uid))
    # The kernel forgets this wish whenever the user changes, so it comes last.
    for wish in ((PR_SET_NO_NEW_PRIVS, 1), (PR_SET_PDEATHSIG, int(signal))):
        if libc.prctl(*wish, 0, 0, 0):
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("the drill is gone")
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


def _leave_network(libc: ctypes.CDLL) -> None:
    """A network of our own without any way out; where the machine forbids that, the caller sees it by `Child.alone`."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return
    # In a user namespace of our own we stay who we are.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - nothing more than needed is imported here
            file.write(text)


if __name__ == "__main__":
    main()
