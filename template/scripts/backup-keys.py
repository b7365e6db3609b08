#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Say whether every key is where it must be, and which copies bring the cluster back. No value is printed.

Exit codes: 0 all are there, 2 something is missing, 3 the check itself failed.
"""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from lib import secrets, snapshots, sops, talos
from lib.arguments import FAILED, Parser
from lib.cluster import inventory, look_up, repository_url, short
from lib.health.problems import Level, Part, Problem
from lib.health.report import Report, show
from lib.process import AGE_KEY, ROOT, TALOSCONFIG, ToolFailed, run
from lib.refusal import Refusal
from lib.store import store
from lib.terminal import command, out


def of_age_key() -> Iterator[Problem]:
    """It is there, private, and decrypts every file that SOPS has encrypted."""
    sops.refuse_unless_usable()
    if stat.S_IMODE(AGE_KEY.stat().st_mode) & 0o077:
        yield Problem(Level.CRITICAL, "age.key", "can be read by others on this computer", command="chmod 600 age.key")
    for path in encrypted():
        try:
            if sops.is_encrypted(path):
                sops.decrypt(path)
            else:
                yield Problem(Level.CRITICAL, short(path), "is in clear", command="task configure")
        except ToolFailed as failed:
            said = " ".join(failed.said.split())
            yield Problem(Level.CRITICAL, short(path), f"can't be decrypted with age.key: {said}")


def encrypted() -> list[Path]:
    """The files that SOPS keeps."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.sops.*").splitlines()
    return [ROOT / name for name in listed if name != ".sops.yaml" and (ROOT / name).exists()]


def of_talos() -> Iterator[Problem]:
    """The bundle from which every certificate of the cluster is made, and whether it is this cluster's."""
    bundle = store().talos_secrets()
    if bundle is None:
        yield Problem(Level.CRITICAL, place_of_bundle(), "is not there: without it no node can be added or replaced")
        return
    try:
        authority = yaml.safe_load(bundle)["certs"]["os"]["crt"]
    except (yaml.YAMLError, KeyError, TypeError):
        yield Problem(Level.CRITICAL, place_of_bundle(), "is no secrets bundle of Talos")
        return
    if talos.has_talosconfig():
        contexts = yaml.safe_load(TALOSCONFIG.read_text())["contexts"]
        if authority != contexts.get(inventory().cluster, {}).get("ca"):
            text = "has another authority than talos/clusterconfig/talosconfig: it is another cluster's, or an old one"
            yield Problem(Level.CRITICAL, place_of_bundle(), text)


def place_of_bundle() -> str:
    """Where the bundle is kept."""
    kept = look_up(secrets.SECRETS, "talos")
    return f"the document {kept['document']}" if "document" in kept else str(kept["file"])


def of_secrets() -> Iterator[Problem]:
    """Every value that bootstrap/secrets.yaml names."""
    store().refuse_unless_usable()
    for secret in secrets.wanted():
        wanted = [key.name for key in secret.keys if key.made != "from age.key"]
        missing = sorted(set(wanted) - store().values(secret).keys()) if wanted else []
        for name in missing:
            fix = f"task secret:set SECRET={secret.name} KEY={name}"
            yield Problem(Level.CRITICAL, f"Secret {secret}", f"has no value for {name}", command=fix)


def part(name: str, looked_at: str, look: Callable[[], Iterator[Problem]]) -> Part:
    """One check; where it can't go on, that is what is wrong."""
    try:
        return Part(name, looked_at, tuple(look()))
    except Refusal as refusal:
        return Part(name, looked_at, (Problem(Level.CRITICAL, name, str(refusal).rstrip(".")),))


def copies() -> list[str]:
    """What a person needs to have outside of this computer and this cluster."""
    kept = look_up(secrets.SECRETS, "backend")
    newest = snapshots.newest(inventory())
    lines = [
        f"this repository, as pushed to {repository_url()}",
        "age.key, in your password manager: nobody else has it",
    ]
    if kept == "onepassword":
        vault = look_up(secrets.SECRETS, "vault")
        lines.append(f"the way into 1Password (Emergency Kit, on paper): the vault {vault} has the other keys")
    else:
        lines.append("nothing more for the other keys: they are in this repository, encrypted for age.key")
    state = (
        f"the newest is {snapshots.described(newest)}"
        if newest
        else "there is none yet, `task etcd:snapshot` makes one"
    )
    return [*lines, f"a snapshot of etcd, if you want its state back and not only what is in Git: {state}"]


def main() -> int:
    """Looks, decrypts in memory, and changes nothing."""
    parser = Parser(__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    report = Report(
        [
            part("age.key", f"decrypts {len(encrypted())} files", of_age_key),
            part("keys of Talos", place_of_bundle(), of_talos),
            part("secrets", f"{len(secrets.wanted())} of bootstrap/secrets.yaml", of_secrets),
        ],
        verbose=True,
    )
    show(report, out, as_json=arguments.json)
    if not arguments.json:
        out.print("Keep outside of this computer and of the cluster:")
        for line in copies():
            out.print(f"  - {line}", markup=False)
    return Level.CRITICAL if report.level else 0


if __name__ == "__main__":
    command(main, failed=FAILED)
