"""Charts in OCI registries, by the distribution specification: tags, manifests, blobs, tokens."""

import hashlib
import re
from threading import Lock
from urllib.parse import urlencode, urljoin, urlsplit

from lib.chart_updates import NotHad
from lib.chart_updates.login import login_for
from lib.chart_updates.pins import Source
from lib.chart_updates.web import Answer, Web, refuse_bad
from lib.checks.charts import mapping, sequence

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# The second is Helm's before 3.8.
CHART_LAYERS = ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip")
MOST_PAGES = 100
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Registry:
    """Registries as Helm asks them. A token is asked for once per chart, and anew when it has run out."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._headers: dict[str, str] = {}
        self._lock = Lock()

    def versions(self, source: Source) -> list[str]:
        """Every tag of a chart; NotHad."""
        host, path, base = _parts(source)
        found: list[str] = []
        url = f"{base}/v2/{path}/tags/list?n=1000"
        for _ in range(MOST_PAGES):
            answer = self._ask(url, host, path)
            refuse_bad(answer, url, f"chart {path}")
            said = answer.json()
            tags = said.get("tags") if isinstance(said, dict) else None
            if not isinstance(tags, list) and tags is not None:
                raise NotHad(f"{host} answers with something that is no list of tags")
            found += [tag for tag in tags or [] if isinstance(tag, str)]
            following = re.search(r"<([^>]+)>\s*;\s*rel=\"?next", answer.headers.get("link", ""))
            if not following:
                return found
            url = urljoin(url, following[1])
        raise NotHad(f"{host} lists the tags of {path} without an end")

    def archive(self, source: Source, version: str) -> bytes:
        """A chart as it was packaged; NotHad."""
        host, path, base = _parts(source)
        url = f"{base}/v2/{path}/manifests/{version.replace('+', '_')}"
        answer = self._ask(url, host, path, {"Accept": MANIFEST})
        refuse_bad(answer, url, f"version {version} of {path}")
        said = answer.json()
        layers = said.get("layers") if isinstance(said, dict) else None
        layer = next((one for one in map(mapping, sequence(layers)) if one.get("mediaType") in CHART_LAYERS), None)
        if layer is None:
            raise NotHad(f"{path}:{version} is no Helm chart")
        digest = str(layer.get("digest", ""))
        url = f"{base}/v2/{path}/blobs/{digest}"
        answer = self._ask(url, host, path)
        refuse_bad(answer, url, f"content of {path}:{version}")
        if digest != f"sha256:{hashlib.sha256(answer.content).hexdigest()}":
            raise NotHad(f"{host} sends another content for {path}:{version} than its digest says")
        return answer.content

    def _ask(self, url: str, host: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Ask, and once more with what the registry wants to see of us."""
        key = f"{host}/{path}"
        with self._lock:
            known = self._headers.get(key)
        answer = self._web.ask(url, (headers or {}) | ({"Authorization": known} if known else {}))
        if answer.status != 401:
            return answer
        # A token lasts for a minute or some.
        authorization = self._authorization(answer, host, path)
        if authorization in ("", known):
            return answer
        with self._lock:
            self._headers[key] = authorization
        return self._web.ask(url, (headers or {}) | {"Authorization": authorization})

    def _authorization(self, answer: Answer, host: str, path: str) -> str:
        """The header that answers a challenge; empty where we have nothing to say."""
        scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        login = login_for(host)
        if scheme.lower() == "basic":
            return login.basic if login else ""
        said = dict(CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in said:
            return ""
        scope = {"service": said.get("service", ""), "scope": said.get("scope") or f"repository:{path}:pull"}
        if login and urlsplit(said["realm"]).scheme != "https" and not is_loopback(urlsplit(said["realm"]).netloc):
            raise NotHad(f"{host} wants its password sent to {said['realm']}, which is not https")
        if login and login.token:
            form = {"grant_type": "refresh_token", "refresh_token": login.token, "client_id": "chart-updates"} | scope
            token = self._web.ask(said["realm"], form=form)
        else:
            url = f"{said['realm']}{'&' if '?' in said['realm'] else '?'}{urlencode(scope)}"
            token = self._web.ask(url, {"Authorization": login.basic} if login else None)
        if token.status != 200:
            return ""
        given = token.json()
        given = given if isinstance(given, dict) else {}
        return f"Bearer {given.get('token') or given.get('access_token') or ''}"


def is_loopback(host: str) -> bool:
    """Whether a host is this computer, where registries speak plain HTTP."""
    return re.fullmatch(r"(localhost|127(?:\.\d+){3}|\[::1\])(:\d+)?", host) is not None


def _parts(source: Source) -> tuple[str, str, str]:
    """The registry's host, the chart's path in it, and the address to ask."""
    host, _, path = source.url.removeprefix("oci://").partition("/")
    host = "registry-1.docker.io" if host == "docker.io" else host
    scheme = "http" if source.plain_http or is_loopback(host) else "https"
    return host, path, f"{scheme}://{host}"
