"""Tags, digests, addresses and ranges of versions that Flux can't fetch anything by are errors."""

from pathlib import Path

import pytest

from tests.support.small_repository import found, write

SOURCE = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: {}
metadata: {{name: chart, namespace: flux-system}}
spec: {{interval: 1h, {}}}
"""
RELEASE = """\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: release, namespace: flux-system}}
spec: {{interval: 1h, {}}}
"""
HASH = "c2ca1185c01e6e7f53dd1b7d131f0c9b3fa50e003ed068b784563a1b5a3422a1"
OCI = "url: oci://ghcr.io/example/chart"
CHART = "chart: {{spec: {{chart: a, version: '{}', sourceRef: {{kind: HelmRepository, name: b}}}}}}"
REF = "chartRef: {kind: OCIRepository, name: chart}"
LAYER = "layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}"


def rules(root: Path, *texts: str) -> list[str]:
    """Return the rules that find something in these manifests."""
    write(root, {"all.yaml": "---\n".join(texts)})
    return [one.rule.id for one in found(root, "source-reference-wrong", "layer-unselected", "field-form")]


@pytest.mark.parametrize(
    ("reference", "is_wrong"),
    [
        ("tag: 5.1.0", False),
        ("tag: v5.1.0_build.1", False),
        ('tag: "5.1.0@${DIGEST}"', False),
        (f"tag: 5.1.0@sha256:{HASH}", True),
        ("tag: 5.1.0+build", True),
        ("tag: -5", True),
        (f"digest: sha256:{HASH}", False),
        (f"tag: 5.1.0, digest: sha256:{HASH}", False),
        (f"tag: 5.1.0, digest: {HASH}", True),
        ("digest: sha256:abc", True),
        (f"digest: sha256:{HASH.upper()}", True),
        (f"digest: md5:{HASH}", True),
        ("semver: 5.x", False),
        ('semver: ">=1.0.0 <2.0.0"', False),
        ('semver: ">= 1.0, < 2 || ^3.1.4-0"', False),
        ('semver: "1.0 - 2.0"', False),
        ('semver: "*"', False),
        ("semver: latest", True),
        ('semver: ">=1.0.0 and <2.0.0"', True),
    ],
)
def test_a_reference_is_a_tag_a_digest_or_a_range(reference: str, is_wrong: bool, tmp_path: Path) -> None:
    found_by = rules(tmp_path, SOURCE.format("OCIRepository", f"{OCI}, ref: {{{reference}}}"))
    assert found_by == (["source-reference-wrong"] if is_wrong else [])


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("oci://ghcr.io/example/chart", ""),
        ("oci://localhost:5000/chart", ""),
        ("oci://ghcr.io/example/${NAME}", ""),
        ("oci://ghcr.io/example/chart:5.1.0", "source-reference-wrong"),
        (f"oci://ghcr.io/example/chart@sha256:{HASH}", "source-reference-wrong"),
        ("oci://ghcr.io/Example/chart", "source-reference-wrong"),
        ("https://ghcr.io/example/chart", "field-form"),
        ("ghcr.io/example/chart", "field-form"),
    ],
)
def test_an_address_is_a_repository_of_a_registry(url: str, rule: str, tmp_path: Path) -> None:
    assert rules(tmp_path, SOURCE.format("OCIRepository", f'url: "{url}"')) == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("version", "is_wrong"), [("1.2.3", False), ("v1.x", False), ("newest", True), ("1.2.3.4", True)]
)
def test_the_version_of_a_chart_is_a_range(version: str, is_wrong: bool, tmp_path: Path) -> None:
    found_by = rules(tmp_path, RELEASE.format(CHART.format(version)))
    assert found_by == (["source-reference-wrong"] if is_wrong else [])


@pytest.mark.parametrize(("commit", "is_wrong"), [(HASH[:40], False), (HASH[:7], True)])
def test_a_commit_is_a_full_hash(commit: str, is_wrong: bool, tmp_path: Path) -> None:
    reference = f'url: https://example.net/x.git, ref: {{commit: "{commit}"}}'
    found_by = rules(tmp_path, SOURCE.format("GitRepository", reference))
    assert found_by == (["source-reference-wrong"] if is_wrong else [])


@pytest.mark.parametrize(("layer", "is_wrong"), [("", True), (f", {LAYER}", False)])
def test_a_chart_is_taken_from_the_layer_of_a_chart(layer: str, is_wrong: bool, tmp_path: Path) -> None:
    source = SOURCE.format("OCIRepository", f"{OCI}, ref: {{tag: 5.1.0}}{layer}")
    assert rules(tmp_path, source, RELEASE.format(REF)) == (["layer-unselected"] if is_wrong else [])
    assert rules(tmp_path, source) == []


@pytest.mark.parametrize(("interval", "is_wrong"), [("1h30m", False), ("1 hour", True), ("1d", True), ("h", True)])
def test_a_duration_has_the_form_that_its_kind_prescribes(interval: str, is_wrong: bool, tmp_path: Path) -> None:
    source = SOURCE.format("OCIRepository", OCI).replace("interval: 1h", f"interval: {interval}")
    assert rules(tmp_path, source) == (["field-form"] if is_wrong else [])
