"""A protected environment is not looked at with options that show what clients hold."""

from pathlib import Path

import pytest

from tests.engine.project import Project, project, reading

REFUSED = [
    ["-l"],
    ["--showlocals"],
    ["--log-level=DEBUG"],
    ["--log-level=5"],
    ["-o", "log_cli=true", "--log-cli-level=debug"],
    ["-o", "log_cli_level=DEBUG"],
    ["--log-file=log.txt", "--log-file-level=DEBUG"],
    ["--pdb"],
    ["--trace"],
    ["--debug=debug.log"],
    ["--pastebin=all"],
]


@pytest.fixture
def guarded(tmp_path: Path) -> Project:
    return project(tmp_path).environment("platform/production", [reading("errors")], protected=True)


@pytest.mark.parametrize("options", REFUSED, ids=" ".join)
def test_an_option_that_shows_what_clients_hold_is_refused(guarded: Project, options: list[str]) -> None:
    run = guarded.run("--env", "platform/production", *options)
    assert run.returncode == 4
    assert "platform/production is protected" in run.stderr
    assert options[0].lstrip("-").partition("=")[0][:1] in run.stderr
    assert guarded.looks() == []


@pytest.mark.parametrize("variable", ["SSLKEYLOGFILE", "PYTEST_DEBUG"])
def test_a_variable_that_writes_down_sessions_is_refused(guarded: Project, variable: str) -> None:
    guarded.variables[variable] = str(guarded.folder / "keys.txt")
    run = guarded.run("--env", "platform/production")
    assert run.returncode == 4
    assert f"{variable} may show" in run.stderr
    assert guarded.looks() == []


@pytest.mark.parametrize("options", [["-vvv", "--tb=long"], ["-s"], ["--log-level=INFO"], ["--setup-show"]], ids=" ".join)
def test_what_is_scrubbed_anyway_is_not_refused(guarded: Project, options: list[str]) -> None:
    assert guarded.run("--env", "platform/production", *options).returncode == 0


def test_an_environment_that_is_not_protected_may_be_looked_at_with_all_of_them(guarded: Project) -> None:
    assert guarded.run("-l", "--log-level=DEBUG", "--debug=debug.log").returncode == 0


def test_clients_of_a_protected_run_log_warnings_only(guarded: Project) -> None:
    check = """
        import logging
        import pytest

        @pytest.mark.expects("at_most")
        def test_reading_is_low(measured, limit):
            \"\"\"Low\"\"\"
            logging.getLogger("urllib3.connectionpool").info("a client tells")
            logging.getLogger("botocore.endpoint").warning("a client warns")
            assert measured.value <= limit
        """
    guarded.write("checks/daily/test_readings.py", check)
    run = guarded.run("--env", "platform/production", "-o", "log_cli=true", "--log-level=INFO")
    assert "a client warns" in run.stdout
    assert "a client tells" not in run.stdout
    assert "a client tells" in guarded.run("-o", "log_cli=true", "--log-level=INFO").stdout
