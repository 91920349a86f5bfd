"""No secret in any file and on no terminal, whatever is asked of pytest, in whatever shape, whatever the verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from muster import journal
from muster.verdicts import Verdict
from tests.canaries.canary import PLAIN, UGLY, hits, shapes, swept, traces
from tests.canaries.leaky import leaky
from tests.engine.project import Project

if TYPE_CHECKING:
    import subprocess

LOUD = (
    "-l", "-vvv", "--tb=long", "-ra", "--setup-show", "--durations=0", "-o", "log_cli=true", "--log-level=DEBUG",
    "--log-file=reports/out/log.txt",
    "--junitxml=reports/out/pytest.xml", "-o", "junit_logging=all", "-o", "junit_family=xunit1", "--debug=reports/out/debug.log",
)  # fmt: skip
"""As much as can be asked for at once."""
CHANNELS = (
    "journal.jsonl", "observations.jsonl", "junit.xml", "summary.json", "summary.md", "crashes.txt", "allure-results/*-result.json",
    "allure-results/*-attachment*", "state/platform/sandbox.json", "log.txt", "pytest.xml", "debug.log",
)  # fmt: skip
"""Every file that a loud run leaves."""


def shown(run: "subprocess.CompletedProcess[str]") -> list[str]:
    """What the terminal gave away."""
    return hits(run.stdout + run.stderr, PLAIN, UGLY)


def kept(made: Project) -> dict[str, list[str]]:
    """What the files gave away: those that runs leave, and pytest's cache."""
    return swept(made.folder / "reports", PLAIN, UGLY) | swept(made.folder / ".pytest_cache", PLAIN, UGLY)


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, "subprocess.CompletedProcess[str]"]:
    made = leaky(tmp_path_factory.mktemp("loud"))
    return made, made.run(*LOUD)


@pytest.fixture(scope="module")
def unscrubbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, "subprocess.CompletedProcess[str]"]:
    made = leaky(tmp_path_factory.mktemp("unscrubbed"), scrubbed=False)
    return made, made.run(*LOUD)


@pytest.mark.parametrize("secret", [PLAIN, UGLY])
def test_every_shape_of_a_canary_is_recognised(secret: str) -> None:
    for name, text in shapes(secret).items():
        assert hits(f"before{text}after", secret), name
    assert len(traces(secret)) > 6


@pytest.mark.parametrize("channel", CHANNELS)
def test_without_the_scrubber_the_sweep_finds_the_canary_in_every_channel(unscrubbed: Any, channel: str) -> None:
    found = swept(unscrubbed[0].out, PLAIN, UGLY)
    assert any(Path(name).match(channel) for name in found), sorted(found)


def test_without_the_scrubber_the_terminal_shows_the_canary(unscrubbed: Any) -> None:
    assert hits(unscrubbed[1].stdout, PLAIN, UGLY)
    assert hits(unscrubbed[1].stderr, PLAIN, UGLY)


def test_a_loud_run_gives_nothing_away(loud: Any) -> None:
    made, run = loud
    assert shown(run) == []
    assert kept(made) == {}
    for channel in CHANNELS:
        assert list(made.out.glob(channel)), channel


def test_what_a_run_without_secrets_would_say_is_still_said(loud: Any) -> None:
    made, run = loud
    assert run.returncode == 1
    assert {each.entity: each.verdict for each in made.results().values()} == {
        "holds": Verdict.HOLDS, "violated": Verdict.VIOLATED, "text": Verdict.VIOLATED, "unknown": Verdict.UNKNOWN,
        "probe-crash": Verdict.UNKNOWN, "check-crash": Verdict.UNKNOWN, "timeout": Verdict.UNKNOWN,
    }  # fmt: skip
    for text in (
        "pod-1 is not ready: ***",
        "expected == fine, observed ***",
        "RuntimeError: ***",
        "a check says ***",
        "no answer within 4 s",
    ):
        assert text in run.stdout


def test_saved_observations_of_a_scrubbed_run_lead_to_the_same_verdicts(loud: Any) -> None:
    made, _ = loud
    first = {each.id: (each.verdict, each.value) for each in made.results().values()}
    run = made.run("--replay", "reports/out/observations.jsonl", "--reports", "reports/again")
    assert run.returncode == 1
    again = journal.results(made.folder / "reports" / "again" / "journal.jsonl")
    assert {each.id: (each.verdict, each.value) for each in again} == first
    assert shown(run) == []
    assert kept(made) == {}


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-q",),
        ("-s",),
        ("-s", "-l", "-vvv", "--tb=long", "--full-trace"),
        ("--capture=sys", "-rA", "-v", "--tb=native"),
        ("--capture=tee-sys", "-rA", "--tb=short"),
        ("--tb=line", "-p", "faulthandler", "-o", "faulthandler_timeout=1"),
        ("-x", "--tb=auto", "--showlocals", "-W", "default"),
        ("--collect-only",),
        ("--setup-plan",),
        ("--markers",),
    ],
    ids=" ".join,
)
def test_no_option_makes_a_run_give_anything_away(tmp_path: Path, options: tuple[str, ...]) -> None:
    made = leaky(tmp_path)
    made.variables["WARN"] = "1"
    run = made.run(*options)
    assert shown(run) == []
    assert kept(made) == {}


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("STOP", "KeyboardInterrupt"), ("INTERNAL", "INTERNALERROR"), ("COLLECTION", "RuntimeError"), ("SEGV", "Fatal Python error")],
)
def test_a_run_that_breaks_off_gives_nothing_away(tmp_path: Path, trouble: str, said: str) -> None:
    made = leaky(tmp_path)
    made.variables[trouble] = "1"
    run = made.run("--full-trace", "-l", "--tb=long", "-v", "-W", "default")
    assert said in run.stdout + run.stderr
    assert shown(run) == []
    assert kept(made) == {}


def test_a_process_with_secrets_leaves_no_core_dump(tmp_path: Path) -> None:
    made = leaky(tmp_path)
    made.write(
        "fixtures/hooks.py",
        """
        import resource

        def pytest_sessionfinish():
            print(f"core: {resource.getrlimit(resource.RLIMIT_CORE)[0]}")
        """,
    )
    assert "core: 0" in made.run("-s", "--collect-only").stdout
