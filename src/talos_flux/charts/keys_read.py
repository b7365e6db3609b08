"""Which values the templates of a chart read, found by following `.Values` through them without executing any.

Every value in a template is followed as the places of the values that it can be. A field that is taken of one is read;
what is printed, converted or given to an unknown function is taken with everything below. Where a value can go two ways
it goes both, so that nothing that is read is missed; the other way round, more can look read than is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from talos_flux.charts.archive import Chart, ChartPart
from talos_flux.charts.go_template import Action, NotATemplate, Pipeline, Term, parsed

Path = tuple[str, ...]
# Any key of a mapping, any position of a list.
ANY = "*"
DEEPEST = 12
DEEPEST_MADE = 6
MOST_TEXTS = 12
# As many as take some seconds; the largest public charts need a tenth of it.
MOST_STEPS = 1_000_000
HASHES = {"sha1sum", "sha256sum", "sha512sum", "adler32sum", "md5sum"}
KINDS = {
    # These ask what a value is, and hand nothing of it on.
    "condition": {
        "empty", "eq", "ge", "gt", "has", "kindIs", "kindOf", "le", "len", "lt", "ne", "not", "typeIs", "typeIsLike",
        "typeOf",
    },
    # These give back one of their arguments, or all of them together.
    "handed_on": {
        "and", "coalesce", "compact", "concat", "deepCopy", "default", "mustCompact", "mustDeepCopy", "mustReverse",
        "mustUniq", "or", "reverse", "uniq",
    },
    "merge": {"merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"},
    "first_handed_on": {"omit", "pick", "slice", "mustSlice", "without", "mustWithout", "unset"},
    "element": {"first", "mustFirst", "last", "mustLast"},
    "rest": {"rest", "mustRest", "initial", "mustInitial"},
    "list": {"list", "tuple"},
    "append": {"append", "mustAppend", "prepend", "mustPrepend"},
    "index": {"index", "get", "hasKey"},
}  # fmt: skip
CONVERSION = re.compile(r"%[-+# 0]*\d*(?:\.\d+)?[a-zA-Z]")
IN_TEXT = re.compile(r"\.Values((?:\.[^\W\d]\w*)+)")
INDEXED = re.compile(r"index\s+\$?\.Values((?:\s+(?:\"[^\"]+\"|\d+))+)")


@dataclass(frozen=True)
class Value:
    """What a value can be: values at these places, a mapping or list made of others, one of some texts."""

    places: frozenset[Path] = frozenset()
    made: Mapping[str, "Value"] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()

    def joined(self, other: "Value", depth: int = 0) -> "Value":
        """Return what is one of two; this one itself where the other adds nothing."""
        if other is self or other is NOTHING:
            return self
        if self is NOTHING:
            return other
        made = dict(self.made)
        is_more = False
        for key, inner in other.made.items():
            before = made.get(key, NOTHING)
            after = before.joined(inner, depth + 1)
            if after is not before or key not in made:
                made[key], is_more = after, True
        if not is_more and other.places <= self.places and other.texts <= self.texts:
            return self
        texts = self.texts | other.texts
        return Value(self.places | other.places, made, texts if len(texts) <= MOST_TEXTS else frozenset({ANY}))

    def cut(self, depth: int = 0) -> "Value":
        """Return the same, without what is made deeper than anybody nests it."""
        if not self.made:
            return self
        if depth == DEEPEST_MADE:
            return Value(self.places | frozenset(_places(self)), {}, self.texts)
        return Value(self.places, {key: inner.cut(depth + 1) for key, inner in self.made.items()}, self.texts)


NOTHING = Value()
# A text that is not known.
SOME_TEXT = Value(texts=frozenset({ANY}))


def _places(value: Value) -> Iterator[Path]:
    yield from value.places
    for inner in value.made.values():
        yield from _places(inner)


def _variable(terms: tuple[Term, ...]) -> str:
    """Return the variable that a function changes; empty when it changes something else."""
    is_one = terms and terms[0].kind == "variable" and not terms[0].fields and terms[0].value != "$"
    return terms[0].value if is_one else ""


def _names(key: Value) -> set[str]:
    """Return the names of the field that a value names."""
    names = {ANY if ANY in text else text for text in key.texts}
    return names | {ANY} if key.places or not names else names


class TooIntricate(Exception):
    """Raised for templates that can't be followed in seconds."""


@dataclass
class KeysRead:
    """The keys that templates read, as a tree. `is_taken` where everything below is read, or may be."""

    is_taken: bool = False
    below: dict[str, "KeysRead"] = field(default_factory=dict)

    def add(self, path: Path, *, is_taken: bool = False) -> bool:
        """Add a path, and return whether it was not there."""
        node, is_new = self, False
        for key in path:
            if node.is_taken:
                return False
            if key not in node.below:
                node.below[key] = KeysRead()
                is_new = True
            node = node.below[key]
        if is_taken and not node.is_taken:
            node.is_taken, is_new = True, True
            node.below.clear()
        return is_new

    def as_data(self) -> Any:
        """Return the tree as JSON has it: true is taken."""
        return self.is_taken or {key: node.as_data() for key, node in self.below.items()}

    @classmethod
    def of_data(cls, data: Any) -> "KeysRead":
        """Return a tree from what as_data made of it."""
        if data is True:
            return cls(is_taken=True)
        return cls(below={key: cls.of_data(inner) for key, inner in data.items()})

    def paths(self, above: Path = ()) -> Iterator[tuple[Path, bool]]:
        """Yield every path, and whether it is taken."""
        for key, node in self.below.items():
            yield (*above, key), node.is_taken
            yield from node.paths((*above, key))


def keys_read(chart: Chart) -> KeysRead:
    """Return the keys that the templates of a chart and its subcharts read."""
    reader = _KeyReader()
    try:
        reader.add_chart(chart.part, ())
        reader.follow()
    except (NotATemplate, TooIntricate):
        return KeysRead(is_taken=True)
    # What is global is the same for all: what a subchart reads of it, it reads of ours.
    for path, is_taken in list(reader.read.paths()):
        for number, key in enumerate(path):
            if number and key == "global" and path[:number] in reader.charts:
                reader.read.add(path[number:], is_taken=is_taken)
    return reader.read


def paths_in_text(text: str) -> Iterator[Path]:
    """Yield the values that a text reads, should a chart execute it as a template."""
    if ".Values" in text:
        for match in IN_TEXT.finditer(text):
            yield tuple(match[1].strip(".").split("."))
        for match in INDEXED.finditer(text):
            yield tuple(re.findall(r"[^\s\"]+", match[1]))


@dataclass
class _Template:
    """The actions of a file or of a named template, what it is called with, and its variables."""

    nodes: list[Action]
    dot: Value = NOTHING
    variables: dict[str, Value] = field(default_factory=dict)
    is_waiting: bool = False


class _KeyReader:
    def __init__(self) -> None:
        self.read = KeysRead()
        self.charts: set[Path] = set()
        self._named: dict[str, list[_Template]] = {}
        self._files: list[_Template] = []
        self._set: dict[str, Value] = {}
        self._merged: dict[Path, Value] = {}
        self._steps = 0
        self._is_muted = False
        self._is_changed_for_all = False
        self._in = _Template([])

    # --- Charts ---

    def add_chart(self, part: ChartPart, at: Path) -> Value:
        """Add the templates of a chart whose values are at a place, and return its root; NotATemplate."""
        self.charts.add(at)
        subcharts: dict[str, Value] = {}
        for name, inner in part.subcharts:
            subcharts[name] = self.add_chart(inner, (*at, name))
        root = Value(made={"Values": Value(frozenset({at})), "Subcharts": Value(made=subcharts)})
        for condition in part.conditions:
            self.read.add((*at, *condition))
        for missing in part.missing:
            self.read.add((*at, missing), is_taken=True)
        for path, content in part.files.items():
            text = content.decode(errors="replace")
            if path.startswith("templates/"):
                self._add(parsed(text), root, is_executed=not part.is_library)
            elif not path.startswith("crds/"):
                # Some files are executed as templates by those, and so are default values.
                for read in paths_in_text(text):
                    self.read.add((*at, *read), is_taken=True)
        return root

    def _add(self, nodes: list[Action], root: Value, *, is_executed: bool) -> None:
        self._add_named(nodes)
        if is_executed:
            self._files.append(_Template(nodes, root, is_waiting=True))

    def _add_named(self, nodes: Iterable[Action]) -> None:
        for node in nodes:
            if node.kind in ("define", "block"):
                self._named.setdefault(node.name, []).append(_Template(node.body))
            self._add_named(node.body)
            self._add_named(node.otherwise)

    def follow(self) -> None:
        """Follow the values until nothing new is found."""
        every = [*self._files, *(template for templates in self._named.values() for template in templates)]
        while waiting := [template for template in every if template.is_waiting]:
            for template in waiting:
                template.is_waiting = False
                self._walk_template(template)
            if self._is_changed_for_all:
                self._is_changed_for_all = False
                for template in every:
                    template.is_waiting = template.dot is not NOTHING

    def _walk_template(self, template: _Template) -> None:
        self._in = template
        self._assign("$", template.dot)
        self._walk(template.nodes, template.dot)

    # --- Actions ---

    def _walk(self, nodes: Iterable[Action], dot: Value) -> None:
        for node in nodes:
            if node.kind == "define":
                continue
            value = self._pipeline(node.pipeline, dot, node.kind) if node.pipeline else NOTHING
            if node.kind == "print":
                if node.pipeline and not node.pipeline.variables:
                    self._take(value)
            elif node.kind in ("template", "block"):
                self._call(Value(texts=frozenset({node.name})), value)
            else:
                within = self._element(value) if node.kind == "range" else value if node.kind == "with" else dot
                self._walk(node.body, within)
                self._walk(node.otherwise, dot)

    def _pipeline(self, pipeline: Pipeline, dot: Value, kind: str = "print") -> Value:
        was_muted = self._is_muted
        # A hash of values only says that they changed.
        last = pipeline.commands[-1][0]
        self._is_muted = was_muted or (last.kind == "word" and last.value in HASHES)
        value = NOTHING
        for number, command in enumerate(pipeline.commands):
            value = self._command(command, dot, [value] if number else [])
        self._is_muted = was_muted
        if kind == "range":
            if pipeline.variables:
                self._assign(pipeline.variables[-1], self._element(value))
            if len(pipeline.variables) == 2:
                self._assign(pipeline.variables[0], self._keys(value))
        elif pipeline.variables:
            self._assign(pipeline.variables[0], value)
        return value

    def _assign(self, name: str, value: Value) -> None:
        before = self._in.variables.get(name, NOTHING)
        after = before.joined(value.cut())
        if after is not before:
            self._in.variables[name] = after
            self._in.is_waiting = True

    def _command(self, terms: tuple[Term, ...], dot: Value, piped: list[Value]) -> Value:
        first, rest = terms[0], terms[1:]
        if first.kind == "word" and first.value not in ("true", "false", "nil"):
            was_muted = self._is_muted
            self._is_muted = was_muted or first.value in HASHES
            arguments = [self._term(term, dot) for term in rest] + piped
            self._is_muted = was_muted
            return self._fields(self._function(first.value, arguments, rest), first.fields)
        value = self._term(first, dot)
        arguments = [self._term(term, dot) for term in rest] + piped
        if not arguments:
            return value
        # A method, as of .Files and .Capabilities: it takes its arguments.
        for argument in arguments:
            self._take(argument)
        return NOTHING

    def _term(self, term: Term, dot: Value) -> Value:
        if term.kind == "dot":
            value = dot
        elif term.kind == "variable":
            value = self._in.variables.get(term.value, NOTHING)
        elif term.kind == "paren" and term.inner:
            value = self._pipeline(term.inner, dot)
        elif term.kind in ("text", "number"):
            value = Value(texts=frozenset({term.value}))
        elif term.kind == "word" and term.value not in ("true", "false", "nil"):
            value = self._function(term.value, [], ())
        else:
            value = NOTHING
        return self._fields(value, term.fields)

    # --- Values ---

    def _fields(self, value: Value, names: Iterable[str]) -> Value:
        for name in names:
            value = self._field(value, name)
        return value

    def _field(self, value: Value, name: str) -> Value:
        """Return the field of a value, and note that it is read."""
        self._steps += 1 + len(value.places)
        if self._steps > MOST_STEPS:
            raise TooIntricate
        found = self._set.get(name, NOTHING)
        for key in (name, ANY) if name != ANY else value.made:
            found = found.joined(value.made.get(key, NOTHING))
        places = set()
        every, made = self._with_merged(value)
        for inner in made:
            found = found.joined(inner.get(name, NOTHING)).joined(inner.get(ANY, NOTHING))
        for place in every:
            below = (*place, name)
            # No chart has a key inside of itself twice: that is a value that was put into itself.
            if len(below) > DEEPEST or place.count(name) > 1:
                self._note(place, is_taken=True)
                continue
            self._note(below)
            places.add(below)
        return found.joined(Value(frozenset(places))) if places else found

    def _with_merged(self, value: Value) -> tuple[set[Path], list[Mapping[str, Value]]]:
        """Return the places of a value, and of what is merged into it, and the mappings that are."""
        places, made = set(value.places), []
        rest = list(places)
        while rest:
            if merged := self._merged.get(rest.pop()):
                made.append(merged.made)
                rest += merged.places - places
                places |= merged.places
        return places, made

    def _keyed(self, value: Value, key: Value) -> Value:
        """Return the field of a value whose name is a value, too."""
        self._take(key)
        names = _names(key)
        found = NOTHING
        for name in names:
            # Of a list, any position is meant.
            found = found.joined(self._field(value, name))
            if name.isdigit():
                found = found.joined(self._field(Value(value.places), ANY))
        return found

    def _element(self, value: Value) -> Value:
        return self._field(value, ANY)

    def _keys(self, value: Value) -> Value:
        made = [key for key in value.made if key != ANY and not key.isdigit()]
        is_known = made and not value.places and ANY not in value.made
        return Value(texts=frozenset(made)) if is_known else Value(texts=frozenset({ANY}))

    def _note(self, path: Path, *, is_taken: bool = False) -> None:
        self.read.add(path, is_taken=is_taken)

    def _take(self, value: Value) -> None:
        """Note that everything of a value is read."""
        if self._is_muted:
            return
        places, made = self._with_merged(value)
        for place in places:
            self._note(place, is_taken=True)
        for inner in [value.made, *made]:
            for one in inner.values():
                self._take(one)

    # --- Functions ---

    def _function(self, name: str, arguments: list[Value], terms: tuple[Term, ...]) -> Value:
        of_kind = next((of for of, names in KINDS.items() if name in names), name)
        special = getattr(self, f"_of_{of_kind}", None)
        if special and arguments:
            return Value.cut(special(arguments, terms))
        for argument in arguments:
            self._take(argument)
        return SOME_TEXT

    def _of_include(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        self._call(arguments[0], arguments[-1])
        return SOME_TEXT

    def _of_tpl(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        self._take(arguments[0])
        return SOME_TEXT

    def _of_condition(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return SOME_TEXT

    def _of_first_handed_on(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return arguments[0]

    def _of_element(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return self._element(arguments[0])

    def _of_rest(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return Value(made={ANY: self._element(arguments[0])})

    def _call(self, name: Value, dot: Value) -> None:
        """Call named templates with a value. A name that isn't known can be any."""
        self._take(name)
        patterns = name.texts | ({ANY} if name.places or not name.texts else set())
        if any("BasePath" in pattern for pattern in patterns):
            return  # a file, which is executed anyway
        called = [
            template
            for pattern in patterns
            for known in ([pattern] if ANY not in pattern else filter(lambda it: fnmatchcase(it, pattern), self._named))
            for template in self._named.get(known, [])
        ]
        if not called:
            self._take(dot)
        for template in called:
            after = template.dot.joined(dot.cut())
            if after is not template.dot:
                template.dot = after
                template.is_waiting = True

    def _of_handed_on(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        found = NOTHING
        for argument in arguments:
            found = found.joined(argument)
        return found

    def _of_merge(self, arguments: list[Value], terms: tuple[Term, ...]) -> Value:
        found = self._of_handed_on(arguments, ())
        self._changed_by(arguments[0], terms, found)
        return found

    def _changed_by(self, target: Value, terms: tuple[Term, ...], more: Value) -> None:
        """Note that a function changes a value in place: what it gets can be read there from now on."""
        if variable := _variable(terms):
            self._assign(variable, more)
        for place in target.places:
            before = self._merged.get(place, NOTHING)
            after = before.joined(more.cut())
            if after is not before:
                self._merged[place] = after
                self._is_changed_for_all = True
        for key, inner in more.made.items():
            self._set_everywhere(key, inner)

    def _set_everywhere(self, key: str, value: Value) -> None:
        """Note that a key of some mapping gets a value: whoever reads this key of any gets it."""
        before = self._set.get(key, NOTHING)
        after = before.joined(value.cut())
        if after is not before:
            self._set[key] = after
            self._is_changed_for_all = True

    def _of_dict(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        made: dict[str, Value] = {}
        for number in range(0, len(arguments) - 1, 2):
            for key in _names(arguments[number]):
                made[key] = made.get(key, NOTHING).joined(arguments[number + 1])
        return Value(made=made)

    def _of_list(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return Value(made={str(number): argument for number, argument in enumerate(arguments)})

    def _of_append(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return arguments[0].joined(Value(made={ANY: arguments[-1]}))

    def _of_index(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        value = arguments[0]
        for key in arguments[1:]:
            value = self._keyed(value, key)
        return value

    def _of_dig(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        if len(arguments) < 3:
            return NOTHING
        *keys, default, value = arguments
        return self._of_index([value, *keys], ()).joined(default)

    def _of_pluck(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        found = NOTHING
        for value in arguments[1:]:
            found = found.joined(self._keyed(value, arguments[0]))
        return Value(made={ANY: found})

    def _of_keys(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        texts = NOTHING
        for value in arguments:
            self._element(value)
            texts = texts.joined(self._keys(value))
        return Value(made={ANY: texts})

    def _of_sortAlpha(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        self._take(Value(arguments[0].places))
        return arguments[0]

    def _of_values(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return Value(made={ANY: self._element(arguments[0])})

    def _of_chunk(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return Value(made={ANY: arguments[-1]})

    def _of_set(self, arguments: list[Value], terms: tuple[Term, ...]) -> Value:
        if len(arguments) != 3:
            return NOTHING
        target, key, value = arguments
        self._keyed(target, key)
        made = self._of_dict([key, value], ())
        if variable := _variable(terms):
            self._assign(variable, made)
        for name in _names(key) - ({ANY} if variable else set()):
            self._set_everywhere(name, value)
        return target.joined(made)

    def _of_ternary(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return arguments[0].joined(arguments[1]) if len(arguments) > 1 else NOTHING

    def _of_required(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        return arguments[-1]

    def _of_printf(self, arguments: list[Value], _: tuple[Term, ...]) -> Value:
        for argument in arguments:
            self._take(argument)
        return Value(texts=frozenset(CONVERSION.sub(ANY, text) for text in arguments[0].texts))

    def _of_print(self, arguments: list[Value], terms: tuple[Term, ...]) -> Value:
        for argument in arguments:
            self._take(argument)
        if any(term.fields[-2:] == ("Template", "BasePath") for term in terms):
            return Value(texts=frozenset({"BasePath"}))
        parts = [sorted(argument.texts) for argument in arguments]
        text = "".join(part[0] if len(part) == 1 else ANY for part in parts)
        return Value(texts=frozenset({text}))


def unread(chart_values: Any, read: KeysRead, ours: Any) -> Iterator[tuple[tuple[str | int, ...], list[str]]]:
    """Yield the keys of our values that the chart neither reads nor has a default for, with the keys beside them."""
    by_ours = KeysRead()
    for text in _texts(ours):
        for path in paths_in_text(text):
            by_ours.add(path, is_taken=True)
    yield from _unread(chart_values, [read, by_ours], ours, ())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _unread(
    defaults: Any, read: list[KeysRead], ours: Any, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], list[str]]]:
    if any(node.is_taken for node in read):
        return
    if isinstance(ours, list):
        below = [node.below[ANY] for node in read if ANY in node.below]
        for number, item in enumerate(ours):
            # A list of ours replaces the default one as a whole; what stands in that is an example.
            examples = [one for one in defaults if isinstance(one, dict)] if isinstance(defaults, list) else []
            example = {key: value for one in examples for key, value in one.items()}
            yield from _unread(example, below, item, (*keys, number))
        return
    if not isinstance(ours, dict):
        return
    known = defaults if isinstance(defaults, dict) else {}
    for name, value in ours.items():
        below = [node.below[key] for node in read for key in (str(name), ANY) if key in node.below]
        is_named = name in known or any(str(name) in node.below for node in read)
        # A template that goes through all keys for their names alone reads nothing of a mapping.
        is_skipped = isinstance(value, dict) and value and not any(node.below or node.is_taken for node in below)
        if is_named or (below and not is_skipped):
            if isinstance(value, (dict, list)):
                yield from _unread(known.get(name), below, value, (*keys, name))
        elif value is not None:
            beside = {*map(str, known), *(key for node in read for key in node.below)}
            yield (*keys, name), sorted(beside - {ANY})
