"""The pages about moving: their commands bring apps of other repositories into a cluster in which nothing is found."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from talos_flux.check.rule import Severity
from talos_flux.check.rules import findings
from talos_flux.manifests.flux_tree import Cluster
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home
from tests.support.others import listing, write
from tests.support.render import PROJECT

pytestmark = pytest.mark.full

HOW_TO = PROJECT / "docs" / "how-to"
FROM_CLUSTER_TEMPLATE = HOW_TO / "move-from-cluster-template.md"
FROM_YOUR_OWN = HOW_TO / "move-from-your-own-repository.md"
ROOT = "kubernetes/flux/cluster/ks.yaml"
ENCRYPTED = """\
apiVersion: v1
kind: Secret
metadata:
  name: {name}
stringData:
  {key}: ENC[AES256_GCM,data:cGFwZXI=,iv:aXY=,tag:dGFn,type:str]
sops:
  age:
    - recipient: age1example
  encrypted_regex: ^(data|stringData)$
  mac_only_encrypted: true
"""
SOURCE = """\
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: {name}
spec:
  layerSelector: {{mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}}
  interval: 15m
  ref:
    tag: 5.1.0
  url: oci://ghcr.io/bjw-s-labs/helm/app-template
"""
RELEASE = """\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
spec:
  interval: 1h
  chartRef:
    kind: OCIRepository
    name: {name}
  values:
    controllers:
      {name}:
        containers:
          app:
            image:
              repository: ghcr.io/example/{name}
              tag: 1.2.3
            envFrom: {secrets}
            resources:
              requests:
                cpu: 10m
                memory: 64Mi
              limits:
                memory: 128Mi
    service:
      app:
        ports:
          http:
            port: 8080
    route:
      app:
        annotations:
          external-dns.alpha.kubernetes.io/cloudflare-proxied: "true"
        hostnames:
          - "{name}.${{SECRET_DOMAIN}}"
        parentRefs:
          - name: {gateway}
            namespace: network
            sectionName: https
"""
CLAIM = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}
spec:
  accessModes:
    - ReadWriteOnce
  resources:
    requests:
      storage: 5Gi
"""
INGRESS = """\
    ingress:
      app:
        className: internal
        hosts:
          - host: "jellyfin.${SECRET_DOMAIN}"
            paths:
              - path: /
                service:
                  identifier: app
                  port: http
"""
SUBSTITUTE_FROM = """\
  postBuild:
    substituteFrom:
      - name: cluster-secrets
        kind: Secret
"""
ROOTS = """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: cluster-apps
  namespace: flux-system
spec:
  interval: 1h
  path: ./kubernetes/apps
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
    namespace: flux-system
  patches:
    - target:
        group: kustomize.toolkit.fluxcd.io
        kind: Kustomization
      patch: |-
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: any
        spec:
          deletionPolicy: WaitForTermination
"""
# `task` of the cluster that the commands run in.
TASK = f"""\
task() {{
  [ "$1" = adopt:app ]
  {shlex.join(TALOS_FLUX)} app adopt --app "${{2#APP=}}" --from "${{3#FROM=}}"
}}
"""
CLUSTER_ANSWERS = {"ingress_backend": "envoy-gateway", "secrets_backend": "sops", "storage": "none", "components": []}


def ks(name: str, namespace: str, more: str = "") -> str:
    """Return a Flux Kustomization that its namespace's kustomization.yaml moves to the app's namespace."""
    return f"""\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
spec:
  interval: 1h
  path: ./kubernetes/apps/{namespace}/{name}/app
{SUBSTITUTE_FROM}{more}  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
    namespace: flux-system
  targetNamespace: {namespace}
  wait: false
"""


def like_cluster_templates(root: Path) -> None:
    """Apps as its users have them: with a claim; public, with a claim from a component; with an encrypted Secret."""
    apps = "kubernetes/apps"
    notes, jellyfin, paperless = f"{apps}/default/notes", f"{apps}/media/jellyfin", f"{apps}/media/paperless"
    secrets = "[{secretRef: {name: paperless-secret}}]"
    write(
        root,
        {
            ROOT: ROOTS,
            f"{apps}/default/kustomization.yaml": listing("notes/ks.yaml", namespace="default"),
            f"{apps}/media/kustomization.yaml": listing("jellyfin/ks.yaml", "paperless/ks.yaml", namespace="media"),
            f"{notes}/ks.yaml": ks("notes", "default"),
            f"{notes}/app/kustomization.yaml": listing("helmrelease.yaml", "ocirepository.yaml", "pvc.yaml"),
            f"{notes}/app/helmrelease.yaml": RELEASE.format(name="notes", gateway="envoy-internal", secrets="[]"),
            f"{notes}/app/ocirepository.yaml": SOURCE.format(name="notes"),
            f"{notes}/app/pvc.yaml": CLAIM.format(name="notes"),
            f"{jellyfin}/ks.yaml": ks("jellyfin", "media", "    substitute:\n      APP: jellyfin\n"),
            f"{jellyfin}/app/kustomization.yaml": listing(
                "helmrelease.yaml", "ocirepository.yaml", components="../../../../components/volume"
            ),
            f"{jellyfin}/app/helmrelease.yaml": RELEASE.format(name="jellyfin", gateway="envoy-external", secrets="[]"),
            f"{jellyfin}/app/ocirepository.yaml": SOURCE.format(name="jellyfin"),
            f"{paperless}/ks.yaml": ks("paperless", "media"),
            f"{paperless}/app/kustomization.yaml": listing(
                "helmrelease.yaml", "ocirepository.yaml", "secret.sops.yaml"
            ),
            f"{paperless}/app/helmrelease.yaml": RELEASE.format(
                name="paperless", gateway="envoy-internal", secrets=secrets
            ),
            f"{paperless}/app/ocirepository.yaml": SOURCE.format(name="paperless"),
            f"{paperless}/app/secret.sops.yaml": ENCRYPTED.format(name="paperless-secret", key="PASSWORD"),
            "kubernetes/components/volume/kustomization.yaml": listing("pvc.yaml", kind="Component"),
            "kubernetes/components/volume/pvc.yaml": CLAIM.format(name="${APP}"),
            "kubernetes/components/sops/cluster-secrets.sops.yaml": ENCRYPTED.format(
                name="cluster-secrets", key="SECRET_DOMAIN"
            ),
        },
    )


def block(page: Path, beginning: str) -> str:
    """Return the page's shell block that begins with this."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    [found] = [text for text in blocks if text.startswith(beginning)]
    return str(found)


def run(home: Home, commands: str) -> None:
    """Run what somebody pastes into a shell; raise subprocess.CalledProcessError when a command fails."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", TASK + commands], cwd=home.root, check=True)


def rules(home: Home) -> set[str]:
    """Return the rules that find something."""
    return {finding.rule.id for finding in findings(Cluster(home.root))}


def replace(home: Home, path: str, old: str, new: str) -> None:
    text = home.text(path)
    assert old in text
    home.write(path, text.replace(old, new))


def says(page: Path, *texts: str) -> None:
    """Check that the page says what the test does by hand."""
    for text in texts:
        assert text in page.read_text()


def follow_the_page(home: Home) -> None:
    """Edit the two places in the root that the page names."""
    says(FROM_CLUSTER_TEMPLATE, "`cluster-meta` gets `decryption: {provider: sops}` in its `spec`.")
    meta = "  path: ./kubernetes/flux/meta\n"
    replace(home, ROOT, meta, f"{meta}  decryption: {{provider: sops}}\n")
    patch = re.search(r"```yaml\n(        spec:.*?)```", FROM_CLUSTER_TEMPLATE.read_text(), re.DOTALL)
    ours = "        spec:\n          postBuild:\n            substituteFrom:\n"
    ours += "              - kind: ConfigMap\n                name: cluster-settings\n"
    assert patch
    replace(home, ROOT, ours, patch[1])


def errors(home: Home) -> list[str]:
    """Return what must be fixed before a push."""
    return [str(finding) for finding in findings(Cluster(home.root)) if finding.rule.severity is Severity.ERROR]


@pytest.fixture
def moved(home_with: Callable[..., Home]) -> Home:
    """Provide the three apps after the commands of the page, before anything is written by hand."""
    home = home_with(**CLUSTER_ANSWERS)
    like_cluster_templates(home.root.parent / "old")
    says(FROM_CLUSTER_TEMPLATE, "task new:namespace NAME=media")
    home.add("namespace", "kubernetes/apps/media")
    # The file is only written as an encrypted one is: no key of it is there.
    shared = block(FROM_CLUSTER_TEMPLATE, "cp -r ../old/kubernetes/components")
    run(home, re.sub(r"sops set (\S+) .*", r"sed -i 's/^  name: .*/&\\n  namespace: flux-system/' \1", shared))
    run(home, block(FROM_CLUSTER_TEMPLATE, "for app in"))
    return home


@pytest.mark.witness
@pytest.mark.slow
def test_apps_of_cluster_template_are_moved_as_the_page_says(moved: Home) -> None:
    follow_the_page(moved)
    assert errors(moved) == []
    release = moved.text("kubernetes/apps/media/jellyfin/app/helmrelease.yaml")
    assert "name: external\n" in release
    assert "external-dns.kubernetes.io/cloudflare-proxied" in release


def test_of_a_kustomization_of_cluster_template_only_what_differs_here_changes(moved: Home) -> None:
    before = (moved.root.parent / "old/kubernetes/apps/media/paperless/ks.yaml").read_text()
    changed = before.replace("  name: paperless\n", "  namespace: flux-system\n  name: paperless\n", 1)
    changed = changed.replace("spec:\n", "spec:\n  decryption: {provider: sops}\n", 1).replace(SUBSTITUTE_FROM, "")
    assert moved.text("kubernetes/apps/media/paperless/ks.yaml") == changed
    assert "    substitute:\n      APP: jellyfin\n" in moved.text("kubernetes/apps/media/jellyfin/ks.yaml")


def test_without_cluster_secrets_in_the_root_the_checks_name_every_variable(moved: Home) -> None:
    assert rules(moved) >= {"substitution-undefined", "secret-not-decrypted"}


def test_without_the_pages_commands_the_checks_stop_whoever_copies(home_with: Callable[..., Home]) -> None:
    home = home_with(**CLUSTER_ANSWERS)
    like_cluster_templates(home.root.parent / "old")
    home.add("namespace", "kubernetes/apps/media")
    run(home, "cp -r ../old/kubernetes/apps ../old/kubernetes/components kubernetes/")
    for namespace, name in (("default", "notes"), ("media", "jellyfin"), ("media", "paperless")):
        listed = f"kubernetes/apps/{namespace}/kustomization.yaml"
        home.write(listed, f"{home.text(listed)}  - ./{name}/ks.yaml\n")
    assert rules(home) >= {"gateway-unknown", "root-patch-replaces", "secret-not-decrypted"}


def test_cluster_secrets_serves_all_apps_from_flux_system(moved: Home) -> None:
    settings = "kubernetes/flux/meta/settings/cluster-secrets.sops.yaml"
    assert "  namespace: flux-system\n" in moved.text(settings)
    follow_the_page(moved)
    moved.write(settings, moved.text(settings).replace("SECRET_DOMAIN", "SECRET_DOMIAN"))
    assert {text.rpartition(" ")[2] for text in errors(moved)} == {"[substitution-undefined]"}


def test_the_line_that_orphans_is_one_that_the_root_takes(moved: Home) -> None:
    follow_the_page(moved)
    cluster = Cluster(moved.root)
    policies = {ks.name: ks.item.spec.get("deletionPolicy") for ks in cluster.kustomizations if ks.parent}
    assert set(policies) > {"jellyfin", "paperless", "notes", "cilium"}
    assert set(policies.values()) == {"Orphan"}


def test_an_app_of_a_repository_made_by_hand_is_moved_as_the_page_says(home_with: Callable[..., Home]) -> None:
    home = home_with(secrets_backend="sops", storage="none", components=[])
    app = "kubernetes/apps/media/jellyfin"
    by_hand = ks("jellyfin", "media", "  commonMetadata: {labels: {app.kubernetes.io/name: jellyfin}}\n")
    by_hand = by_hand.replace("  name: jellyfin\nspec", "  name: &app jellyfin\n  namespace: &namespace media\nspec")
    by_hand = by_hand.replace(
        "targetNamespace: media", "targetNamespace: *namespace\n  retryInterval: 2m\n  timeout: 10m"
    )
    release = RELEASE.format(name="jellyfin", gateway="", secrets="[]").partition("    route:")[0] + INGRESS
    write(
        home.root.parent / "old",
        {
            ROOT: ROOTS,
            "kubernetes/apps/media/kustomization.yaml": listing("jellyfin.yaml", "jellyfin/ks.yaml"),
            f"{app}/ks.yaml": by_hand,
            f"{app}/app/kustomization.yaml": listing("helmrelease.yaml"),
            f"{app}/app/helmrelease.yaml": release,
            "kubernetes/apps/media/jellyfin.yaml": SOURCE.format(name="jellyfin\n  namespace: media"),
        },
    )
    home.add("namespace", "kubernetes/apps/media")
    run(home, block(FROM_YOUR_OWN, "task adopt:app APP=media/jellyfin"))
    assert rules(home) == {"class-not-awaited", "substitution-undefined"}
    ours, values = f"{app}/ks.yaml", f"{app}/app/helmrelease.yaml"
    assert "  targetNamespace: media\n" in home.text(ours) and "  name: &app jellyfin\n" in home.text(ours)
    replace(home, ours, "spec:\n", "spec:\n  dependsOn:\n    - name: nginx-internal\n")
    replace(home, values, "SECRET_DOMAIN", "DOMAIN")
    assert list(map(str, findings(Cluster(home.root)))) == []
    says(FROM_YOUR_OWN, "substitution-undefined |", "such as `gateways`, `nginx-internal`")
