"""Credentials for registries, from the files of Helm and Docker."""

import base64
import binascii
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from talos_flux.charts import ChartUnavailable
from talos_flux.process import ToolError, has, run

# Docker Hub's entry has the address of an API that is no longer used.
DOCKER_HUB = ("registry-1.docker.io", "docker.io", "index.docker.io")
HUB_ENTRY = "https://index.docker.io/v1/"


class Login(NamedTuple):
    """Credentials. A `token` takes the place of name and password where a credential helper gives one."""

    name: str
    password: str
    token: str = ""

    @property
    def basic(self) -> str:
        """Return the value of the Authorization header."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


@cache
def login_for(host: str) -> Login | None:
    """Return the credentials for a registry; None when there are none.

    ChartUnavailable when a file or helper can't be used.
    """
    for path in _files():
        if path.is_file() and (login := _in_file(path, host)):
            return login
    return None


def _files() -> list[Path]:
    """Return Helm's file, then Docker's."""
    home = Path.home()
    base = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "helm"
    if sys.platform == "darwin" and "XDG_CONFIG_HOME" not in os.environ:
        base = home / "Library/Preferences/helm"
    helm = Path(os.environ.get("HELM_CONFIG_HOME") or base) / "registry/config.json"
    docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    return [Path(os.environ.get("HELM_REGISTRY_CONFIG") or helm), docker]


def _in_file(path: Path, host: str) -> Login | None:
    try:
        config = json.loads(path.read_text())
        names = (HUB_ENTRY, *DOCKER_HUB) if host in DOCKER_HUB else (host, f"https://{host}", f"https://{host}/v1/")
        for name in names:
            if helper := (config.get("credHelpers") or {}).get(name):
                return _from_helper(helper, name)
            if login := _login((config.get("auths") or {}).get(name) or {}):
                return login
        helper = config.get("credsStore")
        return next(filter(None, (_from_helper(helper, name) for name in names[:1])), None) if helper else None
    except (OSError, ValueError, AttributeError, TypeError):
        raise ChartUnavailable(f"{path} can't be read as Docker's list of logins") from None


def _login(entry: dict[str, Any]) -> Login | None:
    if token := entry.get("identitytoken"):
        return Login("", "", token)
    if entry.get("auth"):
        try:
            name, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except binascii.Error:
            raise ValueError from None
        return Login(name, password.rstrip("\0"))
    return Login(entry["username"], entry.get("password", "")) if entry.get("username") else None


def _from_helper(helper: str, host: str) -> Login | None:
    """Return what docker-credential-<helper> stores for a host."""
    tool = f"docker-credential-{helper}"
    if not has(tool):
        return None
    try:
        credentials = json.loads(run(tool, "get", stdin=host, timeout=10))
    except ToolError:
        return None  # it stores no credentials for this host
    if credentials.get("Username") == "<token>":
        return Login("", "", credentials.get("Secret", ""))
    return Login(credentials.get("Username", ""), credentials.get("Secret", ""))
