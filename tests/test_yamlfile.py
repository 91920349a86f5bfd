"""The strict reader: nothing is read as something else, everything knows its place."""

import pytest

from muster.yamlfile import ConfigError, load, merge


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
        ("a: !!python/name:os.system x\n", "system.yaml:1:4: a", "quote it"),
        ("a: {<<: {b: 1}}\n", "system.yaml:1:5: a", "plain word"),
        ("a: [1\n", "system.yaml:2:1", "not YAML"),
        ("- a\n", "system.yaml:1:1", "a mapping is expected"),
        ("until: 2026-13-01\n", "system.yaml:1:8: until", "not a date"),
        ("a: \x07\n", "system.yaml:1:1", "not YAML"),
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
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "binary.yaml")


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
