"""The first values of a cluster's Secrets: age.key, tokens, deploy keys. Nothing that exists is overwritten."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from talos_flux.errors import UserError
from talos_flux.paths import AGE_KEY
from talos_flux.process import run, write_private
from talos_flux.secrets import declared, forms, sops
from talos_flux.secrets.declared import Secret, SecretKey
from talos_flux.secrets.store import store
from talos_flux.terminal import ask_secret, done, step, warn


def make_age_key() -> None:
    """Make age.key, and put its public half into .sops.yaml; UserError when others' files could not be decrypted."""
    if not AGE_KEY.exists():
        if recipients := sops.recipients():
            raise UserError(
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


def make_secrets(*, ask: bool) -> None:
    """Give the Secrets of bootstrap/secrets.yaml the values that they lack, and warn of those that only a person has.

    `ask` asks the person for them.
    """
    store().refuse_unless_usable()
    left_out = []
    by_location: dict[str, list[Secret]] = {}
    for secret in declared.wanted():
        by_location.setdefault(secret.item or str(secret.file), []).append(secret)
    existing = {location: store().values(sharing[0]) for location, sharing in by_location.items()}
    known = {
        (secret.name, key): value
        for location, values in existing.items()
        for key, value in values.items()
        for secret in by_location[location]
    }
    for location, sharing in by_location.items():
        first, present = sharing[0], existing[location]
        keys = {key.name: key for secret in sharing for key in secret.keys if key.name not in present}
        owner = {key.name: secret for secret in reversed(sharing) for key in secret.keys}
        values = _made_together(first, keys)
        # A typed value is stored at once, so that it is kept when the person stops at the next question.
        typed = {name for name, key in keys.items() if ask and key.made == "given"}
        for name in sorted(keys, key=lambda name: name in typed):
            if name not in values and (value := _value_of(owner[name], keys[name], known, ask=ask)):
                values[name] = known[owner[name].name, name] = value
                if name in typed:
                    _keep(first, {name: value})
        _keep(first, {name: value for name, value in values.items() if name not in typed})
        left_out += [
            (owner[name], key) for name, key in keys.items() if name not in values and key.made != "from age.key"
        ]
    for secret, key in left_out:
        warn(f"{secret} still lacks {key.name}: `task secret:set SECRET={secret.name} KEY={key.name}` ({key.hint})")


def _keep(secret: Secret, values: dict[str, str]) -> None:
    """Store values, and print where."""
    for changed in store().set(secret, values) if values else []:
        done(f"{secret}: {', '.join(values)} → {changed}")


def _made_together(secret: Secret, missing: dict[str, SecretKey]) -> dict[str, str]:
    """Return the halves of a deploy key, which belong together, and the host's public keys."""
    values = {}
    if missing.get("known_hosts", SecretKey("")).made == "from bootstrap/known_hosts":
        values["known_hosts"] = declared.KNOWN_HOSTS.read_text()
    if missing.get("identity", SecretKey("")).made == "by task init":
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        values["identity"] = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        values["identity.pub"] = f"{public} {secret.name}\n"
        step(f"give the repository's host this deploy key, read-only: {public}")
    return values


def _value_of(secret: Secret, key: SecretKey, known: dict[tuple[str, str], str], *, ask: bool) -> str:
    """Return a value for a key: another namespace's, random, typed, or the default; empty when there is none.

    What was typed and has not the form of the key is left out with a warning.
    """
    if (secret.name, key.name) in known:
        return known[secret.name, key.name]
    if key.made == "random":
        return declared.random_value()
    if key.made != "given" or not ask:
        return key.default
    default = f" Enter takes {key.default}." if key.default else " Enter leaves it for later."
    typed = ask_secret(f"{secret} {key.name}: {key.hint}.{default}")
    if typed and (refusal := forms.refusal(secret, key, typed)):
        warn(refusal)
        return ""
    return typed or key.default
