"""A connection to the API server, and explanations of its refusals."""

import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError, NotReadyError
from msgspec import MsgspecError

from talos_flux.errors import UserError
from talos_flux.paths import KUBECONFIG
from talos_flux.repository.settings import short

# A slow API is still worth waiting for.
SECONDS = 20
# For all objects of a kind: an answer that never ends, or a list that always goes on, is none.
LIST_SECONDS = 60
# What lightkube raises for a body that is no JSON, no object, or none that Kubernetes would send.
NOT_KUBERNETES = (AttributeError, LookupError, RecursionError, TypeError, ValueError, MsgspecError, NotReadyError)
PORTS = 65536


@asynccontextmanager
async def connected(context: str | None = None) -> AsyncIterator[AsyncClient]:
    """Yield a client of this cluster's API; UserError when the kubeconfig can't be used.

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
        # The client reads the certificates and the key here; OpenSSL's errors name no file.
        return AsyncClient(config=config, timeout=httpx2.Timeout(SECONDS), trust_env=False)
    except (ConfigError, OSError, TypeError, ValueError) as error:
        subject = f"the credentials of context {config.context_name}, or the certificate of its cluster"
        raise UserError(f"{_named(config.fname)} can't be used: {subject}, can't be read: {why(error)}.") from None


def _named(path: Path) -> str:
    return short(path) if path == KUBECONFIG else str(path)


def config_of(context: str | None) -> Any:
    """Return lightkube's configuration for one context, by default the current one; UserError when it can't be used."""
    path = kubeconfig()
    where = _named(path)
    if not path.is_file():
        remedy = (
            "`task kubeconfig` fetches it, once `task bootstrap:talos` has run."
            if path == KUBECONFIG
            else "KUBECONFIG names it."
        )
        raise UserError(f"{where} is missing: {remedy}")
    try:
        config = KubeConfig.from_file(path)
        if context and context not in config.contexts:
            known = ", ".join(sorted(config.contexts)) or "none"
            raise UserError(f"{where} has no context {context}; it has {known}.")
        chosen = config.get(context)
    except ConfigError as error:
        raise UserError(f"{where} can't be used: {error}.") from None
    except yaml.MarkedYAMLError as error:
        # The error quotes the line, which may hold a key.
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where} is no kubeconfig: it is not YAML{line}.") from None
    except (AttributeError, LookupError, TypeError):
        raise UserError(f"{where} is no kubeconfig: it lacks clusters, users or contexts.") from None
    except (yaml.YAMLError, OSError, ValueError) as error:
        raise UserError(f"{where} is no kubeconfig: {' '.join(str(error).split())}") from None
    if chosen is None or chosen.user is None:
        raise UserError(f"{where} names no user for its context.")
    if not _is_address(chosen.cluster.server):
        raise UserError(
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
    """Return the kubeconfig's path: this repository's own; where that does not exist, the one in KUBECONFIG."""
    return KUBECONFIG if KUBECONFIG.exists() else Path(os.environ.get("KUBECONFIG") or KUBECONFIG)


def why(error: Exception) -> str:
    """Return what went wrong with a request, as the end of a sentence without a full stop."""
    if text := next(filter(None, map(_tls_failure, causes(error))), ""):
        return text
    match error:
        case ApiError():
            status = getattr(error, "status", None)
            text = str(status.message if status and status.message else error)
        case httpx2.TimeoutException():
            text = f"no answer within {SECONDS} seconds"
        case TimeoutError():
            text = f"no whole answer within {LIST_SECONDS} seconds"
        case httpx2.HTTPStatusError():
            text = f"it answers {error.response.status_code}"
        case _ if isinstance(error, NOT_KUBERNETES):
            text = "it does not answer as Kubernetes does"
        case _:
            text = " ".join(str(error).split()) or type(error).__name__
    return text


def _tls_failure(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}"
    # While it waits for the other side, TLS reports that it could not read or write yet.
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
        return f"TLS fails: {cause.reason or cause}"
    return ""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, each once: while one error is handled, another can become its own cause."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__


def code_of(error: Exception) -> int:
    """Return the HTTP code of the API server's refusal; 0 where there was no answer."""
    if isinstance(error, ApiError) and getattr(error, "status", None) and error.status.code:
        return int(error.status.code)
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) and error.response else 0
