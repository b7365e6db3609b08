"""talos-flux secret set: set one value of a Secret."""

import re
import sys

import click

from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.secrets import declared, forms
from talos_flux.secrets.declared import Secret
from talos_flux.secrets.store import store
from talos_flux.terminal import ask_secret, can_ask, choose, done, without_its_writers_newline


@subcommand()
@click.option("--secret", "name", default="", help="The name of the Secret.")
@click.option("--key", default="", help="The key in it.")
@click.option(
    "--app", default="", metavar="NAMESPACE/APP", help="The app of a Secret that bootstrap/secrets.yaml lacks."
)
def command(name: str, key: str, app: str) -> None:
    """Set one value of a Secret.

    The value is typed without echo, or read from stdin. At a terminal, you are asked for what the command line does
    not say.
    """
    name = name or choose_secret()
    sharing = secrets_named(name, app)
    key = key or choose_key(sharing[0])
    refuse_what_kubernetes_refuses(name, key)
    for secret in sharing:
        if secret.keys and secret.key(key).made == "from age.key":
            raise UserError(f"{secret} is made from age.key: it has no other value.")
    store().refuse_unless_usable()
    value = read_value(sharing[0], key)
    for secret in declared.one_of_each(sharing):
        for location in store().set(secret, {key: value}):
            done(f"{secret} {key} → {location}")


def choose_secret() -> str:
    """Ask for the name of a Secret; UserError without a terminal."""
    if not can_ask():
        raise UserError("SECRET is missing: `task secret:set SECRET=<name> KEY=<key>`.")
    return choose("Which Secret?", sorted({secret.name for secret in declared.wanted() if secret.name != "sops-age"}))


def choose_key(secret: Secret) -> str:
    """Ask for a key of a Secret; UserError without a terminal, or when its keys are unknown."""
    if not can_ask() or not secret.keys:
        raise UserError(f"KEY is missing: `task secret:set SECRET={secret.name} KEY=<key>`.")
    return choose("Which key?", [key.name for key in secret.keys])


def secrets_named(name: str, app: str) -> list[Secret]:
    """Return the Secrets that get the value: those of the inventory with the name, or the app's.

    UserError when there is none, or `app` is not <namespace>/<app>.
    """
    if not app:
        if sharing := declared.named(name):
            return sharing
        known = ", ".join(sorted({secret.name for secret in declared.wanted()}))
        raise UserError(
            f"bootstrap/secrets.yaml has no Secret {name}, only {known}; for another app's Secret say "
            "APP=<namespace>/<app> as well."
        )
    namespace, slash, folder = app.partition("/")
    if not slash or "/" in folder:
        raise UserError(f"APP is <namespace>/<app>, not {app}.")
    of_the_app = [secret for secret in declared.named(name) if (secret.namespace, secret.app) == (namespace, folder)]
    return of_the_app or [store().place_of_new_secret(namespace, folder, name)]


def refuse_what_kubernetes_refuses(name: str, key: str) -> None:
    """Raise UserError for names that Kubernetes does not accept for a Secret or a key."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise UserError(f"{name} is no name of a Secret: lower-case letters, digits, inner hyphens and dots.")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", key):
        raise UserError(f"{key} is no key of a Secret: letters, digits, dots, hyphens and underscores.")


def read_value(secret: Secret, key: str) -> str:
    """Return the value, typed or from stdin; UserError when it is empty, or has not the form of its key."""
    if can_ask():
        hint = next((known.hint for known in secret.keys if known.name == key), "")
        value = ask_secret(f"{secret} {key}{f': {hint}' if hint else ''}")
    else:
        value = without_its_writers_newline(sys.stdin.read())
    if not value:
        raise UserError(f"{secret} {key} was given no value: an empty one is never what an app expects.")
    if secret.keys and (refusal := forms.refusal(secret, secret.key(key), value)):
        raise UserError(refusal)
    return value
