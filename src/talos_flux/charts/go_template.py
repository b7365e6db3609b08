"""Go's templates as trees, by the grammar of text/template/parse: as much as tells which values a template reads."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

ACTION = re.compile(r"\{\{(?:-(?=\s))?")
COMMENT = re.compile(r"\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)
TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<end>-?\}\})|(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<char>'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<mark>:=|[=,|()])|(?P<field>\.[^\W\d]\w*)|(?P<variable>\$\w*)|(?P<number>[+-]?\.?\d[\w.]*)"""
    r"""|(?P<dot>\.)|(?P<word>\w+)""",
)
# What a pipeline of its own follows, and what an end closes.
OPENING = ("if", "with", "range", "block", "define")


class NotATemplate(Exception):
    """Raised for a text that Go's parser would refuse."""


@dataclass(frozen=True)
class Term:
    """An operand with the fields after it. `kind` is dot, variable, word, text, number or paren."""

    kind: str
    value: str = ""
    fields: tuple[str, ...] = ()
    inner: "Pipeline | None" = None


@dataclass(frozen=True)
class Pipeline:
    """Commands, each a list of terms, and the variables that get the result."""

    commands: tuple[tuple[Term, ...], ...]
    variables: tuple[str, ...] = ()


@dataclass
class Action:
    """An action. `kind` is print, if, with, range, template, block or define; a define and a template have a name."""

    kind: str
    pipeline: Pipeline | None = None
    name: str = ""
    body: list["Action"] = field(default_factory=list)
    otherwise: list["Action"] = field(default_factory=list)


class _TemplateToken(NamedTuple):
    kind: str
    text: str
    is_spaced: bool


def parsed(text: str) -> list[Action]:
    """Return the actions of a template; NotATemplate."""
    parser = _TemplateParser(list(_actions(text)))
    nodes = parser.nodes(())
    if parser.rest:
        raise NotATemplate("an end too much")
    return nodes


def _actions(text: str) -> Iterator[list[_TemplateToken]]:
    """Yield the tokens of every action."""
    position = 0
    while match := ACTION.search(text, position):
        if comment := COMMENT.match(text, match.end()):
            position = comment.end()
            continue
        tokens, position = _tokens(text, match.end())
        if tokens:
            yield tokens


def _tokens(text: str, position: int) -> tuple[list[_TemplateToken], int]:
    """Return the tokens of an action, and where it ends."""
    tokens: list[_TemplateToken] = []
    is_spaced = True
    while match := TOKEN.match(text, position):
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "end":
            return tokens, position
        if kind != "space":
            tokens.append(_TemplateToken(kind, match[0], is_spaced))
        is_spaced = kind == "space"
    raise NotATemplate(f"can't be read from {text[position : position + 20]!r} on")


class _TemplateParser:
    def __init__(self, actions: list[list[_TemplateToken]]) -> None:
        self.rest = actions[::-1]

    def nodes(self, stops: tuple[str, ...]) -> list[Action]:
        """Return the actions up to one that begins with one of these words, which stays."""
        nodes: list[Action] = []
        while self.rest:
            tokens = self.rest[-1]
            word = tokens[0].text if tokens[0].kind == "word" else ""
            if word in ("end", "else"):
                if word not in stops:
                    raise NotATemplate(f"{word} without a beginning")
                return nodes
            self.rest.pop()
            if word in ("break", "continue") and len(tokens) == 1:
                continue
            nodes.append(self._opened(word, tokens[1:]) if word in OPENING else _single(word, tokens))
        if stops:
            raise NotATemplate("an end is missing")
        return nodes

    def _opened(self, word: str, tokens: list[_TemplateToken]) -> Action:
        node = Action(word)
        if word in ("block", "define"):
            node.name, tokens = _named(tokens)
        if word != "define":
            node.pipeline = _pipeline(tokens)
        node.body = self.nodes(("end", "else"))
        following = self.rest.pop()
        if following[0].text == "else":
            if len(following) > 1 and following[1].text in ("if", "with"):
                # `else if` has the end of the first if.
                node.otherwise = [self._opened(following[1].text, following[2:])]
                return node
            node.otherwise = self.nodes(("end",))
            self.rest.pop()
        return node


def _single(word: str, tokens: list[_TemplateToken]) -> Action:
    if word == "template":
        name, rest = _named(tokens[1:])
        return Action("template", _pipeline(rest) if rest else None, name)
    return Action("print", _pipeline(tokens))


def _named(tokens: list[_TemplateToken]) -> tuple[str, list[_TemplateToken]]:
    if not tokens or tokens[0].kind != "text":
        raise NotATemplate("a template without a name")
    return _unquoted(tokens[0].text), tokens[1:]


def _pipeline(tokens: list[_TemplateToken]) -> Pipeline:
    rest = tokens[::-1]
    pipeline = _read_pipeline(rest)
    if rest:
        raise NotATemplate(f"unexpected {rest[-1].text}")
    return pipeline


def _read_pipeline(rest: list[_TemplateToken]) -> Pipeline:
    """Read a pipeline from the end of a list of tokens, which is reversed, up to a closing parenthesis."""
    variables: tuple[str, ...] = ()
    texts = [token.text for token in rest[:-5:-1]]
    if rest and rest[-1].kind == "variable":
        if texts[1:2] in ([":="], ["="]):
            variables = (texts[0],)
            del rest[-2:]
        elif texts[1:2] == [","] and texts[3:4] in ([":="], ["="]):
            variables = (texts[0], texts[2])
            del rest[-4:]
    commands: list[tuple[Term, ...]] = []
    terms: list[Term] = []
    while rest and rest[-1].text != ")":
        token = rest.pop()
        if token.kind == "mark" and token.text == "|":
            commands.append(tuple(terms))
            terms = []
        else:
            terms.append(_term(token, rest))
    commands.append(tuple(terms))
    if not all(commands):
        raise NotATemplate("a command is missing")
    return Pipeline(tuple(commands), variables)


def _term(token: _TemplateToken, rest: list[_TemplateToken]) -> Term:
    inner = None
    fields: list[str] = []
    kind, value = token.kind, token.text
    if token.text == "(":
        kind, inner = "paren", _read_pipeline(rest)
        if not rest or rest.pop().text != ")":
            raise NotATemplate("a parenthesis is not closed")
    elif kind == "field":
        kind, fields = "dot", [token.text[1:]]
    elif kind == "text":
        value = _unquoted(token.text)
    elif kind == "mark":
        raise NotATemplate(f"unexpected {token.text}")
    while rest and rest[-1].kind == "field" and not rest[-1].is_spaced:
        fields.append(rest.pop().text[1:])
    return Term(kind, value, tuple(fields), inner)


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return text[1:-1]
