"""Adding apps to a rendered cluster in process, many in a second."""

import re
import shutil
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import talos_flux.template.render
from talos_flux.template.generate import addition
from talos_flux.template.generate.copying import Copy
from talos_flux.template.generate.template_source import TemplateCheckout
from tests.support import app_cases
from tests.support.render import VERSION

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

CLAIM = """---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}
  namespace: {namespace}
spec:
  accessModes:
    - ReadWriteMany
  storageClassName: ""
  volumeName: {name}-{namespace}
  resources:
    requests:
      storage: 1Gi
"""


class Adder:
    """Adds namespaces and apps as the hook does, but renders with our renderer, which compiles the template once."""

    def __init__(self, template: Path) -> None:
        self._template = TemplateCheckout.checked_out_in(template)
        self._renderer = talos_flux.template.render.Template(template, commit=VERSION, source=str(template))

    def add(self, generator: str, destination: Path, data: Mapping[str, Any]) -> addition.Addition:
        """Refusal as the hook."""
        with mock.patch.object(addition, "copy", self._copy):
            return addition.add(self._template, generator, destination, data, defaults=True)

    def _copy(self, template: object, data: Mapping[str, Any], *, defaults: bool) -> Copy:
        rendered = self._renderer.render({}, data)
        return Copy({Path(path): file.content for path, file in rendered.items()})

    def make_cluster(
        self, root: Path, rendered: Path, answers: Mapping[str, Any], only: Container[str] | None = None
    ) -> None:
        """Make a cluster as it is after `task init`, with every app of the table that fits its answers.

        `only` names the apps that are wanted, as <namespace>/<name>.
        """
        shutil.copytree(rendered, root)
        config = root / ".sops.yaml"
        config.write_text(re.sub(r"^( +age:).*$", rf"\1 {RECIPIENT}", config.read_text(), flags=re.MULTILINE))
        apps = root / "kubernetes/apps"
        self.add("namespace", apps / app_cases.RESTRICTED, {"ns_pod_security": "restricted"})
        for namespace, name, data in app_cases.apps(answers):
            if only is not None and f"{namespace}/{name}" not in only:
                continue
            self.add("app", apps / namespace / name, data)
        for listing in apps.glob("*/kustomization.yaml"):
            if any(app_cases.CLAIM in path.read_text() for path in listing.parent.glob("*/app/*.yaml")):
                add_claim(listing)


def add_claim(listing: Path) -> None:
    """Add the claim that apps share and that their owner made, bound to a volume of its own."""
    (listing.parent / "shared.yaml").write_text(CLAIM.format(name=app_cases.CLAIM, namespace=listing.parent.name))
    listing.write_text(
        listing.read_text().replace("  - ./namespace.yaml\n", "  - ./namespace.yaml\n  - ./shared.yaml\n")
    )
