"""Flux at work on a terminal: every object in a line, with keys to choose which."""

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

from lib.flux.changes import changes
from lib.flux.graph import Graph
from lib.flux.names import Key
from lib.flux.rows import COLUMNS, STYLES, Row, rows
from lib.flux.standing import State
from lib.health.flux import problems_of
from lib.health.unknown import unknown
from lib.kube.follow import Follower, watch
from lib.kube.kinds import Kind

# How long a change is marked.
FRESH_SECONDS = 10
KINDS_SHOWN = ("", "Kustomization", "HelmRelease", "Repository")


class Monitor(App[None]):
    """Shows what `kinds` of Flux' objects do; `namespace` leaves out all others.

    What fails stays until it is well again, and what has just changed is marked by a dot.
    """

    CSS = """
    #outage { color: $text-error; display: none; padding: 0 1; }
    #outage.said { display: block; }
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
        self.fresh: dict[Key, float] = {}
        self.words = ""
        self.kind = ""
        self.is_unwell_only = False

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield Static(id="outage")
        yield DataTable(cursor_type="row")
        yield Static(id="about")
        yield Input(placeholder="words of the name, the namespace, the state or the reason", id="filter")
        yield Static(id="counts")
        yield Footer()

    async def on_mount(self) -> None:
        """Begin to follow."""
        table = self.query_one(DataTable)
        for title in ("", *COLUMNS):
            table.add_column(title, key=title)
        table.focus()
        self.run_worker(watch(self.client, self.kinds, self.look, seconds=self.interval))

    def look(self, follower: Follower) -> None:
        """Show the cluster as it is now, or was before the server went away, and what can't be seen of it."""
        self.graph = Graph.of(follower.snapshot)
        outage = self.query_one("#outage", Static)
        said = follower.outage or "\n".join(unknown(follower.snapshot, self.namespace))
        outage.update(Text(said))
        outage.set_class(bool(said), "said")
        self.learn(rows(self.graph, self.namespace))

    def learn(self, found: list[Row]) -> None:
        """Take over how everything stands, and mark what is another than before."""
        now = time.monotonic()
        self.fresh = {key: until for key, until in self.fresh.items() if until > now}
        if self.rows:
            self.fresh |= {change.key: now + FRESH_SECONDS for change in changes(self.rows, found)}
        self.rows = found
        self.draw()

    def is_chosen(self, row: Row) -> bool:
        """Whether the keys that were pressed leave an object on the screen."""
        text = " ".join(row.cells).casefold()
        return (
            all(word in text for word in self.words.casefold().split())
            and self.kind in row.key.kind
            and not (self.is_unwell_only and row.state == State.READY)
        )

    def draw(self) -> None:
        """The table, with the cursor on the object that it was on."""
        table = self.query_one(DataTable)
        at, offset = self.chosen, table.scroll_offset
        self.shown = [row for row in self.rows if self.is_chosen(row)]
        table.clear()
        for row in self.shown:
            kind, name, state, *rest = row.cells
            mark = Text("●" if row.key in self.fresh else " ", style="bold yellow")
            told = [Text(kind), Text(name), Text(state, style=STYLES[row.state]), *map(Text, rest)]
            table.add_row(mark, *told, key=str(row.key))
        place = next((index for index, row in enumerate(self.shown) if at and row.key == at.key), 0)
        table.cursor_coordinate = Coordinate(place, 0)
        table.scroll_to(offset.x, offset.y, animate=False)
        self.query_one("#counts", Static).update(Text(self.counted(), style="dim"))
        self.tell()

    @property
    def chosen(self) -> Row | None:
        """The object under the cursor."""
        index = self.query_one(DataTable).cursor_row
        return self.shown[index] if 0 <= index < len(self.shown) else None

    def counted(self) -> str:
        """How many objects stand how, and which of them are shown."""
        counts = {state: sum(row.state == state for row in self.rows) for state in State}
        said = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nothing of Flux is there"
        chosen = [*([f"kind {self.kind}"] if self.kind else []), *([f"“{self.words}”"] if self.words else [])]
        chosen += ["not ready"] if self.is_unwell_only else []
        return f" {said}" + (f"; shown: {', '.join(chosen)}" if chosen else "")

    def tell(self) -> None:
        """Why the object under the cursor stands as it does, and what helps."""
        text = Text()
        if (row := self.chosen) and self.graph and row.key in self.graph.objects:
            text.append(f"{row.key}: {row.state}" + (f", {row.why}" if row.why else ""))
            for end in self.graph.ends(row.key) if row.state != State.READY else ():
                for problem in problems_of(self.graph, end, [], None):
                    text.append(f"\n{problem}" if end != row.key else "")
                    text.append(f"\n{problem.command}", style="bold")
        self.query_one("#about", Static).update(text)

    def on_data_table_row_highlighted(self) -> None:
        """The cursor is on another object."""
        self.tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the words are typed."""
        self.words = event.value
        self.draw()

    def on_input_submitted(self) -> None:
        """Back to the table, which stays filtered."""
        self.query_one(DataTable).focus()

    def on_key(self, event: KeyPress) -> None:
        """Escape also leaves the line in which words are typed."""
        if event.key == "escape":
            self.action_everything()

    def action_filter(self) -> None:
        """Ask for words."""
        line = self.query_one("#filter", Input)
        line.add_class("open")
        # Widget.focus() waits for its turn, and letters typed meanwhile would be commands.
        self.screen.set_focus(line)

    def action_unwell(self) -> None:
        """Only what is not ready, or all again."""
        self.is_unwell_only = not self.is_unwell_only
        self.draw()

    def action_kind(self) -> None:
        """The next kind, and after the last all of them."""
        self.kind = KINDS_SHOWN[(KINDS_SHOWN.index(self.kind) + 1) % len(KINDS_SHOWN)]
        self.draw()

    def action_everything(self) -> None:
        """No filter any more."""
        self.kind, self.is_unwell_only = "", False
        line = self.query_one("#filter", Input)
        line.value = ""
        line.remove_class("open")
        self.query_one(DataTable).focus()
        self.draw()
