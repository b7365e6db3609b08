"""Explanations of what Flux, Helm and Kubernetes report of a failure, each with the command that helps.

The messages are those of Flux 2.9: kustomize-controller 1.9, helm-controller 1.6, source-controller 1.9, Helm 4.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from talos_flux.diagnose.flux.names import HOME, events_command, flux_command, key_of, retry_command
from talos_flux.diagnose.flux.status import timeout_of
from talos_flux.kube.accessors import Object, lasting, namespace_of, spec_of
from talos_flux.kube.kinds import SOURCES

LONGEST = 300
SOURCE_KINDS = {kind.name for kind in SOURCES}


class Cause(NamedTuple):
    """The cause of a failure: `text` without a full stop, and `command`, the one that helps."""

    text: str
    command: str


Explain = Callable[["re.Match[str]", Object], Cause]


def explain(item: Object, message: str) -> Cause:
    """Return what an object's message means; the message itself where it is not known."""
    for pattern, tell in PATTERNS:
        if match := re.search(pattern, message, re.DOTALL):
            return tell(match, item)
    if item["kind"] in SOURCE_KINDS:
        return _source(item, message)
    return Cause(brief(message) or "is not ready, and says nothing of why", events_command(item))


def brief(message: str) -> str:
    """Return a message in one line of limited length, without what only a debugger wants."""
    text = " ".join(message.partition("\n\nLast Helm logs")[0].split())
    text = re.sub(r"^Helm (\w+) failed for release \S+ with chart (\S+): ", r"Helm's \1 of \2 failed: ", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def folder_of(item: Object) -> str:
    """Return the folder of the repository that a Kustomization applies; empty for other objects."""
    return str(spec_of(item).get("path") or "").removeprefix("./").strip("/")


def check_command(item: Object) -> str:
    """Return the command that finds the mistake in the files of an object's app."""
    folder = "/".join(folder_of(item).split("/")[:4])
    return f"task check -- {folder}" if folder.startswith("kubernetes/apps/") else "task check"


def _kind(match: "re.Match[str]", item: Object) -> Cause:
    kind, version = match.groups()
    text = f"needs the kind {kind} of {version}, which the cluster does not know: the app that brings it is not there"
    return Cause(f"{text}, or dependsOn does not name it", f"kubectl api-resources --api-group={version.split('/')[0]}")


def _no_age_key(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"can't decrypt: Secret {match[1]} with the age key is not there", _key_command(match[1]))


def _secret(match: "re.Match[str]", item: Object) -> Cause:
    if match[1] == _key_secret(item):
        return Cause(
            f"can't decrypt: Secret {match[1]} with the age key is not there", _key_command(f"{HOME}/{match[1]}")
        )
    namespace = namespace_of(item)
    return Cause(
        f"Secret {namespace}/{match[1]} is not there", f"kubectl --namespace {namespace} get secret {match[1]}"
    )


def _other_age_key(match: "re.Match[str]", item: Object) -> Cause:
    secret = _key_secret(item)
    secret_match = re.search(r"decrypt and format '([^']+)' Secret", match.string)
    text = f"can't decrypt {f'Secret {secret_match[1]}' if secret_match else 'a file'}"
    text = f"{text}: the age key in Secret {secret} is not one it is encrypted for"
    return Cause(text, _key_command(f"{HOME}/{secret}"))


def _key_secret(item: Object) -> str:
    reference = (spec_of(item).get("decryption") or {}).get("secretRef") or {}
    return str(reference.get("name", "sops-age"))


def _key_command(secret: str) -> str:
    namespace, _, name = secret.rpartition("/")
    return "task bootstrap:apps" if name == "sops-age" else f"kubectl --namespace {namespace} get secret {name}"


def _encrypted(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"{match[1]} is encrypted, and the app's ks.yaml has no decryption", check_command(item))


def _variable(match: "re.Match[str]", item: Object) -> Cause:
    name = match[1]
    text = f"${{{name}}} is set nowhere: add it to cluster-settings, or write $${{{name}}} where it is meant literally"
    return Cause(text, check_command(item))


def _substitutes(match: "re.Match[str]", item: Object) -> Cause:
    kind, name = match.groups()
    text = f"{kind} {name} in {namespace_of(item)}, which has values for it, is not there"
    return Cause(text, f"kubectl --namespace {namespace_of(item)} get {kind.lower()} {name}")


def _values(match: "re.Match[str]", item: Object) -> Cause:
    kind, namespace, name, key, reason = match.groups()
    lacks = "is not there" if "not found" in reason and "key" not in reason else f"has no key {key}"
    text = f"{kind} {namespace}/{name}, which has values for it, {lacks}"
    return Cause(text, f"kubectl --namespace {namespace} describe {kind.lower()} {name}")


def _schema(match: "re.Match[str]", item: Object) -> Cause:
    errors = re.findall(r"^\s*- (at .*)$", match.string, re.MULTILINE)
    summary = "; ".join(errors) or brief(match[1])
    return Cause(f"the chart refuses the values: {summary}", flux_command("debug", item, " --show-values"))


def _immutable(match: "re.Match[str]", item: Object) -> Cause:
    kind, name = match[1].partition(".")[0], match[2]
    field_match = re.search(r'is invalid: ([\w.\[\]"-]+):', match[0])
    where = f" ({field_match[1]})" if field_match else ""
    text = f"{kind} {name} can't be changed in place{where}"
    where = spec_of(item).get("targetNamespace") or namespace_of(item)
    named = re.search(rf"{kind}/([\w.-]+)/{re.escape(name)}\b", match.string) or re.search(
        rf"object ([\w.-]+)/{re.escape(name)} ", match.string
    )
    kubectl = f"kubectl --namespace {named[1] if named else where}"
    if kind == "PersistentVolumeClaim":
        return Cause(f"{text}: its data would be lost with it", f"{kubectl} describe {kind.lower()} {name}")
    keep = " --cascade=orphan" if kind == "StatefulSet" else ""
    return Cause(f"{text}: delete it, and Flux makes it anew", f"{kubectl} delete {kind.lower()} {name}{keep}")


def _namespace(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"namespace {match[1]} is not there", check_command(item))


def _path(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"its path {folder_of(item)} is not in the repository", check_command(item))


def _build(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"does not build: {brief(match[1])}", f"kubectl kustomize {folder_of(item) or '.'}")


def _timeout(match: "re.Match[str]", item: Object) -> Cause:
    late = [
        f"{kind} {name} ({status})"
        for kind, name, status in re.findall(r"(\w+)/(\S+) status: '(\w+)'", match[1])
    ]  # fmt: skip
    text = f"not ready in time: {', '.join(late) or brief(match[1])}"
    first = re.search(r"(\w+)/([\w.-]+)/(\S+) status:", match[1])
    command = f"kubectl --namespace {first[2]} describe {first[1].lower()} {first[3]}" if first else ""
    return Cause(text, command or events_command(item))


def _late(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"was not done in its time of {lasting(timeout_of(item).total_seconds())}", events_command(item))


def _webhook(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"the webhook {match[1]} refuses it: {brief(match[2])}", events_command(item))


def _silent_webhook(match: "re.Match[str]", item: Object) -> Cause:
    text = f"the webhook {match[1]} that should judge it does not answer: its pods are not ready"
    return Cause(text, "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations")


def _owned(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"{match[1]} {match[2]} is there already and belongs to something else", events_command(item))


def _pod_security(match: "re.Match[str]", item: Object) -> Cause:
    text = f"its pods want more than the namespace's pod security level {match[1]} allows: {brief(match[2])}"
    return Cause(text, f"kubectl get namespace {namespace_of(item)} --show-labels")


def _too_long(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(match[0], events_command(item))


def _unseen(match: "re.Match[str]", item: Object) -> Cause:
    controller = {"Kustomization": "kustomize-controller", "HelmRelease": "helm-controller"}
    name = controller.get(item["kind"], "source-controller")
    return Cause(f"{name} has not looked at it", f"kubectl --namespace {HOME} get deployment {name}")


def _deleting(match: "re.Match[str]", item: Object) -> Cause:
    key = key_of(item)
    return Cause(match[0], f"kubectl --namespace {key.namespace} describe {key.kind.lower()} {key.short}")


# A message can have 32 KiB, so that a pattern must not be tried anew at every letter of a word.
PATTERNS: tuple[tuple[str, Explain], ...] = (
    (r'no matches for kind "(\w+)" in version "([\w./-]+)"', _kind),
    (r"decryption Secret '([^']+)'.*not found", _no_age_key),
    (r"cannot get sops data key|data key required to decrypt|verify sops data integrity", _other_age_key),
    (r"(?<!\S)(\S+) is SOPS encrypted, configuring decryption is required", _encrypted),
    (r'variable not set \(strict mode\): "(\w+)"', _variable),
    (r"substitute from '(ConfigMap|Secret)/([^']+)' error: .*not found", _substitutes),
    (
        r"could not resolve (Secret|ConfigMap) chart values reference '([^/']+)/([^']+)' with key '([^']+)': (.*)",
        _values,
    ),
    (r'^secrets "([^"]+)" not found$', _secret),
    (r"values don't meet the specifications of the schema\(?s?\)?(.*)", _schema),
    (
        r'(?<![\w.])([\w.]+) "([\w.-]+)" is invalid: (?:(?!is invalid: ).)*(?:immutable|may not change|are forbidden)',
        _immutable,
    ),
    (r'namespaces "([^"]+)" not found', _namespace),
    (r"kustomization path not found", _path),
    (r'admission webhook "([^"]+)" denied the request: (.*)', _webhook),
    (r'failed calling webhook "([^"]+)"', _silent_webhook),
    (r'violates PodSecurity "([^":]+)[^"]*": (.*)', _pod_security),
    (r"\b(\w+) \"([\w.-]+)\" in namespace \S+ exists and cannot be imported into the current release", _owned),
    (r"(?:timeout waiting for|stalled resources): \[(.*)\]", _timeout),
    (r"context deadline exceeded|would exceed context deadline", _late),
    (r"kustomize build failed: (.*)", _build),
    (r"is in progress for \S+, which is longer than its timeout", _too_long),
    (r"its controller has not looked at it", _unseen),
    (r"should be gone: something keeps it from being deleted", _deleting),
)

# Why a source can't be fetched: messages of git, registries and Go's network.
UNFETCHED = (
    (r"host key|knownhosts", "the server's host key is another than the one that is expected"),
    (
        r"(?i)authentication required|unable to authenticate|permission denied|unauthorized|denied|\b40[13]\b",
        "it is not allowed to read this: the credentials are missing or wrong",
    ),
    (
        r"(?i)manifest_?unknown|name_unknown|no match found|no chart (?:version|name) found|not found|\b404\b"
        r"|couldn't find remote ref",
        "there is no such thing to fetch: the tag, the version, the branch or the address is wrong",
    ),
    (
        r"(?i)no such host|dial tcp|i/o timeout|connection refused|deadline exceeded|timed? ?out|EOF",
        "it can't be reached",
    ),
    (r"(?i)x509|certificate|tls:", "its certificate is not accepted"),
)


def _source(item: Object, message: str) -> Cause:
    retry = flux_command("reconcile", item)
    url = spec_of(item).get("url", "")
    tag = (spec_of(item).get("ref") or {}).get("tag") or spec_of(item).get("version")
    address = f"{url} {tag}" if tag else str(url)
    for pattern, text in UNFETCHED:
        if re.search(pattern, message):
            return Cause(f"can't be fetched from {address}: {text}", retry)
    return Cause(f"can't be fetched from {address}: {brief(message) or 'no reason given'}", retry)


def given_up(item: Object) -> str:
    """Return what to do with a release that is not tried again by itself."""
    return f"it has given up; when the cause is gone: {retry_command(item)}"
