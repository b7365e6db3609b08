"""Why a template of External Secrets can't be parsed.

The grammar is that of Go's text/template/parse, lex.go and parse.go, as far as an action alone tells, with the balance
of its blocks. The functions are Go's own and those of external-secrets, runtime/template/v2/template.go and sprig.
"""

import re

from talos_flux.errors import did_you_mean

FUNCTIONS = {
    "and", "break", "call", "continue", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not",
    "or", "print", "printf", "println", "slice", "urlquery", "certSANs", "filterCertChain", "filterPEM", "fromYaml",
    "fullPemToPkcs12", "fullPemToPkcs12Pass", "getSecretKey", "getSecretKeys", "jwkPrivateKeyPem",
    "jwkPublicKeyPem", "pemToPkcs12", "pemToPkcs12Pass", "pemTruststoreToPKCS12", "pemTruststoreToPKCS12Pass",
    "pkcs12cert", "pkcs12certPass", "pkcs12key", "pkcs12keyPass", "rsaDecrypt", "toYaml", "abbrev", "abbrevboth",
    "add", "add1", "add1f", "addf", "adler32sum", "ago", "all", "any", "append", "atoi", "b32dec", "b32enc",
    "b64dec", "b64enc", "base", "bcrypt", "biggest", "buildCustomCert", "camelcase", "cat", "ceil", "chunk",
    "clean", "coalesce", "compact", "concat", "contains", "date", "dateInZone", "dateModify", "date_in_zone",
    "date_modify", "decryptAES", "deepCopy", "deepEqual", "default", "derivePassword", "dict", "dig", "dir", "div",
    "divf", "duration", "durationRound", "empty", "encryptAES", "ext", "fail", "first", "float64", "floor",
    "fromJson", "genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
    "genSignedCert", "genSignedCertWithKey", "get", "has", "hasKey", "hasPrefix", "hasSuffix", "hello", "hexdec",
    "htmlDate", "htmlDateInZone", "htpasswd", "indent", "initial", "initials", "int", "int64", "isAbs", "join",
    "kebabcase", "keys", "kindIs", "kindOf", "last", "list", "lower", "max", "maxf", "merge", "mergeOverwrite",
    "min", "minf", "mod", "mul", "mulf", "mustAppend", "mustChunk", "mustCompact", "mustDateModify", "mustDeepCopy",
    "mustFirst", "mustFromJson", "mustHas", "mustInitial", "mustLast", "mustMerge", "mustMergeOverwrite",
    "mustPrepend", "mustRegexFind", "mustRegexFindAll", "mustRegexMatch", "mustRegexReplaceAll",
    "mustRegexReplaceAllLiteral", "mustRegexSplit", "mustRest", "mustReverse", "mustSlice", "mustToDate",
    "mustToJson", "mustToPrettyJson", "mustToRawJson", "mustUniq", "mustWithout", "must_date_modify", "nindent",
    "nospace", "now", "omit", "osBase", "osClean", "osDir", "osExt", "osIsAbs", "pick", "pluck", "plural",
    "prepend", "quote", "randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric",
    "regexFind", "regexFindAll", "regexMatch", "regexQuoteMeta", "regexReplaceAll", "regexReplaceAllLiteral",
    "regexSplit", "repeat", "replace", "rest", "reverse", "round", "semver", "semverCompare", "seq", "set",
    "sha1sum", "sha256sum", "sha512sum", "shuffle", "snakecase", "sortAlpha", "split", "splitList", "splitn",
    "squote", "sub", "subf", "substr", "swapcase", "ternary", "title", "toDate", "toDecimal", "toJson",
    "toPrettyJson", "toRawJson", "toString", "toStrings", "trim", "trimAll", "trimPrefix", "trimSuffix", "trimall",
    "trunc", "tuple", "typeIs", "typeIsLike", "typeOf", "uniq", "unixEpoch", "unset", "until", "untilStep",
    "untitle", "upper", "urlJoin", "urlParse", "uuidv4", "values", "without", "wrap", "wrapWith",
}  # fmt: skip
BLOCKS = {"block", "define", "if", "range", "with"}
KEYWORDS = BLOCKS | {"break", "continue", "else", "end", "nil", "template", "true", "false"}
TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    |(?P<char>'(?:\\.|[^'\\\n])*')
    |(?P<field>\.[^\W\d]\w*|\$\w*)
    |(?P<number>[-+]?\.?\d[\w.+-]*)
    |(?P<word>[^\W\d]\w*)
    |(?P<declare>:=|=)
    |(?P<mark>[.(),|])""",
    re.VERBOSE,
)
CHARACTER = re.compile(r"'(?:[^\\]|\\(?:[abfnrtv\\']|[0-7]{3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}))'\Z")
COMMENT = re.compile(r"\A(?:- )?\s*/\*.*\*/\s*-?\Z", re.DOTALL)
# What may follow a field or a word without a space between them: lex.go, atTerminator().
ENDS = tuple(".,|:)(= \t\r\n")


def problem_of(template: str) -> str:
    """Return why a template can't be parsed; empty where nothing tells."""
    depth, position = 0, 0
    while (start := template.find("{{", position)) >= 0:
        end = _end_of(template, start + 2)
        if end < 0:
            return "has an action that no }} closes"
        action = template[start + 2 : end]
        position = end + 2
        if "${" in action:
            return ""  # Flux writes something else there.
        if COMMENT.match(action):
            continue
        action = re.sub(r"\A-(?=\s)|(?<=\s)-\Z", "", action)
        if problem := _in_action(action):
            return f"can't be parsed at {{{{{action}}}}}: {problem}"
        first = action.split()[0] if action.split() else ""
        depth += (first in BLOCKS) - (first == "end")
        if depth < 0:
            return "has an end of nothing"
    return "has no end for a block" if depth else ""


def _end_of(text: str, position: int) -> int:
    """Return where an action ends, whose texts may hold }}; -1 where it does not end."""
    while position < len(text):
        if text.startswith("}}", position):
            return position
        quoted = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|`[^`]*`|/\*.*?\*/", re.DOTALL).match(text, position)
        position = quoted.end() if quoted else position + 1
    return -1


def _in_action(action: str) -> str:
    """Return what is wrong in an action; empty where nothing tells."""
    position, before = 0, ""
    while position < len(action):
        match = TOKEN.match(action, position)
        if not match or not match[0]:
            return f"unexpected {action[position]}"
        kind, text = str(match.lastgroup), match[0]
        following = action[match.end() : match.end() + 1]
        if kind == "char" and not CHARACTER.match(text):
            return f"{text} is one character in Go: texts are in double quotes"
        if kind in ("field", "word") and following and not following.startswith(ENDS):
            return f'{text} can\'t be followed by {following}: write index . "…" for a key with such a sign'
        if kind == "word" and text not in KEYWORDS and text not in FUNCTIONS:
            meant = f": did you mean .{text}?" if text.isupper() else did_you_mean(text, FUNCTIONS)
            return f"there is no function {text}{meant}"
        if text == "." and before in ("field", "word") and not following.strip():
            return "unexpected dot"
        before = kind
        position = match.end()
    return ""
