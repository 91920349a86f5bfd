"""The scratch places that the drills of one run have locked, each once."""

from contextlib import ExitStack

from drill.scratch import Place, opened
from drill.scratch_folder import Folder, opened_folder
from fixtures.postgresql.client import address
from muster.scratch import ScratchFolder, ScratchServer


class Held(ExitStack):
    """What is held until the last drill is over."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, Place] = {}
        self._folders: dict[str, Folder] = {}

    def place(self, server: ScratchServer, ends: float) -> Place:
        """The session that holds the lock of a server. Raises CouldNotLook, or Busy."""
        name = address(server)
        if name not in self._places:
            self._places[name] = self.enter_context(opened(server, ends))
        return self._places[name]

    def folder(self, settings: ScratchFolder) -> Folder:
        """A folder, locked. Raises CouldNotLook, or Busy."""
        if settings.path not in self._folders:
            self._folders[settings.path] = self.enter_context(opened_folder(settings))
        return self._folders[settings.path]
