"""HTTP requests with a limit of time and of size."""

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from talos_flux.charts import ChartUnavailable, Unreachable

# The largest known index of a public repository has 30 MB; Helm refuses charts above 100 MB.
LARGEST = 100 * 1024 * 1024
CHUNK = 64 * 1024


class Response(NamedTuple):
    """A server's response. Header names are case-insensitive."""

    status: int
    headers: httpx2.Headers
    content: bytes

    def json(self) -> Any:
        """Return its content; ChartUnavailable when that is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise ChartUnavailable("it answers with something that is not JSON") from None


class Web:
    """An HTTP client for several threads.

    Proxies and certificates are those of the environment (HTTPS_PROXY, SSL_CERT_FILE).
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._client = httpx2.Client(timeout=timeout, follow_redirects=True, headers={"User-Agent": "chart-updates"})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        *,
        head: bool = False,
    ) -> Response:
        """Send GET, HEAD, or POST with a form; ChartUnavailable when there is no response in time, or it is too large.

        No status is an error.
        """
        deadline = time.monotonic() + self.timeout
        method = "HEAD" if head else "GET" if form is None else "POST"
        try:
            with self._client.stream(method, url, headers=dict(headers or {}), data=form) as response:
                content = bytearray()
                for chunk in response.iter_bytes(CHUNK):
                    content += chunk
                    if len(content) > LARGEST:
                        raise ChartUnavailable(f"it sends more than {LARGEST // 1024 // 1024} MB")
                    if time.monotonic() > deadline:
                        raise httpx2.ReadTimeout("")
                return Response(response.status_code, response.headers, bytes(content))
        except httpx2.TimeoutException:
            raise Unreachable(f"{_host(url)} does not answer within {self.timeout:g} seconds") from None
        except httpx2.ConnectError as error:
            raise Unreachable(f"{_host(url)} can't be reached: {_plain(error)}") from None
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise Unreachable(f"{_host(url)} gives no proper answer: {_plain(error)}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            raise ChartUnavailable(f"{_host(url)} gives no proper answer: {_plain(error)}") from None


def refuse_bad(answer: Response, url: str, requested: str) -> None:
    """Raise ChartUnavailable for any status but 200; the third argument is what was requested."""
    host, status = _host(url), answer.status
    if status in (401, 403):
        raise ChartUnavailable(
            f"{host} wants a login for {requested} ({status}): `helm registry login {host}` keeps one, "
            "or the name is wrong"
        )
    if status == 404:
        raise ChartUnavailable(f"{host} has no {requested}")
    if status == 429:
        raise ChartUnavailable(f"{host} was asked too often (429): try later, or log in")
    if status != 200:
        raise ChartUnavailable(f"{host} answers {status} for {requested}")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__
