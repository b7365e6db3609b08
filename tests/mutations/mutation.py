"""What a mutation is, and a change that does no harm."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mutation:
    """A defect in an otherwise good cluster, and the one finding that it leads to.

    `replaces` are texts by path, each there exactly once; `writes` files with their whole text, `deletes` paths.
    The finding is of `rule`, in the file `found_in`, on the one line that starts with `at`, spaces and dashes aside.
    """

    name: str
    rule: str
    found_in: str
    at: str
    replaces: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)
    deletes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Harmless:
    """A change to a good cluster, which leads to no finding."""

    name: str
    replaces: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)
    deletes: tuple[str, ...] = ()


MEDIA = "kubernetes/apps/media"
# Apps of the table in tests/support/app_cases.py.
APP = f"{MEDIA}/app-template-internal-none"
OTHER = f"{MEDIA}/app-template-external-none"
ROOT = "kubernetes/flux/cluster/ks.yaml"
