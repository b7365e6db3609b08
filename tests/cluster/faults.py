"""Mistakes that people make, each in an app of its own like echo: what Flux does with it, its own tools must say."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import tools

LIKE = "echo"
NAMESPACE = "default"
KUSTOMIZATION, RELEASE, RESOURCES = "ks.yaml", "app/helmrelease.yaml", "app/kustomization.yaml"
# Helm says either that something was not ready in time, or that it would be too late to look again.
IMPATIENT = (("ks.yaml", "timeout: 10m", "timeout: 30s"), (RELEASE, "timeout: 10m", "timeout: 10s"))
ENCRYPTED = """\
---
apiVersion: v1
kind: Secret
metadata:
  name: token
stringData:
  token: value
"""
FROZEN = """\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: frozen
immutable: true
data:
  key: before
"""
OWN_DEFAULTS = ("metadata:\n", "metadata:\n  labels:\n    flux.home.arpa/defaults: disabled\n")


def depends_on(*names: str) -> tuple[str, str, str]:
    return KUSTOMIZATION, "dependsOn:\n", "dependsOn:\n" + "".join(f"    - name: {name}\n" for name in names)


def values(text: str) -> tuple[str, str, str]:
    return RELEASE, "  values:\n", f"  values:\n{text}"


def environment(*lines: str) -> tuple[str, str, str]:
    return RELEASE, "            env:\n", "            env:\n" + "".join(f"              {line}\n" for line in lines)


@dataclass(frozen=True)
class Fault:
    """An app with a mistake: what is edited as (file, old, new), and what more lies in its folder app/.

    Flux' tools then say `says` and the `command`; without them another app's line tells of this one.
    """

    app: str
    edits: Sequence[tuple[str, str, str]] = ()
    says: str = ""
    command: str = ""
    files: dict[str, str] = field(default_factory=dict)


FAULTS = (
    Fault(
        "wrong-path",
        [(KUSTOMIZATION, "/wrong-path/app\n", "/wrong-path/ap\n")],
        "Kustomization flux-system/wrong-path: its path kubernetes/apps/default/wrong-path/ap is not in the repository",
        "task check -- kubernetes/apps/default/wrong-path",
    ),
    Fault(
        "no-dependency",
        [depends_on("nobody")],
        "Kustomization flux-system/no-dependency: depends on Kustomization flux-system/nobody, which is not there",
        "task check -- kubernetes/apps/default/no-dependency",
    ),
    Fault(
        "circle",
        [depends_on("half")],
        "Kustomization flux-system/circle: waits for itself in a circle of dependsOn: circle → half → circle",
        "task check -- kubernetes/apps/default/circle",
    ),
    Fault("half", [depends_on("circle")]),
    Fault(
        "no-source",
        [(RELEASE, "name: app-template\n", "name: no-template\n")],
        "HelmRelease default/no-source: its source OCIRepository flux-system/no-template is not there",
        "flux get sources oci",
    ),
    Fault(
        "bad-patch",
        [
            (
                RESOURCES,
                "resources:\n",
                "patches:\n  - target:\n      kind: HelmRelease\n"
                "    patch: '[{op: replace, path: /spec/not/there, value: 1}]'\nresources:\n",
            )
        ],
        "Kustomization flux-system/bad-patch: does not build: trouble configuring builtin PatchTransformer with config",
        "kubectl kustomize kubernetes/apps/default/bad-patch/app",
    ),
    Fault(
        "no-kind",
        [
            (
                RELEASE,
                "apiVersion:",
                "apiVersion: nobody.example.net/v1\nkind: Nothing\nmetadata:\n  name: nothing\n---\napiVersion:",
            )
        ],
        "Kustomization flux-system/no-kind: needs the kind Nothing of nobody.example.net/v1, which the cluster does "
        "not know: the app that brings it is not there, or dependsOn does not name it",
        "kubectl api-resources --api-group=nobody.example.net",
    ),
    Fault(
        "no-variable",
        [values("    global: ${NOWHERE}\n")],
        "Kustomization flux-system/no-variable: ${NOWHERE} is set nowhere: add it to cluster-settings, or write "
        "$${NOWHERE} where it is meant literally",
        "task check -- kubernetes/apps/default/no-variable",
    ),
    Fault(
        "bad-value",
        [values("    ingresss: {}\n")],
        "HelmRelease default/bad-value: the chart refuses the values: at '': additional properties 'ingresss' not "
        "allowed",
        "flux debug helmrelease bad-value --namespace default --show-values",
    ),
    Fault("bad-tag", [(RELEASE, "name: app-template\n", "name: bad-tag\n")]),
    Fault(
        "paused",
        [(KUSTOMIZATION, "  interval: 1h\n", "  interval: 1h\n  suspend: true\n")],
        "Kustomization flux-system/paused: is suspended, so Flux leaves it as it is, and its source has main@COMMIT; "
        "it is suspended in Git",
        "grep --recursive --line-number 'suspend: true' kubernetes/",
    ),
    Fault("after-paused", [depends_on("paused")]),
    Fault(
        "paused-release",
        [(RELEASE, "  interval: 1h\n", "  interval: 1h\n  suspend: true\n")],
        "HelmRelease default/paused-release: is suspended, so Flux leaves it as it is; it is suspended in Git",
        "grep --recursive --line-number 'suspend: true' kubernetes/",
    ),
    Fault(
        "no-settings",
        [
            (KUSTOMIZATION, *OWN_DEFAULTS),
            (
                KUSTOMIZATION,
                "  interval: 1h\n",
                "  interval: 1h\n  postBuild:\n    substituteFrom:\n      - kind: Secret\n        name: nowhere\n",
            ),
        ],
        "Kustomization flux-system/no-settings: Secret nowhere in flux-system, which has values for it, is not there",
        "kubectl --namespace flux-system get secret nowhere",
    ),
    Fault(
        "no-values",
        [(RELEASE, "  values:\n", "  valuesFrom:\n    - kind: Secret\n      name: nowhere\n  values:\n")],
        "HelmRelease default/no-values: Secret default/nowhere, which has values for it, is not there",
        "kubectl --namespace default describe secret nowhere",
    ),
    Fault(
        "no-namespace",
        [(KUSTOMIZATION, "targetNamespace: default", "targetNamespace: nowhere")],
        "Kustomization flux-system/no-namespace: namespace nowhere is not there",
        "task check -- kubernetes/apps/default/no-namespace",
    ),
    Fault(
        "no-secret",
        [
            *IMPATIENT,
            environment("TOKEN:", "  valueFrom:", "    secretKeyRef:", "      name: nowhere", "      key: token"),
        ],
        "HelmRelease default/no-secret: ",
        "kubectl --namespace default describe pod no-secret-",
    ),
    Fault("waiter", [depends_on("no-secret")]),
    Fault("second-waiter", [depends_on("waiter")]),
    Fault(
        "privileged",
        [*IMPATIENT, (RELEASE, "    defaultPodOptions:\n", "    defaultPodOptions:\n      hostNetwork: true\n")],
        "HelmRelease default/privileged: ",
        "kubectl --namespace default describe deployment privileged",
    ),
    Fault(
        "no-release",
        [(RELEASE, "  interval: 1h\n", "  interval: 1h\n  dependsOn:\n    - name: nobody\n")],
        "HelmRelease default/no-release: depends on HelmRelease default/nobody, which is not there",
        "task check -- kubernetes/apps/default/no-release",
    ),
    Fault(
        "wrong-key",
        [
            (RESOURCES, "resources:\n", "resources:\n  - ./token.sops.yaml\n"),
            (
                KUSTOMIZATION,
                "  interval: 1h\n",
                "  interval: 1h\n  decryption:\n    provider: sops\n    secretRef:\n      name: another-key\n",
            ),
        ],
        "Kustomization flux-system/wrong-key: can't decrypt: Secret another-key with the age key is not there",
        "kubectl --namespace flux-system get secret another-key",
        files={"token.sops.yaml": ENCRYPTED},
    ),
)
# An app that is well until its ConfigMap, which may not change, does.
FROZEN_APP = Fault(
    "frozen", [(RESOURCES, "resources:\n", "resources:\n  - ./frozen.yaml\n")], files={"frozen.yaml": FROZEN}
)
# A source that is in the repository, and whose tag is in no registry.
BAD_SOURCE = Fault(
    "bad-tag", (), "OCIRepository flux-system/bad-tag: can't be fetched from ", "flux reconcile source oci bad-tag"
)


def make(home: Path, fault: Fault) -> None:
    """Copy the app echo under another name, with the mistake in it."""
    namespace = home / "kubernetes/apps" / NAMESPACE
    folder = namespace / fault.app
    shutil.copytree(namespace / LIKE, folder)
    for path in folder.rglob("*.yaml"):
        text = path.read_text().replace("echo", fault.app)
        path.write_text(text.replace(f"http-https-{fault.app}", "http-https-echo"))
    listing = namespace / "kustomization.yaml"
    listing.write_text(f"{listing.read_text()}  - ./{fault.app}/ks.yaml\n")
    for name, text in fault.files.items():
        (folder / "app" / name).write_text(text)
    for name, old, new in fault.edits:
        text = (folder / name).read_text()
        assert old in text, f"{fault.app}: {name} has no {old!r}"
        (folder / name).write_text(text.replace(old, new, 1))


def make_all(home: Path) -> None:
    """All of them, and the chart source that can't be fetched."""
    for fault in (*FAULTS, FROZEN_APP):
        make(home, fault)
    encrypt(home / "kubernetes/apps" / NAMESPACE / "wrong-key/app/token.sops.yaml")
    repos = home / "kubernetes/flux/meta/repos"
    (repos / "bad-tag.yaml").write_text((repos / "cilium.yaml").read_text().replace("cilium", "bad-tag"))


def new_key() -> str:
    """Create an age key that nothing here is encrypted for."""
    return tools.run("age-keygen")


def encrypt(path: Path) -> None:
    """Encrypt a Secret with a key that nobody keeps."""
    public = next(line for line in new_key().splitlines() if "public key" in line).rpartition(" ")[2]
    path.write_text(tools.run("sops", "encrypt", "--age", public, "--encrypted-regex", "^(data|stringData)$", path))
