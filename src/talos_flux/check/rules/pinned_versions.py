"""Rules about versions: of a chart, an image or a remote file, and whether Renovate sees them."""

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import KUSTOMIZATION_FILES, Cluster
from talos_flux.manifests.objects import HELM, SOURCES, Object, Place, objects_in, walk
from talos_flux.manifests.providers import is_helmfile
from talos_flux.manifests.releases import VALUES, releases
from talos_flux.manifests.renovate import COMMENT, lines_used, renovate_managers
from talos_flux.repository.files import List, Map, RepositoryFile, Unreadable

EXACT = re.compile(r"=?\s*v?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?")
# Tags that publishers move on, with the suffix of a variant: latest-alpine.
MOVING = re.compile(
    r"(?:latest|main|master|nightly|stable|rolling|edge|dev|devel|develop|development|unstable|testing|canary|current"
    r"|next|lts|mainline|release|snapshot|trunk)(?:[-_][a-z]+)?"
)
BRANCHES = {"main", "master", "trunk", "head", "dev", "devel", "develop", "latest", "nightly", "stable"}
CONTAINERS = {"containers", "initContainers", "ephemeralContainers"}
# A number with a point or after a v, the hash of a commit, or a date.
PINNED_PART = re.compile(r"v?\d+\.\d+|(?:^|[-_/])v\d+|^[0-9a-f]{7,40}$|\d{4}-?\d\d-?\d\d")


# --- What floats ---


@rule(
    "version-floating",
    Severity.WARNING,
    "What runs changes without a commit, and a revert does not bring back what ran before.",
    "Write one exact version, which Renovate then moves on; an image may have a digest.",
)
def version_floating(cluster: Cluster) -> Violations:
    """Find versions of charts and tags of images that move."""
    for item in cluster.applied:
        if item.is_a("HelmRelease", HELM):
            yield from _floating_chart(item)
            yield from _floating_in_values(item)
        elif item.is_a("OCIRepository", SOURCES):
            # The OCIRepository of the cluster's own files is meant to move.
            if (item.kind, item.name) != cluster.source:
                yield from _floating_artifact(item)
        else:
            yield from _floating_in_pods(item)
            if item.is_a("FluxInstance", "fluxcd.controlplane.io"):
                # Without an artifact the operator takes the manifests in its own image.
                yield from _floating_flux(item, ("spec", "distribution"), "")
    for release in releases(cluster):
        if release.chart == "flux-instance" and release.is_whole:
            yield from _floating_flux(release.item, (*VALUES, "instance", "distribution"), "latest")


def _floating_chart(item: Object) -> Violations:
    chart = item.get("spec", "chart", "spec")
    # A chart from a GitRepository or a Bucket has the version of that source.
    if not isinstance(chart, dict) or item.get("spec", "chart", "spec", "sourceRef", "kind") != "HelmRepository":
        return
    version = str(chart.get("version") or "*").strip()
    if "$" not in version and not EXACT.fullmatch(version):
        problem = f"has the version {version}" if chart.get("version") else "has no version"
        yield item.at("spec", "chart", "spec", "version"), f"the chart of HelmRelease {item.name} {problem}"


def _floating_artifact(item: Object) -> Violations:
    reference = item.spec.get("ref")
    reference = reference if isinstance(reference, dict) else {}
    if reference.get("digest"):
        return
    text = f"OCIRepository {item.name} takes"
    if semver := reference.get("semver"):
        if "$" not in str(semver) and not EXACT.fullmatch(str(semver).strip()):
            yield item.at("spec", "ref", "semver"), f"{text} whatever is in {semver}"
    elif not (tag := reference.get("tag")):
        yield item.at("spec", "ref"), f"{text} whatever is the latest"
    elif moves(str(tag)):
        yield item.at("spec", "ref", "tag"), f"{text} whatever is {tag}"


def _floating_flux(item: Object, keys: tuple[str | int, ...], default: str) -> Violations:
    """Find a range of Flux's versions, unless the artifact that the operator takes its manifests from is fixed."""
    version = str(item.get(*keys, "version") or "2.x").strip()
    artifact = str(item.get(*keys, "artifact") or "")
    tag = artifact.rpartition("/")[2].partition(":")[2] or "latest" if artifact else default
    if "$" not in version + artifact and "@" not in artifact and not EXACT.fullmatch(version) and moves(tag):
        yield item.at(*keys, "version"), f"{item.kind} {item.name} takes whatever Flux is the latest of {version}"


def _floating_in_pods(item: Object) -> Violations:
    for keys, value in walk(item.content):
        if len(keys) > 2 and keys[-1] == "image" and keys[-3] in CONTAINERS and isinstance(value, str):
            if problem := _problem_of(value):
                yield item.at(*keys), f"{item.kind} {item.name} runs {problem}"


def _floating_in_values(item: Object) -> Violations:
    """Find moving tags in values: images are one text, or a repository and a tag."""
    for keys, value in walk(item.spec.get("values"), ("spec", "values")):
        if keys[-1] == "image" and isinstance(value, str):
            # A chart may add the tag itself.
            if ":" in value.rpartition("/")[2] and (problem := _problem_of(value)):
                yield item.at(*keys), f"HelmRelease {item.name} runs {problem}"
        elif isinstance(value, dict) and isinstance(value.get("repository"), str) and not value.get("digest"):
            repository, tag = value["repository"], value.get("tag")
            if isinstance(tag, str) and moves(tag):
                yield item.at(*keys, "tag"), f"HelmRelease {item.name} runs whatever is {repository}:{tag}"
            elif not tag and _is_of_app_template(keys) and "@" not in repository:
                yield item.at(*keys), f"HelmRelease {item.name} runs {repository}, and says no tag"


def _is_of_app_template(keys: tuple[str | int, ...]) -> bool:
    """Return whether keys lead to a container's image of app-template.

    That chart has no version of the app to fall back on.
    """
    return len(keys) == 7 and keys[2] == "controllers" and keys[4] in CONTAINERS and keys[6] == "image"


def _problem_of(image: str) -> str:
    """Return what is wrong with an image; empty for nothing."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    if "@" in image or "$" in image or "{{" in image or not name:
        return ""
    if not tag:
        return f"{image}, and says no tag"
    return f"whatever is {image}" if moves(tag) else ""


def moves(tag: str) -> bool:
    """Return whether a tag is one that is moved on."""
    return bool(MOVING.fullmatch(tag))


@rule(
    "resource-remote",
    Severity.WARNING,
    "What is built changes with somebody else's repository, and fails when that is away.",
    "Name a release or a commit in the URL; better keep a copy of the file, or take it as a source of Flux.",
)
def resource_remote(cluster: Cluster) -> Violations:
    """Find URLs without a version in kustomization.yaml files."""
    yield from ((place, f"{entry} is of no version") for place, entry in _remotes(cluster) if not is_pinned(entry))


@rule(
    "resource-fetched",
    Severity.HINT,
    "What every build fetches from somebody else's repository can't be built when that is away.",
    "Keep a copy of the file, or take it as a source of Flux.",
)
def resource_fetched(cluster: Cluster) -> Violations:
    """Find URLs of a version in kustomization.yaml files."""
    yield from (
        (place, f"{entry} is fetched anew by every build") for place, entry in _remotes(cluster) if is_pinned(entry)
    )


def _remotes(cluster: Cluster) -> Iterator[tuple[Place, str]]:
    """Yield the URLs that kustomization.yaml files list."""
    for file in cluster.manifests:
        if file.name not in KUSTOMIZATION_FILES:
            continue
        content = cluster.content_of(file)
        for key in ("resources", "components", "crds"):
            entries = content.get(key)
            if not isinstance(entries, List):
                continue
            for number, entry in enumerate(entries):
                if isinstance(entry, str) and is_remote(entry):
                    yield Place(file.path, entries.lines[number]), entry


def is_remote(entry: str) -> bool:
    """Return whether a resource is a URL; kustomize knows repositories of git by their host alone, too."""
    return "://" in entry or bool(re.match(r"git@|(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)/", entry))


def is_pinned(entry: str) -> bool:
    """Return whether a URL names a version: by its query, or on the path to its file."""
    url = urlsplit(entry)
    query = parse_qs(url.query)
    references = [*query.get("ref", []), *query.get("version", [])]
    if references:
        return all(
            reference.lower() not in BRANCHES and not reference.startswith("refs/heads/") for reference in references
        )
    parts = [part for part in url.path.split("/") if part]
    if any(part.lower() in BRANCHES for part in parts) or "refs/heads/" in url.path:
        return False
    # Without a ref git takes the main branch, whatever version the path names.
    is_file = url.path.endswith((".yaml", ".yml", ".json"))
    return is_file and any(PINNED_PART.search(part) for part in parts)


# --- Renovate ---


@rule(
    "renovate-comment-wrong",
    Severity.WARNING,
    "Renovate passes over a comment that it can't use, as if it were not there.",
    "Write `# renovate: datasource=... depName=...` on the line above the version.",
)
def renovate_comment_wrong(cluster: Cluster) -> Violations:
    """Find comments that Renovate's configuration does not match.

    Where a part of that configuration is elsewhere, find comments without what they need.
    """
    known = renovate_managers(cluster.files)
    for file in cluster.files.values():
        if not file.is_yaml or "renovate:" not in file.text:
            continue
        readers = [manager for manager in known.managers if manager.reads(file.path)]
        if any(manager.patterns is None for manager in readers):
            continue
        used = lines_used(readers, file)
        for number, line in enumerate(file.lines, 1):
            match = COMMENT.search(line)
            # The manager of GitHub's actions reads what is behind a pinned one by itself.
            if not match or number in used or re.match(r"\s*(?:- )?[\"']?uses[\"']?:", line):
                continue
            if not known.are_all:
                below = "".join(file.lines[number : number + 1])
                problem = _missing(match["fields"], line[: match.start()].strip(), below)
            elif readers:
                problem = "Renovate's configuration matches nothing here"
            else:
                problem = "no custom manager of Renovate reads this file"
            if problem:
                yield Place(file.path, number), problem


def _missing(fields: str, before: str, below: str) -> str:
    """Return what a comment lacks, empty for nothing: a datasource, a name, or a version, which has a digit."""
    if not re.search(r"\bdatasource=\S", fields):
        return "this comment for Renovate says no datasource"
    # A custom datasource has a custom manager, which may know the name.
    if not re.search(r"\b(?:depName|packageName)=\S|\bdatasource=custom\.", fields):
        return "this comment for Renovate says no depName"
    if not before and (below.lstrip().startswith("#") or not re.search(r"[:=-].*\d", below)):
        return "no version is below this comment for Renovate"
    return ""


# --- Bootstrap ---


@rule(
    "bootstrap-differs",
    Severity.WARNING,
    "Bootstrap installs another version than Flux, which replaces it at once.",
    "Write the same version in both, or let bootstrap read Flux's.",
)
def bootstrap_differs(cluster: Cluster) -> Violations:
    """Find charts in the folder bootstrap, or in a helmfile, whose version Flux does not apply."""
    applied: dict[str, set[str]] = {}
    for chart, version, _ in _charts_of(cluster.applied):
        applied.setdefault(chart, set()).add(version)
    known = {(item.file.path, item.content.line) for item in cluster.applied}
    for file in cluster.files.values():
        if not file.is_yaml or not ("bootstrap" in file.path.split("/")[:-1] or is_helmfile(file)):
            continue
        try:
            charts = [
                *_charts_of_helmfile(file),
                *_charts_of([item for item in objects_in(file) if (file.path, item.content.line) not in known]),
            ]
        except Unreadable:
            continue
        for chart, version, place in charts:
            if chart in applied and version not in applied[chart]:
                yield (
                    place,
                    f"{chart} is {version} here, and {' and '.join(sorted(applied[chart]))} in what Flux applies",
                )


def _charts_of(items: list[Object]) -> Iterator[tuple[str, str, Place]]:
    """Yield name, version and place of the charts that HelmReleases and OCIRepositories name."""
    keys: tuple[str, ...]
    for item in items:
        if item.is_a("HelmRelease", HELM):
            chart, keys = item.get("spec", "chart", "spec", "chart"), ("spec", "chart", "spec", "version")
        elif item.is_a("OCIRepository", SOURCES):
            chart, keys = item.spec.get("url"), ("spec", "ref", "tag")
        else:
            continue
        version = item.get(*keys)
        if isinstance(chart, str) and isinstance(version, str) and "$" not in version:
            yield posixpath.basename(chart), _plain(version), item.at(*keys)


def _charts_of_helmfile(file: RepositoryFile) -> Iterator[tuple[str, str, Place]]:
    for document in file.documents:
        releases = document.get("releases") if isinstance(document, Map) else None
        for entry in releases if isinstance(releases, List) else []:
            chart, version = (entry.get("chart"), entry.get("version")) if isinstance(entry, Map) else (None, None)
            if isinstance(chart, str) and isinstance(version, str) and "{{" not in version + chart:
                yield posixpath.basename(chart), _plain(version), Place(file.path, entry.lines["version"])


def _plain(version: str) -> str:
    """Return a version as Helm compares it."""
    return re.sub(r"^=?\s*v(?=\d)", "", version.partition("@")[0].strip())
