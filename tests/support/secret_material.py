# ruff: noqa: E501 (tables of texts)
"""Every kind of secret that somebody could commit, in files as they come about, and texts that only look like one.

The values are made up here, and put together only when they are used: no file of this project holds one.
"""

import base64
import bz2
import gzip
import io
import json
import random
import string
import tarfile
import zipfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

_dice = random.Random(7)  # noqa: S311


def letters(number: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return letters that look like those of a token."""
    return "".join(_dice.choice(alphabet) for _ in range(number))


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def private_key(kind: str) -> str:
    """Return a new private key as PEM."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    format_ = serialization.PrivateFormat.TraditionalOpenSSL
    match kind:
        case "RSA":
            key = rsa.generate_private_key(65537, 2048)
        case "EC":
            key = ec.generate_private_key(ec.SECP256R1())
        case "PKCS8":
            key, format_ = ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.PKCS8
        case _:
            key, format_ = ed25519.Ed25519PrivateKey.generate(), serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, format_, serialization.NoEncryption()).decode()


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
PASSWORD = letters(20)
WEAK = "hunter2"
SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\n"  # noqa: S105
PLAIN = f"{SECRET}stringData:\n  password: {WEAK}\n"
IN_BASE64 = f"{SECRET}data:\n  password: {encoded(WEAK)}\n"
IN_JSON = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bad"}, "stringData": {"a": WEAK}})
AGE = "AGE-SECRET-KEY-1" + letters(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")
KEY_IN_BASE64 = encoded(private_key("EC"))
GITHUB = "gh" + "p_" + letters(36)
AWS_ID = "AKIA" + letters(16, UPPER)
JWT = ".".join(
    (encoded('{"alg":"HS256","typ":"JWT"}').rstrip("="), encoded('{"sub":"1","name":"a"}').rstrip("="), letters(43))
)
TUNNEL = encoded(
    json.dumps(
        {"a": letters(32, HEX), "t": "6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40", "s": encoded(letters(32))},
        separators=(",", ":"),
    )
)
SOPS = "sops:\n  mac: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n  version: 3.13.3\n"
ENCRYPTED = f"{SECRET}stringData:\n  a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n{SOPS}"


def zipped(name: str, text: str | bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return file.getvalue()


def tarred(name: str, text: str, mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo(name)
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
    return file.getvalue()


# --- What must not be committed: kind, path, content ---

IN_MANIFESTS: list[tuple[str, str, str | bytes]] = [
    ("a Secret's stringData", "kubernetes/a.yaml", PLAIN),
    ("a Secret's data", "kubernetes/b.yaml", IN_BASE64),
    ("a Secret in .yml", "kubernetes/c.yml", PLAIN),
    ("a Secret in JSON", "kubernetes/d.json", IN_JSON),
    ("a Secret in flow style", "kubernetes/e.yaml", f"---\n{{kind: Secret, stringData: {{a: {WEAK}}}}}\n"),
    ("a Secret in a List", "kubernetes/f.yaml", f"---\nkind: List\nitems:\n  - kind: Secret\n    data:\n      a: {encoded(WEAK)}\n"),
    ("a Secret in a second document", "kubernetes/g.yaml", f"---\na: b\n{PLAIN}"),
    ("a Secret with CRLF", "kubernetes/h.yaml", PLAIN.replace("\n", "\r\n")),
    ("a Secret with a BOM", "kubernetes/i.yaml", f"\ufeff{PLAIN}"),
    ("a Secret in a ConfigMap", "kubernetes/j.yaml", "---\nkind: ConfigMap\ndata:\n  a.yaml: |\n" + "".join(f"    {line}\n" for line in PLAIN.splitlines())),
    ("a Secret with anchors", "kubernetes/k.yaml", f"---\na: &a {WEAK}\nkind: Secret\nstringData:\n  b: *a\n"),
    ("a Secret in quotes", "kubernetes/l.yaml", f'---\n"kind": "Secret"\n"stringData":\n  "a": "{WEAK}"\n'),
    ("a Secret as a block", "kubernetes/m.yaml", f"{SECRET}stringData:\n  a: |\n    {WEAK}\n"),
    ("a Secret whose kind comes last", "kubernetes/n.yaml", f"---\nstringData:\n  a: {WEAK}\nkind: Secret\n"),
    ("a Secret in a page", "docs/o.md", f"Apply this:\n\n```yaml\n{PLAIN}```\n"),
    ("a Secret in a text", "docs/p.txt", PLAIN),
    ("a Secret without a suffix", "notes", IN_BASE64),
    ("a Secret in a backup", "kubernetes/q.yaml.bak", PLAIN),
    ("a Secret in what a merge left", "kubernetes/r.yaml.orig", PLAIN),
    ("a Secret in a Jinja template", "kubernetes/s.yaml.jinja", PLAIN),
    ("a Secret in a template of Go", "kubernetes/t.yaml.gotmpl", PLAIN),
    ("a Secret in a template of 1Password", "kubernetes/u.yaml.tpl", PLAIN),
    ("a Secret that is commented out", "kubernetes/v.yaml", "---\na: b\n" + "".join(f"# {line}\n" for line in PLAIN.splitlines()[1:])),
    ("a password in values of Helm", "kubernetes/w/values.yaml", f"---\nauth:\n  password: {PASSWORD}\n"),
    ("a literal of a secretGenerator", "kubernetes/x/a.yaml", f"---\nsecretGenerator:\n  - name: a\n    literals:\n      - a={WEAK}\n"),
    ("a file of a secretGenerator", "kubernetes/x/b.yaml", "---\nsecretGenerator:\n  - name: a\n    files:\n      - a.txt\n"),
    ("variables of a secretGenerator", "kubernetes/x/c.yaml", "---\nsecretGenerator:\n  - name: a\n    envs:\n      - a.list\n"),
    ("a SOPS file that is not encrypted", "kubernetes/y.sops.yaml", PLAIN),
    ("a SOPS file that is partly encrypted", "kubernetes/z.sops.yaml", ENCRYPTED.replace("sops:", f"  b: {WEAK}\nsops:")),
    ("variables that SOPS did not encrypt", "kubernetes/z.sops.env", f"PASSWORD={WEAK}\n"),
]  # fmt: skip
KEYS: list[tuple[str, str, str | bytes]] = [
    ("an age key", "docs/age.md", f"The key is {AGE}\n"),
    ("an age key file", "keys.txt", f"# created: 2026-01-01\n# public key: age1\n{AGE}\n"),
    ("an RSA key", "rsa.pem", private_key("RSA")),
    ("an EC key", "ec.pem", private_key("EC")),
    ("a key in PKCS 8", "pkcs8.pem", private_key("PKCS8")),
    ("an OpenSSH key", "id_ed25519", private_key("OpenSSH")),
    ("a PGP key", "key.asc", "-----BEGIN PGP " + f"PRIVATE KEY BLOCK-----\n\n{encoded(letters(300))}\n-----END PGP " + "PRIVATE KEY BLOCK-----\n"),
    ("a key in base64", "docs/base64.txt", f"key: {KEY_IN_BASE64}\n"),
    ("a kubeconfig with a key", "config/kube", f"kind: Config\nusers:\n- name: a\n  user:\n    client-key-data: {KEY_IN_BASE64}\n"),
    ("a kubeconfig with a token", "config/kube2.yaml", f"---\nkind: Config\nusers:\n  - name: a\n    user:\n      token: {JWT}\n"),
    ("a talosconfig", "config/talos", f"context: a\ncontexts:\n    a:\n        key: {encoded('-----BEGIN ED25519 ' + 'PRIVATE KEY-----' + letters(60))}\n"),
    ("the secrets of Talos", "talos/backup.yaml", f"---\nsecrets:\n  bootstraptoken: {letters(6, HEX)}.{letters(16, HEX)}\n  secretboxencryptionsecret: {encoded(letters(32))}\n"),
    ("a machine configuration", "talos/controlplane.yaml", f"---\nmachine:\n  type: controlplane\n  token: {letters(6, HEX)}.{letters(16, HEX)}\n  ca:\n    crt: x\n    key: {KEY_IN_BASE64}\n"),
    ("a key of WireGuard", "docs/wg0.conf", f"[Interface]\nAddress = 10.0.0.1/24\nPrivateKey = {encoded(letters(32))}\n"),
    ("credentials of Connect", "op.json", json.dumps({"verifier": {"salt": "a"}, "encCredentials": {"data": letters(40)}, "version": "2"}) + "\n"),
]  # fmt: skip
TOKENS: list[tuple[str, str, str]] = [
    ("a token of a 1Password account", "ops_" + "eyJ" + letters(280), "OP_SERVICE_ACCOUNT_TOKEN={}"),
    ("a token of a GitHub user", GITHUB, "token {}"),
    ("a token of GitHub's OAuth", "gh" + "o_" + letters(36), "token {}"),
    ("a token of a GitHub app", "gh" + "s_" + letters(36), "token {}"),
    ("a token of a GitHub app's user", "gh" + "u_" + letters(36), "token {}"),
    ("a token that renews one of GitHub", "gh" + "r_" + letters(36), "token {}"),
    ("a fine-grained token of GitHub", "github" + "_pat_" + letters(82, string.ascii_letters + string.digits + "_"), "token {}"),
    ("a token of GitLab", "glpat" + "-" + letters(20), "token {}"),
    ("a deploy token of GitLab", "gldt" + "-" + letters(20), "token {}"),
    ("a runner token of GitLab", "glrt" + "-" + letters(20), "token {}"),
    ("an access key of AWS", AWS_ID, "aws_access_key_id = {}"),
    ("a secret key of AWS", letters(40), "aws_secret_access_key = {}"),
    ("a key of Google", "AIza" + letters(35), "key = {}"),
    ("a client secret of Azure", letters(3) + "8Q~" + letters(34), "AZURE_CLIENT_SECRET={}"),
    ("a bot token of Slack", "xoxb-" + letters(12, "123456789") + "-" + letters(12, "123456789") + "-" + letters(24), "token {}"),
    ("a webhook of Slack", "https://hooks.slack.com/services/T" + letters(8, UPPER) + "/B" + letters(10, UPPER) + "/" + letters(24), "url: {}"),
    ("a webhook of Discord", "https://discord.com/api/webhooks/" + letters(18, "123456789") + "/" + letters(68), "url: {}"),
    ("a bot token of Discord", letters(64, HEX), "discord_token: {}"),
    ("a bot token of Telegram", letters(9, "123456789") + ":A" + letters(34), "TELEGRAM_BOT_TOKEN={}"),
    ("an API token of Cloudflare", letters(40), "CLOUDFLARE_API_TOKEN={}"),
    ("a global key of Cloudflare", letters(37, HEX), "cloudflare_api_key: {}"),
    ("a token of a tunnel", TUNNEL, "cloudflared tunnel run --token {}"),
    ("an auth key of Tailscale", "tskey" + "-auth-" + letters(12) + "-" + letters(32), "key {}"),
    ("an OAuth client of Tailscale", "tskey" + "-client-" + letters(12) + "-" + letters(32), "key {}"),
    ("a token of npm", "npm" + "_" + letters(36), "//registry.npmjs.org/:_authToken={}"),
    ("a token of PyPI", "pypi" + "-AgEIcHlwaS5vcmc" + letters(80), "password = {}"),
    ("a token of Docker Hub", "dckr" + "_pat_" + letters(27), "token {}"),
    ("a token of Grafana", "glsa" + "_" + letters(32) + "_" + letters(8, HEX), "token {}"),
    ("a token of ntfy", "tk_" + letters(29, string.ascii_lowercase + string.digits), "NTFY_TOKEN={}"),
    ("a key of OpenAI", "sk-" + letters(20) + "T3BlbkFJ" + letters(20), "OPENAI_API_KEY={}"),
    ("a key of Anthropic", "sk-ant-" + "api03-" + letters(93) + "AA", "key {}"),
    ("a key of Stripe", "sk_live" + "_" + letters(24), "key {}"),
    ("a token of Hugging Face", "hf" + "_" + letters(34, string.ascii_letters), "token {}"),
    ("a token of DigitalOcean", "dop" + "_v1_" + letters(64, HEX), "token {}"),
    ("a token of Vault", "hvs" + "." + letters(95), "token {}"),
    ("a key of SendGrid", "SG" + "." + letters(22) + "." + letters(43), "key {}"),
    ("a JSON Web Token", JWT, "Authorization: Bearer {}"),
    ("a password in a database's address", f"postgres://app:{PASSWORD}@db.example.net:5432/app", "DATABASE_URL={}"),
    ("a password in a web address", f"https://me:{PASSWORD}@git.example.net/a.git", "url: {}"),
    ("a header of basic authentication", encoded(f"me:{PASSWORD}"), 'curl -H "Authorization: Basic {}" https://example.net'),
    ("a password of curl", f"me:{PASSWORD}", "curl -u {} https://example.net"),
    ("a hash of bcrypt", "$2y$10$" + letters(53), "admin:{}"),
]  # fmt: skip
FILES: list[tuple[str, str, str | bytes]] = [
    ("an account of Google", "gcp.json", json.dumps({"type": "service_account", "private_key_id": letters(40, HEX), "private_key": private_key("PKCS8")})),
    ("credentials of a tunnel", "tunnel.json", json.dumps({"AccountTag": letters(32, HEX), "TunnelSecret": encoded(letters(32)), "TunnelID": "6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40"})),
    ("a login of Docker", "docker/config.json", json.dumps({"auths": {"ghcr.io": {"auth": encoded(f"me:{GITHUB}")}}})),
    ("a password of restic", ".restic-password", f"{PASSWORD}\n"),
    ("variables of a shell", ".env", f"DB_PASSWORD={PASSWORD}\n"),
    ("variables of one machine", ".env.local", f"DB_PASSWORD={PASSWORD}\n"),
    ("variables of production", "prod.env", f"DB_PASSWORD={PASSWORD}\n"),
    ("variables of direnv", ".envrc", f"export DB_PASSWORD={PASSWORD}\n"),
    ("logins of curl", ".netrc", f"machine example.net login me password {PASSWORD}\n"),
    ("logins of PostgreSQL", ".pgpass", f"db.example.net:5432:app:app:{PASSWORD}\n"),
    ("logins of a web server", ".htpasswd", f"admin:$apr1${letters(8)}${letters(22)}\n"),
    ("logins of git", ".git-credentials", f"https://me:{PASSWORD}@example.net\n"),
    ("logins of npm", ".npmrc", f"//registry.npmjs.org/:_authToken={letters(36)}\n"),
    ("credentials of AWS", "aws/credentials", f"[default]\naws_access_key_id = {AWS_ID}\naws_secret_access_key = {letters(40)}\n"),
    ("a snapshot of etcd", "snapshots/a.etcd", b"\0\1\2\3"),
    ("a store of keys", "tls.p12", b"0\x82\x04\0\1\2"),
    ("a database of KeePass", "passwords.kdbx", b"\x03\xd9\xa2\x9a\0"),
    ("a state of Terraform", "terraform.tfstate", json.dumps({"resources": [{"instances": [{"attributes": {"password": PASSWORD}}]}]})),
    ("a Secret in .gz", "a.yaml.gz", gzip.compress(PLAIN.encode())),
    ("a Secret in .bz2", "a.yaml.bz2", bz2.compress(PLAIN.encode())),
    ("a Secret in .zip", "a.zip", zipped("a.yaml", PLAIN)),
    ("a token in .tar", "a.tar", tarred("a.txt", f"token {GITHUB}\n")),
    ("a key in .tar.gz", "b.tar.gz", tarred("id", private_key("EC"), "w:gz")),
    ("a key in an archive in an archive", "c.zip", zipped("b.tar.gz", tarred("id", AGE, "w:gz"))),
]  # fmt: skip
MATERIAL = [
    *IN_MANIFESTS,
    *KEYS,
    *(
        (kind, f"docs/token-{number}.md", f"Note:\n\n{around.format(token)}\n")
        for number, (kind, token, around) in enumerate(TOKENS)
    ),
    *FILES,
]


# --- What only looks like a secret: kind, path, content ---

LOOKS_LIKE_ONE: list[tuple[str, str, str]] = [
    ("an encrypted Secret", "bootstrap/fine.sops.yaml", ENCRYPTED),
    ("an encrypted Secret in a page", "docs/fine/a.md", f"```yaml\n{ENCRYPTED}```\n"),
    ("a Secret that Flux fills in", "kubernetes/fine/b.yaml", f"{SECRET}stringData:\n  a: ${{PASSWORD}}\n"),
    ("a Secret that 1Password fills in", "kubernetes/fine/c.yaml.tpl", f"{SECRET}stringData:\n  a: {{{{ op://Homelab/x/y }}}}\n"),
    ("an empty Secret", "kubernetes/fine/d.yaml", f'{SECRET}stringData:\n  a: ""\n'),
    ("a Secret with a placeholder in a page", "docs/fine/b.md", f"```yaml\n{SECRET}stringData:\n  password: <password>\n```\n"),
    ("an ExternalSecret", "docs/fine/c.yaml", "---\nkind: ExternalSecret\nspec:\n  target:\n    template:\n      data:\n        token: '{{ .token }}'\n"),
    ("an item of 1Password", "docs/fine/d.yaml", "---\nkind: OnePasswordItem\nspec:\n  itemPath: vaults/Homelab/items/password\n"),
    ("a key of a Secret", "docs/fine/e.yaml", "---\nvalueFrom:\n  secretKeyRef:\n    name: films\n    key: DB_PASSWORD\n"),
    ("the name of a Secret", "docs/fine/f.yaml", "---\nexistingSecret: films-database-credentials\npasswordKey: DB_PASSWORD\n"),
    ("a password that is commented out", "docs/fine/g.yaml", "---\na: b\n# password: changeme\n"),
    ("a reference to the environment", "docs/fine/h.sh", 'export TOKEN="$(op read op://Homelab/x/token)"\ncurl -H "Authorization: Bearer ${TOKEN}" "https://x"\n'),
    ("an address with a variable", "docs/fine/i.env.example", "DATABASE_URL=postgres://app:${PASSWORD}@db.example.net/app\n"),
    ("an address with a placeholder", "docs/fine/j.md", "`postgres://user:password@db.example.net/app`\n"),
    ("an address with a user", "docs/fine/k.md", "ssh://git@github.com:22/a/b.git and https://me@example.net/\n"),
    ("an example of variables", ".env.example", "DB_PASSWORD=\nDB_USER=app\n"),
    ("a public key of SSH", "docs/fine/l.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me\n"),
    ("a recipient of age", "docs/fine/m.yaml", "---\nage: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n"),
    ("a certificate", "docs/fine/n.pem", f"-----BEGIN CERTIFICATE-----\n{encoded('x' * 300)}\n-----END CERTIFICATE-----\n"),
    ("a certificate in base64", "docs/fine/o.yaml", f"---\nca.crt: {encoded('-----BEGIN CERTIFICATE-----' * 4)}\n"),
    ("a digest of an image", "docs/fine/p.yaml", f"---\nimage: ghcr.io/a/b:1.2.3@sha256:{letters(64, HEX)}\n"),
    ("a commit", "docs/fine/q.yaml", f"---\nuses: actions/checkout@{letters(40, HEX)} # v7.0.1\n"),
    ("a schematic", "docs/fine/r.yaml", f"---\nimage: factory.talos.dev/metal-installer/{letters(64, HEX)}\n"),
    ("a tunnel's id", "docs/fine/s.yaml", "---\ntunnel: 6f2b0a57-31c4-4f0e-8c62-1a7d3c5e9b40\n"),
    ("the words of a page", "docs/fine/t.md", "The Secret `films` has a password and a token. kind: Secret is what it is.\n"),
    ("a command that asks for a secret", "docs/fine/u.md", "Set the secret: `task secret:set SECRET=films KEY=token`\n"),
    ("a value of a ConfigMap", "docs/fine/v.yaml", "---\nkind: ConfigMap\ndata:\n  a: hunter2\n"),
    ("what is allowed on its line", "docs/fine/w.md", f"key {letters(24)} and password: {letters(24)} <!-- gitleaks:allow -->\n"),
]  # fmt: skip
