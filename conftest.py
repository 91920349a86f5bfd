"""The plugins of the suite; nothing else lives here."""

pytest_plugins = [
    "muster.plugin",
    "muster.terminal",
    "muster.evidence",
    "sandbox.plugin",
    "fixtures.plugins",
    "push.plugin",
]
