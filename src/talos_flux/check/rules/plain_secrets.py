"""Rules about secrets that whoever reads the repository could read."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.check.rules.registration import is_of_chart, is_put_away
from talos_flux.manifests import readable_secrets
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.objects import HELM, Object, Place, walk
from talos_flux.manifests.providers import is_of_bootstrap
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.repository.files import RepositoryFile, Unreadable, documents

# The end of a name counts: passwordKey and tokenSecretName say where a value is, and not the value itself.
NAMED_SO = re.compile(
    r"(?:password|passwd|passphrase|(?:^|_)pass|token|api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key"
    r"|(?:client|cookie|hmac|jwt|session|shared|webhook)[_-]?secret)$",
    re.IGNORECASE,
)
# Folders of files with placeholders of Jinja, whatever they are called.
OF_ANSIBLE = {"ansible", "playbooks", "roles"}
# Folders of code of others, whose tests have keys that everybody knows.
OF_OTHERS = {"ansible_collections", "node_modules", "third_party", "vendor"}
# Names of environment variables, which hold a value and never the name of a Secret.
VARIABLE_NAMED_SO = re.compile(r"[A-Z0-9_]*(?:SECRET|SECRET_KEY)")
# What SOPS leaves in a file that it has encrypted, as YAML, JSON, dotenv or INI.
OF_SOPS = re.compile(r"""^\s*["']?(?:sops|sops_mac|mac|sops_version)["']?\s*[:=].*""", re.MULTILINE)
IS_PASSWORD = re.compile(r"pass(?:word|wd|phrase)?$", re.IGNORECASE)
# Beside it, or around it, these say that a value comes from a Secret, whose key stands here.
POINTS_ELSEWHERE = re.compile(
    r"existing|secretName|secretKeys?$|SecretRef|KeyRef|valueFrom|remoteRef|fromSecret", re.IGNORECASE
)
# Paths, references that some program resolves, templates, variables, comparisons.
REFERENCE = re.compile(
    r"[./~$%!<@{].*|.*(?:\$[({]|\{\{|\$__|op://|ENC\[|ref\+|<[\w -]+>).*|(?:env|file|vault|os\.environ|secret)[:./(].*"
    r"|https?://[^@]*",
    re.DOTALL | re.IGNORECASE,
)
# Placeholders for a program that requires a value and does not use it.
MEANS_NOTHING = re.compile(
    r"true|false|yes|no|on|off|none|null|nil|unused|disabled|enabled|not[-_ ]?(?:used|needed|required|set)|dummy|fake"
    r"|ignored|optional|required|external|auto|random|generated?|redacted|x+|\*+|-+",
    re.IGNORECASE,
)


@rule(
    "secret-plain",
    Severity.ERROR,
    "Whoever reads the repository, now or in its history, has this value.",
    "Change the value where it is used, then encrypt it with SOPS or take it from a store such as 1Password.",
)
def secret_plain(cluster: Cluster) -> Violations:
    """Find readable Secrets in manifests, generators and templates."""
    unreadable = {place.path for place, _ in cluster.unreadable}
    for file in cluster.files.values():
        # An unreadable manifest is a finding of not-yaml, one that is not encrypted of secret-not-encrypted, and a
        # chart's template is none.
        is_other = file.path in unreadable or is_of_chart(cluster, file.path) or _is_not_encrypted(file)
        for line, problem in plain(file.path, file.text) if not is_other else ():
            # What a generator takes is a file of its own, of which only its use tells that it is a secret.
            if not (is_put_away(file.path) and problem == readable_secrets.GENERATES):
                yield Place(file.path, line), problem


def plain(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and sentence of readable values of Secrets in a file's text.

    A text that can't be read, such as one that spells out a billion values, is not looked into.
    """
    if not readable_secrets.may_hold_values(path) or not re.search(r"Secret|stringData|secretGenerator", text):
        return
    is_jinja = path.endswith((".j2", ".jinja")) or not OF_ANSIBLE.isdisjoint(path.split("/"))
    try:
        list(documents(readable_secrets.without_placeholders(text, is_jinja=is_jinja)))
    except Unreadable as reason:
        # What makes a template YAML is not known here; without a placeholder, nothing has to.
        is_template = path.endswith(readable_secrets.TEMPLATES) and readable_secrets.PLACED.search(text)
        if not is_template and re.search(r"^\s*kind: Secret$", text, re.MULTILINE):
            yield reason.line, f"holds a Secret that can't be checked: it {reason}"
        return
    yield from readable_secrets.values(text, is_jinja=is_jinja)


@rule(
    "secret-not-encrypted",
    Severity.ERROR,
    "The name says that the file is encrypted, so nobody looks at what is in it.",
    "Encrypt it: sops encrypt --in-place with its path.",
)
def secret_not_encrypted(cluster: Cluster) -> Violations:
    """Find files that are called *.sops.* and that SOPS has not encrypted."""
    for file in cluster.files.values():
        if ".sops." in file.name:
            for line, problem in readable_secrets.not_encrypted(file.path, file.text):
                yield Place(file.path, line), f"{file.name} {problem}"


def _is_not_encrypted(file: RepositoryFile) -> bool:
    """Return whether a file is a finding of secret-not-encrypted: what can be read in it goes away with that."""
    return ".sops." in file.name and any(readable_secrets.not_encrypted(file.path, file.text))


@rule(
    "secret-readable",
    Severity.ERROR,
    "Whoever reads the repository, now or in its history, has this key.",
    "Revoke it where it was made, then take it out.",
)
def secret_readable(cluster: Cluster) -> Violations:
    """Find private keys and tokens in any file, each kind once in a file."""
    for file in cluster.files.values():
        if OF_OTHERS.isdisjoint(file.path.split("/")) and not _is_not_encrypted(file):
            by_problem: dict[str, list[int]] = {}
            for line, problem in readable_secrets.keys_and_tokens(file.text):
                by_problem.setdefault(problem, []).append(line)
            for problem, lines in by_problem.items():
                others = f", as in {len(lines) - 1} more places of the file" if len(lines) > 1 else ""
                yield Place(file.path, min(lines)), f"{problem}{others}"


@rule(
    "secret-not-decrypted",
    Severity.ERROR,
    "Flux applies an encrypted Secret as it is, and the app reads the cipher.",
    "Set spec.decryption in the Kustomization that applies it.",
)
def secret_not_decrypted(cluster: Cluster) -> Violations:
    """Find encrypted objects that a Kustomization without decryption applies."""
    for kustomization in cluster.kustomizations:
        if mapping(kustomization.spec.get("decryption")).get("provider"):
            continue
        for item in kustomization.objects:
            names = _encrypted_files(cluster, item) if "generatedBy" in item.content else []
            if "sops" in item.content or names:
                of = f", made of {names[0]}," if names else ""
                yield (
                    item.at(),
                    f"{kustomization} applies {item.kind} {item.name}{of} which is encrypted, and does not decrypt",
                )


def _encrypted_files(cluster: Cluster, item: Object) -> list[str]:
    """Return the files of a generator that SOPS has encrypted; Flux decrypts these, too."""
    entry = mapping(item.content.get("generatedBy"))
    names = [str(name).rpartition("=")[2] for key in ("files", "envs") for name in sequence(entry.get(key))]
    files = [cluster.files.get(posixpath.normpath(f"{item.file.folder}/{name}")) for name in names]
    return [file.name for file in files if file and OF_SOPS.search(file.text)]


@rule(
    "decryption-key-spread",
    Severity.WARNING,
    "Whoever reads the Secrets of one namespace that has the key can decrypt every secret of the repository.",
    "Keep Flux's Kustomizations in one namespace, or give kustomize-controller the key with --sops-age-secret.",
)
def decryption_key_spread(cluster: Cluster) -> Violations:
    """Find Secrets with which Flux decrypts in more than one namespace, once for each name."""
    keys = {
        mapping(mapping(kustomization.spec.get("decryption")).get("secretRef")).get("name")
        for kustomization in cluster.kustomizations
    }
    holders: dict[str, dict[str, Object]] = {}
    for item in cluster.applied:
        if item.is_a("Secret", "") and item.name in keys:
            holders.setdefault(item.name, {}).setdefault(item.namespace, item)
    for name, items in holders.items():
        if len(items) > 1:
            place = next(iter(items.values())).at("metadata", "name")
            yield place, f"{len(items)} namespaces have the key {name}: {', '.join(sorted(items))}"


@rule(
    "secret-not-listed",
    Severity.ERROR,
    "An encrypted file that no kustomization.yaml lists is left over, or missing in the cluster.",
    "List it in the kustomization.yaml of its folder, or delete it.",
)
def secret_not_listed(cluster: Cluster) -> Violations:
    """Find encrypted manifests in folders without kustomization.yaml, left where an update took the rest away.

    What a script or bootstrap applies has its name there, or is in its folder.
    """
    applied = {item.file.path for item in cluster.applied}
    for path, items in cluster.by_file.items():
        file = items[0].file
        if "sops" not in items[0].content or path in applied or cluster.kustomize_file(file.folder):
            continue
        if not is_put_away(path) and not is_of_bootstrap(file) and file.name not in made_in(cluster).by_hand:
            yield items[0].at(), f"{items[0].kind} {items[0].name} is applied by nobody"


@rule(
    "secret-in-values",
    Severity.WARNING,
    "Whoever reads the repository, now or in its history, has this password.",
    "Change it, and take it from a Secret: by the chart's own key for one, secretKeyRef, envFrom or valuesFrom.",
)
def secret_in_values(cluster: Cluster) -> Violations:
    """Find passwords and tokens in values of HelmReleases and in environment variables."""
    secrets = {item.name for item in cluster.applied if "Secret" in item.kind or item.kind == "OnePasswordItem"}
    for item in cluster.applied:
        for name, value, keys in _literals(item):
            if is_named_so(name) and is_secret(name, value) and value not in secrets:
                yield item.at(*keys), f"{item.kind} {item.name} holds a value for {name} that can be read"


def is_named_so(name: str) -> bool:
    """Return whether a name is that of a secret value."""
    return bool(NAMED_SO.search(name) or VARIABLE_NAMED_SO.fullmatch(name))


def is_secret(name: str, value: Any) -> bool:
    """Return whether a value is one that somebody could use: no reference, no switch, no name of a place."""
    if isinstance(value, bool) or value is None:
        return False
    text = str(value).strip()
    if not text or REFERENCE.fullmatch(text) or MEANS_NOTHING.fullmatch(text):
        return False
    if IS_PASSWORD.search(name):
        return True
    # Tokens are long; a short text or a number is a count, a duration or a name.
    return isinstance(value, str) and len(text) >= 8 and not text.isdigit() and " " not in text


def _literals(item: Object) -> Iterator[tuple[str, Any, tuple[str | int, ...]]]:
    """Yield names and values with their keys: of a HelmRelease every value, of anything else environment variables."""
    is_release = item.is_a("HelmRelease", HELM)
    start: tuple[str | int, ...] = ("spec", "values") if is_release else ()
    for keys, value in walk(item.get(*start), start):
        if not isinstance(value, dict) or _points_elsewhere(keys[len(start) :], value):
            continue
        if isinstance(value.get("name"), str) and "value" in value and "env" in keys[-2:]:
            yield value["name"], value["value"], (*keys, "value")
        elif is_release:
            for name, inner in value.items():
                if isinstance(inner, dict) and keys[-1] == "env" and "value" in inner:
                    yield str(name), inner["value"], (*keys, name, "value")
                elif not isinstance(inner, (dict, list)):
                    yield str(name), inner, (*keys, name)


def _points_elsewhere(keys: tuple[str | int, ...], value: dict[Any, Any]) -> bool:
    """Return whether a mapping is about a Secret that is elsewhere, and names its keys."""
    around = any(POINTS_ELSEWHERE.search(str(key)) for key in keys)
    return around or any(POINTS_ELSEWHERE.search(str(key)) and inner for key, inner in value.items())
