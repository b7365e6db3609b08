"""Values that only a person has, each of the form that bootstrap/secrets.yaml names for its key."""

import json
from pathlib import Path

import yaml

from tests.support.secret_material import HEX, JWT, TUNNEL, letters, private_key

NTFY = "tk_" + letters(29, "abcdefghijklmnopqrstuvwxyz0123456789")
DISCORD = "https://discord.com/api/webhooks/" + letters(18, "123456789") + "/" + letters(68)
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
GLOBAL_KEY = letters(37, HEX)
OF_FORM = {
    "line": "my 'own' words",
    "word": letters(20),
    "json": json.dumps(
        {"verifier": {"salt": "it's"}, "encCredentials": {"data": letters(40)}, "version": "2"}, indent=1
    )
    + "\n",
    "jwt": JWT,
    "service-account-token": "ops_" + "eyJ" + letters(280),
    "url": "https://alerts.example.net/hook?token=a",
    "ssh-private-key": private_key("OpenSSH"),
    "ssh-public-key": f"{PUBLIC} deploy-key",
    "known-hosts": f"# of 2026\n[git.example.net]:2222 {PUBLIC}\n",
    "cloudflare-token": letters(40),
    "tunnel-token": TUNNEL,
    "tailscale-client": "tskey" + "-client-" + letters(12) + "-" + letters(32),
    "ntfy-token": NTFY,
    "headers": f"Authorization: Bearer {NTFY}",
    "pushover-key": letters(30),
    "discord-webhook": DISCORD,
}


def given(root: Path, secret: str, key: str) -> str:
    """Return a value that a checkout's key of a Secret can have."""
    forms = yaml.safe_load((root / "bootstrap/secrets.yaml").read_text())["forms"]
    form = forms.get(secret, {}).get(key)
    return OF_FORM[form] if form else f"value of {secret}"
