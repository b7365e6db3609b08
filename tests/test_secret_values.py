"""A value of a Secret that somebody could use is found, and none of what only stands beside one."""

import base64

import pytest

from talos_flux.check.rules.plain_secrets import plain
from talos_flux.manifests.readable_secrets import keys_and_tokens
from talos_flux.manifests.secret_values import is_secret

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
LETTERS = "q7Zk2mW9xT4bV8nR1sJ6"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("username", "${DB_OWNER:=${APP}}"),
        ("port", "5432"),
        ("uri", "postgresql://${DB_OWNER:=${APP}}@db:5432/${APP}?sslmode=verify-full"),
        ("uri", "postgresql://app:${PASSWORD}@db:5432/app"),
        ("name", "ipv4.${DOMAIN}"),
        ("url", "${webhook_url:=https://example.invalid}"),
        ("url", "rediss://cache.example.svc:6379?ssl_cert_reqs=required&ssl_certfile=/certs/tls.crt"),
        ("token", "<token>"),
        ("password", "<path:vaults/home#password>"),
        ("password", "PLACEHOLDER"),
        ("api-key", "REPLACE_ME"),
        ("password", "${PASSWORD:=}"),
        ("password", "${PASSWORD:-${OTHER}}"),
        ("password", "FILLED_IN_LATER"),
        ("ENABLED", "true"),
        ("GF_AUTH_GENERIC_OAUTH_CLIENT_ID", "grafana"),
        ("GF_AUTH_GENERIC_OAUTH_TOKEN_URL", "https://id.example.net/api/oidc/token"),
        ("GF_AUTH_GENERIC_OAUTH_SCOPES", "openid profile email groups"),
        ("ca.crt", CERTIFICATE),
        ("authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0 me@home"),
        ("known_hosts", "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0"),
        ("cloud", "[default]\naws_access_key_id=${ID}\naws_secret_access_key=${MANIFEST}\n"),
        ("config.yaml", "server:\n  host: db.example.net\n  port: 5432\n  password: ${PASSWORD}\n"),
    ],
)
def test_what_nobody_could_use_is_no_secret(name: str, value: str) -> None:
    assert not is_secret(name, value)
    assert "${" in value or not is_secret(name, encoded(value), in_base64=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", "hunter2"),
        ("password", "hunter2"),
        ("password", "12345"),
        ("password", "${PASSWORD:=hunter2}"),
        ("uri", "postgresql://app:hunter2@db:5432/app"),
        ("uri", "${URI:=postgresql://app:hunter2@db:5432/app}"),
        ("url", f"https://hooks.example.com/services/T0/B0/{LETTERS}"),
        ("url", f"https://example.com/hook?token={LETTERS}"),
        ("repository", "rest:https://me:hunter2@nas.example.net/"),
        ("username", LETTERS + LETTERS),
        ("token", f"{LETTERS}.${{DOMAIN}}"),
        ("password", "hunter2-${NAME}"),
        ("tls.key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        ("both", f"{CERTIFICATE}-----BEGIN PRIVATE KEY-----\nMIIB\n"),
        ("config.yaml", "server:\n  host: db.example.net\n  password: hunter2\n"),
        ("cloud", f"[default]\naws_access_key_id=${{ID}}\naws_secret_access_key={LETTERS}\n"),
        ("htpasswd", "admin:$2y$05$abc\nuser:$2y$05$def\n"),
        ("notes", "the safe opens with\nfour threes\n"),
    ],
)
def test_what_somebody_could_use_is_a_secret(name: str, value: str) -> None:
    assert is_secret(name, value)
    assert "${" in value or is_secret(name, encoded(value), in_base64=True)


MANIFEST = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.yaml.j2", f"{{% for name in names %}}\n{MANIFEST}  password: {{{{ password }}}}\n{{% endfor %}}\n"),
        ("a.yaml.j2", f"{MANIFEST}  password: '#{{ password }}#'\n"),
        ("a.yaml.j2", f"{MANIFEST}  a: {{% if a %}}b: {{% endif %}}\n"),
        ("a.yaml", "a: &host x.example.com\nb: &host y.example.com\nvaluesFrom: [ {name: s,\n    kind: Secret} ]\n"),
        (
            "a.yaml",
            "secretGenerator:\n  - name: a\n    files: [me.pub, values.yaml=values.enc.age.yaml, ca.crt, x.asc]\n",
        ),
    ],
)
def test_a_file_without_a_secret_passes(path: str, text: str) -> None:
    assert list(plain(path, text)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.yaml.j2", f"{{% if a %}}\n{MANIFEST}  password: hunter2\n{{% endif %}}\n"),
        ("a.yaml.tpl", f'{MANIFEST}  password: {{{{ "hunter2" }}}}\n'),
        ("a.yaml.tpl", f"{MANIFEST}  password: {{{{ hunter2 }}}}\n"),
        ("a.yaml", f"a: &a x\nb: &a y\n{MANIFEST}  password: hunter2\n"),
        ("a.yaml", "secretGenerator:\n  - name: a\n    files: [password.txt]\n"),
    ],
)
def test_a_file_with_a_secret_is_found(path: str, text: str) -> None:
    assert list(plain(path, text))


@pytest.mark.parametrize(
    "text",
    [
        'echo "-----BEGIN OPENSSH PRIVATE KEY-----"\ncat /ssh/id\n',
        "sed 's/-----BEGIN OPENSSH PRIVATE KEY-----//'\n",
        "identity: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  ...\n",
    ],
)
def test_the_first_line_of_a_key_alone_is_no_key(text: str) -> None:
    assert list(keys_and_tokens(text)) == []
