"""What the machines run, and whether that is what the repository wants."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lib import machines
from lib.cluster import Node, version_of
from lib.process import ToolFailed
from lib.refusal import Refusal

SECONDS = 15
# By this name the Image Factory's images say what they were made from.
SCHEMATIC = "schematic"


@dataclass(frozen=True)
class System:
    """The version of Talos that a machine runs, and the id of its schematic; empty for an image without one."""

    version: str
    schematic: str

    def is_wanted_of(self, node: Node) -> bool:
        """Whether it is what the node's image holds."""
        return (self.version, self.schematic) == (version_of("talos"), node.schematic_id)

    def __str__(self) -> str:
        return f"{self.version}, schematic {self.schematic[:8] or 'none'}"


def system_of(node: Node) -> System:
    """What a machine runs; Refusal when it does not say."""
    try:
        [version] = machines.resources(node.address, "version", timeout=SECONDS)
        extensions = machines.resources(node.address, "extensions", timeout=SECONDS)
        known = {one["spec"]["metadata"]["name"]: str(one["spec"]["metadata"]["version"]) for one in extensions}
        return System(str(version["spec"]["version"]), known.get(SCHEMATIC, ""))
    except ToolFailed as failed:
        raise Refusal(f"{node} does not say what it runs: {machines.reason(failed.said)}") from None
    except (KeyError, ValueError):
        raise Refusal(f"{node} does not say what it runs in a way that is known here.") from None


def systems_of(nodes: Iterable[Node]) -> dict[Node, System]:
    """What each runs, all asked at once; Refusal when one does not say."""
    asked = list(nodes)
    with ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(asked, pool.map(system_of, asked), strict=True))
