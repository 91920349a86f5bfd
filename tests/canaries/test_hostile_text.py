"""Names, headers and log lines are written by others: none acts on a terminal, none becomes markup, no stranger's plugin is loaded."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.engine.project import ROOT, Project, project, reading

HOSTILE = (
    "web\x1b[2J\x1b]0;title\x07\x9b31m\x08\x00\u202e<script>alert(1)</script>|**x**[a](javascript:b)\r\n::error::c\x1b]8;;http://e\x1b\\"
)
CHECK = """
    import logging, os, sys
    import pytest

    @pytest.mark.expects("at_most")
    def test_reading_is_low(measured, limit):
        \"\"\"The value is low enough\"\"\"
        print(measured.note)
        print(measured.note, file=sys.stderr)
        logging.getLogger("client").warning("says %s", measured.note)
        if measured.value == 7:
            raise KeyError(measured.note)
        assert measured.value <= limit
    """


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project(
        tmp_path_factory.mktemp("hostile"),
        errors={"value": 3, "note": HOSTILE, "seen": HOSTILE},
        unknown={"error": HOSTILE, "cause": HOSTILE, "hint": HOSTILE},
        crash={"value": 7, "note": HOSTILE},
        probe={"crash": HOSTILE},
    )
    made.write("checks/daily/test_readings.py", CHECK)
    return made.environment("platform/sandbox", [reading(each) for each in ("errors", "unknown", "crash", "probe")])


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-v",),
        ("-s",),
        ("-rA", "-vv", "--tb=long"),
        ("-o", "log_cli=true", "--log-level=DEBUG"),
        ("--tb=native", "-l"),
        ("--color=yes",),
    ],
    ids=" ".join,
)
def test_nothing_that_others_wrote_acts_on_the_terminal(attacked: Project, options: tuple[str, ...]) -> None:
    run = attacked.run(*options)
    text = run.stdout + run.stderr
    assert run.returncode == 1
    assert "web\\x1b[2J" in text
    for each in ("\x1b[2J", "\x1b]", "\x07", "\x08", "\x00", "\x9b", "\u202e"):
        assert each not in text, repr(each)
    assert ("\x1b[" in text) == ("--color=yes" in options)


def test_nothing_that_others_wrote_becomes_markup_in_a_report(attacked: Project) -> None:
    attacked.run()
    assert "<script" not in (attacked.out / "summary.md").read_text()
    assert "\n::error" not in (attacked.out / "summary.md").read_text()
    ET.parse(attacked.out / "junit.xml")
    for file in (each for each in attacked.out.rglob("*") if each.is_file()):
        text = file.read_text()
        assert not {"\x1b", "\x07", "\x08", "\x00"} & set(text), file
        if file.name.endswith("-result.json"):
            assert "<script" not in text.partition('"descriptionHtml"')[2].partition('", "')[0]


def test_a_plugin_that_somebody_installed_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("import os, pathlib\npathlib.Path(os.environ['EVIL']).write_text('loaded')\n")
    wheel = tmp_path / "evil-1.0.dist-info"
    wheel.mkdir()
    (wheel / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (wheel / "entry_points.txt").write_text("[pytest11]\nevil = evil\n")
    mark = tmp_path / "mark"
    unwanted = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    variables = {name: value for name, value in os.environ.items() if name not in unwanted} | {
        "PYTHONPATH": str(tmp_path),
        "EVIL": str(mark),
    }

    def run(folder: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q"],
            cwd=folder,
            env=variables,
            capture_output=True,
            timeout=300,
            check=False,
        )

    run(ROOT)
    assert not mark.exists()
    (tmp_path / "elsewhere").mkdir()
    run(tmp_path / "elsewhere")
    assert mark.exists(), "it would be loaded where nobody prevents it"
