"""The forms of values that are known: bootstrap/secrets.yaml names one as the `form` of a key."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from talos_flux.errors import UserError
from talos_flux.repository.settings import short
from talos_flux.secrets.declared import SECRETS, Secret, SecretKey


class Form(NamedTuple):
    """What a value has to be, in words that follow "is not", and whether it is that."""

    what: str
    fits: Callable[[str], bool]
    itself: str = "the value"


def refusal(secret: Secret, key: SecretKey, value: str) -> str:
    """Return why a key can't have a value, without the value; empty when it can, or when no form is known.

    UserError when its form is none of those here.
    """
    if not key.form:
        return ""
    if key.form not in FORMS:
        raise UserError(f"{short(SECRETS)}: {secret} {key.name} has form {key.form}; it is one of {', '.join(FORMS)}.")
    form = FORMS[key.form]
    if form.fits(value):
        return ""
    if form.fits(_decoded(value)):
        return f"{secret} {key.name} is base64 of {form.what}: give {form.itself} itself."
    return f"{secret} {key.name} is not {form.what}."


def _decoded(value: str) -> str:
    """Return what a value is base64 of; empty when it is not base64 of a text."""
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except ValueError:
        return ""


def _json(value: str) -> Any:
    """Return what a value is as JSON; None when it is not JSON."""
    try:
        return json.loads(value)
    except ValueError:
        return None


def _is_object(value: str) -> bool:
    return isinstance(_json(value), dict)


def _is_tunnel_token(value: str) -> bool:
    """Whether cloudflared would take it: base64 of JSON with account, tunnel and secret (connection.TunnelToken)."""
    token = None if re.search(r"\s", value) else _json(_decoded(value))
    return isinstance(token, dict) and all(token.get(key) and isinstance(token[key], str) for key in "ats")


def _is_jwt(value: str) -> bool:
    """Whether it is a JSON Web Token: header, claims and signature, each base64url without its padding."""
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", value, re.ASCII):
        return False
    header = value.partition(".")[0].translate(str.maketrans("-_", "+/"))
    parsed = _json(_decoded(header + "=" * (-len(header) % 4)))
    return isinstance(parsed, dict) and "alg" in parsed


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


def _lines_like(pattern: str) -> Callable[[str], bool]:
    """Each line that is not empty and no comment is like it, and one is there."""
    compiled = re.compile(pattern, re.ASCII)

    def fit(value: str) -> bool:
        lines = [line for line in value.splitlines() if line.strip() and not line.startswith("#")]
        return bool(lines) and all(compiled.fullmatch(line) for line in lines)

    return fit


KEY_TYPE = r"(?:sk-)?(?:ssh|ecdsa)-[\w@.-]+"
FORMS = {
    "line": Form("one line of text", _like(r"[^\r\n]+")),
    "word": Form("one word: letters, digits and punctuation, no spaces", _like(r"[!-~]+")),
    "json": Form("JSON", _is_object, "the file"),
    "jwt": Form("a JSON Web Token, eyJ... in three parts with dots between", _is_jwt, "the token"),
    "service-account-token": Form(
        "the token of a service account of 1Password, ops_eyJ...", _like(r"ops_eyJ[\w=-]+"), "the token"
    ),
    "url": Form("an address, https://...", _like(r"https?://[^\s/]+\S*"), "the address"),
    "ssh-private-key": Form(
        "a private key of SSH, from its line -----BEGIN to its line -----END",
        _like(r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\r?\n[\w+/=:,\s-]+\n-----END \1?PRIVATE KEY-----\s*"),
        "the key",
    ),
    "ssh-public-key": Form(
        "a public key of SSH in one line, ssh-ed25519 AAAA...",
        _like(rf"{KEY_TYPE} [\w+/]+=*(?: [^\r\n]*)?\s*"),
        "the key",
    ),
    "known-hosts": Form(
        "lines of known_hosts, each a host, a key's type and the key",
        _lines_like(rf"(?:@\S+ )?\S+ {KEY_TYPE} [\w+/]+=*(?: .*)?"),
        "the lines",
    ),
    "cloudflare-token": Form(
        "an API token of Cloudflare: one word of letters, digits, - and _, and not the global API key",
        _like(r"(?![0-9a-f]{37}$)[\w-]+"),
        "the token",
    ),
    "tunnel-token": Form(
        "a tunnel's token: base64 of JSON with a, t and s, eyJ..., in one line", _is_tunnel_token, "the token"
    ),
    "tailscale-client": Form("the secret of an OAuth client, tskey-client-...", _like(r"tskey-client-[\w-]+")),
    "ntfy-token": Form("an access token of ntfy, tk_ and 29 small letters or digits", _like(r"tk_[a-z0-9]{29}")),
    "headers": Form("lines of `<header>: <value>`", _lines_like(r"[\w-]+: \S.*"), "the lines"),
    "pushover-key": Form("30 letters and digits", _like(r"[A-Za-z0-9]{30}"), "the key"),
    "discord-webhook": Form(
        "the address of a webhook, https://discord.com/api/webhooks/<id>/<token>",
        _like(r"https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+(?:/slack)?(?:\?\S*)?"),
        "the address",
    ),
}
