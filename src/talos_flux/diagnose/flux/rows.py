"""A row for every Flux object: its state, its revision, since when, and why."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.cells import cell_len
from rich.markup import escape
from rich.text import Text

from talos_flux.diagnose.flux.cause import brief
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.messages import explain
from talos_flux.diagnose.flux.names import ObjectKey, listed
from talos_flux.diagnose.flux.status import State, revision_of, short
from talos_flux.kube.accessors import spec_of
from talos_flux.kube.kinds import FLUX

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
    """One object. `why` is empty for a ready one."""

    key: ObjectKey
    state: State
    revision: str
    age: str
    why: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the cells, in the order of COLUMNS."""
        return (self.key.kind, self.key.name, str(self.state), self.revision, self.age, self.why)

    def as_json(self) -> dict[str, Any]:
        """Return {kind, name, state, revision, age, why}."""
        values = {name: value for name, value in asdict(self).items() if name != "key"}
        return {"kind": self.key.kind, "name": self.key.name, **values}


def rows(graph: Graph, namespace: str = "") -> list[Row]:
    """Return a row for each object, in one namespace or all: sources first, then what is made of them, by name."""
    keys = (key for key, item in graph.objects.items() if not namespace or namespace in _namespaces(key, item))
    return [_row(graph, key) for key in sorted(keys, key=lambda key: (ORDER.index(key.kind), key.name))]


def _namespaces(key: ObjectKey, item: Any) -> tuple[str, str]:
    return key.namespace, str(spec_of(item).get("targetNamespace", ""))


def _row(graph: Graph, key: ObjectKey) -> Row:
    item, status = graph.objects[key], graph.standings[key]
    return Row(key, status.state, short(revision_of(item)), status.age, " ".join(_why(graph, key).split()))


def _why(graph: Graph, key: ObjectKey) -> str:
    item, status = graph.objects[key], graph.standings[key]
    if status.state == State.READY:
        return ""
    if missing := graph.missing.get(key):
        return f"{listed([str(reference) for reference in missing])} is not there"
    if causes := graph.causes.get(key):
        return waits_for(causes, graph.ends(key))
    if status.state == State.FAILING:
        return explain(item, status.message).text
    return brief(status.message)


def waits_for(causes: Iterable[ObjectKey], ends: Iterable[ObjectKey]) -> str:
    """Return what an object waits for, and where the chain of causes ends when it goes on."""
    near, far = sorted(map(str, causes)), sorted(map(str, ends))
    text = f"for {listed(near, 3)}"
    return text if not far or near == far else f"{text}, in the end for {listed(far, 3)}"


def lines(table: Sequence[Row]) -> Iterator[Text]:
    """Yield a line of aligned columns for each row, for a terminal of any width."""
    widths = [max((cell_len(row.cells[column]) for row in table), default=0) for column in range(len(COLUMNS) - 1)]
    for row in table:
        *cells, why = row.cells
        padded = [f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)]
        kind, name, state, *rest = map(escape, padded)
        yield Text.from_markup("  ".join([kind, name, f"[{STYLES[row.state]}]{state}[/]", *rest, escape(why)]).rstrip())
