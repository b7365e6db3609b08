"""The pinned versions of charts: which version, in which line, and for which releases."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from talos_flux.charts.constraint import number_of
from talos_flux.errors import UserError, did_you_mean
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import SOURCES, Object, Place
from talos_flux.manifests.releases import Keys, Release, mapping, releases

TAG: Keys = ("spec", "ref", "tag")
VERSION: Keys = ("spec", "version")
CHART: Keys = ("spec", "chart", "spec")


@dataclass(frozen=True)
class ChartOrigin:
    """Where a chart comes from: `url` is an OCI chart's own address, or that of the HTTP repository it is in."""

    url: str
    chart: str
    plain_http: bool = False

    @property
    def is_oci(self) -> bool:
        """Return whether it is in an OCI registry."""
        return self.url.startswith("oci://")

    def __str__(self) -> str:
        return self.url if self.is_oci else f"{self.url} ({self.chart})"


@dataclass(eq=False)
class Pin:
    """A version in one line. `reason` says why it can't be compared; then `source` can be None."""

    source: ChartOrigin | None
    version: str
    item: Object
    keys: Keys
    reason: str = ""
    releases: list[Release] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Return file and line."""
        return self.item.at(*self.keys)

    @property
    def chart(self) -> str:
        """Return the chart's name."""
        return self.releases[0].chart

    @property
    def users(self) -> list[str]:
        """Return namespace/name of the releases that get this version."""
        return [name_of(release) for release in self.releases]


def name_of(release: Release) -> str:
    """Return namespace/name of a release: the namespace is that of the HelmRelease."""
    return f"{release.item.namespace}/{release.item.name}"


def pins(cluster: Cluster) -> list[Pin]:
    """Return every pinned version of a chart; releases that share a source share its pin."""
    by_line: dict[tuple[str, int, int], Pin] = {}
    for release in releases(cluster):
        pin = _pin(cluster, release)
        # One line can hold several objects only in JSON; the object's own line tells these apart.
        key = (pin.place.path, pin.place.line, pin.item.content.line)
        by_line.setdefault(key, pin).releases.append(release)
    return sorted(by_line.values(), key=lambda pin: pin.users)


def named(known: Iterable[Pin], apps: Iterable[str]) -> set[str]:
    """Return the releases that are meant by apps, each namespace/name or a name alone.

    UserError for an app that matches no release, or several.
    """
    releases_here = sorted({name for pin in known for name in pin.users})
    meant = set()
    for app in apps:
        fitting = [name for name in releases_here if app in (name, name.partition("/")[2])]
        if len(fitting) > 1:
            raise UserError(f"{app} can be {' or '.join(fitting)}: write which one.")
        if not fitting:
            hint = did_you_mean(app, releases_here)
            perhaps = hint.removeprefix(": ") if hint != "." else f"there are {', '.join(releases_here) or 'none'}."
            raise UserError(f"{app} is no HelmRelease that Flux applies; {perhaps}")
        meant.add(fitting[0])
    return meant


def _pin(cluster: Cluster, release: Release) -> Pin:
    item = release.item
    if reference := mapping(item.get("spec", "chartRef")):
        kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
        source = cluster.find(kind, str(reference.get("namespace") or item.namespace), name)
        if source is None:
            return Pin(None, "", item, ("spec", "chartRef"), f"its {kind} {name} is not in this repository")
        if source.is_a("OCIRepository", SOURCES):
            return _checked(cluster, source, TAG, _of_artifact(source))
        return _checked(cluster, source, VERSION, _of_chart(cluster, source, ("spec",)))
    return _checked(cluster, item, (*CHART, "version"), _of_chart(cluster, item, CHART))


def _of_artifact(item: Object) -> ChartOrigin | str:
    """Return an OCIRepository's source, or why there is none to compare with."""
    reference = mapping(item.spec.get("ref"))
    if reference.get("digest") or "@" in str(reference.get("tag", "")):
        return "it is pinned by a digest, which has no newer one: write a tag to see updates"
    if reference.get("semver"):
        return f"it takes whatever is in the range {reference['semver']}: write a tag to see updates"
    if not reference.get("tag"):
        return "it takes whatever is the latest: write a tag to see updates"
    url = str(item.spec.get("url", "")).rstrip("/")
    if not url.startswith("oci://"):
        return f"its address {url or '(empty)'} does not begin with oci://"
    return ChartOrigin(url, url.rpartition("/")[2], item.spec.get("insecure") is True)


def _of_chart(cluster: Cluster, item: Object, keys: Keys) -> ChartOrigin | str:
    """Return the source that a HelmRelease or HelmChart names by chart, version and sourceRef, or why there is none."""
    spec = mapping(item.get(*keys))
    reference = mapping(spec.get("sourceRef"))
    kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
    if kind != "HelmRepository":
        return f"it comes from a {kind or 'source without a kind'}, which has no versions of charts"
    repository = cluster.find(kind, str(reference.get("namespace") or item.namespace), name)
    if repository is None:
        return f"its {kind} {name} is not in this repository"
    url, chart = str(repository.spec.get("url", "")).rstrip("/"), str(spec.get("chart", ""))
    if repository.spec.get("type") == "oci" or url.startswith("oci://"):
        return ChartOrigin(f"{url}/{chart}", chart, repository.spec.get("insecure") is True)
    if not url.startswith(("https://", "http://")):
        return f"its address {url or '(empty)'} is none of a chart repository"
    return ChartOrigin(url, chart)


def _checked(cluster: Cluster, item: Object, keys: Keys, source: ChartOrigin | str) -> Pin:
    """Return the pin, with the reason when its line is not one full version."""
    written = cluster.as_written(item)
    version = str(item.get(*keys) or "")
    if isinstance(source, str):
        return Pin(None, version, written, keys, source)
    reason = ""
    if written.get(*keys) != item.get(*keys):
        reason = "a patch sets its version: see what is newer where the patch stands"
    elif "$" in version:
        reason = f"Flux fills its version in: {version}"
    elif number_of(version) is None:
        problem = f"its version {version} is not one full version" if version else "it has no version"
        reason = f"{problem}: write one like 1.2.3 to see updates"
    return Pin(source, version, written, keys, reason)


def unreadable(cluster: Cluster) -> Iterator[str]:
    """Yield the files that can't be read, whose content is therefore unknown."""
    for place, why in cluster.unreadable:
        yield f"{place.path}:{place.line} {why}"
