"""A connection to the API server, and its refusals in words."""

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError

from lib.cluster import short
from lib.process import KUBECONFIG
from lib.refusal import Refusal

# A slow API is one that is still worth waiting for.
SECONDS = 20
PORTS = 65536


@asynccontextmanager
async def connected(context: str | None = None) -> AsyncIterator[AsyncClient]:
    """A client of this cluster's API; Refusal when the kubeconfig leads nowhere.

    Over HTTP/1.1: in httpcore's HTTP/2 a quiet watch keeps the others from hearing, and a refused login looks like a
    broken connection. Nothing goes through a proxy that the environment names for the internet.
    """
    client = _client(config_of(context))
    try:
        yield client
    finally:
        await client.close()


def _client(config: Any) -> AsyncClient:
    try:
        # It reads the certificates and the key; what OpenSSL says of them names no file.
        return AsyncClient(config=config, timeout=httpx2.Timeout(SECONDS), trust_env=False)
    except (ConfigError, OSError, TypeError, ValueError) as error:
        what = f"the credentials of context {config.context_name}, or the certificate of its cluster"
        raise Refusal(f"{_named(config.fname)} can't be used: {what}, can't be read: {why(error)}.") from None


def _named(path: Path) -> str:
    return short(path) if path == KUBECONFIG else str(path)


def config_of(context: str | None) -> Any:
    """What a kubeconfig says of one context, its current one by default; Refusal when that can't be used."""
    path = kubeconfig()
    where = _named(path)
    if not path.is_file():
        remedy = (
            "`task kubeconfig` fetches it, once `task bootstrap:talos` has run."
            if path == KUBECONFIG
            else "KUBECONFIG names it."
        )
        raise Refusal(f"{where} is missing: {remedy}")
    try:
        found = KubeConfig.from_file(path)
        if context and context not in found.contexts:
            known = ", ".join(sorted(found.contexts)) or "none"
            raise Refusal(f"{where} has no context {context}; it has {known}.")
        chosen = found.get(context)
    except ConfigError as error:
        raise Refusal(f"{where} can't be used: {error}.") from None
    except yaml.MarkedYAMLError as error:
        # All that it says has the line in it, and that may be a key.
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Refusal(f"{where} is no kubeconfig: it is not YAML{line}.") from None
    except (yaml.YAMLError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refusal(f"{where} is no kubeconfig: {' '.join(str(error).split())}") from None
    if chosen is None or chosen.user is None:
        raise Refusal(f"{where} names no user for its context.")
    if not _is_address(chosen.cluster.server):
        raise Refusal(
            f"{where} has {chosen.cluster.server or '(nothing)'} as the API's address: write one like "
            "https://192.168.1.10:6443."
        )
    return chosen


def _is_address(server: str) -> bool:
    try:
        url = httpx2.URL(server)
    except httpx2.InvalidURL:
        return False
    return url.scheme in ("https", "http") and bool(url.host) and (url.port or 0) < PORTS


def kubeconfig() -> Path:
    """The file that leads to the cluster: this repository's own, unless KUBECONFIG says otherwise outside of it."""
    return KUBECONFIG if KUBECONFIG.exists() else Path(os.environ.get("KUBECONFIG") or KUBECONFIG)


def why(error: Exception) -> str:
    """What went wrong with a request, as the end of a sentence without a full stop."""
    if isinstance(error, ApiError):
        status = getattr(error, "status", None)
        return str(status.message if status and status.message else error)
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message}"
        # While it waits for the other side, TLS says that it could not read yet.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            return f"TLS fails: {cause.reason or cause}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {SECONDS} seconds"
    if isinstance(error, httpx2.HTTPStatusError):
        return f"it answers {error.response.status_code}"
    return " ".join(str(error).split()) or type(error).__name__


def code_of(error: Exception) -> int:
    """The HTTP code of the API server's refusal; 0 where there was no answer."""
    if isinstance(error, ApiError) and getattr(error, "status", None) and error.status.code:
        return int(error.status.code)
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) and error.response else 0
