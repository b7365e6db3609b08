"""Every object of Flux in a line: how it stands, at which revision, since when, and why."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.cells import cell_len
from rich.markup import escape
from rich.text import Text

from lib.flux.graph import Graph
from lib.flux.messages import brief, explain
from lib.flux.names import Key, listed
from lib.flux.standing import State, revision_of, short
from lib.kube.kinds import FLUX
from lib.kube.objects import spec_of

STYLES = {
    State.FAILING: "red",
    State.WAITING: "yellow",
    State.SUSPENDED: "magenta",
    State.APPLYING: "cyan",
    State.READY: "green",
}
COLUMNS = ("Kind", "Name", "State", "Revision", "For", "Why")
ORDER = [kind.name for kind in FLUX]


@dataclass(frozen=True)
class Row:
    """One object. `why` is empty for what is ready."""

    key: Key
    state: State
    revision: str
    age: str
    why: str

    @property
    def cells(self) -> tuple[str, ...]:
        """As COLUMNS has them."""
        return (self.key.kind, self.key.name, str(self.state), self.revision, self.age, self.why)

    def as_json(self) -> dict[str, Any]:
        """{kind, name, state, revision, age, why}."""
        told = {name: value for name, value in asdict(self).items() if name != "key"}
        return {"kind": self.key.kind, "name": self.key.name, **told}


def rows(graph: Graph, namespace: str = "") -> list[Row]:
    """One for each object, in one namespace or all: sources first, then what is made of them, by name."""
    keys = (key for key, item in graph.objects.items() if not namespace or namespace in _places(key, item))
    return [_row(graph, key) for key in sorted(keys, key=lambda key: (ORDER.index(key.kind), key.name))]


def _places(key: Key, item: Any) -> tuple[str, str]:
    return key.namespace, str(spec_of(item).get("targetNamespace", ""))


def _row(graph: Graph, key: Key) -> Row:
    item, standing = graph.objects[key], graph.standings[key]
    return Row(key, standing.state, short(revision_of(item)), standing.age, " ".join(_why(graph, key).split()))


def _why(graph: Graph, key: Key) -> str:
    item, standing = graph.objects[key], graph.standings[key]
    if standing.state == State.READY:
        return ""
    if missing := graph.missing.get(key):
        return f"{listed([str(one) for one in missing])} is not there"
    if causes := graph.causes.get(key):
        return waits_for(causes, graph.ends(key))
    if standing.state == State.FAILING:
        return explain(item, standing.said).text
    return brief(standing.said)


def waits_for(causes: Iterable[Key], ends: Iterable[Key]) -> str:
    """What an object waits for, and where that trail ends when it goes on."""
    near, far = sorted(map(str, causes)), sorted(map(str, ends))
    text = f"for {listed(near, 3)}"
    return text if not far or near == far else f"{text}, in the end for {listed(far, 3)}"


def lines(found: Sequence[Row]) -> Iterator[Text]:
    """For a terminal, a line each, however wide it is."""
    widths = [max((cell_len(row.cells[column]) for row in found), default=0) for column in range(len(COLUMNS) - 1)]
    for row in found:
        *cells, why = row.cells
        padded = [f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)]
        kind, name, state, *rest = map(escape, padded)
        yield Text.from_markup("  ".join([kind, name, f"[{STYLES[row.state]}]{state}[/]", *rest, escape(why)]).rstrip())
