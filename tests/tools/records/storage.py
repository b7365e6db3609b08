"""Storages, backends/storage/<name>.yaml, and the tables that follow from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.render import PROJECT
from tests.tools.records import backend
from tests.tools.records.made import NO_TABLES, choice_of, text_of, with_choices

# Texts of a record that are templates, each a macro.
TEXTS = (
    "patch",
    "annotations_with_disks",
    "disks",
    "before_a_node_goes",
    "before_controllers_run_none",
    "on_a_new_machine",
    "unbound",
    "backup",
    "removal",
)


@dataclass(frozen=True)
class Storage:
    """What makes the volumes of apps.

    `choice` is the text of its choice, `title` what prose calls it, `app` the component, `class_name` the StorageClass
    that claims get when they name none. `folder` is the one below /var/mnt on the system disk where volumes are, and
    `patch` the Talos documents of nodes that run apps; they need `extensions`.

    Facts that runbooks and macros ask: `stays_on_its_node`, whether a volume is on one node for good;
    `volumes_are_folders`, whether pods get a folder of the node as it is, with its mount options; `takes_disks`,
    whether new volumes go to a node's storage_disks by themselves; `labels_with_disks`, labels of such a node;
    `copies`, what the number of copies is called where there are several; `copy_method`, how VolSync reads a volume,
    `Direct` where nothing can copy it; `on_a_node`, what a node keeps; `when_unbound`, what to look at; `well`, what
    the health gate asks of it, and `whole`, how a person sees that. The gate has a probe for Longhorn alone: what it
    does not look at has no `well`.

    Texts for runbooks: `disks`, what a person does with more of them; `before_a_node_goes`,
    `before_controllers_run_none` and `on_a_new_machine`, where volumes don't just stay; `unbound`, a section with its
    title; `backup`, what is read; `removal`, what stands in the way of another storage. `words` are what no cluster
    with another storage may contain.
    """

    name: str
    choice: str
    title: str
    app: str
    class_name: str
    copy_method: str
    on_a_node: str
    when_unbound: str
    patch: str
    disks: str
    unbound: str
    backup: str
    words: tuple[str, ...]
    folder: str = ""
    stays_on_its_node: bool = False
    volumes_are_folders: bool = False
    takes_disks: bool = False
    extensions: tuple[str, ...] = ()
    labels_with_disks: dict[str, str] = field(default_factory=dict)
    copies: str = ""
    well: str = ""
    whole: str = ""
    annotations_with_disks: str = ""
    before_a_node_goes: str = ""
    before_controllers_run_none: str = ""
    on_a_new_machine: str = ""
    removal: str = ""


FACTS = (
    "title", "app", "class_name", "folder", "stays_on_its_node", "volumes_are_folders", "takes_disks", "extensions",
    "labels_with_disks", "copies", "copy_method", "on_a_node", "when_unbound", "well", "whole",
)  # fmt: skip


@cache
def storages() -> tuple[Storage, ...]:
    """Return all storages, by name; ValueError for a record that lacks a key or has one that is none."""
    return tuple(backend.read(path, Storage) for path in backend.paths("storage"))


def all_tables(listed: Iterable[Storage], made: Mapping[Path, str] = NO_TABLES) -> dict[Path, str]:
    """Return each table as it should be, by its path; `made` has those of other records."""
    given = tuple(listed)
    facts = backend.facts_of(given, FACTS)
    # Without storage there is a row of its own, so that nothing has to ask for that first.
    facts["none"] = {name: type(value)() for name, value in next(iter(facts.values())).items()}
    macros = backend.macros("storage", "storage", facts, backend.texts_of(given, TEXTS), variable="volumes")
    folders = [each.folder for each in given if each.folder]
    macros += f"\n{{#- Of every storage. -#}}\n{{% set folders_of_storages = {folders!r} %}}\n"
    question = PROJECT / "questions/components.yml"
    choices = {each.name: choice_of(each.name, each.choice) for each in given}
    return {
        PROJECT / "macros/storage.jinja": macros,
        question: with_choices(text_of(question, made), "storage", choices, others=["none"]),
    }
