"""Who is at fault when a drill does not get through: the backup (here), or we, the network, the scratch server (CouldNotLook)."""


class Damaged(Exception):
    """The backup is at fault. The text is one line for an operator, and holds no data of the backup."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Damaged):
    """The backup asks for something that no restore needs. `line` is its place in the dump, 0 where there are no lines."""

    def __init__(self, why: str, statement: str, line: int = 0) -> None:
        super().__init__(f"{f'line {line}: ' if line else ''}{statement}: {why}")
        self.why = why
        self.statement = statement
        self.line = line
