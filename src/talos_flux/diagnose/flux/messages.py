"""Explanations of what Flux, Helm and Kubernetes report of a failure, each with the command that helps.

The messages are those of Flux 2.9: kustomize-controller 1.9, helm-controller 1.6, source-controller 1.9, Helm 4.
"""

import re
from collections.abc import Callable

from talos_flux.diagnose.flux.cause import Cause, brief, check_command, folder_of
from talos_flux.diagnose.flux.names import HOME, events_command, flux_command, key_of, retry_command
from talos_flux.diagnose.flux.source_messages import explain_source
from talos_flux.diagnose.flux.status import timeout_of
from talos_flux.kube.accessors import Object, lasting, namespace_of, spec_of
from talos_flux.kube.kinds import SOURCES

SOURCE_KINDS = {kind.name for kind in SOURCES}

Explain = Callable[["re.Match[str]", Object], Cause]


def explain(item: Object, message: str) -> Cause:
    """Return what an object's message means; the message itself where it is not known."""
    for pattern, tell in PATTERNS:
        if match := re.search(pattern, message, re.DOTALL):
            return tell(match, item)
    if item["kind"] in SOURCE_KINDS:
        return explain_source(item, message)
    return Cause(brief(message) or "is not ready, and says nothing of why", events_command(item))


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


def _syntax(match: "re.Match[str]", item: Object) -> Cause:
    text = f"a ${{...}} in {_built(match.string)} {BAD_VARIABLES[match[1]]}"
    return Cause(f"{text}; write $${{ where it is meant literally", check_command(item))


def _variable_name(match: "re.Match[str]", item: Object) -> Cause:
    text = f"a variable can't be called {match[1]}: letters, digits and _, no digit first"
    return Cause(f"{text}; rename it in what substitute or substituteFrom names", check_command(item))


def _filled_in(match: "re.Match[str]", item: Object) -> Cause:
    text = f"with its variables filled in, {_built(match.string)} can't be read any more: {brief(match[1])}"
    return Cause(f"{text}; quote the field that one of them fills", check_command(item))


def _built(message: str) -> str:
    """Return the object that a message of the build is about."""
    match = re.search(r"post build failed for '(\w+)[^']*/([^'/]+)'", message)
    return f"{match[1]} {match[2]}" if match else "a manifest"


def _no_namespace(match: "re.Match[str]", item: Object) -> Cause:
    text = f"{match[1]} {match[2]} has no namespace: it names none, and the app's ks.yaml no targetNamespace"
    return Cause(text, check_command(item))


def _field(match: "re.Match[str]", item: Object) -> Cause:
    """Explain a value of another type than its field has, or a field that its kind does not have."""
    about, field = _typed(match.string), match[1].strip().lstrip(".")
    expected = re.match(r"expected (\w+)[^,]*, got (.*)", match[2])
    if not expected:
        return Cause(f"{about} has no field {field}", check_command(item))
    wants, hint = EXPECTED.get(expected[1], (expected[1], ""))
    value = re.match(r"&value\.valueUnstructured\{Value:(.*?)\}", expected[2])
    text = f"{field} of {about} has to be {wants}{f', and is {value[1]}' if value else ''}"
    return Cause(f"{text}{hint and f': {hint}'}", check_command(item))


def _typed(message: str) -> str:
    """Return the object that the API server could not read."""
    match = re.search(r"object \((?:[^/;)]*/)?([^/;)]+); [\w./-]+, Kind=(\w+)\)", message)
    return f"{match[2]} {match[1]}" if match else "a manifest"


def _strict(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"the API server can't read it: {brief(match[1])}", check_command(item))


def _invalid(match: "re.Match[str]", item: Object) -> Cause:
    text = f"the API server refuses {match[1].partition('.')[0]} {match[2]}: {brief(match[3])}"
    is_chart = item["kind"] == "HelmRelease"
    return Cause(text, flux_command("debug", item, " --show-values") if is_chart else check_command(item))


def _may_not(match: "re.Match[str]", item: Object) -> Cause:
    user, verb, resource = match.groups()
    text = f"{user.removeprefix('system:serviceaccount:').replace(':', '/')} may not {verb} {resource}"
    return Cause(text, f"kubectl auth can-i {verb} {resource} --as={user}")


def _dependency(match: "re.Match[str]", item: Object) -> Cause:
    text = f"dependsOn names {item['kind']} {match[1] or match[2]}, which is not there"
    return Cause(text, check_command(item))


def _source_missing(match: "re.Match[str]", item: Object) -> Cause:
    kind = {kind.plural: kind.name for kind in SOURCES}.get(match[1], match[1])
    return Cause(f"its source {kind} {match[2]} is not there", check_command(item))


def _not_allowed(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"its source is in another namespace, which this Flux does not allow: {match[1]}", check_command(item))


def _expression(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"an expression of readyExpr or healthCheckExprs is wrong: {brief(match[1])}", check_command(item))


def _unreadable(match: "re.Match[str]", item: Object) -> Cause:
    file = re.sub(r"^/tmp/[^/]+/", "", match[1])
    return Cause(f"{file} is no manifest: {brief(match[2])}", check_command(item))


def _no_age_key_in_it(match: "re.Match[str]", item: Object) -> Cause:
    text = f"can't decrypt: what {match[1]} of Secret {match[2]} holds is not a key"
    return Cause(text, _key_command(match[2]))


def _template(match: "re.Match[str]", item: Object) -> Cause:
    return Cause(f"the chart can't be rendered: {brief(match[1])}", flux_command("debug", item, " --show-values"))


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


# Errors of envsubst, and what is wrong with the ${...} then: https://pkg.go.dev/github.com/fluxcd/pkg/envsubst/parse
BAD_VARIABLES = {
    "missing closing brace": "is not closed",
    "unable to parse variable name": "does not begin with a variable's name, which is letters, digits and _",
    "bad substitution": "has an operator that Flux does not know",
    "unable to parse substitution within function": "has an operator whose text Flux can't read",
    "unable to parse default function": "has a default that Flux can't read",
}
# Types of structured-merge-diff, in words, and how a value becomes one.
EXPECTED = {
    "string": ("text", "quote it"),
    "numeric": ("a number", "write it without quotes"),
    "boolean": ("true or false", "write it without quotes"),
    "list": ("a list", ""),
    "map": ("a mapping", ""),
}

# A message can have 32 KiB, so that a pattern must not be tried anew at every letter of a word.
PATTERNS: tuple[tuple[str, Explain], ...] = (
    (r'no matches for kind "(\w+)" in version "([\w./-]+)"', _kind),
    (r"decryption Secret '([^']+)'.*not found", _no_age_key),
    (r"cannot get sops data key|data key required to decrypt|verify sops data integrity", _other_age_key),
    (r"(?<!\S)(\S+) is SOPS encrypted, configuring decryption is required", _encrypted),
    (r'variable not set \(strict mode\): "(\w+)"', _variable),
    (rf"variable substitution failed: ({'|'.join(BAD_VARIABLES)})", _syntax),
    (r"'([^']+)' var name is invalid", _variable_name),
    (r"(?:envsubst error: YAMLToJSON|post build failed for '[^']*': UnmarshalJSON): (.*)", _filled_in),
    (r"failed to import '([^']+)' data from .*decryption Secret '([^']+)'", _no_age_key_in_it),
    (r"failed to decode Kubernetes YAML from (\S+): (.*)", _unreadable),
    (r"dependency '([^']+)' not found|unable to get '([^']+)' dependency: .*not found", _dependency),
    (r"\b(\w+)\.source\.toolkit\.fluxcd\.io \"([^\"]+)\" not found", _source_missing),
    (r"^Source '(\w+)/([^']+)' not found", _source_missing),
    (r"(can't access '[^']+', cross-namespace references have been blocked)", _not_allowed),
    (r"cross-namespace references are not allowed: (cannot access .*)", _not_allowed),
    (r"failed terminally due to configuration error: (.*)", _expression),
    (r"(?<!\w)(\w+)/([\w.:-]+) namespace not specified", _no_namespace),
    (r"typed patch object \([^)]*\): (?:errors:\s*)?(.*?): (field not declared in schema|expected [^\n]*)", _field),
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
    (r'User "([^"]+)" cannot (\w+) resource "([^"]+)"', _may_not),
    (r"strict decoding error: (.*)", _strict),
    (r'(?<![\w.])([\w.]+) "([\w.-]+)" is invalid: (.*)', _invalid),
    (r"((?:execution error at|parse error (?:at|in)) \(.*|YAML parse error on .*)", _template),
    (r"is in progress for \S+, which is longer than its timeout", _too_long),
    (r"its controller has not looked at it", _unseen),
    (r"should be gone: something keeps it from being deleted", _deleting),
)


def given_up(item: Object) -> str:
    """Return what to do with a release that is not tried again by itself."""
    return f"it has given up; when the cause is gone: {retry_command(item)}"
