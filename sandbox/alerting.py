"""What an Alertmanager of a world holds: the alerts that it was sent, and what somebody silenced."""

from dataclasses import dataclass, field


@dataclass
class ReceivedAlert:
    """An alert that an Alertmanager was sent."""

    labels: dict[str, str]
    started: float = 0.0  # seconds before now
    lasts: float = 86400.0  # seconds from now, unless it is sent again


@dataclass
class Silence:
    """What somebody silenced; matchers are written as `amtool` takes them: `service=web`, `alertname=~".+"`, `severity!=critical`."""

    matchers: list[str]
    begins: float = 0.0  # seconds from now; the server takes no earlier moment
    lasts: float = 7200.0  # seconds from its begin
    comment: str = "planned work"


@dataclass
class Alertmanager:
    """An Alertmanager: what it was sent, and what is silenced."""

    alerts: list[ReceivedAlert] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    cluster: bool = True  # it talks to others of its kind
    peers: int = 0  # so many others there are
    reloaded: str = ""  # what its configuration file is replaced with, and reloaded, after the start; "": left alone
    webhook: str = ""  # where notifications go; "": nowhere
    stopped: bool = False
