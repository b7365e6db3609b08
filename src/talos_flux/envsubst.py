"""Variables as Flux substitutes them in what a Kustomization builds: `${NAME}`, alone or with an operation.

The grammar is not the shell's: `${NAME-default}` and `${LIST[@]}` are errors that fail the whole Kustomization.

Source: github.com/fluxcd/pkg/envsubst v1.7, parse/parse.go and funcs.go. kustomize-controller gives it the YAML of
one object at a time.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

NAME = re.compile(r"\w+")
# With these operations a variable need not have a value; each of them then takes what follows it.
DEFAULTS = (":-", ":=", ":+", ":?", "=")
# The name of `${#NAME}`, since `${NAME#prefix}` has the same sign.
LENGTH = "length"

# Text outside of variables, where $$ is written for a $ that stays.
_OUTSIDE = re.compile(r"(?:\$\$|\$(?!\{)|[^$])+")
# Text within a variable, up to where its operation ends it.
_TO_BRACE = re.compile(r"(?:\$(?!\{)|[^$}])+")
_TO_COLON = re.compile(r"(?:\$(?!\{)|[^$:}])+")
_PATTERN = re.compile(r"(?:\$\$|\\[/\\]|\$(?!\{)|[^$/])+")
_REPLACEMENT = re.compile(r"(?:\$\$|\\[/\\]|\$(?!\{)|[^$}])+")
_ESCAPED = re.compile(r"\$(\$)|\\([/\\])")

_DEFAULT_SIGN = re.compile(r":[-=+?]|=")
_CASE_SIGN = re.compile(r"[,^]{1,2}")
_REMOVE_SIGN = re.compile(r"#{1,2}|%{1,2}")
_REPLACE_SIGN = re.compile(r"/[/#%]?")
_NUMBER = re.compile(r"[-+]?[0-9]+")
# The signs of a shell's pattern.
_SIGNS = re.compile(
    r"(?P<star>\*+)|(?P<any>\?)|\[(?P<set>\^?(?:\\.|[^\]\\])+)\]|\\(?P<escaped>.)|(?P<plain>.)", re.DOTALL
)


class MalformedVariable(ValueError):
    """What Flux can't parse, in the words of its error, and the offset of the `${` that begins it."""

    def __init__(self, reason: str, start: int) -> None:
        super().__init__(reason)
        self.start = start


@dataclass(frozen=True)
class Variable:
    """A variable in a text: its name, its operation as it is written, and where it begins and ends."""

    name: str
    operation: str
    arguments: tuple["Part", ...]
    start: int
    end: int

    @property
    def has_default(self) -> bool:
        """Return whether Flux takes what follows the operation where the variable has no value."""
        return self.operation in DEFAULTS


Part = str | Variable


def parse(text: str) -> list[Part]:
    """Return the parts of a text, in which $$ has become $; MalformedVariable where Flux would stop."""
    parser = _Parser(text)
    parts: list[Part] = []
    while parser.position < len(text):
        plain = parser.take(_OUTSIDE)
        parts.append(plain.replace("$$", "$") if plain else parser.variable())
    return parts


def variables(text: str) -> Iterator[Variable]:
    """Yield the variables of a text, also those in the operations of others; MalformedVariable as in `parse`."""
    return _variables_in(parse(text))


def _variables_in(parts: Sequence[Part]) -> Iterator[Variable]:
    for part in parts:
        if isinstance(part, Variable):
            yield part
            yield from _variables_in(part.arguments)


def substitute(text: str, values: Mapping[str, str | None], *, are_all: bool = True) -> str:
    """Return a text with the values of its variables; one that has neither value nor default stays as it is written.

    A text that Flux can't parse is returned unchanged. A variable whose value is None has one that is not known, and
    unless `are_all`, so can others: their defaults are not taken.
    """
    try:
        parts = parse(text)
    except MalformedVariable:
        return text
    replaced = (part if isinstance(part, str) else _value(part, values, are_all) for part in parts)
    written = (text[part.start : part.end] if isinstance(part, Variable) else part for part in parts)
    return "".join(old if new is None else new for old, new in zip(written, replaced, strict=True))


def filled(text: str, values: Mapping[str, str | None], *, are_all: bool = True) -> str | None:
    """Return a text with the values of its variables, as `substitute` does; None where one has none.

    MalformedVariable where Flux would stop.
    """
    parts = [part if isinstance(part, str) else _value(part, values, are_all) for part in parse(text)]
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def _value(variable: Variable, values: Mapping[str, str | None], are_all: bool) -> str | None:
    arguments = [
        argument if isinstance(argument, str) else _value(argument, values, are_all) for argument in variable.arguments
    ]
    resolved = [argument for argument in arguments if argument is not None]
    value = values.get(variable.name, "" if variable.has_default and are_all else None)
    if value is None or len(resolved) < len(arguments):
        return None
    return RESULTS.get(variable.operation, _or_default)(value, *resolved)


def _or_default(value: str, *arguments: str) -> str:
    return value or "".join(arguments)


def _slice(value: str, position: str, length: str | None = None) -> str:
    """Return `${NAME:position:length}`, which counts bytes; the whole value where a number is none."""
    if not all(_NUMBER.fullmatch(number) for number in (position, length or "0")):
        return value
    content = value.encode()
    start = int(position) if not position.startswith("-") else max(len(content) + int(position), 0)
    size = len(content) if length is None else int(length)
    end = start + size if size >= 0 else len(content) + size
    return content[start : max(start, end)].decode(errors="replace")


def _with_new_prefix(value: str, old: str, new: str | None = None) -> str:
    return value if new is None or not value.startswith(old) else new + value.removeprefix(old)


def _with_new_suffix(value: str, old: str, new: str | None = None) -> str:
    return value if new is None or not value.endswith(old) else value.removesuffix(old) + new


def _without_prefix(value: str, pattern: str, choose: Callable[[list[int]], int]) -> str:
    """Return a value without a prefix that a shell pattern matches; `choose` tells which length of them."""
    try:
        matcher = re.compile(_as_expression(pattern), re.DOTALL)
    except re.error:
        return value
    lengths = [length for length in range(1, len(value) + 1) if matcher.fullmatch(value, 0, length)]
    return value[choose(lengths) :] if lengths else value


def _without_suffix(value: str, pattern: str, choose: Callable[[list[int]], int]) -> str:
    return _without_prefix(value[::-1], pattern[::-1], choose)[::-1]


def _as_expression(pattern: str) -> str:
    """Return a pattern of the shell as a regular expression; its * matches a slash, too."""

    def expression(match: re.Match[str]) -> str:
        if match["star"]:
            return ".*"
        if match["any"]:
            return "."
        if match["set"]:
            return "[" + match["set"].replace("[", r"\[") + "]"
        return re.escape(match["escaped"] or match["plain"])

    return _SIGNS.sub(expression, pattern)


# What each operation makes of a value; any other takes the default where the value is empty.
RESULTS: dict[str, Callable[..., str]] = {
    LENGTH: lambda value: str(len(value.encode())),
    ",": lambda value: value[:1].lower() + value[1:],
    ",,": str.lower,
    "^": lambda value: value[:1].upper() + value[1:],
    "^^": str.upper,
    ":": _slice,
    "/": lambda value, old, new="": value.replace(old, new, 1),
    "//": lambda value, old, new="": value.replace(old, new),
    "/#": _with_new_prefix,
    "/%": _with_new_suffix,
    "#": lambda value, pattern: _without_prefix(value, pattern, min),
    "##": lambda value, pattern: _without_prefix(value, pattern, max),
    "%": lambda value, pattern: _without_suffix(value, pattern, min),
    "%%": lambda value, pattern: _without_suffix(value, pattern, max),
}


class _Parser:
    """Reads a text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def take(self, pattern: re.Pattern[str]) -> str:
        """Return what a pattern matches here, and go on behind it; empty when it matches nothing."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def takes(self, sign: str) -> bool:
        """Return whether a sign stands here, and go on behind it."""
        if not self.text.startswith(sign, self.position):
            return False
        self.position += len(sign)
        return True

    def variable(self) -> Variable:
        """Read `${…}`, which begins here."""
        start = self.position
        self.position += len("${")
        try:
            name, operation, arguments = self._length() if self.takes("#") else self._named()
        except _Unparsable as error:
            raise MalformedVariable(str(error), start) from None
        return Variable(name, operation, arguments, start, self.position)

    def _length(self) -> tuple[str, str, tuple[Part, ...]]:
        return self._closed(self.take(NAME) or _stop("bad substitution"), LENGTH)

    def _named(self) -> tuple[str, str, tuple[Part, ...]]:
        name = self.take(NAME) or _stop("unable to parse variable name")
        if sign := self.take(_DEFAULT_SIGN):
            return name, sign, tuple(self._to_the_end())
        if self.takes(":"):
            return self._slice(name)
        if sign := self.take(_REPLACE_SIGN):
            return self._replacement(name, sign)
        if sign := self.take(_REMOVE_SIGN):
            return self._closed(name, sign, self._argument(_TO_BRACE))
        if self.takes("}"):
            return name, "", ()
        return self._closed(name, self.take(_CASE_SIGN) or _stop("missing closing brace"))

    def _to_the_end(self) -> Iterator[Part]:
        while not self.takes("}"):
            yield self._argument(_TO_BRACE)

    def _slice(self, name: str) -> tuple[str, str, tuple[Part, ...]]:
        # Flux's scanner goes back by the size of the next character here, and so finds no colon again.
        following = self.text[self.position : self.position + 1]
        if not following or not following.isascii():
            _stop("bad substitution")
        position = self._argument(_TO_COLON)
        if self.takes("}"):
            return name, ":", (position,)
        if not self.take(re.compile(":+")):
            _stop("bad substitution")
        return self._closed(name, ":", position, self._argument(_TO_BRACE))

    def _replacement(self, name: str, sign: str) -> tuple[str, str, tuple[Part, ...]]:
        old = self._argument(_PATTERN)
        if not self.take(re.compile("/+")):
            _stop("bad substitution")
        if self.takes("}"):
            return name, sign, (old,)
        return self._closed(name, sign, old, self._argument(_REPLACEMENT))

    def _argument(self, pattern: re.Pattern[str]) -> Part:
        if self.text.startswith("${", self.position):
            return self.variable()
        text = self.take(pattern) or _stop("unable to parse substitution within function")
        is_escaped = pattern in (_PATTERN, _REPLACEMENT)
        return _ESCAPED.sub(lambda match: match[1] or match[2], text) if is_escaped else text

    def _closed(self, name: str, operation: str, *arguments: Part) -> tuple[str, str, tuple[Part, ...]]:
        return (name, operation, arguments) if self.takes("}") else _stop("bad substitution")


class _Unparsable(Exception):
    """What stands within a variable is none of its forms."""


def _stop(reason: str) -> NoReturn:
    raise _Unparsable(reason)
