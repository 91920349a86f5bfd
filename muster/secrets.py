"""Secrets are references until the last moment, and never print after it."""

import os
import re
from pathlib import Path
from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from muster import scrubber
from muster.probes import CouldNotLook

_REFERENCE = r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)"


class Secret:
    """A value that opens only through `reveal()`: no repr, str, format, pickle, JSON or comparison shows it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The text itself, for the client that needs it and nothing else."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def read(reference: str) -> str:
    """Resolve `env:NAME` or `file:PATH`. Raises CouldNotLook when it is not there."""
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        if name not in os.environ:
            raise CouldNotLook(f"environment variable {name} is not set", cause=f"configuration: {reference}")
        return os.environ[name]
    try:
        return Path(name).expanduser().read_text().rstrip("\r\n")
    except OSError as error:
        raise CouldNotLook(f"cannot read {name}: {error.strerror}", cause=f"configuration: {reference}") from error


def learned(value: str, where: str) -> str:
    """The value of a secret that was read from `where`, now known to the scrubber. Raises CouldNotLook when it is too short to hide."""
    try:
        return scrubber.learn(value)
    except ValueError as error:
        raise CouldNotLook(f"{where} is not used: {error}", cause=f"configuration: {where}", hint="give it a longer secret") from None


def learned_header(value: str, where: str) -> str:
    """The value of a header that is a credential, known to the scrubber with and without its scheme, and cookie by cookie."""
    parts = (value.partition(" ")[2], *(each.partition("=")[2] for each in value.split(";")))
    for each in parts:
        if len(each) >= scrubber.SHORTEST:
            scrubber.learn(each)
    return learned(value, where)


class SecretRef(str):
    """`env:NAME` or `file:PATH`: where a secret lies. Resolved at the look, not before."""

    __slots__ = ()

    def resolve(self) -> Secret:
        """Read the secret; from now on no report shows it. Raises CouldNotLook when it is missing, or too short to hide."""
        return Secret(learned(read(str(self)), str(self)))

    @classmethod
    def _validate(cls, value: Any) -> "SecretRef":
        if isinstance(value, str) and re.fullmatch(_REFERENCE, value):
            return cls(value)
        raise PydanticCustomError("literal_secret", "a literal secret; write env:NAME or file:PATH instead")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_REFERENCE}$", "description": "env:NAME or file:PATH"}


class Setting(str):
    """An address or a name: as written, or `env:NAME` to be read at the look."""

    __slots__ = ()

    def resolve(self) -> str:
        """The text in force now. Raises CouldNotLook when `env:NAME` names a variable that is not set."""
        return read(str(self)) if self.startswith("env:") else str(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(min_length=1), serialization=core_schema.to_string_ser_schema()
        )
