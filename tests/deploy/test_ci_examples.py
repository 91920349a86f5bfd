"""The examples of deploy/ci are what their runners take, and every command line in them is one that this suite takes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import models

ROOT = Path(__file__).parents[2]
CI = ROOT / "deploy" / "ci"
GITHUB, GITLAB, ARGO = (CI / name for name in ("github-actions.yml", "gitlab-ci.yml", "argo-rollouts-analysis.yaml"))
SCHEMAS = {
    GITHUB: ("--builtin-schema", "vendor.github-workflows"),
    GITLAB: ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
    ARGO: ("--schemafile", str(Path(__file__).with_name("analysis-template.schema.json"))),
}


def load(path: Path) -> dict[Any, Any]:
    """An example as data."""
    made: dict[Any, Any] = yaml.safe_load(path.read_text())
    return made


def checked(path: Path, of: Path) -> "subprocess.CompletedProcess[str]":
    """What the schema of the example `of` says of a file."""
    command = [sys.executable, "-m", "check_jsonschema", *SCHEMAS[of], str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def readme() -> dict[str, Any]:
    """The job that the README shows, in ten lines."""
    (block,) = re.findall(r"```yaml\n(gate:.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(block.splitlines()) == 10
    made: dict[str, Any] = yaml.safe_load(block)
    return made


def scripts() -> dict[str, str]:
    """Every shell script of the examples that runs checks, by file and job; the Job's argument vector as a script."""
    found = {}
    for name, job in load(GITHUB)["jobs"].items():
        found |= {f"github {name}": step["run"] for step in job["steps"] if "pytest " in step.get("run", "")}
    (found["readme"],) = [step["run"] for step in readme()["gate"]["steps"] if "pytest " in step.get("run", "")]
    for name, job in load(GITLAB).items():
        lines = job.get("script", []) if isinstance(job, dict) else []
        found |= {f"gitlab {name}": line for line in lines if "pytest " in line}
    (container,) = load(ARGO)["spec"]["metrics"][0]["provider"]["job"]["spec"]["template"]["spec"]["containers"]
    (argument,) = load(ARGO)["spec"]["args"]
    return found | {"argo": shlex.join(container["command"]).replace("{{args.environment}}", argument["value"])}


def test_every_example_is_here() -> None:
    assert set(CI.iterdir()) == set(SCHEMAS)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_an_example_fits_the_schema_of_its_runner_and_a_damaged_one_does_not(path: Path, tmp_path: Path) -> None:
    done = checked(path, path)
    assert done.returncode == 0, done.stdout + done.stderr
    damaged = tmp_path / path.name
    words = {GITHUB: ("runs-on:", "run-on:"), GITLAB: ("script:", "scripts:"), ARGO: ("failureLimit:", "failureLimits:")}[path]
    damaged.write_text(path.read_text().replace(*words))
    assert checked(damaged, path).returncode == 1


def test_the_job_of_the_readme_fits_the_schema_too(tmp_path: Path) -> None:
    workflow = tmp_path / "workflow.yml"
    workflow.write_text(yaml.safe_dump({"on": {"push": {"branches": ["main"]}}, "jobs": readme()}))
    done = checked(workflow, GITHUB)
    assert done.returncode == 0, done.stdout


def unknown_fields(data: Any, kind: str, place: str) -> list[str]:
    """Fields that a type of the Kubernetes API does not have."""
    if match := re.fullmatch(r"List\[(\w+)\]|Dict\[\w+, (\w+)\]", kind):
        inner = match[1] or match[2]
        values = enumerate(data) if match[1] else data.items()
        return [each for step, value in values for each in unknown_fields(value, inner, f"{place}.{step}")]
    model = getattr(models, kind, None)
    if model is None:
        return []
    names = {written: attribute for attribute, written in model.attribute_map.items()}
    wrong = [f"{place}.{name}" for name in data if name not in names]
    known = [(name, value) for name, value in data.items() if name in names]
    return wrong + [each for name, value in known for each in unknown_fields(value, model.openapi_types[names[name]], f"{place}.{name}")]


def test_the_job_of_the_analysis_has_only_fields_that_a_job_has() -> None:
    job = load(ARGO)["spec"]["metrics"][0]["provider"]["job"]["spec"]
    assert unknown_fields(job, "V1JobSpec", "spec") == []
    job["template"]["spec"]["containers"][0]["volumeMount"] = []
    assert unknown_fields(job, "V1JobSpec", "spec") == ["spec.template.spec.containers.0.volumeMount"]


@pytest.mark.parametrize(("name", "ticket"), [*((name, "OPS-123") for name in scripts()), ("github before", "")])
def test_a_command_line_selects_checks_of_a_gate(name: str, ticket: str, tmp_path: Path) -> None:
    shim = tmp_path / "pytest"
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pytest --collect-only -q "$@"\n')
    shim.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "CI_PROJECT_DIR": str(tmp_path), "OVERRIDE": ticket}
    script = scripts()[name].replace("--reports /reports", f"--reports {tmp_path}").replace(".venv/bin/", "")
    done = subprocess.run(["bash", "-euc", script], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    asked = {line.partition("::")[2].partition("[")[0] for line in done.stdout.splitlines() if "::" in line}
    assert "test_images_of_the_rollback_can_be_pulled" in asked or "test_pods_run_with_the_current_configuration" in asked


def test_actions_are_pinned_by_commit_and_say_their_version() -> None:
    used = re.findall(r"uses: *(.+)", GITHUB.read_text())
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_no_pull_request_gets_credentials_and_no_branch_its_own_limits() -> None:
    workflow = load(GITHUB)
    assert set(workflow[True]) == {"push", "workflow_dispatch"}  # `on` is true in YAML 1.1
    assert workflow["permissions"] == {"contents": "read"}
    checkouts = [step["with"] for job in workflow["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [(each["ref"], each["persist-credentials"]) for each in checkouts] == [("main", False)] * 2
    assert "${{" not in "".join(each for name, each in scripts().items() if name.startswith("github"))  # else an input would be a script
    jobs = {name: job for name, job in load(GITLAB).items() if isinstance(job, dict)}
    for name, job in jobs.items():
        rules = job.get("rules") or jobs[job["extends"]]["rules"]
        assert all('$CI_COMMIT_REF_PROTECTED == "true"' in each["if"] for each in rules), name
    assert jobs[".gate"]["variables"]["GIT_STRATEGY"] == "none"
