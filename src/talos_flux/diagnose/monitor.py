"""The monitor of Flux on a terminal: a row for every object, with keys that filter them."""

import time
from collections.abc import Iterable
from typing import ClassVar

from lightkube import AsyncClient
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.events import Key as KeyPress
from textual.widgets import DataTable, Footer, Input, Static

from talos_flux.diagnose.flux.changes import changes
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.names import ObjectKey
from talos_flux.diagnose.flux.rows import COLUMNS, STYLES, Row, rows
from talos_flux.diagnose.flux.status import State
from talos_flux.diagnose.probes.flux_health import problems_of
from talos_flux.diagnose.probes.unobserved import unknown
from talos_flux.errors import printable
from talos_flux.kube.kinds import Kind
from talos_flux.kube.watch import Follower, watch

# How long a changed row is marked.
FRESH_SECONDS = 10
KINDS_SHOWN = ("", "Kustomization", "HelmRelease", "Repository")


class Monitor(App[None]):
    """A table of the Flux objects of `kinds`; `namespace` leaves out all others.

    What fails stays until it is well again, and what has just changed is marked by a dot.
    """

    CSS = """
    #outage { color: $text-error; display: none; padding: 0 1; }
    #outage.shown { display: block; }
    #filter { display: none; height: 3; }
    #filter.open { display: block; }
    #about { height: auto; max-height: 8; padding: 0 1; border-top: solid $primary; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter"),
        Binding("f", "unwell", "Only what is not ready"),
        Binding("k", "kind", "Kind"),
        Binding("escape", "everything", "Everything"),
        Binding("q", "quit", "Quit"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self, client: AsyncClient, kinds: Iterable[Kind], *, namespace: str = "", interval: float = 1.0
    ) -> None:
        super().__init__()
        self.client, self.kinds = client, tuple(kinds)
        self.namespace, self.interval = namespace, interval
        self.graph: Graph | None = None
        self.rows: list[Row] = []
        self.shown: list[Row] = []
        self.fresh: dict[ObjectKey, float] = {}
        self.filter_text = ""
        self.kind = ""
        self.is_unwell_only = False

    def compose(self) -> ComposeResult:
        """Yield the widgets, top to bottom."""
        yield Static(id="outage")
        yield DataTable(cursor_type="row")
        yield Static(id="about")
        yield Input(placeholder="words of the name, the namespace, the state or the reason", id="filter")
        yield Static(id="counts")
        yield Footer()

    async def on_mount(self) -> None:
        """Set up the table, and begin to watch the cluster."""
        table = self.query_one(DataTable)
        for title in ("", *COLUMNS):
            table.add_column(title, key=title)
        table.focus()
        self.run_worker(watch(self.client, self.kinds, self.look, seconds=self.interval))

    def look(self, follower: Follower) -> None:
        """Show the cluster as it is now, or was before the server went away, and what can't be looked at."""
        self.graph = Graph.of(follower.snapshot)
        outage = self.query_one("#outage", Static)
        message = follower.outage or "\n".join(unknown(follower.snapshot, self.namespace))
        outage.update(Text(printable(message)))
        outage.set_class(bool(message), "shown")
        self.learn(rows(self.graph, self.namespace))

    def learn(self, current: list[Row]) -> None:
        """Replace the rows by the current ones, and mark those that changed."""
        now = time.monotonic()
        self.fresh = {key: until for key, until in self.fresh.items() if until > now}
        if self.rows:
            self.fresh |= {change.key: now + FRESH_SECONDS for change in changes(self.rows, current)}
        self.rows = current
        self.draw()

    def is_chosen(self, row: Row) -> bool:
        """Return whether the filters leave a row on the screen."""
        text = " ".join(row.cells).casefold()
        return (
            all(word in text for word in self.filter_text.casefold().split())
            and self.kind in row.key.kind
            and not (self.is_unwell_only and row.state == State.READY)
        )

    def draw(self) -> None:
        """Draw the table, with the cursor on the object that it was on."""
        table = self.query_one(DataTable)
        chosen, offset = self.chosen, table.scroll_offset
        self.shown = [row for row in self.rows if self.is_chosen(row)]
        table.clear()
        for row in self.shown:
            kind, name, state, *rest = row.cells
            mark = Text("●" if row.key in self.fresh else " ", style="bold yellow")
            cells = [Text(kind), Text(name), Text(state, style=STYLES[row.state]), *map(Text, map(printable, rest))]
            table.add_row(mark, *cells, key=str(row.key))
        row_index = next((index for index, row in enumerate(self.shown) if chosen and row.key == chosen.key), 0)
        table.cursor_coordinate = Coordinate(row_index, 0)
        table.scroll_to(offset.x, offset.y, animate=False)
        self.query_one("#counts", Static).update(Text(self.counted(), style="dim"))
        self.tell()

    @property
    def chosen(self) -> Row | None:
        """Return the row under the cursor; None without one."""
        index = self.query_one(DataTable).cursor_row
        return self.shown[index] if 0 <= index < len(self.shown) else None

    def counted(self) -> str:
        """Return how many objects are in each state, and which filters choose those that are shown."""
        counts = {state: sum(row.state == state for row in self.rows) for state in State}
        summary = (
            ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nothing of Flux is there"
        )
        filters = [
            *([f"kind {self.kind}"] if self.kind else []),
            *([f"“{self.filter_text}”"] if self.filter_text else []),
        ]
        filters += ["not ready"] if self.is_unwell_only else []
        return f" {summary}" + (f"; shown: {', '.join(filters)}" if filters else "")

    def tell(self) -> None:
        """Show why the object under the cursor is in its state, and the command that helps."""
        text = Text()
        if (row := self.chosen) and self.graph and row.key in self.graph.objects:
            text.append(printable(f"{row.key}: {row.state}" + (f", {row.why}" if row.why else "")))
            for end in self.graph.ends(row.key) if row.state != State.READY else ():
                for problem in problems_of(self.graph, end, [], None):
                    text.append(printable(f"\n{problem}") if end != row.key else "")
                    text.append(f"\n{problem.command}", style="bold")
        self.query_one("#about", Static).update(text)

    def on_data_table_row_highlighted(self) -> None:
        """Show the reason for the object that the cursor has moved to."""
        self.tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the text is typed."""
        self.filter_text = event.value
        self.draw()

    def on_input_submitted(self) -> None:
        """Move the focus back to the table, which stays filtered."""
        self.query_one(DataTable).focus()

    def on_key(self, event: KeyPress) -> None:
        """Clear the filters on Escape, which also leaves the input."""
        if event.key == "escape":
            self.action_everything()

    def action_filter(self) -> None:
        """Open the input for the text to filter by."""
        line = self.query_one("#filter", Input)
        line.add_class("open")
        # Widget.focus() waits for its turn, and letters typed meanwhile would be commands.
        self.screen.set_focus(line)

    def action_unwell(self) -> None:
        """Show only what is not ready, or everything again."""
        self.is_unwell_only = not self.is_unwell_only
        self.draw()

    def action_kind(self) -> None:
        """Show only the next kind, and after the last one all of them."""
        self.kind = KINDS_SHOWN[(KINDS_SHOWN.index(self.kind) + 1) % len(KINDS_SHOWN)]
        self.draw()

    def action_everything(self) -> None:
        """Clear all filters."""
        self.kind, self.is_unwell_only = "", False
        line = self.query_one("#filter", Input)
        line.value = ""
        line.remove_class("open")
        self.query_one(DataTable).focus()
        self.draw()
