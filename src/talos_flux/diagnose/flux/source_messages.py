"""Explanations of what source-controller reports when it can't fetch: messages of git, registries and Go's network."""

import re

from talos_flux.diagnose.flux.cause import Cause, brief, check_command
from talos_flux.diagnose.flux.names import flux_command
from talos_flux.kube.accessors import Object, namespace_of, spec_of

# What is wrong in the file that declares the source: trying again changes nothing before it does.
DECLARED_WRONGLY = (
    (
        r"cannot parse hash|unsupported hash|non-hex character in hash|wrong number of hex digits|"
        r"a digest must contain exactly|unsupported digest algorithm|invalid digest",
        "its digest is not sha256: and 64 hexadecimal digits",
    ),
    (
        r"semver '[^']*' parse error|semver parse error|improper constraint|invalid semantic version"
        r"|invalid version/constraint",
        "its version is neither one nor a range of versions",
    ),
    (r"URL must not contain a tag", "its address has a tag, which belongs into ref.tag"),
    (
        r"URL must be in format|could not parse reference|can only contain the characters|valid RFC 3986"
        r"|a repository name must be|must specify a tag name|invalid OCI registry URL|invalid Helm repository URL"
        r"|cannot parse url|URL scheme cannot be used|URL validation failed",
        "its address is not one of the kind that is expected",
    ),
    (r"invalid chart name '", "its chart's name is not one"),
    (r"sparse checkout dir '\S+' (?:does not exist|cannot be resolved)", "a folder of sparseCheckout is not in it"),
)
# What was fetched is something else than it should be.
NO_CHART = (
    r"gzip: invalid header|\btar error|\btar contained invalid|invalid tar header|no layers found in artifact"
    r"|failed to find layer with media type|no 'Chart\.yaml' found"
)
# What another try may fetch, when its cause is gone.
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


def explain_source(item: Object, message: str) -> Cause:
    """Return why a source can't be fetched, with the command that helps."""
    fetched = f"can't be fetched from {_address(item)}"
    if match := re.search(r"secret '(?:[^'/]+/)?([^'/]+)': .*not found", message):
        return _no_secret(item, match[1])
    for pattern, text in DECLARED_WRONGLY:
        if match := re.search(pattern, message):
            return Cause(f"{fetched}: {text} ({brief(message[match.start() :])})", check_command(item))
    if match := re.search(NO_CHART, message):
        text = "what is there is no chart, or layerSelector takes another layer of it"
        return Cause(f"{fetched}: {text} ({brief(message[match.start() :])})", _show_command(item))
    if "no matching signatures were found" in message:
        text = "nobody whom verify names has signed it"
        return Cause(f"{fetched}: {text}", _describe_command(item))
    retry = flux_command("reconcile", item)
    for pattern, text in UNFETCHED:
        if re.search(pattern, message):
            return Cause(f"{fetched}: {text}", retry)
    return Cause(f"{fetched}: {brief(message) or 'no reason given'}", retry)


def _address(item: Object) -> str:
    spec = spec_of(item)
    ref = spec.get("ref") or {}
    version = ref.get("digest") or ref.get("tag") or ref.get("semver") or spec.get("version")
    return " ".join(str(part) for part in (spec.get("url", ""), version) if part)


def _no_secret(item: Object, name: str) -> Cause:
    """`task bootstrap:apps` makes the deploy key of this repository, before Flux can read anything."""
    namespace = namespace_of(item)
    if item["kind"] == "GitRepository" and name == "deploy-key":
        command = "task bootstrap:apps"
    else:
        command = f"kubectl --namespace {namespace} get secret {name}"
    return Cause(f"can't be fetched: Secret {namespace}/{name} with the credentials is not there", command)


def _show_command(item: Object) -> str:
    """Return the command that shows whether there is a chart at an address."""
    url, ref = str(spec_of(item).get("url", "")), spec_of(item).get("ref") or {}
    if not url.startswith("oci://"):
        return _describe_command(item)
    if digest := ref.get("digest"):
        return f"helm show chart {url}@{digest}"
    version = ref.get("tag") or ref.get("semver")
    return f"helm show chart {url}" + (f" --version '{version}'" if version else "")


def _describe_command(item: Object) -> str:
    return f"kubectl --namespace {namespace_of(item)} describe {item['kind'].lower()} {item['metadata']['name']}"
