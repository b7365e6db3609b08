"""The Git host of this repository, as its own CI describes it: where to push, and how to open a pull request.

Forgejo and Gitea describe themselves as GitHub does, and have most of its API.
"""

import base64
import itertools
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from talos_flux.errors import UserError

TOKEN = "UPDATE_TOKEN"  # noqa: S105, the name of the variable that has it
# GitHub takes 65,536 characters.
LONGEST = 60_000
COMMENT_TOKEN = "COMMENT_TOKEN"  # noqa: S105, the name of the variable that has it
PAGE = 100


@dataclass(frozen=True)
class Forge:
    """`address` is where git pushes to, as `user` with the token; `requests` the address of the pull requests.

    `repository` is its name where a pull request says from which one it comes. The rest are the host's names for the
    same things.
    """

    token: str = field(repr=False)
    address: str
    user: str
    requests: str
    header: tuple[str, str]
    source: str
    target: str
    text: str
    number: str
    change: str
    open: str
    owner: str = ""
    repository: str = ""

    def git_settings(self) -> dict[str, str]:
        """Return the environment in which git pushes with the token, which is in no command line and in no file."""
        key = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.address}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {key}",
        }

    def propose(self, branch: str, base: str, title: str, text: str) -> str:
        """Open a pull request from a branch, or update the open one; return its address.

        UserError when the host refuses.
        """
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n\n… and more than fits here."
        fields = {"title": title, self.text: text}
        if existing := self._open_from(branch, base):
            answer = self._call(self.change, f"{self.requests}/{existing[self.number]}", fields)
        else:
            answer = self._call("POST", self.requests, fields | {self.source: branch, self.target: base})
        return str(answer.get("html_url") or answer.get("web_url"))

    def _open_from(self, branch: str, base: str) -> dict[str, Any] | None:
        """Return the open pull request of a branch."""
        listed = self._listed(branch, base)
        return next((request for request in listed if self._ends(request) == (branch, base)), None)

    def _listed(self, branch: str, base: str) -> Iterator[dict[str, Any]]:
        """Yield what the host lists for a branch. Forgejo lists all that are open, whatever branch is asked for."""
        for page in itertools.count(1):
            query = {self.source: f"{self.owner}{branch}", self.target: base, "state": self.open, "page": page}
            found = self._call("GET", f"{self.requests}?{urllib.parse.urlencode(query)}")
            if not found:
                return
            yield from found

    def _ends(self, request: dict[str, Any]) -> tuple[str, str]:
        """Return the branches from which and to which a pull request leads; a fork's is none of this repository."""
        source, target = request[self.source], request[self.target]
        if isinstance(source, str):
            return source, target
        is_ours = (source["repo"] or {}).get("full_name") == self.repository
        return source["ref"] if is_ours else "", target["ref"]

    def _call(self, method: str, address: str, fields: Mapping[str, str] | None = None) -> Any:
        header, form = self.header
        return call(method, address, (header, form.format(self.token)), fields)


@dataclass(frozen=True)
class Request:
    """The pull request that CI looks at: the address of its comments, how one is changed, and how one is named."""

    header: tuple[str, str] = field(repr=False)
    comments: str
    change: str
    one: str

    def comment(self, mark: str, text: str) -> str:
        """Write a comment, or renew the one that begins with a mark; return its address. UserError when refused."""
        for existing in self._existing():
            if str(existing.get("body", "")).startswith(mark):
                answer = call(self.change, self.one.format(existing["id"]), self.header, {"body": text})
                break
        else:
            answer = call("POST", self.comments, self.header, {"body": text})
        return str(answer.get("html_url") or self.one.format(answer["id"]))

    def _existing(self) -> Iterator[dict[str, Any]]:
        """Yield every comment. Forgejo gives all of them at once, whatever page is asked for."""
        first = None
        for page in itertools.count(1):
            found = call("GET", f"{self.comments}?per_page={PAGE}&page={page}", self.header)
            if found[:1] == first:
                return
            yield from found
            if len(found) != PAGE:
                return
            first = found[:1]


def call(method: str, address: str, header: tuple[str, str], fields: Mapping[str, str] | None = None) -> Any:
    """Return the answer of the host's API; UserError with its reason when it refuses."""
    body = json.dumps(fields).encode() if fields else None
    request = urllib.request.Request(address, body, method=method)  # noqa: S310, the address is the CI's own
    request.add_header("Content-Type", "application/json")
    request.add_header(*header)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise UserError(f"{address} refused with {error.code}: {_reason(error)}.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{address} can't be asked: {error}.") from None


def request_of_this_run() -> Request:
    """Return the pull request that this run of CI is about; UserError anywhere else, or without a token."""
    given = os.environ
    token = given.get(COMMENT_TOKEN, "")
    if given.get("GITHUB_ACTIONS") == "true" and (match := re.fullmatch(r"refs/pull/(\d+)/\w+", given["GITHUB_REF"])):
        issues = f"{given['GITHUB_API_URL']}/repos/{given['GITHUB_REPOSITORY']}/issues"
        place = f"{issues}/{match[1]}/comments", "PATCH", f"{issues}/comments/{{}}"
        header = ("Authorization", f"Bearer {token}")
    elif given.get("GITLAB_CI") == "true" and (number := given.get("CI_MERGE_REQUEST_IID")):
        notes = f"{given['CI_API_V4_URL']}/projects/{given['CI_PROJECT_ID']}/merge_requests/{number}/notes"
        place = notes, "PUT", f"{notes}/{{}}"
        header = ("PRIVATE-TOKEN", token)
    else:
        raise UserError("--comment is for CI that runs for a pull request of GitHub, Forgejo or GitLab.")
    if not token:
        raise UserError(f"{COMMENT_TOKEN} is empty: it is the token that may comment on the pull request.")
    return Request(header, *place)


def host_of_this_run() -> Forge:
    """Return the host whose CI runs this; UserError anywhere else, or without a token."""
    given = os.environ
    if given.get("GITHUB_ACTIONS") == "true":
        repository = given["GITHUB_REPOSITORY"]
        return Forge(
            token=_token(),
            address=f"{given['GITHUB_SERVER_URL']}/{repository}.git",
            user="x-access-token",
            requests=f"{given['GITHUB_API_URL']}/repos/{repository}/pulls",
            header=("Authorization", "Bearer {}"),
            source="head",
            target="base",
            text="body",
            number="number",
            change="PATCH",
            open="open",
            owner=f"{repository.partition('/')[0]}:",
            repository=repository,
        )
    if given.get("GITLAB_CI") == "true":
        return Forge(
            token=_token(),
            address=f"{given['CI_SERVER_URL']}/{given['CI_PROJECT_PATH']}.git",
            user="oauth2",
            requests=f"{given['CI_API_V4_URL']}/projects/{given['CI_PROJECT_ID']}/merge_requests",
            header=("PRIVATE-TOKEN", "{}"),
            source="source_branch",
            target="target_branch",
            text="description",
            number="iid",
            change="PUT",
            open="opened",
        )
    raise UserError(
        "a pull request is opened by the CI of GitHub, Forgejo or GitLab: at the keyboard it is `task update`."
    )


def forget_the_token() -> None:
    """Take the tokens out of the environment, which every program that is started sees."""
    for name in (TOKEN, COMMENT_TOKEN):
        os.environ.pop(name, None)


def _token() -> str:
    if not os.environ.get(TOKEN):
        raise UserError(
            f"{TOKEN} is empty: docs/runbooks/upgrade.md says which token the update needs, and where it is kept."
        )
    return os.environ[TOKEN]


def _reason(error: urllib.error.HTTPError) -> str:
    """Return the host's error message."""
    message = error.read().decode(errors="replace")
    try:
        message = str(json.loads(message)["message"])
    except (ValueError, KeyError, TypeError):
        message = error.reason
    return " ".join(message.split()).removesuffix(".")
