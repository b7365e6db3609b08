#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Set one value of a Secret. The value is typed without echo, or read from stdin."""

import argparse
import re
import sys

from lib import secrets
from lib.secrets import Secret
from lib.store import store
from lib.terminal import Refusal, ask_secret, can_ask, choose, command, done, without_its_writers_newline


def find(name: str, app: str) -> list[Secret]:
    """The Secrets that get the value: those of the inventory with the name, or the one of the app."""
    if not app:
        if found := secrets.named(name):
            return found
        known = ", ".join(sorted({secret.name for secret in secrets.wanted()}))
        raise Refusal(
            f"bootstrap/secrets.yaml has no Secret {name}, only {known}; for another app's Secret say "
            "APP=<namespace>/<app> as well."
        )
    namespace, slash, folder = app.partition("/")
    if not slash or "/" in folder:
        raise Refusal(f"APP is <namespace>/<app>, not {app}.")
    found = [secret for secret in secrets.named(name) if (secret.namespace, secret.app) == (namespace, folder)]
    return found or [store().place_of_new_secret(namespace, folder, name)]


def refuse_what_kubernetes_refuses(name: str, key: str) -> None:
    """Refusal for names that no Secret can have."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise Refusal(f"{name} is no name of a Secret: lower-case letters, digits, inner hyphens and dots.")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", key):
        raise Refusal(f"{key} is no key of a Secret: letters, digits, dots, hyphens and underscores.")


def read_value(secret: Secret, key: str) -> str:
    """The value, typed or from a pipe."""
    if can_ask():
        hint = next((known.hint for known in secret.keys if known.name == key), "")
        value = ask_secret(f"{secret} {key}{f': {hint}' if hint else ''}")
    else:
        value = without_its_writers_newline(sys.stdin.read())
    if not value:
        raise Refusal(f"{secret} {key} was given no value: an empty one is never what an app expects.")
    return value


def main() -> None:
    """Ask for what the command line does not say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secret", default="", help="name of the Secret")
    parser.add_argument("--key", default="", help="key in it")
    parser.add_argument("--app", default="", help="<namespace>/<app>, for a Secret that bootstrap/secrets.yaml lacks")
    arguments = parser.parse_args()
    if not arguments.secret:
        if not can_ask():
            raise Refusal("SECRET is missing: `task secret:set SECRET=<name> KEY=<key>`.")
        names = sorted({secret.name for secret in secrets.wanted() if secret.name != "sops-age"})
        arguments.secret = choose("Which Secret?", names)
    found = find(arguments.secret, arguments.app)
    if not arguments.key:
        if not can_ask() or not found[0].keys:
            raise Refusal(f"KEY is missing: `task secret:set SECRET={arguments.secret} KEY=<key>`.")
        arguments.key = choose("Which key?", [key.name for key in found[0].keys])
    refuse_what_kubernetes_refuses(arguments.secret, arguments.key)
    for secret in found:
        if secret.keys and secret.key(arguments.key).made == "from age.key":
            raise Refusal(f"{secret} is made from age.key: it has no other value.")
    store().refuse_unless_usable()
    value = read_value(found[0], arguments.key)
    for secret in secrets.one_of_each(found):
        for place in store().set(secret, {arguments.key: value}):
            done(f"{secret} {arguments.key} → {place}")


if __name__ == "__main__":
    command(main)
