"""What may reach a command on a host: names and paths that are data whatever they hold, and never options."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from muster.probes import CouldNotLook
from muster.scrubber import head

HOST = r"[A-Za-z0-9]([-.:_A-Za-z0-9]{0,252})"
"""A DNS name, an address, or an alias of an ssh configuration."""
USER = r"[A-Za-z0-9_]([-.A-Za-z0-9_]{0,62})"
UNIT = r"[A-Za-z0-9]([-.:_@\\A-Za-z0-9]{0,254})"
"""A systemd unit: `nginx`, `getty@tty1.service`."""
PROCESS = r"[^\x00-\x1f/\x7f-][^\x00-\x1f/\x7f]{0,254}"
LONGEST_PATH = 1024


def resolved(text: str, pattern: str, what: str) -> str:
    """`text`, which an environment variable may have said, when it is a name. Raises CouldNotLook."""
    if not re.fullmatch(pattern, text):
        raise CouldNotLook(f"not the name of a {what}: {head(text, 80)!r}", cause="configuration")
    return text


def path_problem(text: str) -> str:
    """Empty, or why a path is refused."""
    if not text or len(text) > LONGEST_PATH:
        return f"a path has 1 to {LONGEST_PATH} characters"
    if text.startswith("-"):
        return "a path does not begin with a dash, which would make it an option"
    if any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 or 0xD800 <= ord(each) < 0xE000 for each in text):
        return "a path holds no line break or other control character"
    if ".." in text.split("/"):
        return "a path does not lead upwards (..)"
    return ""


def _path(value: str) -> str:
    if problem := path_problem(value):
        raise PydanticCustomError("path", "{problem}", {"problem": problem})
    return value


def _named(pattern: str, what: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError("name", "not the name of a {what}", {"what": what})
        return value

    return AfterValidator(check)


def _mount(value: str) -> str:
    if not _path(value).startswith("/"):
        raise PydanticCustomError("path", "a mount point begins with a slash")
    return value


HostPath = Annotated[str, AfterValidator(_path)]
"""A path on a host: absolute, or below the connection's root."""
MountPoint = Annotated[str, AfterValidator(_mount)]
UnitName = Annotated[str, _named(UNIT, "systemd unit"), Field(json_schema_extra={"pattern": f"^{UNIT}$"})]
ProcessName = Annotated[str, _named(PROCESS, "process")]
