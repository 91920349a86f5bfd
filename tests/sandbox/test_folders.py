"""Folders of files: their ages count from the world's now, and a later now makes no new file."""

from pathlib import Path

from sandbox.services.folders import Folder
from sandbox.world import HostFile

NOON = 1795176000.0


def test_ages_count_from_the_worlds_now(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "host")
    files = {"a/b": HostFile("text", written=3600.0), "link": HostFile(link="a/b", written=60.0)}
    folder.apply(files, NOON)
    inode = (folder.root / "a" / "b").stat().st_ino
    assert (folder.root / "a" / "b").stat().st_mtime == NOON - 3600
    assert (folder.root / "link").lstat().st_mtime == NOON - 60

    folder.apply(files, NOON + 7200)

    assert (folder.root / "a" / "b").stat().st_mtime == NOON + 3600
    assert (folder.root / "link").lstat().st_mtime == NOON + 7140
    assert (folder.root / "a" / "b").stat().st_ino == inode


def test_a_file_that_somebody_changed_stays_as_it_is(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "host")
    files = {"a": HostFile("text")}
    folder.apply(files, NOON)
    (folder.root / "a").write_text("changed by hand")
    folder.apply(files, NOON + 120)
    assert (folder.root / "a").read_text() == "changed by hand"
    (folder.root / "a").unlink()
    folder.apply(files, NOON + 240)
    assert not (folder.root / "a").exists()
