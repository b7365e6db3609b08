"""Secrets that whoever reads a repository could read: in any text, and in the values of Secrets.

Each finding is a line and a sentence, which never repeats the secret.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml

from talos_flux.manifests.secret_values import FILLED_IN, is_secret
from talos_flux.repository.files import composed

TEMPLATES = (".tpl", ".tmpl", ".gotmpl", ".j2")
EXAMPLES = (".example", ".sample", ".dist")
PATTERNS = {
    "an age secret key": re.compile(r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}"),
    # With at least a part of the key: a script or a page can speak of the line alone.
    "a private key": re.compile(
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\n|[\w-]+: \S.*\n)*[A-Za-z0-9+/=]{10,}"
    ),
    "a service account token": re.compile(r"\bops_[A-Za-z0-9_=-]{60,}"),
    "a JSON Web Token": re.compile(r"\beyJhbGci[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "a tunnel token": re.compile(r"\beyJhIjoi[A-Za-z0-9+/=_-]{60,}"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "a file of Connect credentials": re.compile(r"\"encCredentials\"\s*:"),
    "an auth key": re.compile(r"\btskey-[a-z]+-[A-Za-z0-9-]{20,}"),
}
MADE_UP = re.compile(r"[xX]{8,}|(?:\.\.\.|example)")
PEM_IN_BASE64 = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{40,}")
# How a placeholder begins that is a variable: of Jinja any word, of Go's templates one with a dot.
JINJA_VARIABLE = re.compile(r"(?!.*://)[\w.]")
GO_VARIABLE = re.compile(r"[.$]\w")
# What files that are encrypted, or that hold public keys, are called.
ENCRYPTED_NAME = re.compile(r"\.(?:sops|enc|encrypted|age|gpg)\.|\.(?:age|gpg|pub|crt|cer|asc)$")
# How anything begins that a program replaces: Jinja's, Go's and op's, and cluster-template's signs.
PLACED = re.compile(r"\{\{|\{%|#\{|#%|%\{")
PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
# Statements and comments of Jinja, also with the signs that cluster-template takes, and its values there.
STATEMENT = re.compile(r"^[ \t]*(?:\{%.*?%\}|\{#.*?#\}|#%.*?%#|#\|.*?#\|)[ \t]*$", re.MULTILINE)
OF_CLUSTER_TEMPLATE = re.compile(r"#\{\s*(.*?)\s*\}#")
# VolSync takes it from the Secret, beside the keys; it is no secret without a user and a password.
ADDRESS = re.compile(r"RESTIC_REPOSITORY=[^@]*")

GENERATES = "this secretGenerator takes a value that can be read"

Problems = Iterator[tuple[int, str]]


def keys_and_tokens(text: str) -> Problems:
    """Find private keys and tokens by how they look."""
    for kind, pattern in PATTERNS.items():
        for match in pattern.finditer(text):
            # What an API's documentation shows instead of one.
            if MADE_UP.search(match[0]):
                continue
            yield line_of(text, match.start()), f"{kind} can be read here"
    for match in PEM_IN_BASE64.finditer(text):
        if "PRIVATE KEY" in decoded(match[0]):
            yield line_of(text, match.start()), "a private key, in base64, can be read here"


def not_encrypted(path: str, text: str) -> Problems:
    """Find a file whose name says that it is encrypted, and that is not."""
    is_template = path.endswith(TEMPLATES)
    if (
        PurePosixPath(path).name.find(".sops.") > 0
        and not is_template
        and not path.endswith(EXAMPLES)
        and text.strip()
        and not re.search(r'^\s*"?sops(?:_mac)?"?[:=]', text, re.MULTILINE)
    ):
        yield 1, f"is named *.sops.*, but is not encrypted: sops encrypt --in-place {path}"


def may_hold_values(path: str) -> bool:
    """Return whether a file can be a manifest, or become one."""
    return path.endswith((".yaml", ".yml", ".json", *TEMPLATES))


def without_placeholders(text: str, *, is_jinja: bool = False) -> str:
    """Return a template with a word for its placeholders, which is then YAML most of the time.

    A reference such as op:// stays, and so does what is no variable: that can be a secret.
    """
    if not PLACED.search(text):
        return text
    variable = JINJA_VARIABLE if is_jinja else GO_VARIABLE
    text = PLACEHOLDER.sub(lambda match: FILLED_IN if variable.match(match[1]) else match[1], text)
    text = OF_CLUSTER_TEMPLATE.sub(FILLED_IN, text)
    return STATEMENT.sub("", text)


def values(text: str, *, is_jinja: bool = False) -> Problems:
    """Find values of Secrets that are neither encrypted nor a reference."""
    try:
        documents = list(composed(without_placeholders(text, is_jinja=is_jinja)))
    except yaml.YAMLError:
        if re.search(r"^\s*kind: Secret$", text, re.MULTILINE):
            yield 1, "holds a Secret that can't be checked, because the YAML can't be parsed"
        return
    for document in documents:
        for mapping in mappings(document):
            keys = {key.value: value for key, value in mapping.value if isinstance(key, yaml.ScalarNode)}
            scalar = keys.get("kind")
            is_secret = isinstance(scalar, yaml.ScalarNode) and scalar.value == "Secret"
            for name in ("data", "stringData"):
                if name in keys and (is_secret or name == "stringData"):
                    yield from _entries(keys[name], in_base64=name == "data")
            if "secretGenerator" in keys:
                yield from _generated(keys["secretGenerator"])


def _entries(node: yaml.Node, *, in_base64: bool) -> Problems:
    """Find entries of a Secret's data or stringData that can be read."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        if isinstance(value, yaml.ScalarNode):
            is_address = ADDRESS.fullmatch(f"{key.value}={value.value}")
            is_readable = not is_address and is_secret(str(key.value), value.value, in_base64=in_base64)
        else:
            is_readable = bool(value.value)
        if is_readable:
            yield key.start_mark.line + 1, f"the value of {key.value} in this Secret can be read"


def _generated(node: yaml.Node) -> Problems:
    """Find sources of a secretGenerator that can be read."""
    for mapping in mappings(node):
        for key, value in mapping.value:
            for entry in value.value if isinstance(value, yaml.SequenceNode) else []:
                text = str(entry.value)
                if key.value == "literals":
                    name, _, literal = text.partition("=")
                    is_readable = is_secret(name, literal)
                else:
                    is_readable = key.value in ("files", "envs") and not ENCRYPTED_NAME.search(text)
                if is_readable:
                    yield entry.start_mark.line + 1, GENERATES


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield the node's mappings, its own and those inside."""
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from mappings(value)


def line_of(text: str, offset: int) -> int:
    """Return the line of an offset."""
    return text.count("\n", 0, offset) + 1


def decoded(text: str) -> str:
    """Return the start of what a base64 text says; empty when it is none."""
    try:
        return base64.b64decode(text[: min(80, len(text) // 4 * 4)]).decode(errors="replace")
    except binascii.Error:
        return ""
