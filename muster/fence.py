"""Where connections may lead: never to an address that hands out credentials, and only where an environment says, if it does.

An environment's file decides where credentials are sent. What is written in it is judged before a socket opens; what a name
or a redirect turns out to be, after resolution, and the address that was judged is the one that is connected to.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from muster.probes import CouldNotLook

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # link-local: the metadata services of AWS, Azure, GCP, OpenStack; ECS and EKS credentials
            "fe80::/10",
            "fd00:ec2::/32",  # AWS over IPv6
            "fd20:ce::254/128",  # GCP over IPv6
            "100.100.100.200/32",  # Alibaba
            "192.0.0.192/32",  # Oracle
            "168.63.129.16/32",  # Azure's wire server
        ),
    )
)  # fmt: skip
_MAPPED = tuple(ipaddress.IPv6Network(each) for each in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "::ffff:0:0:0/96"))
"""IPv6 networks whose last four bytes are an IPv4 address."""
_NAME = r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*"

_rules: ContextVar[tuple[str, ...]] = ContextVar("rules", default=())


def _rule(value: str) -> str:
    lower = value.lower().rstrip(".")
    if _network(lower) is None and not (re.fullmatch(_NAME, lower) and not literal(lower)):
        raise PydanticCustomError("reach", "write a host (db.internal), all below a domain (*.internal), or addresses (10.0.0.0/8)")
    return lower


Rule = Annotated[str, AfterValidator(_rule)]
"""A host name, `*.domain` for every name below it, an address or a network."""


def _network(rule: str) -> Network | None:
    try:
        return ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return None


def literal(host: str) -> Address | None:
    """The address that a host is written as, in any spelling that the system reads as one; None for a name."""
    text = host.strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        # Decimal, hexadecimal, octal and short forms: 2852039166, 0xa9fea9fe, 0251.0376.0251.0376, 169.254.43518
        return ipaddress.IPv4Address(socket.inet_aton(text)) if re.fullmatch(r"[0-9a-fA-FxX.]+", text) else None
    except OSError:
        return None


def unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour is not None:
            return address.sixtofour
        if int(address) > 0xFFFF and any(address in network for network in _MAPPED):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _named(host: str, rules: Iterable[str]) -> bool:
    name = host.lower().rstrip(".")
    return any(name == rule or (rule.startswith("*.") and name.endswith(rule[1:])) for rule in rules)


def _why(address: Address, host: str, rules: tuple[str, ...]) -> str:
    plain = unmapped(address)
    if any(plain in network for network in _NEVER):
        return "a link-local or metadata address, which is never talked to"
    networks = [network for rule in rules if (network := _network(rule)) is not None]
    if rules and not _named(host, rules) and not any(plain in network or address in network for network in networks):
        return "outside what `reach` allows"
    return ""


def refusal(host: str, rules: tuple[str, ...]) -> str:
    """Why a host that stands in a file is never connected to; empty when it may be, or when only resolution can say."""
    address = literal(host)
    if address is not None:
        return _why(address, host, rules)
    if rules and not _named(host, rules) and all(_network(rule) is None for rule in rules):
        return "outside what `reach` allows"
    return ""


def enter(rules: tuple[str, ...]) -> None:
    """Say what the probe that runs in this thread may reach; the store calls it. No rules: everything but what is never talked to."""
    _rules.set(rules)


def check(host: str, addresses: Iterable[str]) -> None:
    """Raise CouldNotLook when a host, or one of the addresses that it has turned out to have, may not be connected to."""
    for text in addresses:
        address = literal(text)
        why = _why(address, host, _rules.get()) if address is not None else "no address"
        if why:
            what = f"{host} is {text}, {why}" if text != host else f"{host} is {why}"
            raise CouldNotLook(
                what,
                cause=f"reach of {host}",
                hint="is the address right? who answers for this name? see `reach` in the environment's file",
            )
