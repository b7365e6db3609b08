"""Whether every key of the cluster is where it must be, and which copies restore it."""

import stat
from collections.abc import Callable, Iterator

import yaml

from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.diagnose.report import Report
from talos_flux.errors import UserError
from talos_flux.paths import AGE_KEY, TALOSCONFIG
from talos_flux.process import ToolError
from talos_flux.repository.settings import inventory, look_up, repository_url, short
from talos_flux.secrets import declared, sops
from talos_flux.secrets.store import store
from talos_flux.talos import config, etcd_snapshots


def examine() -> Report:
    """Check every key, and decrypt what it opens in memory; nothing is changed, and no value is in the report."""
    return Report(
        [
            _part("age.key", f"decrypts {len(sops.files())} files", _of_age_key),
            _part("keys of Talos", _bundle_location(), _of_talos),
            _part("secrets", f"{len(declared.wanted())} of bootstrap/secrets.yaml", _of_secrets),
        ],
        verbose=True,
    )


def copies() -> list[str]:
    """Return what a person needs to have outside of this computer and this cluster, a line each."""
    lines = [
        f"this repository, as pushed to {repository_url()}",
        "age.key, in your password manager: nobody else has it",
        store().way_in(),
    ]
    newest = etcd_snapshots.newest(inventory())
    state = (
        f"the newest is {etcd_snapshots.described(newest)}"
        if newest
        else "there is none yet, `task etcd:snapshot` makes one"
    )
    return [*lines, f"a snapshot of etcd, if you want its state back and not only what is in Git: {state}"]


def _part(name: str, description: str, check: Callable[[], Iterator[Problem]]) -> CheckResult:
    """Return the result of one check; a UserError becomes its only problem."""
    try:
        return CheckResult(name, description, tuple(check()))
    except UserError as refusal:
        return CheckResult(name, description, (Problem(Level.CRITICAL, name, str(refusal).rstrip(".")),))


def _of_age_key() -> Iterator[Problem]:
    """Yield a problem unless age.key exists, is private, and decrypts every file that SOPS has encrypted."""
    sops.refuse_unless_usable()
    if stat.S_IMODE(AGE_KEY.stat().st_mode) & 0o077:
        yield Problem(Level.CRITICAL, "age.key", "can be read by others on this computer", command="chmod 600 age.key")
    for path in sops.files():
        try:
            if sops.is_encrypted(path):
                sops.decrypt(path)
            else:
                yield Problem(Level.CRITICAL, short(path), "is in clear", command="task configure")
        except ToolError as failed:
            reason = " ".join(failed.stderr.split())
            yield Problem(Level.CRITICAL, short(path), f"can't be decrypted with age.key: {reason}")


def _of_talos() -> Iterator[Problem]:
    """Yield a problem of the secrets bundle, from which every certificate is made; it may be another cluster's."""
    bundle = store().talos_secrets()
    if bundle is None:
        yield Problem(Level.CRITICAL, _bundle_location(), "is not there: without it no node can be added or replaced")
        return
    try:
        authority = yaml.safe_load(bundle)["certs"]["os"]["crt"]
    except (yaml.YAMLError, KeyError, TypeError):
        yield Problem(Level.CRITICAL, _bundle_location(), "is no secrets bundle of Talos")
        return
    if config.has_talosconfig():
        contexts = yaml.safe_load(TALOSCONFIG.read_text())["contexts"]
        if authority != contexts.get(inventory().cluster, {}).get("ca"):
            text = "has another authority than talos/clusterconfig/talosconfig: it is another cluster's, or an old one"
            yield Problem(Level.CRITICAL, _bundle_location(), text)


def _bundle_location() -> str:
    """Return where the secrets bundle is kept: a document of the store, or a file."""
    kept = look_up(declared.SECRETS, "talos")
    return f"the document {kept['document']}" if "document" in kept else str(kept["file"])


def _of_secrets() -> Iterator[Problem]:
    """Yield a problem for each value that bootstrap/secrets.yaml names and the store lacks."""
    store().refuse_unless_usable()
    for secret in declared.wanted():
        wanted = [key.name for key in secret.keys if key.made != "from age.key"]
        missing = sorted(set(wanted) - store().values(secret).keys()) if wanted else []
        for name in missing:
            fix = f"task secret:set SECRET={secret.name} KEY={name}"
            yield Problem(Level.CRITICAL, f"Secret {secret}", f"has no value for {name}", command=fix)
