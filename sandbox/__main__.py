"""`python -m sandbox up` keeps a sandbox running; `python -m sandbox faults` lists the ways to break one."""

import argparse
import shlex
import signal
import sys
import threading
import time
from types import FrameType

from sandbox.faults import Found, UnknownName, all_faults, broken, find, systems
from sandbox.platform import PARTS, Platform
from sandbox.processes import ServiceFailed
from sandbox.state import RUNNING


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, 1 when a server failed, 4 for a name that does not exist or a part that is missing."""
    options = _options(arguments)
    try:
        return _up(options) if options.command == "up" else _list_faults(only_names=options.names)
    except UnknownName as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 4
    except ServiceFailed as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a sandbox, print its addresses, keep it running until Ctrl-C")
    up.add_argument("--system", help="whose world (default: the only one there is)")
    up.add_argument("--fault", action="append", default=[], metavar="NAME", help="break one thing; repeatable")
    up.add_argument("--part", action="append", choices=sorted(PARTS), help="start only this part; repeatable (default: all)")
    says = "how often what tells its age (logs, objects, files) is made as young as at the start (default: 120)"
    up.add_argument("--renew", type=float, default=120.0, metavar="SECONDS", help=says)
    listing = commands.add_parser("faults", help="list the faults and the expectations that each violates")
    listing.add_argument("--names", action="store_true", help="only the names, one a line")
    return parser.parse_args(arguments)


def _up(options: argparse.Namespace) -> int:
    named = [find(name) for name in options.fault]
    platform = Platform(broken(options.system or _only_system(named), named), options.part or PARTS)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    try:
        with platform:
            for name, value in {RUNNING: str(platform.folder), **platform.addresses}.items():
                print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            for part, reason in platform.not_provided.items():
                print(f"# {part} is not provided: {reason}", file=sys.stderr)
            if kubeconfig := platform.addresses.get("SANDBOX_KUBECONFIG"):
                print(f"# kubeconfig: {kubeconfig}", file=sys.stderr)
            print(f"# ready after {time.monotonic() - began:.1f} s; Ctrl-C ends it", file=sys.stderr, flush=True)
            while not threading.Event().wait(options.renew):
                platform.renew()
    except KeyboardInterrupt:
        print("# stopped", file=sys.stderr)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _only_system(named: list[Found]) -> str:
    meant = sorted({found.system for found in named if found.system}) or systems()
    if len(meant) != 1:
        raise UnknownName(f"which system? --system takes one of {', '.join(systems())}")
    return meant[0]


def _list_faults(*, only_names: bool) -> int:
    # A reader that has seen enough, `head` say, is no error; nothing here needs cleaning up.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for found in all_faults():
        if only_names:
            print(found.name)
            continue
        print(f"{found.name}\n    {found.fault.summary}")
        for violated in found.fault.violates:
            print(f"    {found.fault.verdict}: {violated}")
        for hidden in found.fault.hides:
            print(f"    unknown: {hidden}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
