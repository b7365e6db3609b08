"""What a change does in the cluster is told before it is merged: both sides are compared as Flux would apply them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from talos_flux.diff import diff_report, effects
from talos_flux.diff.care import what_needs_care
from talos_flux.diff.chart_raises import Raise
from talos_flux.diff.cluster_diff import ChangedApp, ClusterDiff
from talos_flux.diff.differences import Differences, compare
from talos_flux.diff.flate import Rendering, failures, key_of
from talos_flux.errors import UserError
from talos_flux.template.update.forge import request_of_this_run
from tests.support import forge

JELLYFIN = {"helm.toolkit.fluxcd.io/name": "jellyfin", "helm.toolkit.fluxcd.io/namespace": "media"}
MEDIA = {"kustomize.toolkit.fluxcd.io/name": "jellyfin", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}


def thing(
    kind: str, name: str = "jellyfin", version: str = "v1", *, owner: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "media", "labels": owner or JELLYFIN} | fields.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def deployment(image: str = "jellyfin:1", **annotations: str) -> dict[str, Any]:
    container = {"name": "app", "image": image, "envFrom": [{"secretRef": {"name": "keys"}}]}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}
    return thing("Deployment", version="apps/v1", spec={"selector": {"app": "jellyfin"}, "template": template})


def claim(**annotations: str) -> dict[str, Any]:
    return thing(
        "PersistentVolumeClaim", metadata={"annotations": annotations}, spec={"accessModes": ["ReadWriteOnce"]}
    )


def side(*manifests: dict[str, Any], **failed: str) -> Rendering:
    return Rendering(
        {key_of(one): one for one in manifests}, {name.replace("__", " "): why for name, why in failed.items()}
    )


def compared(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Differences:
    return compare(side(*before), side(*after))


def told(comparison: Differences) -> dict[str, list[tuple[str, Any, Any]]]:
    return {f"{change.what} {change.key}": [tuple(field) for field in change.fields] for change in comparison.changes}


def test_a_field_is_named_by_its_path_and_a_container_by_its_name() -> None:
    assert told(compared([deployment()], [deployment("jellyfin:2")])) == {
        "changed Deployment media/jellyfin": [
            ("spec.template.spec.containers[app].image", "jellyfin:1", "jellyfin:2"),
        ]
    }


def test_what_is_on_one_side_only_is_added_or_removed() -> None:
    assert told(compared([claim()], [deployment()])) == {
        "added Deployment media/jellyfin": [],
        "removed PersistentVolumeClaim media/jellyfin": [],
    }


def test_another_api_version_of_a_group_is_a_change_and_no_other_object() -> None:
    [(name, fields)] = told(compared([thing("X", version="a/v1beta1")], [thing("X", version="a/v1")])).items()
    assert (name, fields) == ("changed X media/jellyfin", [("apiVersion", "a/v1beta1", "a/v1")])


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_what_a_secret_holds_is_hidden_wherever_it_is_shown(field: str) -> None:
    def secret(**values: str) -> dict[str, Any]:
        return thing("Secret", "keys") | {field: values}

    changes = compared([secret(a="first-word", b="same")], [secret(a="second-word", b="same", c="third-word")])
    assert told(changes) == {
        "changed Secret media/keys": [(f"{field}.a", "(hidden)", "(hidden)"), (f"{field}.c", None, "(hidden)")]
    }
    whole = compared([], [secret(a="first-word")])
    for comparison in (changes, whole):
        text = diff_report.as_markdown(outcome_of(comparison), 9000) + str(diff_report.as_data(outcome_of(comparison)))
        assert "-word" not in text and "(hidden)" in text


def test_what_a_chart_writes_for_each_of_its_versions_is_no_change_of_an_object() -> None:
    labels = [JELLYFIN | {"helm.sh/chart": f"demo-{number}"} for number in (1, 2)]
    services = [thing("Service", owner=one) for one in labels]
    assert all(not change.fields for change in compared([services[0]], [services[1]]).changes)


def test_pods_restart_when_their_template_differs_and_only_then() -> None:
    scaled = deployment() | {"spec": deployment()["spec"] | {"replicas": 2}}
    assert not list(effects.restarting(compared([deployment()], [scaled]).changes))
    [(key, reason)] = effects.restarting(compared([deployment()], [deployment("jellyfin:2")]).changes)
    assert (str(key), reason) == ("Deployment media/jellyfin", "spec.containers[app].image")
    # Nothing else of it differs, and yet it restarts.
    again = compared([deployment(**{"checksum/config": "1"})], [deployment(**{"checksum/config": "2"})])
    assert [reason for _, reason in effects.restarting(again.changes)] == ["labels and annotations of its chart"]


def test_reloader_restarts_what_uses_another_secret() -> None:
    reloaded = deployment()
    reloaded["metadata"]["annotations"] = {"reloader.stakater.com/auto": "true"}
    keys = [thing("Secret", "keys", data={"a": word}) for word in ("MQ==", "Mg==")]
    others = [thing("Secret", "others", data={"a": word}) for word in ("MQ==", "Mg==")]
    for (old, new), expected in ((keys, ["Reloader sees another Secret keys"]), (others, [])):
        after = side(new, reloaded)
        found = effects.reloaded(compare(side(old, reloaded), after).changes, after.objects.items())
        assert [reason for _, reason in found] == expected


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        (claim(), ["PersistentVolumeClaim media/jellyfin"]),
        (claim(**{"kustomize.toolkit.fluxcd.io/prune": "disabled"}), []),
        (claim(**{"helm.sh/resource-policy": "keep"}), []),
        (thing("Cluster", version="postgresql.cnpg.io/v1"), ["Cluster media/jellyfin"]),
        (thing("Cluster", version="example.net/v1"), []),
        (deployment(), []),
    ],
    ids=["a claim", "one that Flux leaves", "one that helm leaves", "a database", "another Cluster", "a Deployment"],
)
def test_what_is_deleted_for_good_is_named(removed: dict[str, Any], expected: list[str]) -> None:
    assert [str(key) for key, _ in effects.lost(compared([removed], []).changes)] == expected


def test_an_object_that_passes_to_another_owner_is_not_deleted() -> None:
    comparison = compared([claim() | {"metadata": claim()["metadata"] | {"labels": MEDIA}}], [claim()])
    assert told(comparison) == {
        "changed PersistentVolumeClaim media/jellyfin": [
            ("owner", "Kustomization flux-system/jellyfin", "HelmRelease media/jellyfin")
        ]
    }
    assert not list(effects.lost(comparison.changes))


def test_what_the_api_server_refuses_to_change_is_named() -> None:
    other = deployment() | {"spec": deployment()["spec"] | {"selector": {"app": "other"}}}
    bigger, shared = claim(), claim()
    bigger["spec"] = claim()["spec"] | {"resources": {"requests": {"storage": "2Gi"}}}
    shared["spec"] = {"accessModes": ["ReadWriteMany"]}
    fixed = [thing("ConfigMap", immutable=True, data={"a": word}) for word in "12"]
    cases = [(deployment(), other, ["spec.selector.app"]), (claim(), bigger, []),
             (claim(), shared, ["spec.accessModes[0]"]), (fixed[0], fixed[1], ["data.a"])]  # fmt: skip
    for before, after, expected in cases:
        assert [paths for _, paths in effects.refused(compared([before], [after]).changes)] == expected


def test_what_one_side_can_not_render_is_unknown_and_neither_added_nor_removed() -> None:
    broken = side(HelmRelease__media_jellyfin="no such version")
    broken.failed = {"HelmRelease media/jellyfin": "no such version"}
    comparison = compare(side(deployment()), broken)
    assert (comparison.changes, comparison.unknown) == ((), {"HelmRelease media/jellyfin": "no such version"})
    assert "no such version" in diff_report.as_markdown(outcome_of(comparison), 9000)


def test_a_release_whose_source_can_not_be_had_is_unknown_and_not_removed() -> None:
    reference = {"kind": "OCIRepository", "name": "demo", "namespace": "flux-system"}
    release = thing("HelmRelease", version="helm.toolkit.fluxcd.io/v2", owner=MEDIA, spec={"chartRef": reference})
    broken = side(release)
    broken.failed = {"OCIRepository flux-system/demo": "9.9.9: not found"}
    comparison = compare(side(release, deployment()), broken)
    assert (comparison.changes, comparison.unknown) == ((), {"HelmRelease media/jellyfin": "9.9.9: not found"})


def outcome_of(comparison: Differences, raises: list[Raise] | None = None) -> ClusterDiff:
    apps = [ChangedApp("media/jellyfin", list(comparison.changes))] if comparison.changes else []
    lost, refused = effects.lost(comparison.changes), effects.refused(comparison.changes)
    unserved = list(effects.unserved(comparison.changes))
    return ClusterDiff("abc123", apps, list(lost), list(refused), raises or [], comparison.unknown, unserved)


def test_a_comment_is_never_longer_than_the_host_takes() -> None:
    comparison = compared([], [thing("ConfigMap", f"number-{number}", data={"a": "x" * 100}) for number in range(200)])
    text = diff_report.as_markdown(outcome_of(comparison), 5000)
    assert len(text) <= 5000 and "does not fit here" in text and text.startswith(diff_report.MARK)


def test_text_in_a_diff_does_not_end_its_block() -> None:
    comparison = compared([], [thing("ConfigMap", data={"a": "```\n# not a heading\n"})])
    assert "````diff\n" in diff_report.as_markdown(outcome_of(comparison), 9000)


def stateful(size: str) -> dict[str, Any]:
    claims = [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": size}}}}]
    return thing("StatefulSet", version="apps/v1", spec={"volumeClaimTemplates": claims})


def definition(*served: str) -> dict[str, Any]:
    versions = [{"name": name, "served": name in served} for name in ("v1alpha1", "v1")]
    return thing("CustomResourceDefinition", version="apiextensions.k8s.io/v1", spec={"versions": versions})


FITS = Raise("demo", "1.0.0", "1.0.1", ("media/demo",), level="patch", notes=("fixed: a leak", "added: a switch"))


@pytest.mark.parametrize(
    ("comparison", "raised", "expected"),
    [
        (Differences((), {}), [FITS], ""),
        (compared([deployment()], [deployment("jellyfin:2")]), [FITS], ""),
        (compared([definition("v1")], [definition("v1alpha1", "v1")]), [], ""),
        (compared([claim()], []), [], "PersistentVolumeClaim media/jellyfin is deleted for good"),
        (compared([definition("v1")], []), [], "is deleted for good, with every object of its kind"),
        (compared([definition("v1alpha1", "v1")], [definition("v1")]), [], "is served in v1alpha1 no more"),
        (compared([stateful("1Gi")], [stateful("2Gi")]), [], "StatefulSet media/jellyfin can't be changed by the API"),
        (Differences((), {"HelmRelease a/b": "why"}), [], "HelmRelease a/b is not compared: why"),
        (Differences((), {}), [replace(FITS, problems=("media/demo: args is gone",))], "demo 1.0.1: media/demo: args"),
        (Differences((), {}), [replace(FITS, unknown="offline")], "demo 1.0.1 is not judged: offline"),
        (Differences((), {}), [replace(FITS, level="major")], "is another major version than 1.0.0"),
        (Differences((), {}), [replace(FITS, notes=("removed: an API",))], "demo 1.0.1 says: removed: an API"),
        (Differences((), {}), [replace(FITS, notes=("changed: BREAKING, x is y",))], "says: changed: BREAKING, x is y"),
        (Differences((), {}), [replace(FITS, notes=("changed: feat(api)!: x",))], "says: changed: feat(api)!: x"),
    ],
)  # fmt: skip
def test_what_needs_care_is_named_and_nothing_else_does(
    comparison: Differences, raised: list[Raise], expected: str
) -> None:
    reasons = what_needs_care(outcome_of(comparison, raised))
    assert [expected in reason for reason in reasons] == ([True] if expected else [])


def test_a_kind_that_loses_a_version_is_in_every_report() -> None:
    outcome = outcome_of(compared([definition("v1alpha1", "v1")], [definition("v1")]))
    assert "> **Served no more**" in diff_report.as_markdown(outcome, 9000)
    assert diff_report.as_data(outcome)["care"] == [
        "CustomResourceDefinition media/jellyfin is served in v1alpha1 no more"
    ]


def test_what_flate_could_not_render_is_read_with_its_reason() -> None:
    source = "  ✗  OCIRepository  flux-system/demo  no such host\n"
    release = "  ✗  HelmRelease  media/jellyfin  chart source OCIRepository/flux-system/demo not ready: no such host\n"
    assert failures(f"\n{release}{source}\n  ✗ 2 failed\n") == {
        "HelmRelease media/jellyfin": "chart source OCIRepository/flux-system/demo not ready: no such host"
    }
    assert failures(f"\n{source}\n  ✗ 1 failed\n") == {"OCIRepository flux-system/demo": "no such host"}


@pytest.mark.parametrize("others", [100, 200])
@pytest.mark.parametrize("kind", ["github", "forgejo", "gitlab"])
def test_a_pull_request_has_one_comment_that_is_renewed(
    kind: str, others: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forge.serving(tmp_path, kind) as host:
        for name, value in host.environment.items():
            monkeypatch.setenv(name, value)
        host.comments = [{"body": f"about {diff_report.MARK}", "id": number} for number in range(1, others + 1)]
        for text in ("first", "second"):
            assert (
                request_of_this_run().comment(diff_report.MARK, f"{diff_report.MARK}\n{text}").startswith(host.address)
            )
        assert [one["body"] for one in host.comments[others:]] == [f"{diff_report.MARK}\nsecond"]
        assert forge.TOKEN in " ".join(host.seen[0][2].values())
        host.refusal = "Resource not accessible by integration"
        with pytest.raises(UserError, match="refused with 403: Resource not accessible by integration"):
            request_of_this_run().comment(diff_report.MARK, "third")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "for CI that runs for a pull request"),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_ACTIONS": "true"}, "for CI that runs for a pull request"),
        ({"GITLAB_CI": "true"}, "for CI that runs for a pull request"),
        ({"GITHUB_ACTIONS": "true", "COMMENT_TOKEN": ""}, "COMMENT_TOKEN is empty"),
    ],
    ids=["at the keyboard", "a push", "a pipeline of a branch", "without a token"],
)
def test_a_comment_without_a_pull_request_or_a_token_is_refused(
    given: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = {"GITHUB_REF": "refs/pull/12/merge", "GITHUB_API_URL": "http://127.0.0.1", "GITHUB_REPOSITORY": "a/b"}
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CI_MERGE_REQUEST_IID", "COMMENT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (about | given).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=reason):
        request_of_this_run()
