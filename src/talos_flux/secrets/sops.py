"""Files that only the holder of age.key can read: encrypted before their first byte is on disk."""

import json
import re
from pathlib import Path

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import AGE_KEY, ROOT
from talos_flux.process import run, write_public
from talos_flux.repository.settings import short
from talos_flux.terminal import done

SOPS_CONFIG = ROOT / ".sops.yaml"


def recipients_of_each_rule() -> list[set[str]]:
    """Return for whom .sops.yaml encrypts, rule by rule: sops takes a list, or one text with commas."""
    given = [rule.get("age") or [] for rule in yaml.safe_load(SOPS_CONFIG.read_text())["creation_rules"]]
    lists = [keys.split(",") if isinstance(keys, str) else keys for keys in given]
    return [{key.strip() for key in keys} - {""} for keys in lists]


def recipients() -> set[str]:
    """Return everybody for whom .sops.yaml encrypts something."""
    return set().union(*recipients_of_each_rule())


def public_key() -> str:
    """Return the public half of age.key; UserError when there is no age.key."""
    if not AGE_KEY.exists():
        raise UserError("age.key is missing: restore it from your backup, or make a new one with `task init`.")
    return run("age-keygen", "-y", AGE_KEY).strip()


def set_recipient(public: str) -> None:
    """Fill in the empty recipients of .sops.yaml."""
    text = SOPS_CONFIG.read_text()
    write_public(SOPS_CONFIG, re.sub(r"^(\s+age:) *(\"\"|'')?$", rf"\1 {public}", text, flags=re.MULTILINE))


def refuse_unless_usable() -> None:
    """Raise UserError unless age.key decrypts what .sops.yaml encrypts."""
    if not recipients():
        raise UserError(".sops.yaml names no recipient: run `task init`.")
    own = public_key()
    for keys in recipients_of_each_rule():
        if own not in keys:
            others = ", ".join(sorted(keys)) or "nobody"
            raise UserError(f"age.key is the key of {own}, and .sops.yaml has a rule that encrypts for {others}.")


def files() -> list[Path]:
    """Return the files that are to be encrypted, *.sops.*, without those that Git ignores."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.sops.*").splitlines()
    return [ROOT / name for name in listed if name != SOPS_CONFIG.name and (ROOT / name).exists()]


def is_encrypted(path: Path) -> bool:
    """Return whether sops wrote the file."""
    return bool(json.loads(run("sops", "filestatus", path)).get("encrypted"))


def encrypt_to(path: Path, content: str) -> None:
    """Write content as an encrypted file."""
    relative = path.relative_to(ROOT)
    text = run(
        "sops", "encrypt", "--filename-override", relative, "--input-type", "yaml", "--output-type", "yaml",
        "/dev/stdin", stdin=content,
    )  # fmt: skip
    write_public(path, text)


def encrypt_in_place(path: Path) -> None:
    """Encrypt a file that lies there in clear."""
    run("sops", "encrypt", "--in-place", path)


def encrypt_what_is_in_clear() -> None:
    """Encrypt the files that are about to be committed in clear by mistake."""
    clear = [path for path in files() if not is_encrypted(path)]
    if not clear:
        return
    refuse_unless_usable()
    for path in clear:
        encrypt_in_place(path)
        done(f"{short(path)} is encrypted now; change its values if it was ever pushed in clear.")


def decrypt(path: Path) -> str:
    """Return the content of an encrypted file."""
    return run("sops", "decrypt", path)


def set_value(path: Path, keys: list[str], value: str) -> None:
    """Set one value of an encrypted file and leave the others as they are."""
    index = "".join(f"[{json.dumps(key)}]" for key in keys)
    run("sops", "set", "--value-stdin", path, index, stdin=json.dumps(value))
