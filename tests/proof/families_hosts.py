"""Unlisted faults of the backup host and of the repository."""

from collections.abc import Callable

from sandbox.world import HostFile, World
from sandbox.worlds.platform_service import hosts
from tests.proof.unlisted import UNKNOWN, VIOLATED, Unlisted

ABSENT = f"{hosts.EXISTS}[env-file]"
SEALS, LEAKS = hosts.OF_SECRETS
RECENT, LARGE, AGAINST, INTACT, COMPLETE = hosts.ALL
LATEST = hosts.LATEST
MARKER = "-- PostgreSQL database dump complete\n"


def _newest(**values: object) -> Callable[[World], None]:
    def edit(world: World) -> None:
        for name, value in values.items():
            setattr(hosts.newest(world), name, value)

    return edit


def _only_one(world: World) -> None:
    files = world.hosts["backup-host"].files
    kept = {LATEST, f"backups/{files[LATEST].link}"}
    world.hosts["backup-host"].files = {path: file for path, file in files.items() if path in kept}


def _no_backups(world: World) -> None:
    world.hosts["backup-host"].files = {"var/other.log": HostFile("x")}


def _link_to_a_folder(world: World) -> None:
    world.hosts["backup-host"].files[LATEST].link = "."


def _empty_checkout(world: World) -> None:
    world.hosts["repository"].files = {}


def _repository(path: str, text: str) -> Callable[[World], None]:
    return lambda world: world.hosts["repository"].files.update({path: HostFile(text)})


FAMILIES = (
    Unlisted(
        "a login page was saved as the dump",
        _newest(head="<html>Sign in</html>", filler=0, tail="", gzip=False),
        VIOLATED,
        (LARGE, AGAINST, INTACT, COMPLETE),
        "not in gzip format",
        (RECENT,),
    ),
    Unlisted("only the checksum of the archive is missing", _newest(kept=0.999995), VIOLATED, (INTACT, COMPLETE), "end of file"),
    Unlisted("the marker stands at the start of the dump only", _newest(head=MARKER, tail=""), VIOLATED, (COMPLETE,), "none of the last"),
    Unlisted("the newest dump was written three days ago", _newest(written=3 * 86400.0), VIOLATED, (RECENT,), "3d"),
    Unlisted(
        "the newest dump was written tomorrow",
        _newest(written=-86400.0),
        UNKNOWN,
        (RECENT,),
        "its age means nothing",
        (INTACT,),
    ),
    Unlisted("the newest dump is half as large and a bit less", _newest(filler=700_000), VIOLATED, (LARGE, AGAINST), "47."),
    Unlisted("all other dumps were deleted", _only_one, VIOLATED, (AGAINST,), "no earlier one", (RECENT, INTACT)),
    Unlisted("the folder of the backups is gone", _no_backups, VIOLATED, hosts.ALL, "the folder that it would lie in does not exist"),
    Unlisted("the link leads to a folder", _link_to_a_folder, VIOLATED, hosts.ALL, "it is a directory"),
    Unlisted("the checkout is empty", _empty_checkout, VIOLATED, (ABSENT, SEALS), "has this name"),
    Unlisted(
        "a variant of the env file is committed", _repository("config/a/.env.production.local", "A=1\n"), VIOLATED, (ABSENT,), "config/a/"
    ),
    Unlisted(
        "a plain secret stands below the sealed one",
        _repository(hosts.SECRETS, f"{hosts.SEALED}---\n{hosts.PLAIN}"),
        VIOLATED,
        (LEAKS,),
        "stringData",
        (SEALS,),
    ),
)
