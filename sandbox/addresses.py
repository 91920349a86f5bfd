"""The environment variables that lead to a running platform."""

import re

from sandbox.world import Host, World


def facade_addresses(known: dict[str, str]) -> dict[str, str]:
    """Those of the stand-ins, from what their process says."""
    names = {
        "kubeconfig": "SANDBOX_KUBECONFIG",
        "ca_file": "SANDBOX_CA",
        "foreign_ca_file": "SANDBOX_FOREIGN_CA",
        "client_certificate": "SANDBOX_CLIENT_CERTIFICATE",
        "client_key": "SANDBOX_CLIENT_KEY",
    }
    sites = {f"SANDBOX_SITE_{variable(name[5:])}_URL": url for name, url in known.items() if name.startswith("site:")}
    return {names[name]: text for name, text in known.items() if name in names} | sites


def part_of(host: Host) -> str:
    """The part of the platform that a host belongs to: who only has files needs no server."""
    return "ssh" if host.ssh else "local"


def site_tokens(world: World) -> dict[str, str]:
    """The bearer token that a site's routes demand, for sites that have any."""
    routes = [(name, route) for name, site in world.sites.items() for route in site.routes.values()]
    return {f"SANDBOX_SITE_{variable(name)}_TOKEN": route.token for name, route in routes if route.token is not None}


def variable(name: str) -> str:
    """A name as part of an environment variable's."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())
