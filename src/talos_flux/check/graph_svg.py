"""The graph of dependsOn as SVG: a column for each step, with what is applied first at the left."""

from collections import defaultdict
from dataclasses import dataclass
from html import escape

from talos_flux.manifests.flux_tree import Cluster

Key = tuple[str, str]

# Pixels. A letter's width is that of a wide one in a common sans-serif font at 13 pixels.
LETTER, LINE, PADDING, BETWEEN, COLUMN, MARGIN = 7.6, 18, 10, 16, 90, 20

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .namespace { font-size: 11px; fill: #59636e; }
  rect { fill: #f6f8fa; stroke: #818b98; }
  path { fill: none; stroke: #818b98; stroke-opacity: .55; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .namespace { fill: #9198a1; }
    rect { fill: #151b23; stroke: #656c76; }
    path { stroke: #9198a1; }
  }
"""


@dataclass(eq=False)
class Box:
    """Kustomizations of one namespace that wait for the same; several only when nothing waits for them."""

    namespace: str
    names: list[str]
    step: int
    waits_for: list["Box"]
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        """Return the width in pixels, wide enough for every name."""
        return max(map(len, [self.namespace, *self.names])) * LETTER + 2 * PADDING

    @property
    def height(self) -> float:
        """Return the height in pixels."""
        return (len(self.names) + 1) * LINE + 2 * PADDING

    @property
    def middle(self) -> float:
        """Return the y coordinate of its middle, in pixels."""
        return self.y + self.height / 2


def graph_svg(cluster: Cluster) -> str:
    """Return an SVG with every Kustomization in a box of its namespace, and lines from those that it waits for.

    A line that others imply is left out.
    """
    boxes = boxes_of(cluster)
    columns: list[list[Box]] = [[] for _ in range(max(box.step for box in boxes) + 1)]
    for box in boxes:
        columns[box.step].append(box)
    _place(columns)
    width = max(box.x + box.width for box in boxes) + MARGIN
    height = max(box.y + box.height for box in boxes) + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">',
        "<title>What Flux applies, and what waits for what</title>",
        f"<desc>{len(cluster.by_key)} Kustomizations in {len(columns)} steps, from left to right.</desc>",
        f"<style>{STYLE}</style>",
        *(_line(other, box) for box in boxes for other in box.waits_for),
        *(text for box in boxes for text in _drawn(box)),
        "</svg>",
    ]
    return "\n".join(lines)


def boxes_of(cluster: Cluster) -> list[Box]:
    """Return the boxes, ordered by step and namespace: those that others wait for come first."""
    waits = cluster.waits_for
    wanted = {other for others in waits.values() for other in others}
    steps = steps_of(waits)
    groups: dict[tuple[int, str, tuple[Key, ...], Key | None], list[Key]] = defaultdict(list)
    for key, others in waits.items():
        groups[steps[key], cluster.by_key[key].target, tuple(others), key if key in wanted else None].append(key)
    boxes: dict[Key, Box] = {}
    ordered = []
    for (step, namespace, _, _), keys in sorted(groups.items(), key=lambda group: (*group[0][:2], group[1])):
        ordered.append(box := Box(namespace, [name for _, name in keys], step, []))
        boxes.update(dict.fromkeys(keys, box))
    for key in waits:
        # Those that share a box wait for the same.
        boxes[key].waits_for = [boxes[other] for other in needed(waits, key)]
    return ordered


def steps_of(waits: dict[Key, list[Key]]) -> dict[Key, int]:
    """Return the step in which each is applied, from 0: the one after the last that it waits for.

    A circle is cut at one of its members.
    """
    steps: dict[Key, int] = {}

    def step(key: Key, above: frozenset[Key]) -> int:
        if key not in steps:
            below = [step(other, above | {key}) for other in waits[key] if other not in above]
            steps[key] = max(below, default=-1) + 1
        return steps[key]

    for key in waits:
        step(key, frozenset({key}))
    return steps


def needed(waits: dict[Key, list[Key]], key: Key) -> list[Key]:
    """Return what a Kustomization waits for, less what one of these waits for anyway."""
    implied: set[Key] = set()
    ahead = [further for other in waits[key] for further in waits[other]]
    while ahead:
        if (current := ahead.pop()) not in {key, *implied}:
            implied.add(current)
            ahead += waits[current]
    return [other for other in waits[key] if other not in implied]


def _place(columns: list[list[Box]]) -> None:
    """Set the position of every box; a column is ordered by what its boxes wait for, so that few lines cross."""
    x: float = MARGIN
    tallest = max(sum(box.height + BETWEEN for box in column) for column in columns)
    for column in columns:
        column.sort(key=lambda box: sum(other.middle for other in box.waits_for) / max(len(box.waits_for), 1))
        y = MARGIN + (tallest - sum(box.height + BETWEEN for box in column)) / 2
        for box in column:
            box.x, box.y = x, y
            y += box.height + BETWEEN
        x += max(box.width for box in column) + COLUMN


def _line(first: Box, second: Box) -> str:
    """Return a curve from what comes first to what waits for it."""
    x1, y1, x2, y2 = first.x + first.width, first.middle, second.x, second.middle
    return f'<path d="M{x1:.1f} {y1:.1f} C{x1 + COLUMN:.1f} {y1:.1f} {x2 - COLUMN:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"/>'


def _drawn(box: Box) -> list[str]:
    x, y = box.x + PADDING, box.y + PADDING + LINE - 5
    return [
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6"/>',
        f'<text class="namespace" x="{x:.1f}" y="{y:.1f}">{escape(box.namespace)}</text>',
        *(
            f'<text x="{x:.1f}" y="{y + number * LINE:.1f}">{escape(name)}</text>'
            for number, name in enumerate(box.names, 1)
        ),
    ]
