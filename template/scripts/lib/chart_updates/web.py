"""Requests that end: within a time, and below a size."""

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from lib.chart_updates import NotHad

# The largest index of a public repository that was seen has 30 MB; Helm refuses charts above 100 MB.
LARGEST = 100 * 1024 * 1024
CHUNK = 64 * 1024


class Answer(NamedTuple):
    """What a server says. Header names are in any case."""

    status: int
    headers: httpx2.Headers
    content: bytes

    def json(self) -> Any:
        """Its content; NotHad when it is something else."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise NotHad("it answers with something that is not JSON") from None


class Web:
    """HTTP for several threads. Proxies and certificates are those of the environment (HTTPS_PROXY, SSL_CERT_FILE)."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._client = httpx2.Client(timeout=timeout, follow_redirects=True, headers={"User-Agent": "chart-updates"})

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ask(self, url: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None) -> Answer:
        """Ask, or send a form; NotHad when nobody answers, too late or too much. Any status is an answer."""
        deadline = time.monotonic() + self.timeout
        method = "GET" if form is None else "POST"
        try:
            with self._client.stream(method, url, headers=dict(headers or {}), data=form) as response:
                content = bytearray()
                for chunk in response.iter_bytes(CHUNK):
                    content += chunk
                    if len(content) > LARGEST:
                        raise NotHad(f"it sends more than {LARGEST // 1024 // 1024} MB")
                    if time.monotonic() > deadline:
                        raise httpx2.ReadTimeout("")
                return Answer(response.status_code, response.headers, bytes(content))
        except httpx2.TimeoutException:
            raise NotHad(f"{_host(url)} does not answer within {self.timeout:g} seconds") from None
        except httpx2.ConnectError as error:
            raise NotHad(f"{_host(url)} can't be reached: {_plain(error)}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            raise NotHad(f"{_host(url)} gives no proper answer: {_plain(error)}") from None


def refuse_bad(answer: Answer, url: str, what: str) -> None:
    """NotHad for every answer but a good one; `what` was asked for."""
    host, status = _host(url), answer.status
    if status in (401, 403):
        raise NotHad(
            f"{host} wants a login for {what} ({status}): `helm registry login {host}` keeps one, or the name is wrong"
        )
    if status == 404:
        raise NotHad(f"{host} has no {what}")
    if status == 429:
        raise NotHad(f"{host} was asked too often (429): try later, or log in")
    if status != 200:
        raise NotHad(f"{host} answers {status} for {what}")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
