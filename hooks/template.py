"""The template as the commit says that is checked out: what it asks, what its macros know. Nothing uncommitted."""

import io
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import DictLoader
from jinja2.sandbox import SandboxedEnvironment
from lib.apps import Loader
from lib.refusal import Refusal
from packaging.version import InvalidVersion, Version

from hooks.git import git, lines

READ_HERE = ("copier.yml", "questions", "generators", "macros")


@dataclass(frozen=True)
class Template:
    """A checkout of the template. `ref` is the newest version among the tags of its commit, else the commit."""

    root: Path
    ref: str
    is_tagged: bool
    is_dirty: bool

    @classmethod
    def checked_out_in(cls, root: Path) -> "Template":
        """The template of a folder; Refusal unless it is the top folder of a git repository with a commit."""
        try:
            top, commit = lines(root, "rev-parse", "--show-toplevel", "HEAD")
        except Refusal as refusal:
            raise Refusal(f"the template must be a git repository with a commit: {refusal}") from None
        if Path(top).resolve() != root.resolve():
            raise Refusal(f"the template must be a git repository of its own, and {root} is a folder of {top}.")
        versions = {version: tag for tag in lines(root, "tag", "--points-at", "HEAD") if (version := version_of(tag))}
        ref = versions[max(versions)] if versions else commit
        return cls(root, ref, is_tagged=bool(versions), is_dirty=bool(git(root, "status", "--porcelain")))

    @cached_property
    def files(self) -> dict[str, str]:
        """The texts that are asked, and the macros, by path; Refusal when the commit has no generators."""
        with tarfile.open(fileobj=io.BytesIO(git(self.root, "archive", self.ref, *READ_HERE))) as archive:
            return {
                member.name: content.read().decode()
                for member in archive
                if member.isfile() and (content := archive.extractfile(member))
            }

    @cached_property
    def questions(self) -> dict[str, dict[str, Any]]:
        """Every question by its name, as copier.yml and what it includes define them."""
        found: dict[str, dict[str, Any]] = {}
        for name in ["copier.yml", *re.findall(r"^!include (\S+)$", self.files["copier.yml"], re.MULTILINE)]:
            text = re.sub(r"^!include .*$", "", self.files[name], flags=re.MULTILINE)
            for document in yaml.load_all(text, Loader):
                found |= {key: value for key, value in (document or {}).items() if not key.startswith("_")}
        return found

    @cached_property
    def jinja(self) -> SandboxedEnvironment:
        """Jinja as copier.yml configures it, except that a name which nobody gave is empty."""
        return SandboxedEnvironment(
            loader=DictLoader(self.files),
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def macro(self, file: str, name: str, *arguments: Any) -> str:
        """What a macro of macros/ returns."""
        return str(getattr(self.jinja.get_template(f"macros/{file}.jinja").module, name)(*arguments))

    def catalogue(self, answers: Mapping[str, Any]) -> dict[str, list[str]]:
        """The names of the apps that the template can bring, by namespace, also where the component is off."""
        module: Any = self.jinja.get_template("macros/apps.jinja").make_module(dict(answers))
        return {namespace["name"]: [app["name"] for app in namespace["apps"]] for namespace in module.catalogue}

    def chart_source(self, name: str, answers: Mapping[str, Any]) -> dict[str, str]:
        """{name, url, tag} of a chart that the template brings; a version that is not recorded is this template's."""
        pins = {pin: question.get("default") for pin, question in self.questions.items() if pin.startswith("pin_")}
        text = self.jinja.from_string(self.questions["chart_sources"]["default"]).render({**pins, **answers})
        return next(source for source in yaml.safe_load(text) if source["name"] == name)

    def https_address(self, source: str) -> str:
        """An address in the spelling that is recorded, without user and password; anything else comes back as it is."""
        return self.macro("source", "as_https_address", re.sub(r"^((?:git\+)?https?://)[^/@]*@", r"\1", source))

    def address(self, recorded: str) -> str:
        """What an answers file names as the template's place: the address that the cluster follows, or the origin of
        this checkout; a folder of this machine only where there is no address."""
        origin = lines(self.root, "config", "--default", "", "--get", "remote.origin.url")[0]
        for source in (recorded, origin):
            if (address := self.https_address(source)).startswith(("https://", "http://")):
                return address
        return recorded if Path(recorded).is_absolute() and Path(recorded).is_dir() else str(self.root)


def version_of(tag: str) -> Version | None:
    """A tag as a version, as Copier and Renovate read it; None when it is none."""
    try:
        return Version(tag)
    except InvalidVersion:
        return None
