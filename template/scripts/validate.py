#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3"]
# ///
"""Check this repository as the commit hook and CI do.

    ./scripts/validate.py

It looks at every file that git tracks or would add, and at the staged text where that differs:

  yamllint   YAML is well formed, and no key stands twice
  kustomize  every kustomization builds, with every file that it lists
  apps       every app is listed in its namespace, and waits only for apps that there are
  secrets    nothing that should be secret can be read, and Flux finds every encrypted file
  conflicts  nothing is left of a merge

Exit code: 0 nothing found, 1 something found, 3 a check could not run.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lib.apps import Repository
from lib.checks import readable
from lib.reach import unreached

ROOT = Path(__file__).resolve().parents[1]
KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
CONFLICT = re.compile(r"^(?:<{7} |>{7} |\|{7} ).*", re.MULTILINE)


class Finding(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class CannotCheck(Exception):
    """Why a check could not run: one sentence."""


def main() -> int:
    """Run all checks and print what they find."""
    try:
        paths = files()
        texts = [*working_texts(paths), *staged_texts()]
        kustomizations = [path for path in paths if is_kustomization(path)]
        findings = [
            *malformed_yaml(paths),
            *broken_kustomizations(kustomizations),
            *(finding for path, text in texts for finding in readable_secrets(path, text)),
            *(finding for path, text in texts for finding in conflicts(path, text)),
            *unlisted_secrets(paths),
            *(Finding(str(path.relative_to(ROOT)), 1, text) for path, text in unreached(Repository(ROOT))),
        ]
    except CannotCheck as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 3
    for finding in sorted(set(findings)):
        print(finding)
    if findings:
        print(f"\n{len(set(findings))} found in {len(paths)} files.", file=sys.stderr)
        return 1
    print(f"Nothing found in {len(paths)} files and {len(kustomizations)} kustomizations.")
    return 0


def tool(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in the repository's root."""
    if not shutil.which(argv[0]):
        raise CannotCheck(f"{argv[0]} is not on PATH: `mise install` installs it.")
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)


def git(*argv: str) -> str:
    """What git prints."""
    done = tool("git", *argv)
    if done.returncode:
        raise CannotCheck(f"git {argv[0]} failed: {done.stderr.strip()}")
    return done.stdout


def files() -> list[str]:
    """Every file that is in the work tree and not ignored."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({path for path in listed if path and (ROOT / path).is_file()})


def working_texts(paths: list[str]) -> Iterator[tuple[str, str]]:
    """The text files of the work tree."""
    for path in paths:
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode(errors="replace")


def staged_texts() -> Iterator[tuple[str, str]]:
    """What the next commit holds, where the work tree holds something else by now; not yet what a merge left open."""
    unmerged = set(git("diff", "--name-only", "--diff-filter=U", "-z").split("\0"))
    for path in git("diff", "--name-only", "--diff-filter=MD", "-z").split("\0"):
        if path and path not in unmerged and "\0" not in (content := git("show", f":{path}")):
            yield path, content


def is_yaml(path: str) -> bool:
    return path.endswith((".yaml", ".yml"))


def is_kustomization(path: str) -> bool:
    """Whether kustomize builds the file's folder; a Component is only ever part of another build."""
    if PurePosixPath(path).name not in KUSTOMIZATIONS:
        return False
    return not re.search(r"^kind: Component$", (ROOT / path).read_text(), re.MULTILINE)


def malformed_yaml(paths: list[str]) -> Iterator[Finding]:
    """What yamllint says."""
    if not (chosen := [path for path in paths if is_yaml(path)]):
        return
    done = tool("yamllint", "--strict", "--format", "parsable", *chosen)
    for line in done.stdout.splitlines():
        if match := re.fullmatch(r"(.+?):(\d+):\d+: (.*)", line):
            yield Finding(match[1].removeprefix("./"), int(match[2]), match[3])
    if done.returncode not in (0, 1, 2) or (done.returncode and not done.stdout):
        raise CannotCheck(f"yamllint failed: {done.stderr.strip()}")


def broken_kustomizations(paths: list[str]) -> Iterator[Finding]:
    """What kustomize says."""

    def build(path: str) -> Finding | None:
        folder = str(PurePosixPath(path).parent)
        done = tool("kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", folder)
        return Finding(path, 1, " ".join(done.stderr.split())) if done.returncode else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(build, paths))


def readable_secrets(path: str, text: str) -> Iterator[Finding]:
    """Secrets that whoever reads the repository could read."""
    found = [*readable.keys_and_tokens(text), *readable.not_encrypted(path, text)]
    if readable.may_hold_values(path):
        found += readable.values(text)
    for line, said in found:
        yield Finding(path, line, said)


def unlisted_secrets(paths: list[str]) -> Iterator[Finding]:
    """Encrypted files of apps that no kustomization lists, or whose Flux Kustomization does not decrypt.

    One is left where `copier update` took the rest of an app away. Flux applies such a folder as it lies, without
    the key, and every app waits for that.
    """
    for path in paths:
        name = PurePosixPath(path)
        if path.startswith("kubernetes/apps/") and ".sops." in name.name:
            listing = ROOT / name.parent / "kustomization.yaml"
            if not listing.exists() or name.name not in listing.read_text():
                yield Finding(path, 1, f"is in no kustomization.yaml: list it in {name.parent}, or delete it")
            ks = ROOT / name.parent.parent / "ks.yaml"
            if not ks.exists() or not re.search(r"^  decryption:", ks.read_text(), re.MULTILINE):
                yield Finding(path, 1, f"is never decrypted: {ks.relative_to(ROOT)} needs spec.decryption")


def conflicts(path: str, text: str) -> Iterator[Finding]:
    """What a merge or `copier update` left to be decided."""
    if path.endswith((".rej", ".orig")):
        yield Finding(path, 1, "is left over from a merge: take what you need from it, then delete it")
    for match in CONFLICT.finditer(text):
        yield Finding(path, readable.line_of(text, match.start()), f"conflict marker: {match[0]}")


if __name__ == "__main__":
    sys.exit(main())
