"""Rules about the fields of Kustomizations and HelmReleases, after every patch above them."""

import re
from collections import Counter
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.flux_version import flux_version
from talos_flux.manifests.objects import FLUX, HELM, SOURCES, Object
from talos_flux.manifests.patches import is_target
from talos_flux.manifests.releases import mapping, releases, sequence
from talos_flux.manifests.served_versions import unserved
from talos_flux.paths import ANSWERS_FILE

TIERS = {"5m", "15m", "30m", "1h"}
# A document that has this says that its cluster has the tiers.
TIERS_SAID = re.compile(r"\bcritical\b.{1,80}?\b5m\b.{1,120}?\bcore\b.{1,80}?\b15m\b", re.IGNORECASE | re.DOTALL)
# Critical charts, which everything else needs, and core ones, which most apps need. Others can be of any tier.
TIER_OF = {
    **dict.fromkeys(
        ("cert-manager", "cilium", "connect", "coredns", "external-secrets", "flux-instance", "flux-operator"), "5m"
    ),
    **dict.fromkeys(
        ("external-dns", "gateway-helm", "ingress-nginx", "k8s-gateway", "kube-prometheus-stack",
         "local-path-provisioner", "localpv-provisioner", "longhorn", "metrics-server", "nginx-ingress", "openebs",
         "reloader", "spegel"), "15m"
    ),
}  # fmt: skip
# Versions that Flux 2.9 no longer serves, or whose end is announced: https://fluxcd.io/flux/releases/
GONE = {
    FLUX: {"v1beta1", "v1beta2"},
    HELM: {"v2beta1", "v2beta2"},
    SOURCES: {"v1beta1", "v1beta2"},
    "notification.toolkit.fluxcd.io": {"v1beta1", "v1beta2"},
    "image.toolkit.fluxcd.io": {"v1beta1", "v1beta2"},
}
# The minor of Flux 2 that serves these no more: https://fluxcd.io/roadmap, "EOL and Deprecations".
REMOVED_BY = {"beta1": (2, 7), "beta2": (2, 8)}
# The newest version of these kinds is a beta.
STILL_BETA = {("notification.toolkit.fluxcd.io", "Alert"), ("notification.toolkit.fluxcd.io", "Provider")}
# The first minor of Flux 2 that serves the current version of a kind, where that is not 2.0.
CURRENT_SINCE = {
    "Bucket": 4, "HelmChart": 3, "HelmRelease": 3, "HelmRepository": 3, "ImagePolicy": 7, "ImageRepository": 7,
    "ImageUpdateAutomation": 7, "OCIRepository": 6,
}  # fmt: skip


@rule(
    "retries-forever",
    Severity.WARNING,
    "retries: -1 installs a broken release again and again, for ever.",
    "Write a number, such as 3.",
)
def retries_forever(cluster: Cluster) -> Violations:
    """Find install and upgrade with endless retries; where a patch sets it for many, one finding at the first."""
    for action in ("install", "upgrade"):
        keys = ("spec", action, "remediation", "retries")
        by_patch = []
        for item in (item for _, item in cluster.releases if item.get(*keys) == -1):
            if cluster.as_written(item).get(*keys) == -1:
                yield item.at(*keys), f"HelmRelease {item.name} tries its {action} for ever"
            else:
                by_patch.append(item)
        if by_patch:
            others = f", as do {len(by_patch) - 1} more" if len(by_patch) > 1 else ""
            text = f"by a patch HelmRelease {by_patch[0].name} tries its {action} for ever{others}"
            yield by_patch[0].at("spec"), text


@rule(
    "no-remediation",
    Severity.WARNING,
    "A release whose first attempt fails stays failed.",
    "Set install.remediation.retries and upgrade.remediation.retries, in the root's patch for all of them.",
)
def no_remediation(cluster: Cluster) -> Violations:
    """Find HelmReleases whose failed install or upgrade is not retried."""
    if "DefaultToRetryOnFailure=true" in "".join(
        file.text for file in cluster.manifests if "feature-gates" in file.text
    ):
        return
    for _, item in cluster.releases:
        missing = [action for action in ("install", "upgrade") if not _is_tried_again(item, action)]
        if missing:
            yield item.at("spec"), f"HelmRelease {item.name} is not tried again after a failed {' or '.join(missing)}"


def _is_tried_again(item: Object, action: str) -> bool:
    strategy = item.get("spec", action, "strategy", "name")
    return bool(item.get("spec", action, "remediation", "retries")) or strategy == "RetryOnFailure"


@rule(
    "no-timeout",
    Severity.WARNING,
    "Without a timeout a Kustomization waits as long as its interval, an hour, before it says what is wrong.",
    "Set spec.timeout, in the root's patch for all of them.",
)
def no_timeout(cluster: Cluster) -> Violations:
    """Find Kustomizations without spec.timeout, where most have one."""
    yield from _without(cluster.kustomizations, "timeout")


@rule(
    "no-retry-interval",
    Severity.WARNING,
    "After a failure the Kustomization is tried again only when its interval is over.",
    "Set spec.retryInterval, such as 2m, in the root's patch for all of them.",
)
def no_retry_interval(cluster: Cluster) -> Violations:
    """Find Kustomizations of more than 5 minutes without spec.retryInterval, where most have one."""
    yield from _without(_slow(cluster), "retryInterval")


def _slow(cluster: Cluster) -> list[Kustomization]:
    """Return the Kustomizations for which it makes a difference."""
    return [each for each in cluster.kustomizations if (seconds(each.spec.get("interval")) or 0) > 300]


@rule(
    "tries-unsaid",
    Severity.HINT,
    "Flux' own default is the interval: so long it waits before it says what is wrong, and before it tries again.",
    "Set spec.timeout and spec.retryInterval in the root's patch for all of them.",
)
def tries_unsaid(cluster: Cluster) -> Violations:
    """Find that most Kustomizations have no timeout, or no retryInterval: that is a decision, and no slip."""
    yield from _habit(cluster.kustomizations, "timeout")
    yield from _habit(_slow(cluster), "retryInterval")


@rule(
    "readiness-unsaid",
    Severity.HINT,
    "A Kustomization that neither waits nor looks at anything is ready at once, whether or not that is meant.",
    "Write wait: true, or wait: false where nobody needs to know.",
)
def readiness_unsaid(cluster: Cluster) -> Violations:
    """Find Kustomizations that say nothing about readiness."""
    yield from _without(cluster.kustomizations, "wait", "healthChecks", "healthCheckExprs")
    yield from _habit(cluster.kustomizations, "wait", "healthChecks", "healthCheckExprs")


def _without(kustomizations: list[Kustomization], *fields: str) -> Violations:
    """Find Kustomizations with none of these fields, where most have one."""
    without = _lacking(kustomizations, fields)
    if not _is_habit(without, kustomizations):
        for kustomization in without:
            yield kustomization.item.at("spec"), f"{kustomization} has no {' nor '.join(fields[:2])}"


def _habit(kustomizations: list[Kustomization], *fields: str) -> Violations:
    """Find that most Kustomizations have none of these fields, once, at the first of them."""
    without = _lacking(kustomizations, fields)
    if _is_habit(without, kustomizations):
        names = " nor ".join(fields[:2])
        text = f"{len(without)} of {len(kustomizations)} Kustomizations have no {names}, {without[0]} among them"
        yield without[0].item.at("spec"), text


def _lacking(kustomizations: list[Kustomization], fields: tuple[str, ...]) -> list[Kustomization]:
    return [each for each in kustomizations if not any(field in each.spec for field in fields)]


def _is_habit(without: list[Kustomization], every: list[Kustomization]) -> bool:
    return len(without) > max(5, len(every) / 2)


def seconds(duration: object) -> float | None:
    """Return the seconds of a duration as Go writes it; None where it is none."""
    parts = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", str(duration))
    if not parts or not any(parts.groups()):
        return None
    return sum(float(number or 0) * unit for number, unit in zip(parts.groups(), (3600, 60, 1), strict=True))


@rule(
    "interval-unusual",
    Severity.WARNING,
    "Intervals follow what a thing is: 5m critical, 15m core, 30m or 1h everything else.",
    "Take the interval of its tier.",
)
def interval_unusual(cluster: Cluster) -> Violations:
    """Find intervals outside the tiers, or slower than the tier of their chart, where documents name tiers."""
    tiers: dict[int, list[str]] = {}
    for release in releases(cluster):
        if f"{release.kustomization.item.file.folder}/{ANSWERS_FILE}" in cluster.files:
            continue  # Whoever added the app was asked for its tier.
        tier = TIER_OF.get(release.chart, "1h")
        tiers[id(release.item)] = [tier]
        tiers.setdefault(id(release.kustomization.item), []).append(tier)
    slowest = {item: max(tiers_of_item, key=lambda tier: seconds(tier) or 0) for item, tiers_of_item in tiers.items()}
    has_tiers = any(file.name.endswith(".md") and TIERS_SAID.search(file.text) for file in cluster.files.values())
    for item in [
        *(kustomization.item for kustomization in cluster.kustomizations),
        *(item for _, item in cluster.releases),
    ]:
        interval = str(item.spec.get("interval"))
        known, tier = seconds(interval), slowest.get(id(item), "")
        problem = ""
        if known is None:
            continue  # What is no duration is a finding of field-form.
        if has_tiers and interval not in TIERS:
            problem = "and the tiers are 5m, 15m, 30m and 1h"
        elif has_tiers and tier in ("5m", "15m") and known > (seconds(tier) or 0):
            problem = f"and its chart is {'critical' if tier == '5m' else 'core'}: {tier}"
        if problem:
            label = item.name if item.is_a("Kustomization", FLUX) else f"{item.kind} {item.name}"
            yield item.at("spec", "interval"), f"{label} has the interval {interval}, {problem}"


@rule(
    "label-unlike-others",
    Severity.HINT,
    "Whatever finds an app's objects by the label that the others have finds none of this one.",
    "Set the label in spec.commonMetadata.labels.",
)
def label_unlike_others(cluster: Cluster) -> Violations:
    """Find Kustomizations without a label that most below a root give to all that they apply."""
    children = [child for child in cluster.kustomizations if child.parent]
    labels_of = {child.key: mapping(mapping(child.spec.get("commonMetadata")).get("labels")) for child in children}
    for label, count in Counter(label for labels in labels_of.values() for label in labels).items():
        if count >= 2 / 3 * len(children):
            for child in (child for child in children if label not in labels_of[child.key]):
                yield (
                    child.item.at("spec", "commonMetadata", "labels"),
                    f"{child} has no label {label}, as others have",
                )


@rule(
    "api-deprecated",
    Severity.ERROR,
    "Nobody serves this version of its API any more, or Flux 2.9 has announced its end.",
    "Write the current version; of Flux, v1 of kustomize, source and notification, v2 of helm.",
)
def api_deprecated(cluster: Cluster) -> Violations:
    """Find objects of versions that nobody serves; Flux's own where the Flux that runs serves the current one.

    Where no file tells which one runs, nothing is found of those: what is right for one breaks another.
    """
    runs = flux_version(cluster)
    for item in cluster.objects:
        version = item.api_version.rpartition("/")[2]
        if version not in GONE.get(item.group, ()) or (item.group, item.kind) in STILL_BETA:
            continue
        if runs is None:
            cluster.doubts.add("no file tells which Flux runs")
        elif runs >= (2, CURRENT_SINCE.get(item.kind, 0)):
            yield item.at("apiVersion"), f"{item.kind} {item.name} is of {item.api_version}", item.api_version
    for kustomization in cluster.kustomizations if runs else ():
        for number, entry in enumerate(map(mapping, sequence(kustomization.spec.get("healthChecks")))):
            api_version, kind = str(entry.get("apiVersion") or ""), str(entry.get("kind") or "")
            group, _, version = api_version.rpartition("/")
            is_gone = version in GONE.get(group, ()) and (group, kind) not in STILL_BETA
            is_served = not runs or runs < REMOVED_BY[version[-5:]] if is_gone else True
            if not is_served and not kustomization.spec.get("wait"):
                text = f"{kustomization} looks at a {kind} of {api_version}, which that Flux serves no more"
                yield kustomization.item.at("spec", "healthChecks", number), text, api_version
    for item, write in unserved(cluster):
        text = f"nobody serves {item.api_version} of {item.kind} {item.name}: write {write}"
        yield item.at("apiVersion"), text, f"{item.api_version} {item.kind}"


@rule(
    "root-patch-replaces",
    Severity.ERROR,
    "A patch above replaces lists: the app's own patches or substitutions are gone in the cluster.",
    "Keep the app out of that patch by its label, and repeat the defaults in the app.",
)
def root_patch_replaces(cluster: Cluster) -> Violations:
    """Find lists of a Flux Kustomization that a parent's patch replaces."""
    for kustomization in cluster.kustomizations:
        original = cluster.as_written(kustomization.item)
        for keys in (("spec", "patches"), ("spec", "postBuild", "substituteFrom")):
            own, now = original.get(*keys), kustomization.item.get(*keys)
            if isinstance(own, list) and isinstance(now, list) and not _holds(now, own):
                yield original.at(*keys), f"{kustomization.parent}'s patch replaces these {keys[-1]} of {kustomization}"


def _holds(now: list[Any], own: list[Any]) -> bool:
    """Return whether a list still has the entries of another; sources of variables are the same by kind and name."""
    names = [(mapping(entry).get("kind"), mapping(entry).get("name")) for entry in now]
    return all(
        entry in now or (mapping(entry).get("name") and (mapping(entry).get("kind"), mapping(entry)["name"]) in names)
        for entry in own
    )


@rule(
    "patch-without-target",
    Severity.WARNING,
    "A patch whose target is not there changes nothing, and nobody is told.",
    "Correct the target, or remove the patch.",
)
def patch_without_target(cluster: Cluster) -> Violations:
    """Find patches of Flux Kustomizations about objects that these do not apply."""
    for kustomization in cluster.kustomizations:
        original = cluster.as_written(kustomization.item)
        own = original.get("spec", "patches")
        for number, patch in enumerate(own if isinstance(own, list) else []):
            if (
                isinstance(patch, dict)
                and cluster.is_here(kustomization)
                and not any(is_target(i, patch) for i in kustomization.objects)
            ):
                yield (
                    original.at("spec", "patches", number),
                    f"{kustomization} applies nothing that this patch is about",
                )
