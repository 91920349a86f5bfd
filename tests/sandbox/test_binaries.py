"""Where server binaries come from, and that a machine without them says why."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from sandbox import binaries, cache, debian
from sandbox.cache import NotProvided, provided_folder

SERVER = "#!/bin/sh\necho fine\n"
APT = """#!/bin/sh
echo "$@" >> {folder}/asked
case "$*" in
*update*) echo 'W: one source is broken' >&2; exit {updated} ;;
*download*) [ {downloaded} = 0 ] || {{ echo 'E: Unable to locate package' >&2; exit 100; }}; : > made.deb ;;
esac
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "muster"


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_a_folder_is_filled_once_by_whoever_comes_first(own_cache: Path) -> None:
    filled: list[Path] = []

    def fill(folder: Path) -> None:
        filled.append(folder)
        time.sleep(0.2)
        (folder / "content").touch()

    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append((provided_folder("part", fill) / "content").exists())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 5
    assert len(filled) == 1


def test_a_folder_that_cannot_be_filled_leaves_nothing(own_cache: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "half").touch()
        raise NotProvided("no network")

    with pytest.raises(NotProvided, match="no network"):
        provided_folder("part", fill)
    assert [path.name for path in own_cache.iterdir()] == ["part.lock"]


@pytest.mark.parametrize("choice", [binaries.POSTGRESQL_CHOICE, binaries.PROMETHEUS_CHOICE, binaries.REDIS_CHOICE])
def test_a_part_can_be_switched_off(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(choice, "none")
    with pytest.raises(NotProvided, match=f"switched off by {choice}=none"):
        getattr(binaries, choice.rpartition("_")[2].lower())()


def test_a_folder_of_ones_own_is_used_when_its_programs_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(binaries.POSTGRESQL_CHOICE, str(tmp_path / "own"))
    with pytest.raises(NotProvided, match="does not hold initdb and postgres"):
        binaries.postgresql()
    for name in ("initdb", "postgres"):
        script(tmp_path / "own", name, SERVER)
    assert binaries.postgresql() == tmp_path / "own"
    script(tmp_path / "own", "initdb", "#!/bin/sh\necho 'libxml2.so.2: cannot open' >&2\nexit 127\n")
    with pytest.raises(NotProvided, match=r"does not start here: libxml2\.so\.2"):
        binaries.postgresql()


def test_the_machines_own_prometheus_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("prometheus", "promtool"):
        script(tmp_path / "bin", name, SERVER)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert binaries.prometheus() == tmp_path / "bin"


def test_the_fetched_redis_finds_its_libraries_wherever_it_is(tmp_path: Path) -> None:
    library = tmp_path / "usr" / "lib" / "x86_64-linux-gnu"
    for folder in (tmp_path / "usr" / "bin", tmp_path / "bin", library):
        folder.mkdir(parents=True)
    script(tmp_path / "usr" / "bin", "redis-server", '#!/bin/sh\necho "$LD_LIBRARY_PATH" "$@"\n')
    script(tmp_path / "bin", "redis-server", binaries.REDIS_LAUNCHER)
    said = subprocess.run([tmp_path / "bin" / "redis-server", "--port", "1"], capture_output=True, text=True, check=True)
    assert said.stdout.split() == [str(library), "--port", "1"]


def test_without_apt_the_reason_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotProvided, match="there is no apt-get to fetch it with"):
        binaries.prometheus()


def test_what_packages_need_and_the_machine_lacks_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noting = f"cp {tmp_path}/target/apt/status {tmp_path}/known\n"
    script(tmp_path / "bin", "apt-get", APT.format(folder=tmp_path, updated=0, downloaded=0) + noting)
    script(tmp_path / "bin", "dpkg", SERVER)
    (tmp_path / "status").write_text("Package: base-files\n")
    monkeypatch.setattr(debian, "STATUS", tmp_path / "status")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "target").mkdir()

    debian.unpack_packages(["thing"], tmp_path / "target", with_missing=True)

    (_, fetched) = (tmp_path / "asked").read_text().splitlines()
    assert fetched.endswith("install thing")
    assert "--download-only" in fetched
    assert (tmp_path / "known").read_text() == "Package: base-files\n"


@pytest.mark.parametrize("updated", [0, 100])
def test_packages_are_fetched_with_an_apt_state_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, updated: int) -> None:
    script(tmp_path / "bin", "apt-get", APT.format(folder=tmp_path, updated=updated, downloaded=0))
    script(tmp_path / "bin", "dpkg", '#!/bin/sh\n: > "$3/unpacked"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    target = tmp_path / "target"
    target.mkdir()
    debian.unpack_packages(["thing"], target)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[3] for line in asked] == ["update", "download"]
    assert all(line.startswith(f"-q -c {target}/apt/apt.conf ") for line in asked)
    assert [path.name for path in target.iterdir()] == ["unpacked"]


def test_a_package_that_cannot_be_fetched_says_what_both_steps_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin", "apt-get", APT.format(folder=tmp_path, updated=100, downloaded=1))
    script(tmp_path / "bin", "dpkg", SERVER)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(NotProvided, match=r"Unable to locate package; apt-get update: W: one source is broken"):
        debian.unpack_packages(["thing"], tmp_path)
    assert not (tmp_path / "apt").exists()


def test_the_cache_folder_follows_the_convention(own_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache.cache_folder() == own_cache
    assert own_cache.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.cache_folder() == tmp_path / "home" / ".cache" / "muster"
