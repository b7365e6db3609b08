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

import base64
import binascii
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import yaml

from lib.apps import Repository
from lib.leftovers import leftovers
from lib.reach import unreached

ROOT = Path(__file__).resolve().parents[1]
KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
TEMPLATES = (".tpl", ".tmpl", ".gotmpl", ".j2")

READABLE_SECRETS = {
    "an age secret key": re.compile(r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    "a service account token": re.compile(r"\bops_[A-Za-z0-9_=-]{60,}"),
    "a JSON Web Token": re.compile(r"\beyJhbGci[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "a tunnel token": re.compile(r"\beyJhIjoi[A-Za-z0-9+/=_-]{60,}"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "a file of Connect credentials": re.compile(r"\"encCredentials\"\s*:"),
    "an auth key": re.compile(r"\btskey-[a-z]+-[A-Za-z0-9-]{20,}"),
}
PEM_IN_BASE64 = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{40,}")
PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
# Encrypted by SOPS, a reference that `op` resolves, or a variable that Flux fills in.
NOT_READABLE = re.compile(r"ENC\[.*\]|op://\S.*|\$\{\w+\}", re.DOTALL)


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
            *(Finding(path, line, what) for path, text in texts for line, what in leftovers(path, text)),
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
    for what, pattern in READABLE_SECRETS.items():
        for match in pattern.finditer(text):
            yield Finding(path, line_of(text, match.start()), f"{what} can be read here")
    for match in PEM_IN_BASE64.finditer(text):
        if "PRIVATE KEY" in decoded(match[0]):
            yield Finding(path, line_of(text, match.start()), "a private key, in base64, can be read here")
    if PurePosixPath(path).name.find(".sops.") > 0 and not re.search(r'^\s*"?sops(?:_mac)?"?[:=]', text, re.MULTILINE):
        yield Finding(path, 1, f"is named *.sops.*, but is not encrypted: sops encrypt --in-place {path}")
    if is_yaml(path) or path.endswith((".json", *TEMPLATES)):
        yield from readable_values(path, text)


def readable_values(path: str, text: str) -> Iterator[Finding]:
    """Values of Secrets that are neither encrypted nor a reference."""
    try:
        documents = list(yaml.compose_all(PLACEHOLDER.sub(r"\1", text) if "{{" in text else text, yaml.SafeLoader))
    except yaml.YAMLError:
        if re.search(r"^\s*kind: Secret$", text, re.MULTILINE):
            yield Finding(path, 1, "holds a Secret that can't be checked, because the YAML can't be parsed")
        return
    for document in documents:
        for mapping in mappings(document):
            keys = {key.value: value for key, value in mapping.value if isinstance(key, yaml.ScalarNode)}
            scalar = keys.get("kind")
            is_secret = isinstance(scalar, yaml.ScalarNode) and scalar.value == "Secret"
            for name in ("data", "stringData"):
                if name in keys and (is_secret or name == "stringData"):
                    yield from readable_entries(path, keys[name])
            if "secretGenerator" in keys:
                yield from generated_secrets(path, keys["secretGenerator"])


def readable_entries(path: str, node: yaml.Node) -> Iterator[Finding]:
    """Entries of a Secret's data or stringData that can be read."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        readable = not isinstance(value, yaml.ScalarNode) or not NOT_READABLE.fullmatch(value.value.strip())
        if readable and value.value:
            yield Finding(path, key.start_mark.line + 1, f"the value of {key.value} in this Secret can be read")


def generated_secrets(path: str, node: yaml.Node) -> Iterator[Finding]:
    """Sources of a secretGenerator that can be read."""
    for mapping in mappings(node):
        for key, value in mapping.value:
            for entry in value.value if isinstance(value, yaml.SequenceNode) else []:
                if key.value == "literals" or (key.value in ("files", "envs") and ".sops." not in str(entry.value)):
                    yield Finding(
                        path, entry.start_mark.line + 1, "this secretGenerator takes a value that can be read"
                    )


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """The node's mappings, its own and those inside."""
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from mappings(value)


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


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def decoded(text: str) -> str:
    """The start of what a base64 text says; empty when it is none."""
    try:
        return base64.b64decode(text[: min(80, len(text) // 4 * 4)]).decode(errors="replace")
    except binascii.Error:
        return ""


if __name__ == "__main__":
    sys.exit(main())
