"""The Talos images that machines run, and whether they are those that the repository wants."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from talos_flux.errors import UserError
from talos_flux.process import ToolError
from talos_flux.repository.settings import Node, version_of
from talos_flux.talos import machines

SECONDS = 15
# The extension of this name holds the schematic's id in images of the Image Factory.
SCHEMATIC = "schematic"


@dataclass(frozen=True)
class InstalledImage:
    """The version of Talos that a machine runs, and the id of its schematic; empty for an image without one."""

    version: str
    schematic: str

    def is_wanted_of(self, node: Node) -> bool:
        """Return whether it is what the node's image holds."""
        return (self.version, self.schematic) == (version_of("talos"), node.schematic_id)

    def __str__(self) -> str:
        return f"{self.version}, schematic {self.schematic[:8] or 'none'}"


def system_of(node: Node) -> InstalledImage:
    """Return what a machine runs; UserError when it does not answer, or not as expected."""
    try:
        [version] = machines.resources(node.address, "version", timeout=SECONDS)
        extensions = machines.resources(node.address, "extensions", timeout=SECONDS)
        known = {
            extension["spec"]["metadata"]["name"]: str(extension["spec"]["metadata"]["version"])
            for extension in extensions
        }
        return InstalledImage(str(version["spec"]["version"]), known.get(SCHEMATIC, ""))
    except ToolError as failed:
        raise UserError(f"{node} does not say what it runs: {machines.reason(failed.stderr)}") from None
    except (KeyError, ValueError):
        raise UserError(f"{node} does not say what it runs in a way that is known here.") from None


def systems_of(nodes: Iterable[Node]) -> dict[Node, InstalledImage]:
    """Return what each machine runs, all asked at once; UserError when one does not answer."""
    asked = list(nodes)
    with ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(asked, pool.map(system_of, asked), strict=True))
