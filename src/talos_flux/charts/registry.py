"""Charts and images in OCI registries, by the distribution specification: tags, manifests, blobs, tokens."""

import hashlib
import re
from threading import Lock
from urllib.parse import urlencode, urljoin, urlsplit

from talos_flux.charts import ChartUnavailable, NotThere
from talos_flux.charts.http import Response, Web, refuse_bad
from talos_flux.charts.pins import ChartOrigin
from talos_flux.charts.registry_login import login_for
from talos_flux.manifests.releases import mapping, sequence

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# An image for several platforms has an index, those that Docker made have types of their own.
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json", MANIFEST,
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)  # fmt: skip
# The second is that of Helm before 3.8.
CHART_LAYERS = ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip")
MOST_PAGES = 100
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Registry:
    """A client of registries. A token is requested once per chart, and again when it has expired."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._headers: dict[str, str] = {}
        self._lock = Lock()

    def versions(self, source: ChartOrigin) -> list[str]:
        """Return every tag of a chart; ChartUnavailable when the registry doesn't list them."""
        host, path, base = _parts(source)
        versions: list[str] = []
        url = f"{base}/v2/{path}/tags/list?n=1000"
        for _ in range(MOST_PAGES):
            answer = self._ask(url, host, path)
            refuse_bad(answer, url, f"chart {path}")
            body = answer.json()
            tags = body.get("tags") if isinstance(body, dict) else None
            if not isinstance(tags, list) and tags is not None:
                raise ChartUnavailable(f"{host} answers with something that is no list of tags")
            versions += [tag for tag in tags or [] if isinstance(tag, str)]
            following = re.search(r"<([^>]+)>\s*;\s*rel=\"?next", answer.headers.get("link", ""))
            if not following:
                return versions
            url = urljoin(url, following[1])
        raise ChartUnavailable(f"{host} lists the tags of {path} without an end")

    def archive(self, source: ChartOrigin, version: str) -> bytes:
        """Return the packaged chart; ChartUnavailable when it can't be fetched, or its digest is wrong."""
        host, path, base = _parts(source)
        url = f"{base}/v2/{path}/manifests/{version.replace('+', '_')}"
        answer = self._ask(url, host, path, {"Accept": MANIFEST})
        _refuse_bad_manifest(answer, url, f"version {version} of {path}")
        manifest = answer.json()
        layers = manifest.get("layers") if isinstance(manifest, dict) else None
        layer = next(
            (entry for entry in map(mapping, sequence(layers)) if entry.get("mediaType") in CHART_LAYERS), None
        )
        if layer is None:
            raise ChartUnavailable(f"{path}:{version} is no Helm chart")
        digest = str(layer.get("digest", ""))
        url = f"{base}/v2/{path}/blobs/{digest}"
        answer = self._ask(url, host, path)
        refuse_bad(answer, url, f"content of {path}:{version}")
        if digest != f"sha256:{hashlib.sha256(answer.content).hexdigest()}":
            raise ChartUnavailable(f"{host} sends another content for {path}:{version} than its digest says")
        return answer.content

    def find(self, source: ChartOrigin, reference: str) -> None:
        """Look for a tag or a digest; NotThere when the registry has none such, ChartUnavailable when it doesn't tell.

        Docker Hub counts a GET as a pull, and not a HEAD; only the body of a GET tells which 404 it is.
        """
        host, path, base = _parts(source)
        url = f"{base}/v2/{path}/manifests/{reference}"
        answer = self._ask(url, host, path, {"Accept": MANIFESTS}, head=True)
        if answer.status in (404, 405):
            answer = self._ask(url, host, path, {"Accept": MANIFESTS})
        _refuse_bad_manifest(answer, url, f"{reference} of {path}")

    def _ask(
        self, url: str, host: str, path: str, headers: dict[str, str] | None = None, *, head: bool = False
    ) -> Response:
        """Send a request, and repeat it with credentials when the registry demands them."""
        key = f"{host}/{path}"
        with self._lock:
            known = self._headers.get(key)
        answer = self._web.ask(url, (headers or {}) | ({"Authorization": known} if known else {}), head=head)
        if answer.status != 401:
            return answer
        # Tokens expire after about a minute.
        authorization = self._authorization(answer, host, path)
        if authorization in ("", known):
            return answer
        with self._lock:
            self._headers[key] = authorization
        return self._web.ask(url, (headers or {}) | {"Authorization": authorization}, head=head)

    def _authorization(self, answer: Response, host: str, path: str) -> str:
        """Return the header that answers an authentication challenge; empty when there is no answer."""
        scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        login = login_for(host)
        if scheme.lower() == "basic":
            return login.basic if login else ""
        challenge = dict(CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in challenge:
            return ""
        scope = {"service": challenge.get("service", ""), "scope": challenge.get("scope") or f"repository:{path}:pull"}
        if (
            login
            and urlsplit(challenge["realm"]).scheme != "https"
            and not is_loopback(urlsplit(challenge["realm"]).netloc)
        ):
            raise ChartUnavailable(f"{host} wants its password sent to {challenge['realm']}, which is not https")
        if login and login.token:
            form = {"grant_type": "refresh_token", "refresh_token": login.token, "client_id": "chart-updates"} | scope
            token = self._web.ask(challenge["realm"], form=form)
        else:
            url = f"{challenge['realm']}{'&' if '?' in challenge['realm'] else '?'}{urlencode(scope)}"
            token = self._web.ask(url, {"Authorization": login.basic} if login else None)
        if token.status != 200:
            return ""
        given = token.json()
        given = given if isinstance(given, dict) else {}
        return f"Bearer {given.get('token') or given.get('access_token') or ''}"


def _refuse_bad_manifest(answer: Response, url: str, requested: str) -> None:
    """Raise NotThere when a registry has no such manifest, ChartUnavailable for any other status but 200.

    Many registries answer 404 for what is private, too: only their own word counts.
    """
    if answer.status == 404 and "MANIFEST_UNKNOWN" in _codes(answer):
        raise NotThere(f"{urlsplit(url).netloc} has no {requested}")
    refuse_bad(answer, url, requested)


def _codes(answer: Response) -> set[str]:
    """Return the codes of the errors in a response."""
    try:
        errors = mapping(answer.json()).get("errors")
    except ChartUnavailable:
        return set()
    return {str(mapping(error).get("code")) for error in sequence(errors)}


def is_loopback(host: str) -> bool:
    """Return whether a host is this computer, where registries use plain HTTP."""
    return re.fullmatch(r"(localhost|127(?:\.\d+){3}|\[::1\])(:\d+)?", host) is not None


def _parts(source: ChartOrigin) -> tuple[str, str, str]:
    """Return the registry's host, the chart's path in it, and the registry's URL."""
    host, _, path = source.url.removeprefix("oci://").partition("/")
    host = "registry-1.docker.io" if host == "docker.io" else host
    scheme = "http" if source.plain_http or is_loopback(host) else "https"
    return host, path, f"{scheme}://{host}"
