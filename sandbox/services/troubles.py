"""Which trouble a request meets."""

from sandbox.world import Trouble


class Troubles:
    """The troubles of one server, with a count of how often each was asked for."""

    def __init__(self, troubles: list[Trouble]) -> None:
        self._troubles = troubles
        self._matches = [0] * len(troubles)

    def meet(self, path: str) -> Trouble | None:
        """The first trouble whose path prefix matches, that has begun and is not over."""
        for place, trouble in enumerate(self._troubles):
            if path.startswith(trouble.path):
                self._matches[place] += 1
                turn = self._matches[place] - trouble.after
                if turn > 0 and (trouble.times is None or turn <= trouble.times):
                    return trouble
        return None
