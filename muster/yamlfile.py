"""A strict YAML reader: every value knows its file, line and column, and nothing is read as something else.

Refused: duplicate keys, anchors and aliases, tags, merge keys, `no` and `on` as booleans, `022` and `12:30` as numbers,
several documents, control characters, other encodings than UTF-8, files over 1 MiB, nesting over 40 levels.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MOST = 50
"""Problems of one file that are told; whoever has more has another kind of file."""
LONGEST = 80
"""Characters of a refused value that are shown."""


@dataclass(frozen=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a file."""

    file: str
    line: int
    column: int
    path: str
    rule: str
    value: str = ""

    @classmethod
    def at(cls, mark: Mark, path: str, rule: str, value: str = "") -> "Problem":
        """A problem at a place in a file."""
        return cls(mark.file, mark.line, mark.column, path, rule, value)

    def __str__(self) -> str:
        got = f" (got {self.value})" if self.value else ""
        return f"{self.file}:{self.line}:{self.column}: {self.path + ': ' if self.path else ''}{self.rule}{got}"


class ConfigError(Exception):
    """Everything that is wrong with the configuration, each with its place. The run ends with exit code 4."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass
class Node:
    """A YAML value with its place. `value` is a dict of nodes, a list of nodes, or a scalar."""

    value: Any
    mark: Mark
    key_mark: Mark | None = None

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def find(self, location: tuple[Any, ...]) -> tuple["Node", str]:
        """The deepest node on the way to a pydantic `loc`, and the way there as text; inserted tags are passed over."""
        node, path = self, ""
        for step in location:
            if isinstance(node.value, dict) and step in node.value:
                node, path = node.value[step], f"{path}.{step}" if path else str(step)
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node, path = node.value[step], f"{path}[{_label(node.value[step], step)}]"
        return node, path


def _label(node: Node, index: int) -> str:
    name = node.value.get("name") if isinstance(node.value, dict) else None
    return str(name.value) if name is not None and isinstance(name.value, str) else str(index)


class _Reader:
    """Turns PyYAML's nodes into ours and collects what is wrong on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def mark(self, node: yaml.Node) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def refuse(self, node: yaml.Node, path: str, rule: str, value: str = "") -> None:
        if len(self.problems) < MOST:
            self.problems.append(Problem.at(self.mark(node), path[:200], rule, value[:LONGEST]))

    def read(self, node: yaml.Node, path: str = "", depth: int = 0) -> Node:
        if depth > MAX_DEPTH:
            self.refuse(node, path, f"nested deeper than {MAX_DEPTH} levels")
            return Node(None, self.mark(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            items = [self.read(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value)]
            return Node(items, self.mark(node))
        assert isinstance(node, yaml.ScalarNode)  # there is no fourth kind
        return Node(self.scalar(node, path), self.mark(node))

    def mapping(self, node: yaml.MappingNode, path: str, depth: int) -> Node:
        made: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            where = f"{path}.{key}" if path else str(key)
            if key is None or key_node.tag == "tag:yaml.org,2002:merge":
                self.refuse(key_node, path, "a key is a plain word")
            elif key in made:
                self.refuse(key_node, where, f"duplicate key; it stands already in line {lines[key]}")
            else:
                made[key] = self.read(value_node, where, depth + 1)
                made[key].key_mark = self.mark(key_node)
                lines[key] = key_node.start_mark.line + 1
        return Node(made, self.mark(node))

    def scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        kind, text = node.tag.rpartition(":")[2], node.value
        pattern, read, reading = _SCALARS.get(kind, ("(?!)", str, kind))
        if found := _UNPRINTABLE.search(text):
            self.refuse(node, path, f"holds the control character U+{ord(found[0]):04X}")
            return None
        if not re.fullmatch(pattern, text, re.DOTALL):
            self.refuse(node, path, f"would be read as {reading}; quote it if text is meant", text)
            return None
        try:
            return read(text)
        except ValueError as error:
            self.refuse(node, path, f"not a date: {error}", text)
            return None


_ANOTHER = "a number in another notation"
_SCALARS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "str": (".*", str, ""),
    "null": (".*", lambda _: None, ""),
    "bool": ("true|false", "true".__eq__, "a yes-or-no value; write true or false"),
    "int": (r"-?(0|[1-9]\d*)", int, _ANOTHER),
    "float": (r"-?\d+\.\d+([eE][-+]?\d+)?", float, _ANOTHER),
    "timestamp": (r"\d{4}-\d\d-\d\d", date.fromisoformat, "a moment"),
}
"""For each of YAML's readings: what is accepted, what it becomes, and what else it would be read as."""


def load(path: Path, shown: str | None = None) -> Node:
    """Read one file. Raises ConfigError with everything that the reader refuses."""
    file = shown or str(path)
    start = Mark(file, 1, 1)
    try:
        text = _text(path, start)
        refused = list(islice(_refused(yaml.parse(text, _Loader), file), MOST))
        if refused:
            raise ConfigError(refused)
        root = yaml.compose(text, _Loader)
    except (yaml.MarkedYAMLError, yaml.reader.ReaderError) as error:
        raise ConfigError([_syntax(error, start)]) from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError([Problem.at(start, "", "a mapping is expected: key: value")])
    reader = _Reader(file)
    node = reader.read(root)
    if reader.problems:
        raise ConfigError(reader.problems)
    return node


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _text(path: Path, start: Mark) -> str:
    """The text of a file, which holds nothing but characters. Raises ConfigError."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem.at(start, "", f"cannot be read: {error.strerror}")]) from error
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem.at(start, "", f"larger than {MAX_BYTES} bytes")])
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise ConfigError([Problem.at(_place(before, start), "", "not UTF-8")]) from error
    if found := _UNPRINTABLE.search(text):
        what = "a byte order mark; save it without one" if found[0] == "\ufeff" else f"the control character U+{ord(found[0]):04X}"
        raise ConfigError([Problem.at(_place(text[: found.start()], start), "", f"not plain text: {what}")])
    return text


def _place(before: str, start: Mark) -> Mark:
    return Mark(start.file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _refused(events: Iterable[Any], file: str) -> Iterator[Problem]:
    """What would become something else, or much more, when it is put together; the parser's own recursion is not met."""
    depth = 0
    for event in events:
        place = Mark(file, event.start_mark.line + 1, event.start_mark.column + 1)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH + 1:
            yield Problem.at(place, "", f"nested deeper than {MAX_DEPTH} levels")
            return
        if getattr(event, "anchor", None):
            yield Problem.at(place, "", "anchors and aliases are not read; write the value out", str(event.anchor)[:LONGEST])
        if getattr(event, "tag", None):
            yield Problem.at(place, "", "tags are not read; quote it if text is meant", str(event.tag)[:LONGEST])


def _syntax(error: Exception, start: Mark) -> Problem:
    mark = getattr(error, "problem_mark", None)
    place = Mark(start.file, mark.line + 1, mark.column + 1) if mark else start
    return Problem.at(place, "", f"not YAML: {getattr(error, 'problem', None) or type(error).__name__}")


_REPLACING = {"off", "unobservable"}


def merge(base: Node, over: Node, depth: int = 0) -> Node:
    """`over` on top of `base`: mappings key by key, lists of named things by name, anything else replaced.

    A bare limit replaces only the `limit` of a mapping, so that its severity stays.
    """
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        if _REPLACING & (base.value.keys() | over.value.keys()):
            return over
        merged = {key: merge(node, over.value[key], depth + 1) if key in over.value else node for key, node in base.value.items()}
        merged.update({key: node for key, node in over.value.items() if key not in base.value})
        return Node(merged, over.mark, over.key_mark)
    if isinstance(base.value, list) and isinstance(over.value, list) and _named(base) and _named(over):
        return _merge_named(base, over, depth)
    if isinstance(base.value, dict) and "limit" in base.value and not isinstance(over.value, (dict, list)):
        return Node({**base.value, "limit": over}, over.mark, over.key_mark)
    return over


def _named(node: Node) -> bool:
    return all(isinstance(item.value, dict) and "name" in item.value for item in node.value)


def _merge_named(base: Node, over: Node, depth: int) -> Node:
    overs = {item.value["name"].value: item for item in over.value}
    items = [
        merge(item, overs.pop(item.value["name"].value), depth + 1) if item.value["name"].value in overs else item for item in base.value
    ]
    names = {id(item) for item in overs.values()}
    return Node([*items, *(item for item in over.value if id(item) in names)], over.mark, over.key_mark)
