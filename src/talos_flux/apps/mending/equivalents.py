"""What does here what something does in the other repository."""

import shlex
from collections.abc import Iterable, Iterator

from talos_flux.manifests.exposure import GATEWAYS
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object
from talos_flux.manifests.providers import BRINGS, providers
from talos_flux.manifests.releases import mapping, releases

STORES = {"ClusterSecretStore", "SecretStore"}
PUBLIC = ("external", "public", "cloudflare", "tunnel")


class Equivalents:
    """Names of this cluster for what an app of another repository names; `path` is where that repository is."""

    def __init__(self, here: Cluster, there: Cluster, path: str) -> None:
        self.here, self.there, self.path = here, there, path
        # Whether what asks for a login is among what is left out.
        self.loses_login = False

    def command(self, app: str) -> str:
        """Return the command that brings an app from there."""
        return f"task adopt:app APP={app} FROM={shlex.quote(self.path)}"

    # --- Kustomizations and releases ---

    def kustomization(self, name: str) -> str:
        """Return the name of the Kustomization that brings what one there brings; empty where none does."""
        for one in (one for one in self.there.kustomizations if one.name == name):
            for other in self._like(one):
                return other.name
        return ""

    def _like(self, there: Kustomization) -> Iterator[Kustomization]:
        charts = {release.chart for release in releases(self.there) if release.kustomization is there}
        for release in releases(self.here):
            if release.chart in charts and not release.is_app_template:
                yield release.kustomization
        known, other = providers(self.here), providers(self.there)
        if any(item.kind in STORES for item in there.objects):
            yield from (one for one in self.here.kustomizations if any(item.kind in STORES for item in one.objects))
        if any(there.key == one.key for brought in other.storage.values() for one in brought):
            yield from known.storage.get(self.storage_class, ())
        if any(there.key == one.key for brought in other.gateways.values() for one in brought):
            yield from (one for brought in known.gateways.values() for one in brought)
        for group in BRINGS:
            if any(there.key == one.key for one in other.of_group(group)):
                yield from known.of_group(group)

    def release(self, namespace: str, name: str) -> tuple[str, str] | None:
        """Return namespace and name of the release here of the chart that one there installs."""
        charts = {
            release.chart
            for release in releases(self.there)
            if (release.item.namespace, release.item.name) == (namespace, name) and not release.is_app_template
        }
        found = [release.item for release in releases(self.here) if release.chart in charts]
        return (found[0].namespace, found[0].name) if found else None

    def app_there(self, name: str, namespace: str = "") -> str:
        """Return <namespace>/<app> of the Kustomization or release of a name there; empty where it is no app."""
        files = [one.item.file.path for one in self.there.kustomizations if one.name == name]
        found = [release.item for release in releases(self.there) if release.item.name == name]
        files += [item.file.path for item in sorted(found, key=lambda item: item.namespace != namespace)]
        return next((app for app in map(app_of, files) if app), "")

    # --- Storage, entrances ---

    @property
    def storage_class(self) -> str:
        """Return the class for a claim: the one that a release calls the default, or the first."""
        classes = providers(self.here).storage
        for release in releases(self.here):
            entry = mapping(release.get("storageClass"))
            if entry.get("defaultClass") is True and entry.get("name") in classes:
                return str(entry["name"])
        return next(iter(classes), "")

    def gateway(self, name: str) -> Object | None:
        """Return the Gateway here for one there: that of the internet for such a name, else the one of the home."""
        gateways = [item for item in self.here.applied if item.is_a("Gateway", GATEWAYS)]
        chosen = _chosen((item.name for item in gateways), name)
        return next((item for item in gateways if item.name == chosen), None)

    def ingress_class(self, name: str) -> str:
        """Return the ingress class here for a Gateway or a class there; empty where there is none."""
        return _chosen(providers(self.here).ingress, name)

    def only(self, kind: str, group: str) -> Object | None:
        """Return the object of a kind where there is exactly one."""
        found = [item for item in self.here.applied if item.is_a(kind, group)]
        return found[0] if len(found) == 1 else None

    # --- Who brings a kind there ---

    def bringing(self, group: str) -> str:
        """Return the app there that brings the kinds of a group, as far as files and names tell; empty where none."""
        known = providers(self.there)
        brought = [*known.of_group(group)] if group in BRINGS else [*known.defined.get(group, ())]
        words = {part for part in group.split(".", maxsplit=1)[0].split("-") if len(part) > 3}
        brought += [
            release.kustomization
            for release in releases(self.there)
            if not release.is_app_template and words & {*release.chart.split("-"), *release.item.name.split("-")}
        ]
        return next((app for app in (app_of(one.item.file.path) for one in brought) if app), "")


def app_of(path: str) -> str:
    """Return <namespace>/<app> of a file in an app's folder; empty for any other."""
    parts = path.split("/")
    number = parts.index("apps") if "apps" in parts else len(parts)
    return "/".join(parts[number + 1 : number + 3]) if len(parts) > number + 3 else ""


def is_public(name: str) -> bool:
    """Return whether a Gateway or a class of this name is, as far as the name tells, reached from the internet."""
    return any(word in name for word in PUBLIC)


def _chosen(names: Iterable[str], name: str) -> str:
    """Return the name for the same side; empty for none. Without a sign of the internet it is the side of the home."""
    known = list(names)
    side = [one for one in known if is_public(one) == is_public(name)]
    others = [one for one in known if is_public(name) and not is_public(one)]
    return next(iter([*side, *others]), "")
