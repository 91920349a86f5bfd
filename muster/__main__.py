"""`python -m muster`: explain an environment, show coverage of the runbooks, write the JSON schema, complete a killed run."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from muster.allowances import load
from muster.coverage import find_checks, table
from muster.environment import Environment
from muster.explain import explain, waived
from muster.finalise import FinaliseError, finalise
from muster.reference import reference
from muster.runbook import load_runbook
from muster.schema import schema, waivers_schema
from muster.selection import SelectionError, declared, load_all, shown
from muster.verdicts import EXIT_CONFIGURATION
from muster.yamlfile import ConfigError


def _parser() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--environments", type=Path, default=Path("environments"), metavar="DIR", help="default: environments")
    where.add_argument("--checks", type=Path, default=Path("checks"), metavar="DIR", help="default: checks")
    parser = argparse.ArgumentParser(prog="python -m muster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    says = "print every effective expectation with value, severity, owner and origin"
    explaining = commands.add_parser("explain", parents=[where], help=says)
    explaining.add_argument("--env", action="append", default=[], metavar="NAME", help="as for pytest; repeatable")
    says = "print which rows of the runbooks are bound, to what; exit 1 when one leads nowhere"
    covering = commands.add_parser("coverage", parents=[where], help=says)
    covering.add_argument("system", nargs="?")
    schemas = commands.add_parser("schema", parents=[where], help="print the JSON schema of environment files, or of waivers")
    schemas.add_argument("of", nargs="?", choices=["environments", "waivers"], default="environments")
    commands.add_parser("reference", parents=[where], help="print docs/reference.md")
    says = "complete a run that was killed: the rest is not run, all reports are written; exits with the run's exit code"
    finalising = commands.add_parser("finalise", help=says)
    finalising.add_argument("--reports", type=Path, default=Path("reports/out"), metavar="DIR", help="default: reports/out")
    finalising.add_argument("--alluredir", type=Path, metavar="DIR", help="as the run had it; default: REPORTS/allure-results")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, 1 when coverage finds something wrong, 4 for what cannot be used, or the finalised run's exit code."""
    options = _parser().parse_args(arguments)
    commands = {"schema": _schema, "reference": _reference, "coverage": _coverage, "explain": _explain, "finalise": _finalise}
    try:
        return commands[options.command](options)
    except (ConfigError, SelectionError, FinaliseError) as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIGURATION


def _schema(options: argparse.Namespace) -> int:
    print(json.dumps(waivers_schema() if options.of == "waivers" else schema(), indent=2))
    return 0


def _reference(options: argparse.Namespace) -> int:
    print(reference(options.checks), end="")
    return 0


def _explain(options: argparse.Namespace) -> int:
    environments = load_all(options.environments, options.env)
    allowances = load(environments, options.checks, shown(options.environments))
    for environment in environments:
        print("\n".join([*explain(environment), *waived(allowances.entries[environment.id])]))
    return 0


def _finalise(options: argparse.Namespace) -> int:
    code, told = finalise(options.reports, options.alluredir or options.reports / "allure-results")
    print("\n".join(told))
    return code


def _coverage(options: argparse.Namespace) -> int:
    root, system = options.environments, options.system
    systems = sorted({each for each, _ in declared(root)})
    if system is not None and system not in systems:
        raise SelectionError(f"no system {system}; there are: {', '.join(systems)}")
    checks = find_checks(options.checks)
    failed = False
    for each in [system] if system else systems:
        book = load_runbook(root / each)
        if book is None:
            print(f"{each}: no runbook.yaml")
            continue
        for line, bad in table(each, book, checks, _environments(root, each), _faults(each)):
            print(line)
            failed |= bad
    return 1 if failed else 0


def _environments(root: Path, system: str) -> list[Environment]:
    return [environment for each, name in declared(root) if each == system for environment in load_all(root, [f"{each}/{name}"])]


def _faults(system: str) -> set[str] | None:
    """Names of the sandbox's faults for a system; None where this checkout has no sandbox, or none for this system."""
    if not (Path("sandbox") / "worlds" / system.replace("-", "_")).exists():
        return None
    answer = subprocess.run(
        [sys.executable, "-m", "sandbox", "faults", "--names"], capture_output=True, text=True, check=True, env=os.environ
    )
    return {name for line in answer.stdout.split() for name in (line, line.rpartition("/")[2])}


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())
