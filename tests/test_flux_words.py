"""What Flux, Helm and Kubernetes say of a failure becomes one sentence and one command; how objects stand, a word.

The messages are as the controllers wrote them; tests/cluster has those that a test cluster can be brought to say.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from textual.events import Key as KeyPress

from talos_flux.diagnose import monitor
from talos_flux.diagnose.flux import revisions
from talos_flux.diagnose.flux.changes import changes
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.messages import explain
from talos_flux.diagnose.flux.names import ObjectKey
from talos_flux.diagnose.flux.rows import Row, rows
from talos_flux.diagnose.flux.status import State, duration, short, standing_of
from talos_flux.diagnose.probes.flux_health import flux
from talos_flux.kube.kinds import HELM_RELEASE, KUSTOMIZATION, OCI_REPOSITORY
from talos_flux.kube.snapshot import Snapshot
from talos_flux.repository.checkout import Checkout

COMMIT = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"


def ago(**time: float) -> str:
    return (datetime.now(UTC) - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def item(kind: str, name: str, *conditions: dict[str, Any], spec: Any = None, **status: Any) -> dict[str, Any]:
    namespace, _, short_name = name.rpartition("/")
    metadata = {"name": short_name, "namespace": namespace or "flux-system", "creationTimestamp": ago(days=1)}
    return {
        "kind": kind,
        "metadata": metadata,
        "spec": spec or {},
        "status": {"conditions": list(conditions), **status},
    }


def condition(status: str, message: str = "", kind: str = "Ready", reason: str = "Test", **more: Any) -> dict[str, Any]:
    told = {"type": kind, "status": status, "message": message, "reason": reason}
    return {**told, "lastTransitionTime": ago(minutes=5), **more}


RELEASE = item("HelmRelease", "media/plex")
APP = item("Kustomization", "plex", spec={"path": "./kubernetes/apps/media/plex/app", "targetNamespace": "media"})
SOURCE = item("OCIRepository", "plex", spec={"url": "oci://ghcr.io/charts/plex", "ref": {"tag": "1.2.3"}})
REPOSITORY = item("GitRepository", "flux-system", spec={"url": "ssh://git@github.com/me/home.git"})
HELM = "Helm upgrade failed for release media/plex with chart app-template@5.1.0: "
FIELDS = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template' are forbidden"
TYPED = "failed to create typed patch object (media/plex; apps/v1, Kind=Deployment): "
CHECK = "task check -- kubernetes/apps/media/plex"
SAID = {
    "a StatefulSet's spec": (
        RELEASE,
        f'{HELM}cannot patch "plex" with kind StatefulSet: StatefulSet.apps "plex" is invalid: '
        f"spec: Forbidden: {FIELDS}",
        "StatefulSet plex can't be changed in place (spec): delete it, and Flux makes it anew",
        "kubectl --namespace media delete statefulset plex --cascade=orphan",
    ),
    "a claim, which is not to be deleted": (
        RELEASE,
        f'{HELM}PersistentVolumeClaim "data" is invalid: spec: Forbidden: spec is immutable after creation except '
        "resources.requests and volumeAttributesClassName for bound claims",
        "PersistentVolumeClaim data can't be changed in place (spec): its data would be lost with it",
        "kubectl --namespace media describe persistentvolumeclaim data",
    ),
    "the age key is not there": (
        APP,
        "cannot get SOPS age decryption Secret 'flux-system/sops-age': secrets \"sops-age\" not found",
        "can't decrypt: Secret flux-system/sops-age with the age key is not there",
        "task bootstrap:apps",
    ),
    "the key to decrypt with is not there": (
        APP,
        "cannot get decryption Secret 'media/own-key': secrets \"own-key\" not found",
        "can't decrypt: Secret media/own-key with the age key is not there",
        "kubectl --namespace media get secret own-key",
    ),
    "a webhook refuses": (
        APP,
        'Ingress/media/plex dry-run failed: admission webhook "validate.nginx.ingress.kubernetes.io" denied the '
        "request: host is already defined",
        "the webhook validate.nginx.ingress.kubernetes.io refuses it: host is already defined",
        "flux events --for Kustomization/plex",
    ),
    "a webhook is not there": (
        APP,
        'Certificate/media/plex dry-run failed: failed calling webhook "webhook.cert-manager.io": failed to call '
        'webhook: no endpoints available for service "cert-manager-webhook"',
        "the webhook webhook.cert-manager.io that should judge it does not answer: its pods are not ready",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    ),
    "what belongs to something else": (
        RELEASE,
        f'{HELM}Unable to continue with install: ConfigMap "plex" in namespace "media" exists and cannot be imported '
        "into the current release: invalid ownership metadata",
        "ConfigMap plex is there already and belongs to something else",
        "flux events --for HelmRelease/plex --namespace media",
    ),
    "a host key": (
        REPOSITORY,
        "failed to checkout and determine revision: unable to clone: ssh: handshake failed: knownhosts: key mismatch",
        "can't be fetched from ssh://git@github.com/me/home.git: the server's host key is another than the one that is "
        "expected",
        "flux reconcile source git flux-system",
    ),
    "a deploy key": (
        REPOSITORY,
        "failed to checkout and determine revision: unable to list remote: ssh: handshake failed: ssh: unable to "
        "authenticate, attempted methods [none publickey], no supported methods remain",
        "can't be fetched from ssh://git@github.com/me/home.git: it is not allowed to read this: the credentials are "
        "missing or wrong",
        "flux reconcile source git flux-system",
    ),
    "no network": (
        SOURCE,
        "failed to determine artifact digest: Get \"https://ghcr.io/v2/\": dial tcp: lookup ghcr.io: no such host",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: it can't be reached",
        "flux reconcile source oci plex",
    ),
    "no such tag": (
        SOURCE,
        "failed to determine artifact digest: GET https://ghcr.io/v2/charts/plex/manifests/1.2.3: MANIFEST_UNKNOWN: "
        "manifest unknown",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: there is no such thing to fetch: the tag, the version, "
        "the branch or the address is wrong",
        "flux reconcile source oci plex",
    ),
    "an encrypted file without decryption": (
        APP,
        "secret/media/token is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
        "secret/media/token is encrypted, and the app's ks.yaml has no decryption",
        "task check -- kubernetes/apps/media/plex",
    ),
    **{
        f"a variable: {said}": (
            APP,
            f"post build failed for 'Deployment.v1.apps/plex': envsubst error: variable substitution failed: {said}",
            f"a ${{...}} in Deployment plex {text}; write $${{ where it is meant literally",
            CHECK,
        )
        for said, text in {
            "missing closing brace": "is not closed",
            "unable to parse variable name": "does not begin with a variable's name, which is letters, digits and _",
            "bad substitution": "has an operator that Flux does not know",
            "unable to parse substitution within function": "has an operator whose text Flux can't read",
            "unable to parse default function": "has a default that Flux can't read",
        }.items()
    },
    "a variable with a name that is none": (
        APP,
        "post build failed for 'ConfigMap.v1.[noGrp]/plex': envsubst error: 'MY-NAME' var name is invalid, must match "
        "'^[_[:alpha:]][_[:alpha:][:digit:]]*$'",
        "a variable can't be called MY-NAME: letters, digits and _, no digit first; rename it in what substitute or "
        "substituteFrom names",
        CHECK,
    ),
    "a variable whose value ends the YAML": (
        APP,
        "post build failed for 'ConfigMap.v1.[noGrp]/plex': envsubst error: YAMLToJSON: yaml: line 4: mapping values "
        "are not allowed in this context",
        "with its variables filled in, ConfigMap plex can't be read any more: yaml: line 4: mapping values are not "
        "allowed in this context; quote the field that one of them fills",
        CHECK,
    ),
    "no namespace": (
        APP,
        "ConfigMap/lost namespace not specified: the server could not find the requested resource",
        "ConfigMap lost has no namespace: it names none, and the app's ks.yaml no targetNamespace",
        CHECK,
    ),
    "a number for a text": (
        APP,
        f'Deployment/media/plex dry-run failed: {TYPED}.spec.template.spec.containers[name="app"].env[name="A"].value: '
        "expected string, got &value.valueUnstructured{Value:30}",
        'spec.template.spec.containers[name="app"].env[name="A"].value of Deployment plex has to be text, and is 30: '
        "quote it",
        CHECK,
    ),
    "a text for a number": (
        APP,
        f"Deployment/media/plex dry-run failed: {TYPED}errors:\n  .spec.replicas: expected numeric (int or float), got "
        "string\n  .spec.paused: expected boolean, got &{no}",
        "spec.replicas of Deployment plex has to be a number: write it without quotes",
        CHECK,
    ),
    "a field that there is not": (
        APP,
        f"Deployment/media/plex dry-run failed: {TYPED}.spec.replica: field not declared in schema",
        "Deployment plex has no field spec.replica",
        CHECK,
    ),
    "a value that the API server refuses": (
        APP,
        'Service/media/plex dry-run failed (Invalid): Service "plex" is invalid: spec.ports: Required value',
        "the API server refuses Service plex: spec.ports: Required value",
        CHECK,
    ),
    "a value of a chart that the API server refuses": (
        RELEASE,
        f'{HELM}Service "plex" is invalid: spec.ports: Required value',
        "the API server refuses Service plex: spec.ports: Required value",
        "flux debug helmrelease plex --namespace media --show-values",
    ),
    "a field that the API server does not know": (
        APP,
        'Widget/media/plex dry-run failed (BadRequest): failed to apply: strict decoding error: unknown field "spec.x"',
        'the API server can\'t read it: unknown field "spec.x"',
        CHECK,
    ),
    "what Flux may not do": (
        APP,
        'ClusterRole/plex dry-run failed (Forbidden): clusterroles.rbac.authorization.k8s.io "plex" is forbidden: User '
        '"system:serviceaccount:media:flux" cannot patch resource "clusterroles" in API group '
        '"rbac.authorization.k8s.io" at the cluster scope',
        "media/flux may not patch clusterroles",
        "kubectl auth can-i patch clusterroles --as=system:serviceaccount:media:flux",
    ),
    "a dependency that is not there": (
        APP,
        "dependency 'flux-system/storage' not found: kustomizations.kustomize.toolkit.fluxcd.io \"storage\" not found",
        "dependsOn names Kustomization flux-system/storage, which is not there",
        CHECK,
    ),
    "a release that is not there": (
        RELEASE,
        "unable to get 'media/storage' dependency: helmreleases.helm.toolkit.fluxcd.io \"storage\" not found",
        "dependsOn names HelmRelease media/storage, which is not there",
        "task check",
    ),
    "a source that is not there": (
        RELEASE,
        'could not get Source object: OCIRepository.source.toolkit.fluxcd.io "plex" not found',
        "its source OCIRepository plex is not there",
        "task check",
    ),
    "a source that is not there, as the API server says it": (
        RELEASE,
        'could not get Source object: ocirepositories.source.toolkit.fluxcd.io "plex" not found',
        "its source OCIRepository plex is not there",
        "task check",
    ),
    "a repository that is not there": (
        APP,
        "Source 'GitRepository/flux-system/home' not found",
        "its source GitRepository flux-system/home is not there",
        CHECK,
    ),
    "a webhook that calls it invalid": (
        APP,
        'Certificate/media/plex dry-run failed: admission webhook "webhook.cert-manager.io" denied the request: '
        'Certificate "plex" is invalid: spec: no issuer',
        'the webhook webhook.cert-manager.io refuses it: Certificate "plex" is invalid: spec: no issuer',
        "flux events --for Kustomization/plex",
    ),
    "a source that it may not read": (
        APP,
        "can't access 'GitRepository/other/home', cross-namespace references have been blocked",
        "its source is in another namespace, which this Flux does not allow: can't access 'GitRepository/other/home', "
        "cross-namespace references have been blocked",
        CHECK,
    ),
    "an expression": (
        APP,
        "Reconciliation failed terminally due to configuration error: failed to evaluate dependency storage: failed to "
        "parse the CEL expression 'dep.': ERROR",
        "an expression of readyExpr or healthCheckExprs is wrong: failed to evaluate dependency storage: failed to "
        "parse the CEL expression 'dep.': ERROR",
        CHECK,
    ),
    "a file that is no manifest": (
        APP,
        "failed to decode Kubernetes YAML from /tmp/kustomization-42/kubernetes/apps/media/plex/app/values.yaml: "
        "missing Resource metadata",
        "kubernetes/apps/media/plex/app/values.yaml is no manifest: missing Resource metadata",
        CHECK,
    ),
    "an age key that is none": (
        APP,
        "failed to import 'age.agekey' data from sops decryption Secret 'flux-system/sops-age': malformed secret key",
        "can't decrypt: what age.agekey of Secret flux-system/sops-age holds is not a key",
        "task bootstrap:apps",
    ),
    "a template of a chart": (
        RELEASE,
        f"{HELM}execution error at (app-template/templates/common.yaml:1:3): No enabled controller found with this "
        "identifier",
        "the chart can't be rendered: execution error at (app-template/templates/common.yaml:1:3): No enabled "
        "controller found with this identifier",
        "flux debug helmrelease plex --namespace media --show-values",
    ),
    "a chart that makes no YAML": (
        RELEASE,
        f"{HELM}YAML parse error on plex/templates/a.yaml: error converting YAML to JSON: yaml: line 3",
        "the chart can't be rendered: YAML parse error on plex/templates/a.yaml: error converting YAML to JSON: yaml: "
        "line 3",
        "flux debug helmrelease plex --namespace media --show-values",
    ),
    "a digest": (
        item("OCIRepository", "plex", spec={"url": "oci://ghcr.io/charts/plex", "ref": {"digest": "sha256-1"}}),
        'failed to determine artifact digest: cannot parse hash: "sha256-1"',
        "can't be fetched from oci://ghcr.io/charts/plex sha256-1: its digest is not sha256: and 64 hexadecimal digits "
        '(cannot parse hash: "sha256-1")',
        "task check",
    ),
    "a range of versions": (
        SOURCE,
        "failed to determine the artifact tag for 'oci://ghcr.io/charts/plex': semver '1.x.' parse error: improper "
        "constraint: 1.x.",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: its version is neither one nor a range of versions "
        "(semver '1.x.' parse error: improper constraint: 1.x.)",
        "task check",
    ),
    "an address with a tag": (
        SOURCE,
        "URL validation failed for 'oci://ghcr.io/charts/plex:1': URL must not contain a tag; remove ':1'",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: its address has a tag, which belongs into ref.tag (URL "
        "must not contain a tag; remove ':1')",
        "task check",
    ),
    "an address that is none": (
        SOURCE,
        "URL validation failed for 'oci://ghcr.io': URL must be in format 'oci://<domain>/<org>/<repo>'",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: its address is not one of the kind that is expected "
        "(URL validation failed for 'oci://ghcr.io': URL must be in format 'oci://<domain>/<org>/<repo>')",
        "task check",
    ),
    "an image where a chart should be": (
        SOURCE,
        "failed to extract layer contents from artifact: requires gzip-compressed body: gzip: invalid header",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: what is there is no chart, or layerSelector takes "
        "another layer of it (gzip: invalid header)",
        "helm show chart oci://ghcr.io/charts/plex --version '1.2.3'",
    ),
    "a layer that there is not": (
        SOURCE,
        "failed to find layer with media type 'application/vnd.cncf.helm.chart.content.v1.tar+gzip' in artifact",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: what is there is no chart, or layerSelector takes "
        "another layer of it (failed to find layer with media type "
        "'application/vnd.cncf.helm.chart.content.v1.tar+gzip' in artifact)",
        "helm show chart oci://ghcr.io/charts/plex --version '1.2.3'",
    ),
    "a signature": (
        SOURCE,
        "failed to verify the signature using provider 'cosign': no matching signatures were found for "
        "'ghcr.io/charts/plex:1.2.3'",
        "can't be fetched from oci://ghcr.io/charts/plex 1.2.3: nobody whom verify names has signed it",
        "kubectl --namespace flux-system describe ocirepository plex",
    ),
    "the Secret with the deploy key": (
        REPOSITORY,
        "failed to get secret 'flux-system/deploy-key': secrets \"deploy-key\" not found",
        "can't be fetched: Secret flux-system/deploy-key with the credentials is not there",
        "task bootstrap:apps",
    ),
    "the Secret of a registry": (
        SOURCE,
        "failed to get credential: failed to get secret 'flux-system/ghcr': secrets \"ghcr\" not found",
        "can't be fetched: Secret flux-system/ghcr with the credentials is not there",
        "kubectl --namespace flux-system get secret ghcr",
    ),
    "what nobody has met before": (
        APP, "the flux capacitor is out of plutonium", "the flux capacitor is out of plutonium",
        "flux events --for Kustomization/plex",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_a_message_becomes_a_sentence_and_a_command(case: str) -> None:
    about, said, text, command = SAID[case]
    assert explain(about, said) == (text, command)


@pytest.mark.parametrize(
    "word",
    [
        "x",
        'Secret "a" is invalid: ',
        "a: ",
        "Secret/a ",
        f"{TYPED}.a",
        "Secret/media/token dry-run failed, ",
        "a " * 20,
    ],
)
def test_a_message_as_long_as_flux_writes_them_is_read_at_once(word: str) -> None:
    said = (word * 32768)[:32768]
    started = time.monotonic()
    explain(APP, said)
    assert time.monotonic() - started < 1


def test_of_many_objects_that_are_refused_the_one_that_can_not_change_is_named() -> None:
    refused = 'Service "a" is invalid: spec.ports: Required value; Job.batch "b" is invalid: spec.template: '
    text = explain(RELEASE, f"{refused}field is immutable").text
    assert text == "Job b can't be changed in place (spec.template): delete it, and Flux makes it anew"


def stands() -> dict[str, tuple[dict[str, Any], State]]:
    """Made anew by each test: how long ago something was, counts."""
    return {
        "ready": (item("Kustomization", "a", condition("True", "Applied")), State.READY),
        "failing": (item("Kustomization", "a", condition("False", "no")), State.FAILING),
        "suspended, whatever it said before": (
            item("Kustomization", "a", condition("False", "no"), spec={"suspend": True}), State.SUSPENDED,
        ),
        "trying for the first time": (
            item("HelmRelease", "a", condition("Unknown", "Running 'install'", lastTransitionTime=ago(seconds=9))),
            State.APPLYING,
        ),
        "trying for longer than it may": (
            item("HelmRelease", "a", condition("Unknown", "Running 'install' action"), spec={"timeout": "2m"}),
            State.FAILING,
        ),
        "trying what failed before": (
            item(
                "HelmRelease", "a", condition("Unknown", "Running"), condition("False", "no", "Released"),
                spec={"timeout": "20m"},
            ),
            State.FAILING,
        ),
        "ready, and given up all the same": (
            item("HelmRelease", "a", condition("True", "old"), condition("True", "no more attempts", "Stalled")),
            State.FAILING,
        ),
        "never looked at": (item("Kustomization", "a"), State.FAILING),
    }  # fmt: skip


@pytest.mark.parametrize("case", stands())
def test_how_an_object_stands_is_one_word(case: str) -> None:
    about, state = stands()[case]
    assert standing_of(about).state == state


def test_a_new_object_is_given_time_and_a_change_that_was_not_seen_yet_too() -> None:
    new = item("Kustomization", "a")
    new["metadata"]["creationTimestamp"] = ago(seconds=20)
    assert standing_of(new).state == State.APPLYING
    changed = item("Kustomization", "a", condition("True", "Applied", observedGeneration=1))
    changed["metadata"]["generation"] = 2
    assert standing_of(changed).state == State.APPLYING


def test_what_should_be_gone_is_named_when_something_holds_it() -> None:
    leaving = item("Kustomization", "a", condition("True"))
    leaving["metadata"]["deletionTimestamp"] = ago(minutes=1)
    assert standing_of(leaving).state == State.APPLYING
    leaving["metadata"]["deletionTimestamp"] = ago(minutes=30)
    assert standing_of(leaving) == standing_of(leaving)
    assert standing_of(leaving).state == State.FAILING


def test_times_and_revisions_are_read_as_go_and_flux_write_them() -> None:
    assert duration("1h30m") == timedelta(minutes=90) and duration("500ms") == timedelta(seconds=0.5)
    assert short(f"main@sha1:{COMMIT}") == "main@1a2b3c4"
    assert short(f"5.1.0@sha256:{COMMIT}") == "5.1.0" and short("5.1.0") == "5.1.0"


def snapshot() -> Snapshot:
    source = item("OCIRepository", "chart", condition("False", "manifest unknown"), spec=SOURCE["spec"])
    wait = condition("False", "OCIRepository 'chart' is not ready", reason="SourceNotReady")
    release = item(
        "HelmRelease",
        "media/plex",
        wait,
        spec={"chartRef": {"kind": "OCIRepository", "name": "chart", "namespace": "flux-system"}},
    )
    parts = {"entries": [{"id": "media_plex_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]}
    app = item(
        "Kustomization",
        "plex",
        condition(
            "False", "timeout waiting for: [HelmRelease/media/plex status: 'InProgress']", reason="HealthCheckFailed"
        ),
        inventory=parts,
    )
    other = item(
        "Kustomization",
        "other",
        condition("False", "dependency 'flux-system/plex' is not ready", reason="DependencyNotReady"),
        spec={"dependsOn": [{"name": "plex"}]},
    )
    return Snapshot({OCI_REPOSITORY: [source], HELM_RELEASE: [release], KUSTOMIZATION: [app, other]})


def test_a_trail_goes_over_apps_and_releases_to_the_source() -> None:
    found = {row.key.name: (str(row.state), row.why) for row in rows(Graph.of(snapshot()))}
    assert found["flux-system/chart"][0] == "failing"
    assert found["media/plex"] == ("waiting", "for OCIRepository flux-system/chart")
    assert found["flux-system/plex"] == (
        "waiting", "for HelmRelease media/plex, in the end for OCIRepository flux-system/chart",
    )  # fmt: skip
    assert found["flux-system/other"] == (
        "waiting", "for Kustomization flux-system/plex, in the end for OCIRepository flux-system/chart",
    )  # fmt: skip


@pytest.mark.parametrize(("freed", "state"), [({"seconds": 20}, "in progress"), ({"minutes": 10}, "failing")])
def test_flux_has_time_to_notice_that_a_dependency_became_ready(freed: dict[str, float], state: str) -> None:
    wait = condition("False", "dependency 'flux-system/plex' is not ready", reason="DependencyNotReady")
    app = item("Kustomization", "plex", condition("True", lastTransitionTime=ago(**freed)))
    store = item("Kustomization", "store", condition("True", lastTransitionTime=ago(days=2)))
    other = item("Kustomization", "other", wait, spec={"dependsOn": [{"name": "plex"}, {"name": "store"}]})
    graph = Graph.of(Snapshot({KUSTOMIZATION: [app, store, other]}))
    standing = graph.standings[ObjectKey("Kustomization", "flux-system/other")]
    assert str(standing.state) == state
    part = flux(graph)
    told = [*part.notes, *map(str, part.problems)]
    assert len(told) == 1 and "Kustomization flux-system/plex, Kustomization flux-system/store" in told[0]
    assert bool(part.problems) == (state == "failing")


def test_only_what_has_to_do_with_a_namespace_is_listed() -> None:
    assert [row.key for row in rows(Graph.of(snapshot()), "media")] == [ObjectKey("HelmRelease", "media/plex")]


def test_a_change_is_told_with_what_was_before() -> None:
    key = ObjectKey("Kustomization", "flux-system/plex")
    ready, failing = (
        Row(key, State.READY, "main@1a2b3c4", "1m", ""),
        Row(key, State.FAILING, "main@1a2b3c4", "1s", "no"),
    )
    assert [str(change) for change in changes([ready], [failing])] == [
        "Kustomization flux-system/plex is failing, after ready at main@1a2b3c4: no"
    ]
    assert [str(change) for change in changes([], [ready])] == [
        "Kustomization flux-system/plex is new and ready at main@1a2b3c4"
    ]
    assert [str(change) for change in changes([ready], [])] == ["Kustomization flux-system/plex is gone"]
    older = Row(key, State.READY, "main@1a2b3c4", "2m", "")
    assert list(changes([ready], [older])) == []


OTHER = "f" * 40
HERE: dict[str, tuple[Checkout, tuple[int, int] | None, str]] = {
    "the same": (Checkout(COMMIT, "main", COMMIT, "origin/main"), None, ""),
    "no git": (
        Checkout(reason="git is not installed"),
        None,
        "that can't be compared with this folder: git is not installed",
    ),
    "another branch": (
        Checkout(OTHER, "try", OTHER, "origin/try"),
        None,
        "you are on branch try, Flux follows main",
    ),
    "behind": (
        Checkout(OTHER, "main", OTHER, "origin/main"),
        None,
        "this checkout does not have that commit: `git pull`",
    ),
    "both": (
        Checkout(OTHER, "main", COMMIT, "origin/main"),
        (1, 2),
        "1 commit of yours not there, 2 commits not here: `git pull --rebase`",
    ),
    "not pushed": (
        Checkout(OTHER, "main", COMMIT, "origin/main"),
        (3, 0),
        "3 commits ahead: `git push`, then wait or `task reconcile`",
    ),
    "pushed": (
        Checkout(OTHER, "main", OTHER, "origin/main"),
        (1, 0),
        "1 commit ahead: pushed, so Flux comes to it within 5m, or now by `task reconcile`",
    ),
}


@pytest.mark.parametrize("case", HERE)
def test_the_commit_that_flux_has_is_compared_with_the_checkout(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here, counts, said = HERE[case]
    monkeypatch.setattr(revisions, "_counts", lambda *_: counts)
    source = item(
        "GitRepository",
        "flux-system",
        spec={"interval": "5m", "ref": {"branch": "main"}},
        artifact={"revision": f"main@sha1:{COMMIT}"},
    )
    assert revisions.compared(source, here).endswith(said)
    assert bool(revisions.compared(source, here)) == bool(said)


def test_letters_typed_right_after_the_slash_are_no_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """f and k choose what is shown, unless words are asked for."""

    async def nothing_to_see(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async def type_quickly() -> tuple[bool, str]:
        app = monitor.Monitor(cast(Any, None), ())
        async with app.run_test() as pilot:
            for name, letter in (("slash", "/"), ("f", "f"), ("k", "k")):
                app.post_message(KeyPress(name, letter))
            await pilot.pause()
            await pilot.pause()
            return app.is_unwell_only, app.kind

    monkeypatch.setattr(monitor, "watch", nothing_to_see)
    assert asyncio.run(type_quickly()) == (False, "")
