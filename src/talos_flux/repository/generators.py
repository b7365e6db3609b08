"""What the template can add to a cluster, one thing at a time: the generators, as their records say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import talos_flux.data


@dataclass(frozen=True)
class Generator:
    """A generator: generators/<name>/ in the template.

    `folder` is where its folder lies, `prefix` that of its questions, `variable` that of its task. `takes_over` are
    answers of the cluster that it records as its own; `looks_up` others that it knows when it is added, by the names
    of its computed answers: templates of Jinja that see the cluster's answers. `told` is what is said in the end, with
    {namespace}, {name}, {folder} and its own answers in it. `reads` is the question that names a folder, that of a
    component of the user's own, whose content is recorded as another answer.
    """

    name: str
    prefix: str
    folder: str
    longest_name: int
    variable: str
    told: tuple[str, ...]
    takes_over: tuple[str, ...] = ()
    reads: str = ""
    looks_up: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def with_article(self) -> str:
        """Return its name with its article, for a sentence."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"

    @property
    def is_in_a_namespace(self) -> bool:
        """Return whether it is one of several in a namespace, each with a Flux Kustomization, and no namespace."""
        return self.folder.endswith("/<name>")

    @property
    def address(self) -> str:
        """Return the form in which its task is told where it is."""
        return f"<namespace>/<{self.name}>" if self.is_in_a_namespace else f"<{self.name}>"

    @property
    def record(self) -> str:
        """Return the answer that records the content of a folder; empty when it reads none."""
        return f"{self.prefix}record" if self.reads else ""

    @property
    def parts_of_the_path(self) -> tuple[str, ...]:
        """Return the answers that are the last parts of its folder's path."""
        if self.is_in_a_namespace:
            return f"{self.prefix}namespace", f"{self.prefix}name"
        return (f"{self.prefix}name",)


# The generator of what the others are put in.
OF_NAMESPACES = "namespace"


@cache
def generators() -> Mapping[str, Generator]:
    """Return all generators by name, in the order of their questions."""
    records: dict[str, dict[str, Any]] = json.loads(files(talos_flux.data).joinpath("generators.json").read_text())
    return {
        name: Generator(name=name, **{key: frozen(value) for key, value in said.items()})
        for name, said in records.items()
    }


def frozen(value: Any) -> Any:
    """Return a list as a tuple, anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


def generator_named(name: str) -> Generator:
    """Return the generator of a name, which must be one."""
    return generators()[name]
