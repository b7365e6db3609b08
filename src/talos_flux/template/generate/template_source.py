"""The template at the commit that is checked out: its questions and macros, without uncommitted changes."""

import io
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from jinja2 import DictLoader
from jinja2.sandbox import SandboxedEnvironment
from packaging.version import InvalidVersion, Version

from talos_flux.errors import UserError
from talos_flux.repository.apps import Loader
from talos_flux.template import render
from talos_flux.template.generate.git_commands import git, lines

READ_HERE = ("copier.yml", "questions", "generators", "macros")


@dataclass(frozen=True)
class TemplateCheckout:
    """A checkout of the template. `ref` is the newest version among the tags of its commit, else the commit."""

    root: Path
    ref: str
    is_tagged: bool
    is_dirty: bool

    @classmethod
    def checked_out_in(cls, root: Path) -> "TemplateCheckout":
        """Return the template in a folder; UserError unless it is the top folder of a git repository with a commit."""
        try:
            top, commit = lines(root, "rev-parse", "--show-toplevel", "HEAD")
        except UserError as refusal:
            raise UserError(f"the template must be a git repository with a commit: {refusal}") from None
        if Path(top).resolve() != root.resolve():
            raise UserError(f"the template must be a git repository of its own, and {root} is a folder of {top}.")
        versions = {version: tag for tag in lines(root, "tag", "--points-at", "HEAD") if (version := version_of(tag))}
        ref = versions[max(versions)] if versions else commit
        return cls(root, ref, is_tagged=bool(versions), is_dirty=bool(git(root, "status", "--porcelain")))

    @cached_property
    def renderer(self) -> render.Template:
        """Return the renderer of its commit, which compiles the template once for all that is added."""
        version = self.ref if self.is_tagged else lines(self.root, "describe", "--tags", "--always", self.ref)[0]
        folder = Path(self._clone.name) if self.is_dirty else self.root
        return render.Template(folder, commit=version, source=str(self.root))

    @cached_property
    def _clone(self) -> TemporaryDirectory[str]:
        """Return a folder with a clone at its commit; it goes with this object."""
        folder = TemporaryDirectory(prefix="copier-talos-flux-")
        git(self.root, "clone", "--quiet", "--shared", "--no-checkout", str(self.root), folder.name)
        git(Path(folder.name), "-c", "advice.detachedHead=false", "checkout", "--quiet", self.ref)
        return folder

    @cached_property
    def files(self) -> dict[str, str]:
        """Return the questions and macros as texts, by path; UserError when the commit has no generators."""
        with tarfile.open(fileobj=io.BytesIO(git(self.root, "archive", self.ref, *READ_HERE))) as archive:
            return {
                member.name: content.read().decode()
                for member in archive
                if member.isfile() and (content := archive.extractfile(member))
            }

    @cached_property
    def questions(self) -> dict[str, dict[str, Any]]:
        """Return every question by its name, as copier.yml and what it includes define them."""
        questions: dict[str, dict[str, Any]] = {}
        for name in ["copier.yml", *re.findall(r"^!include (\S+)$", self.files["copier.yml"], re.MULTILINE)]:
            text = re.sub(r"^!include .*$", "", self.files[name], flags=re.MULTILINE)
            for document in yaml.load_all(text, Loader):
                questions |= {key: value for key, value in (document or {}).items() if not key.startswith("_")}
        return questions

    @cached_property
    def jinja(self) -> SandboxedEnvironment:
        """Return Jinja as copier.yml configures it, except that undefined names are empty."""
        jinja = SandboxedEnvironment(
            loader=DictLoader(self.files),
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in render.READING:
            jinja.filters.pop(name)
        return jinja

    def macro(self, file: str, name: str, *arguments: Any) -> str:
        """Return the result of a macro in macros/."""
        return str(getattr(self.jinja.get_template(f"macros/{file}.jinja").module, name)(*arguments))

    def text(self, template: str, answers: Mapping[str, Any]) -> str:
        """Return a text of Jinja that sees answers."""
        return self.jinja.from_string(template).render(answers)

    def catalogue(self, answers: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the names of the apps that the template can bring, by namespace, also where the component is off."""
        # Up to v0.4 the table stood beside its macros.
        table = self.jinja.select_template(["macros/catalogue.jinja", "macros/apps.jinja"])
        module: Any = table.make_module(dict(answers))
        return {namespace["name"]: [app["name"] for app in namespace["apps"]] for namespace in module.catalogue}

    def chart_source(self, name: str, answers: Mapping[str, Any]) -> dict[str, str]:
        """Return {name, url, tag} of a chart that the template brings.

        A version that is not recorded is this template's.
        """
        pins = {pin: question.get("default") for pin, question in self.questions.items() if pin.startswith("pin_")}
        text = self.jinja.from_string(self.questions["chart_sources"]["default"]).render({**pins, **answers})
        return next(source for source in yaml.safe_load(text) if source["name"] == name)

    def https_address(self, source: str) -> str:
        """Return an address as it is recorded, without user and password; anything else is returned unchanged."""
        return self.macro("source", "as_https_address", re.sub(r"^((?:git\+)?https?://)[^/@]*@", r"\1", source))

    def address(self, recorded: str) -> str:
        """Return the template's address for the answers file: the cluster's, else this checkout's origin.

        It is a folder of this machine only when neither is an address.
        """
        origin = lines(self.root, "config", "--default", "", "--get", "remote.origin.url")[0]
        for source in (recorded, origin):
            if (address := self.https_address(source)).startswith(("https://", "http://")):
                return address
        return recorded if Path(recorded).is_absolute() and Path(recorded).is_dir() else str(self.root)


def version_of(tag: str) -> Version | None:
    """Return a tag as a version, as Copier and Renovate read it; None when it is none."""
    try:
        return Version(tag)
    except InvalidVersion:
        return None
