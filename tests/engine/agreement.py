"""What all reports of a run say, read back from each on its own, and that they say the same."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from muster import journal
from muster.verdicts import Verdict

JUNIT = {None: {"holds"}, "failure": {"violated"}, "error": {"unknown", "not run"}, "skipped": {"not asked", "waived"}}
ALLURE = {"passed": {"holds"}, "failed": {"violated"}, "broken": {"unknown", "not run"}, "skipped": {"not asked", "waived"}}


def from_journal(out: Path) -> dict[str, str]:
    """The verdict of each planned id."""
    return {key: result.verdict.value for key, result in journal.read(out / "journal.jsonl").results.items()}


def from_junit(out: Path) -> dict[str, str | None]:
    """The element of each case, by id."""
    found = {}
    for suite in ET.parse(out / "junit.xml").getroot():
        for case in suite.iter("testcase"):
            check, _, entity = str(case.get("name")).partition("[")
            found[f"{check}[{suite.get('name')}/{entity}"] = next((each.tag for each in case if each.tag != "properties"), None)
    return found


def from_allure(folder: Path) -> dict[str, dict[str, Any]]:
    """The results by id; two for one id are an error, unless they are of different looks: then the last counts."""
    found: dict[str, dict[str, Any]] = {}
    for file in folder.glob("*-result.json"):
        result = json.loads(file.read_text())
        who = {each["name"]: each["value"] for each in result["parameters"]}
        limit = f":{who['limit']}" if "limit" in who else ""
        key = f"{result['fullName'].partition('#')[2]}[{who['system']}/{who['environment']}/{who['entity']}{limit}]"
        assert key not in found or found[key]["start"] != result["start"], f"two results for {key}"
        found[key] = max(found.get(key, result), result, key=lambda each: each["start"])
        assert all((folder / each["source"]).exists() for each in result.get("attachments", ()))
    return found


def agree(out: Path, allure: Path | None = None) -> dict[str, str]:
    """Assert that journal, JUnit, Allure and summary say the same; return the verdicts by id."""
    said = from_journal(out)
    cases = from_junit(out)
    assert cases.keys() == said.keys()
    assert [key for key, element in cases.items() if said[key] not in JUNIT[element]] == []
    results = from_allure(allure or out / "allure-results")
    assert results.keys() == said.keys()
    assert [key for key, each in results.items() if said[key] not in ALLURE[each["status"]]] == []
    summary = json.loads((out / "summary.json").read_text())
    counted = Counter()
    for environment in summary["environments"]:
        counted.update(environment["counts"])
    assert {name: times for name, times in counted.items() if times} == dict(Counter(said.values()))
    calm = {Verdict.HOLDS.value, Verdict.NOT_ASKED.value, Verdict.WAIVED.value}
    assert {each["id"]: each["verdict"] for each in summary["worst_first"]} == {key: each for key, each in said.items() if each not in calm}
    assert summary["exit"] == journal.read(out / "journal.jsonl").exit
    return said
