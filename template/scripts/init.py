#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["cryptography==50.0.2", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Make what this cluster needs and Git must not hold: keys, tokens, hooks. Nothing that exists is overwritten."""

import argparse

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lib import readiness, secrets, sops
from lib.process import AGE_KEY, ROOT, has, run, write_private
from lib.secrets import Key, Secret
from lib.store import store
from lib.terminal import Refusal, ask_secret, can_ask, command, done, step, warn


def make_age_key() -> None:
    """age.key, and its public half in .sops.yaml."""
    if not AGE_KEY.exists():
        if recipients := sops.recipients():
            raise Refusal(
                f".sops.yaml encrypts for {', '.join(sorted(recipients))}, and age.key is missing: "
                "restore it from your backup; a new key could not decrypt what is there."
            )
        write_private(AGE_KEY, run("age-keygen"))
        done("age.key is new: keep a copy where you keep your passwords.")
    AGE_KEY.chmod(0o600)
    if not sops.recipients():
        sops.set_recipient(sops.public_key())
        done(f".sops.yaml encrypts for {sops.public_key()}.")
    sops.refuse_unless_usable()


def install_hooks() -> None:
    """Git hooks, where lefthook is installed."""
    if not (ROOT / ".git").exists():
        return
    if not has("lefthook"):
        warn("the Git hooks are not installed: lefthook is not on PATH, `mise install` installs it.")
        return
    run("lefthook", "install")
    done("the Git hooks are installed.")


def make_secrets(*, ask: bool) -> None:
    """The Secrets of bootstrap/secrets.yaml that have no value yet."""
    store().refuse_unless_usable()
    left_out = []
    by_place: dict[str, list[Secret]] = {}
    for secret in secrets.wanted():
        by_place.setdefault(secret.item or str(secret.file), []).append(secret)
    there = {place: store().values(sharing[0]) for place, sharing in by_place.items()}
    known = {
        (secret.name, key): value
        for place, values in there.items()
        for key, value in values.items()
        for secret in by_place[place]
    }
    for place, sharing in by_place.items():
        first, present = sharing[0], there[place]
        keys = {key.name: key for secret in sharing for key in secret.keys if key.name not in present}
        owner = {key.name: secret for secret in reversed(sharing) for key in secret.keys}
        values = made_together(first, keys)
        # What a person types is kept at once: who stops at the next question has not typed it in vain.
        typed = {name for name, key in keys.items() if ask and key.made == "given"}
        for name in sorted(keys, key=lambda name: name in typed):
            if name not in values and (value := value_of(owner[name], keys[name], known, ask=ask)):
                values[name] = known[owner[name].name, name] = value
                if name in typed:
                    keep(first, {name: value})
        keep(first, {name: value for name, value in values.items() if name not in typed})
        left_out += [
            (owner[name], key) for name, key in keys.items() if name not in values and key.made != "from age.key"
        ]
    for secret, key in left_out:
        warn(f"{secret} still lacks {key.name}: `task secret:set SECRET={secret.name} KEY={key.name}` ({key.hint})")


def keep(secret: Secret, values: dict[str, str]) -> None:
    """Store values, and say where."""
    for changed in store().set(secret, values) if values else []:
        done(f"{secret}: {', '.join(values)} → {changed}")


def made_together(secret: Secret, missing: dict[str, Key]) -> dict[str, str]:
    """A deploy key's halves, which belong together, and the host's public keys."""
    values = {}
    if missing.get("known_hosts", Key("")).made == "from bootstrap/known_hosts":
        values["known_hosts"] = secrets.KNOWN_HOSTS.read_text()
    if missing.get("identity", Key("")).made == "by task init":
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        values["identity"] = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        values["identity.pub"] = f"{public} {secret.name}\n"
        step(f"give the repository's host this deploy key, read-only: {public}")
    return values


def value_of(secret: Secret, key: Key, known: dict[tuple[str, str], str], *, ask: bool) -> str:
    """A value for one key: another namespace's, random, typed, or the default; empty when there is none."""
    if (secret.name, key.name) in known:
        return known[secret.name, key.name]
    if key.made == "random":
        return secrets.random_value()
    if key.made != "given" or not ask:
        return key.default
    default = f" Enter takes {key.default}." if key.default else " Enter leaves it for later."
    return ask_secret(f"{secret} {key.name}: {key.hint}.{default}") or key.default


def main() -> None:
    """Each step leaves alone what is there, so that an interrupted run goes on where it ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-input", action="store_true", help="ask nothing; name what is still missing")
    arguments = parser.parse_args()
    make_age_key()
    make_secrets(ask=can_ask() and not arguments.no_input)
    install_hooks()
    readiness.warn_unless_ready(readiness.BEFORE_CONFIGURE)
    done("Next: commit, push, `task configure`.")


if __name__ == "__main__":
    command(main)
