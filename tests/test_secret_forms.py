"""A value that can't be what its key needs is refused before it is kept, in a sentence without the value."""

import base64
import json

import pytest

from talos_flux.errors import UserError
from talos_flux.secrets import forms, initialize
from talos_flux.secrets.declared import Secret, SecretKey
from tests.doubles.workplace import ANSWERS, set_up
from tests.support.given import DISCORD, GLOBAL_KEY, NTFY, OF_FORM, PUBLIC
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Repository
from tests.support.secret_material import JWT, TUNNEL, letters, private_key

CREDENTIALS = OF_FORM["json"]
CREDENTIALS_OF_A_TUNNEL = json.dumps({"AccountTag": "a", "TunnelSecret": "s", "TunnelID": "t"})
OF_A_SECRET = Secret("notes", (), "media")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def refused(form: str, value: str) -> str:
    return forms.refusal(OF_A_SECRET, SecretKey("key", form=form), value)


@pytest.mark.parametrize("form", forms.FORMS)
def test_a_value_of_the_form_is_taken(form: str) -> None:
    assert refused(form, OF_FORM[form]) == ""


ANOTHER = {
    "text instead of Connect's file": ("json", "not json at all"),
    "a list instead of Connect's file": ("json", "[1]"),
    "half of Connect's file": ("json", CREDENTIALS[:-9]),
    "a token of a 1Password account": ("jwt", "ops_" + encoded("{}" * 40).rstrip("=")),
    "Connect's file as its token": ("jwt", CREDENTIALS),
    "a token without its signature": ("jwt", JWT.rpartition(".")[0]),
    "three words with dots": ("jwt", "one.two.three"),
    "Connect's token for a service account": ("service-account-token", JWT),
    "a tunnel's id": ("tunnel-token", "6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40"),
    "a tunnel's file": ("tunnel-token", CREDENTIALS_OF_A_TUNNEL),
    "a tunnel's file in base64": ("tunnel-token", encoded(CREDENTIALS_OF_A_TUNNEL)),
    "the command with a tunnel's token": ("tunnel-token", f"cloudflared tunnel run --token {TUNNEL}"),
    "half of a tunnel's token": ("tunnel-token", TUNNEL[:-30]),
    "a tunnel's token over two lines": ("tunnel-token", f"{TUNNEL[:76]}\n{TUNNEL[76:]}"),
    "Cloudflare's global key": ("cloudflare-token", GLOBAL_KEY),
    "a header instead of a token": ("cloudflare-token", f"Bearer {letters(40)}"),
    "Tailscale's auth key": ("tailscale-client", "tskey" + "-auth-" + letters(12) + "-" + letters(32)),
    "the public half of a deploy key": ("ssh-private-key", PUBLIC),
    "a private key in one line": ("ssh-private-key", private_key("OpenSSH").replace("\n", " ")),
    "a private key without its end": ("ssh-private-key", private_key("OpenSSH")[:-20]),
    "the private half of a deploy key": ("ssh-public-key", private_key("OpenSSH")),
    "a fingerprint": ("known-hosts", "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"),
    "a host's key without the host": ("known-hosts", PUBLIC),
    "a password of ntfy": ("ntfy-token", "me:hunter2"),
    "a header for ntfy's token": ("ntfy-token", f"Bearer {NTFY}"),
    "ntfy's token without its header": ("headers", NTFY),
    "a name of a Pushover app": ("pushover-key", "Home alerts"),
    "a channel of Discord": ("discord-webhook", "https://discord.com/channels/1/2"),
    "an address without https": ("url", DISCORD.removeprefix("https://")),
    "an id with a blank": ("word", "AKIA 1234"),
    "a password of two lines": ("line", "one\ntwo"),
}


@pytest.mark.parametrize("case", ANOTHER)
def test_what_can_not_be_the_value_is_refused_and_not_repeated(case: str) -> None:
    form, value = ANOTHER[case]
    assert refused(form, value) == f"media/notes key is not {forms.FORMS[form].what}."
    assert value not in refused(form, value)


@pytest.mark.parametrize("form", ["json", "jwt", "tunnel-token", "ssh-private-key", "discord-webhook"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_somebody_encoded_in_base64_is_named_as_that(form: str, wrapped: bool) -> None:
    value = encoded(OF_FORM[form])
    if wrapped:
        value = "\n".join(value[start : start + 76] for start in range(0, len(value), 76)) + "\n"
    named = forms.FORMS[form]
    assert refused(form, value) == f"media/notes key is base64 of {named.what}: give {named.itself} itself."


@pytest.mark.parametrize("kind", ["RSA", "EC", "PKCS8", "OpenSSH"])
def test_a_key_of_ssh_has_any_form_that_flux_reads(kind: str) -> None:
    assert refused("ssh-private-key", private_key(kind)) == ""


def test_a_key_whose_form_is_not_known_has_any_value() -> None:
    assert refused("", "anything\nat all") == ""
    with pytest.raises(UserError, match=r"bootstrap/secrets.yaml: media/notes key has form yaml; it is one of line, "):
        refused("yaml", "a: b")


def test_every_value_that_a_cluster_needs_has_a_form(example: Repository) -> None:
    [declared] = example.documents("bootstrap/secrets.yaml")
    needed = {(entry["name"], key["name"]) for entry in declared["secrets"] for key in entry["keys"]}
    known = {(name, key) for name, keys in declared["forms"].items() for key in keys}
    assert needed - known == {("sops-age", "age.agekey")}
    assert known <= needed
    assert {form for keys in declared["forms"].values() for form in keys.values()} <= forms.FORMS.keys()


def test_what_is_typed_at_set_up_and_can_not_be_is_left_for_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(initialize, "ask_secret", lambda _: "not json at all")
    key = SecretKey("credentials", form="json")
    assert initialize._value_of(OF_A_SECRET, key, {}, ask=True) == ""
    assert "media/notes credentials is not JSON." in "".join(capsys.readouterr())


@pytest.mark.full
@needs("task", "talosctl", "age-keygen")
def test_a_refused_value_is_not_kept(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = set_up(tmp_path_factory.mktemp("forms"), render(ANSWERS))
    words = "secret:set", "SECRET=op-credentials", "KEY=1password-credentials.json"
    refusal = home.refuses(*words, stdin=encoded(CREDENTIALS))
    assert (
        refusal == "external-secrets/op-credentials 1password-credentials.json is base64 of JSON: give the file itself."
    )
    assert home.items() == {}
    home.succeeds(*words, stdin=CREDENTIALS)
    assert home.items()["1password-connect"]["1password-credentials.json"] == CREDENTIALS
