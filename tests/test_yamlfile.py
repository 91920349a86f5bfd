"""The strict reader: nothing is read as something else, everything knows its place."""

import subprocess
import sys
from pathlib import Path

import pytest

from muster.yamlfile import ConfigError, load, merge

ROOT = Path(__file__).parents[1]


def read(tmp_path, text, name="system.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return load(path, name)


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("a: 1\na: 2\n", "system.yaml:2:1: a", "duplicate key; it stands already in line 1"),
        ("enabled: no\n", "system.yaml:1:10: enabled", "yes-or-no value"),
        ("region: on\n", "system.yaml:1:9: region", "yes-or-no value"),
        ("mode: 022\n", "system.yaml:1:7: mode", "another notation"),
        ("at: 12:30:00\n", "system.yaml:1:5: at", "another notation"),
        ("a: &x 1\nb: *x\n", "system.yaml:1:4", "anchors and aliases"),
        ("a: !!python/name:os.system x\n", "system.yaml:1:4", "quote it"),
        ("a: {<<: {b: 1}}\n", "system.yaml:1:5: a", "plain word"),
        ("a: [1\n", "system.yaml:2:1", "not YAML"),
        ("- a\n", "system.yaml:1:1", "a mapping is expected"),
        ("until: 2026-13-01\n", "system.yaml:1:8: until", "not a date"),
        ("a: \x07\n", "system.yaml:1:4", "control character U+0007"),
        ("a: 1\nb: x\0y\n", "system.yaml:2:5", "control character U+0000"),
        ('a: 1\nb: "x\\0y"\n', "system.yaml:2:4: b", "control character U+0000"),
        ("\ufeffa: 1\n", "system.yaml:1:1", "byte order mark"),
        ("a: 1\n---\nb: 1\n", "system.yaml:2:1", "another document"),
        ("a: !!python/object/apply:os.system [id]\n", "system.yaml:1:4", "tags are not read"),
        ("a: !!set {b, c}\n", "system.yaml:1:4", "tags are not read"),
        ("!thing {a: 1}\n", "system.yaml:1:1", "tags are not read"),
        ("%TAG ! tag:x,2000:\n---\na: !b c\n", "system.yaml:3:4", "tags are not read"),
    ],
)
def test_what_yaml_would_misread_is_refused_with_its_place(tmp_path, text, place, rule):
    found = problems(tmp_path, text)

    assert any(line.startswith(place) and rule in line for line in found), found


def test_all_problems_of_a_file_come_at_once(tmp_path):
    assert len(problems(tmp_path, "a: no\nb: 022\nc: 1\nc: 2\n")) == 3


def test_an_alias_bomb_is_refused_before_it_is_built(tmp_path):
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else '1'}]\n" for n in range(30))

    assert "anchors and aliases" in problems(tmp_path, levels)[0]


def test_a_huge_or_deeply_nested_file_is_refused(tmp_path):
    assert "larger than" in problems(tmp_path, "a: " + "x" * (1 << 20))[0]
    assert "nested deeper" in problems(tmp_path, "a: " + "[" * 50 + "]" * 50)[0]


def test_a_file_that_is_not_there_or_not_text_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.yaml")
    for raw, place in ((b"\xff\xfe\x00", "1:1"), ("a: 1\n".encode("utf-16"), "1:1"), (b"a: 1\nb: \xe4\n", "2:4")):
        (tmp_path / "binary.yaml").write_bytes(raw)
        with pytest.raises(ConfigError, match=f"binary.yaml:{place}: not UTF-8"):
            load(tmp_path / "binary.yaml", "binary.yaml")


BASE = """
workloads:
  - name: web
    expect: {ready: 3, restarts: {at_most: 3, within: 24h}, quick: {limit: 1s, severity: P1}}
  - name: worker
    expect: {ready: 1}
"""


def merged(tmp_path, text):
    return merge(read(tmp_path, BASE), read(tmp_path, text, "production.yaml")).plain()


def test_an_environment_changes_things_by_name_and_keeps_the_rest(tmp_path):
    made = merged(tmp_path, "workloads:\n  - name: web\n    expect: {ready: 5, restarts: {at_most: 9}}\n")

    assert made["workloads"][0]["expect"] == {
        "ready": 5,
        "restarts": {"at_most": 9, "within": "24h"},
        "quick": {"limit": "1s", "severity": "P1"},
    }
    assert made["workloads"][1] == {"name": "worker", "expect": {"ready": 1}}


def test_an_environment_may_add_a_thing(tmp_path):
    made = merged(tmp_path, "workloads:\n  - name: extra\n    expect: {ready: 1}\n")

    assert [each["name"] for each in made["workloads"]] == ["web", "worker", "extra"]


def test_a_bare_limit_keeps_the_severity_of_the_one_it_replaces(tmp_path):
    made = merged(tmp_path, "workloads:\n  - name: web\n    expect: {quick: 2s}\n")

    assert made["workloads"][0]["expect"]["quick"] == {"limit": "2s", "severity": "P1"}


def test_switching_off_replaces_the_limit(tmp_path):
    made = merged(tmp_path, "workloads:\n  - name: web\n    expect: {quick: {off: no traffic here}}\n")

    assert made["workloads"][0]["expect"]["quick"] == {"off": "no traffic here"}


def test_a_merged_value_knows_the_file_that_said_it(tmp_path):
    node = merge(read(tmp_path, BASE), read(tmp_path, "workloads:\n  - name: web\n    expect: {ready: 5}\n", "production.yaml"))

    assert str(node.find(("workloads", 0, "expect", "ready"))[0].mark) == "production.yaml:3:21"
    assert node.find(("workloads", 0, "expect", "restarts"))[0].mark.file == "system.yaml"


READ = """
import resource, sys, time
from pathlib import Path
from muster.yamlfile import ConfigError, load

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
try:
    load(Path(sys.argv[1]), "bad.yaml")
    said = "accepted"
except ConfigError as error:
    said = str(error.problems[0])
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, said)
"""


def cost(path):
    """Seconds of processor, kilobytes of memory, and what is said; in a process of its own."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    spent, memory, said = done.stdout.split(" ", 2)
    return float(spent), int(memory), said.strip()


SIZE = 200_000
BOMBS = {
    "aliases": ("".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else '1'}]\n" for n in range(4000)), "anchors and aliases"),
    "flow nesting": ("a: " + "[" * SIZE, "nested deeper"),
    "mapping nesting": ("{a: " * (SIZE // 4), "nested deeper"),
    "block nesting": ("- " * (SIZE // 2), "nested deeper"),
    "indented nesting": ("".join(f"{' ' * n}a:\n" for n in range(600)), "nested deeper"),
    "documents": ("---\na: 1\n" * (SIZE // 9), "another document"),
    "tags": ("".join(f"k{n}: !!python/name:os.system x\n" for n in range(SIZE // 34)), "tags are not read"),
    "duplicates": ("a: 1\n" * (SIZE // 5), "duplicate key"),
    "10 MB": ("a: " + "x" * 10_000_000, "larger than"),
    "control bytes": ("\0" * SIZE, "control character"),
}


@pytest.fixture(scope="module")
def legal(tmp_path_factory):
    """What it costs to read a file of the same size that is as it should be."""
    path = tmp_path_factory.mktemp("legal") / "good.yaml"
    path.write_text("".join(f"key-{n}: {{name: thing, expect: [1, 2]}}\n" for n in range(SIZE // 42)))
    return cost(path)


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_file_is_refused_and_costs_less_than_a_legal_one(tmp_path, legal, name):
    text, rule = BOMBS[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    spent, memory, said = cost(path)

    assert rule in said
    assert said.startswith("bad.yaml:")
    assert spent <= legal[0] * 1.5
    assert memory <= legal[1] + 20_000
