"""The plugins of the suite; nothing else lives here."""

pytest_plugins = ["muster.plugin", "fixtures.entities"]
