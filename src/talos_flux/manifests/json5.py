"""JSON5, https://spec.json5.org, and so JSON with comments, too: values that know on which line each key stands."""

import re
from typing import Any

from talos_flux.repository.files import List, Map, Unreadable

# White space, the ends of lines that only JavaScript knows among it, and comments.
SPACE = re.compile(r"(?:[\s\ufeff]|//[^\n\r\u2028\u2029]*|/\*.*?\*/)*", re.DOTALL)
ESCAPE = r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|0(?![0-9])|[^ux0-9])"
STRING = re.compile(rf"\"((?:{ESCAPE}|[^\"\\\n\r])*)\"|'((?:{ESCAPE}|[^'\\\n\r])*)'", re.DOTALL)
ESCAPED = re.compile(ESCAPE, re.DOTALL)
NAME = re.compile(r"(?:[^\W\d]|\$|\\u[0-9a-fA-F]{4})(?:\w|\$|[\u200c\u200d]|\\u[0-9a-fA-F]{4})*")
NUMBER = re.compile(
    r"[+-]?(?:(?P<hex>0[xX][0-9a-fA-F]+)|(?P<other>Infinity|NaN)"
    r"|(?P<decimal>(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?))(?![\w$.])"
)
WORDS = {"true": True, "false": False, "null": None}
ONE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
ENDS = ("\n", "\r", "\r\n", "\u2028", "\u2029")


def parsed(text: str) -> Any:
    """Return the value of a text, mappings as Map and lists as List; Unreadable."""
    return _Json5Reader(text).whole()


class _Json5Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Any:
        self._skip()
        try:
            value = self._value()
        except RecursionError:
            raise Unreadable("is no JSON5: nested too deeply") from None
        if self.at < len(self.text):
            raise self._refusal("nothing may follow the value")
        return value

    def _value(self) -> Any:
        """Return the value that begins here, and go to what follows it."""
        character = self.text[self.at : self.at + 1]
        if character == "{":
            return self._mapping()
        if character == "[":
            return self._list()
        if match := STRING.match(self.text, self.at):
            return self._passed(match, _unescaped(match[1] if match[1] is not None else match[2]))
        if match := NUMBER.match(self.text, self.at):
            return self._passed(match, _number(match))
        match = NAME.match(self.text, self.at)
        if match and match[0] in WORDS:
            return self._passed(match, WORDS[match[0]])
        raise self._refusal("a value is missing" if not match else f"{match[0]} has no quotes")

    def _mapping(self) -> Map:
        result = Map()
        result.line, result.lines = self._line(), {}
        self._passed_character()
        while self._is_not("}", "{"):
            if match := STRING.match(self.text, self.at):
                key = _unescaped(match[1] if match[1] is not None else match[2])
            elif match := NAME.match(self.text, self.at):
                key = _unescaped(match[0])
            else:
                raise self._refusal("a key is missing")
            result.lines[key] = self._line()
            self._passed(match, None)
            if self.text[self.at : self.at + 1] != ":":
                raise self._refusal(f"a colon is missing after {key}")
            self._passed_character()
            result[key] = self._value()
            self._separated("}")
        self._passed_character()
        return result

    def _list(self) -> List:
        result = List()
        result.line, result.lines = self._line(), []
        self._passed_character()
        while self._is_not("]", "["):
            result.lines.append(self._line())
            result.append(self._value())
            self._separated("]")
        self._passed_character()
        return result

    def _is_not(self, end: str, start: str) -> bool:
        if self.at >= len(self.text):
            raise self._refusal(f"a {start} is never closed")
        return self.text[self.at] != end

    def _separated(self, end: str) -> None:
        following = self.text[self.at : self.at + 1]
        if following == ",":
            self._passed_character()
        elif following not in ("", end):
            raise self._refusal(f"a comma or {end} is missing")

    def _passed(self, match: re.Match[str], value: Any) -> Any:
        self.at = match.end()
        self._skip()
        return value

    def _passed_character(self) -> None:
        self.at += 1
        self._skip()

    def _skip(self) -> None:
        match = SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _refusal(self, reason: str) -> Unreadable:
        # What is missing at the start of a line is missing at the end of the one before.
        before = self.text[: self.at].rstrip() if self.text[self.at - 1 : self.at].isspace() else self.text[: self.at]
        line = before.count("\n") + 1 if reason.startswith("a comma") else self._line()
        return Unreadable(f"is no JSON5: {reason}", line)


def _number(match: re.Match[str]) -> float:
    sign = -1 if match[0].startswith("-") else 1
    if match["hex"]:
        return sign * int(match["hex"], 16)
    if match["other"]:
        return sign * float("inf" if match["other"] == "Infinity" else "nan")
    text = match["decimal"]
    return sign * (int(text) if text.isdigit() else float(text))


def _unescaped(text: str) -> str:
    return ESCAPED.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    escaped = match[0][1:]
    if escaped[0] in "ux" and len(escaped) > 1:
        return chr(int(escaped[1:], 16))
    return "" if escaped in ENDS else ONE.get(escaped, escaped)
