"""Whether somebody could use a value that stands in a Secret: much of what Secrets hold is no secret.

Ports, hosts, switches and names stand beside passwords, addresses carry none, and variables and placeholders are filled
in later. A value is a secret unless it is known to be none of these.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

# What stands where a template's own text was; readable_secrets puts it there.
FILLED_IN = "FILLED_IN_LATER"
SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase|$)|pwd|token|secret|credential|cookie|hmac|salt|seed|psk|(?:^|[._-])(?:pin|otp|auth|key)$"
    r"|(?:api|access|account|private|encryption|signing|license|shared|master|tls|ssh)[._-]?key",
    re.IGNORECASE,
)
# What a name ends with that is about a secret: where it is, and how long it is good.
ABOUT_SECRET = re.compile(
    r"[._-]?(?:validity|ttl|expir(?:y|es?|es[._-]?in|ation)|lifetime|duration|length|policy|file|path|algorithm|rotation"
    r"|interval|timeout)$",
    re.IGNORECASE,
)
# Words in sentences; a phrase that somebody remembers, or a wallet's, has no commas.
SENTENCE = re.compile(r"(?:[\w'()/-]+[,.;:]? ){5,}[\w'()/-]+[.!]?")
# These can have a password in them, and are none.
ADDRESS_NAME = re.compile(r"ur[li]$", re.IGNORECASE)
# The end of a name that says what is no secret, whatever its value is.
PLAIN_NAME = re.compile(
    r"(?:^|[._-]|(?<=[a-z])(?=[A-Z]))(?:user(?:name)?|host(?:name)?|port|db|database|dbname|name|domain|e?mail|enabled?"
    r"|region|bucket|endpoint|type|issuer|scopes?|client[_-]?id|path|server|addr(?:ess)?|tz|timezone|locale|mode|level"
    r"|driver|provider|backend|engine|format|language|theme|timeout|interval|model|protocol|extension|cache|image"
    r"|class|handle|(?:user|account|cluster|project|tenant|org|zone|app)[_-]?id)$",
    re.IGNORECASE,
)
MEANS_NOTHING = re.compile(
    r"true|false|yes|no|on|off|none|null|nil|unused|disabled|enabled|not[-_ ]?(?:used|needed|required|set)|dummy|fake"
    r"|ignored|optional|required|external|auto|random|generated?|redacted|placeholder|sample|todo|tbd"
    r"|(?:replace|change|fill)[-_ ]?(?:me|this|in)[-_ ]later|replace[-_ ]?me|your[-_ ][\w -]+|x{3,}|\*+|-+|<[^<>\n]+>",
    re.IGNORECASE,
)
# Encrypted by SOPS, or a reference that `op` or the like resolves.
ELSEWHERE = re.compile(r"ENC\[.*\]|(?:ak|op|ref\+\w+|vault|env|file)(?:://|:)[\w/.#-]\S.*", re.DOTALL)
# A variable of Flux, with what it holds unless it is set; the innermost comes first. Or a path of kro's.
VARIABLE = re.compile(r"\$\{([\w.]+)(?:(:?[=-]|:\+|[#%,^/:])((?:[^{}$]|\$(?!\{))*))?\}|\$\((\w+)\)")
PUBLIC = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*(?:CERTIFICATE|PUBLIC KEY|PUBLIC KEY BLOCK|X509 CRL|DH PARAMETERS)-----"
    r"|^(?:[\w@.,:\[\]* -]+ )?(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\w+|sk-\S+) AAAA|^age1[a-z0-9]{50,}",
    re.MULTILINE,
)
PRIVATE = re.compile(r"PRIVATE KEY|AGE-SECRET-KEY")
RANDOM = re.compile(
    r"\$(?:2[aby]|5|6|apr1|y|argon2\w*)\$.*|(?=[^\W\d_]*\d)(?=\d*[^\W\d_])[\w+-]{20,}|[A-Za-z0-9+/_-]{32,}"
)
# An image with its registry, as operators' manifests have it in a Secret.
IMAGE = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?/[\w./-]+(?::[\w.-]+|@sha256:[0-9a-f]{64})+")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SETTING = re.compile(r"""^\s*(?:-\s+|export\s+)?["']?([\w.$()\[\]-]+)["']?\s*[:=]\s*(.*?)\s*,?$""")
WORDS = re.compile(r"[^\s,;'\"\[\]{}()]+")
PATH = re.compile(r"/\w[\w.-]*/")
LOGIN = re.compile(r"(?:password|passwd|secret|token)\s+\S", re.IGNORECASE)
# A line of YAML that begins a mapping or a list of them.
SECTION = re.compile(r"\s*(?:\[[\w. -]+\]|-?\s*[\w.-]+:)\s*$")
STRUCTURE = re.compile(
    r"""^\s*(?:#.*|//.*|["']use strict["'];?|;.*|\[[\w. -]+\]|[\[\]{}(),]*|---|-?\s*[\w.-]+:\s*)\s*$"""
)


def is_secret(name: str, text: str, *, in_base64: bool = False) -> bool:
    """Return whether a value of a Secret is one that somebody could use."""
    text = text.strip()
    if in_base64 and not ELSEWHERE.fullmatch(text) and "${" not in text:
        text = _decoded(text).strip()
    if not text or ELSEWHERE.fullmatch(text) or MEANS_NOTHING.fullmatch(text):
        return False
    if PRIVATE.search(text) or PUBLIC.search(text):
        return bool(PRIVATE.search(text))
    return _has_secret_line(text.splitlines()) if "\n" in text else _is_secret_line(name, text)


def _is_secret_line(name: str, text: str) -> bool:
    # A sentence about its own variable tells how to use it, as cluster-template's example does.
    if f"${{{name}}}" in text and " " in text:
        return False
    is_named_so = _is_named_so(name) and not ADDRESS_NAME.search(name)
    rest, defaults = _without_variables(text)
    told = [default for default in defaults if is_named_so or "://" in default or RANDOM.search(default)]
    if any(_is_usable(name, default, is_named_so) for default in told):
        return True
    if "://" in text:
        return _is_telling_address(text, rest)
    if rest == text:
        return _is_usable(name, text, is_named_so)
    # Beside what is filled in, only a long rest can be a secret, or any in the place of a password.
    return bool(RANDOM.search(rest)) or (is_named_so and len(re.sub(r"\W", "", rest)) > 5)


def _is_named_so(name: str) -> bool:
    """Return whether a name is that of a secret."""
    return bool(SECRET_NAME.search(name)) and not ABOUT_SECRET.search(name)


def _is_usable(name: str, text: str, is_named_so: bool) -> bool:
    """Return whether a text without variables could be a secret."""
    text = text.strip().strip("\"'")
    if not text or MEANS_NOTHING.fullmatch(text) or (SENTENCE.fullmatch(text) and ", " in text):
        return False
    if is_named_so:
        return True
    if IMAGE.fullmatch(text):
        return False
    if "://" in text:
        return _is_telling_address(text, text)
    if text.isdigit() and len(text) < 6:
        return False
    return not (PLAIN_NAME.search(name) and (UUID.fullmatch(text) or not RANDOM.search(text)))


def _without_variables(text: str) -> tuple[str, list[str]]:
    """Return a text without variables, and what these hold unless they are set."""
    defaults = []
    text = text.replace(FILLED_IN, "${" + FILLED_IN + "}")
    while match := VARIABLE.search(text):
        # A default that is called as the variable only stands for it.
        is_told = re.search(r"\w", match[3] or "") and match[3].lower() not in (match[1] or "").lower()
        if match[2] in (":=", "=", ":-", "-") and is_told:
            defaults.append(match[3])
        text = text[: match.start()] + text[match.end() :]
    return text, defaults


def _is_telling_address(text: str, rest: str) -> bool:
    """Return whether an address has a password, or a part that nobody could guess."""
    text = re.sub(r"^(?:\w+:)+(?=\w+://)", "", text)
    shown = re.sub(r"\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", "VARIABLE", text)
    try:
        url = urlsplit(shown)
        password = url.password
    except ValueError:
        return True
    if password and password not in ("VARIABLE", FILLED_IN) and not MEANS_NOTHING.fullmatch(password):
        return True
    is_asked = any(SECRET_NAME.search(name) and value != "VARIABLE" for name, value in parse_qsl(url.query))
    parts = (*url.path.split("/"), *(value for _, value in parse_qsl(url.query)), url.username or "")
    return is_asked or any(RANDOM.fullmatch(part) and part in rest for part in parts)


def _has_secret_line(lines: Iterable[str]) -> bool:
    """Return whether a text of settings has a secret.

    Among settings stand lines of other kinds, such as lists and what goes on from the line before; a text that begins
    otherwise is none of settings, and is taken for a secret.
    """
    is_of_settings = False
    for line in lines:
        setting = SETTING.match(line)
        if STRUCTURE.match(line):
            is_of_settings = is_of_settings or bool(SECTION.match(line))
            continue
        if not setting:
            if FILLED_IN in line or VARIABLE.search(line):
                continue
            # What is random has a digit in it; a name of many words has none.
            looks_random = any(RANDOM.search(word) and re.search(r"\d", word) for word in WORDS.findall(line))
            if not is_of_settings or looks_random or LOGIN.search(line):
                return True
            continue
        is_of_settings = True
        name, value = setting[1], setting[2].strip("\"',;")
        if _is_named_so(name) and is_secret(name, value):
            return True
        if (RANDOM.fullmatch(value) and not PATH.match(value)) or ("://" in value and is_secret("url", value)):
            return True
    return False


def _decoded(text: str) -> str:
    """Return what a base64 text says; the text itself where it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return text
