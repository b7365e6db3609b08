"""The binaries that the authors of a tool publish, checked by their SHA-256."""

import hashlib
import http.client
import re
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from tests.tools.catalogue import Release

TIMEOUT_SECONDS = 10
_unreachable: set[str] = set()


class Unavailable(Exception):
    """A release can't be had here: no network, no such file, no sum for it."""


class WrongChecksum(Exception):
    """A file is not the one that its authors published."""


def download(release: Release, target: Path) -> None:
    """Write the released binary to `target`; Unavailable or WrongChecksum, and then nothing is there."""
    name = urlsplit(release.url).path.rpartition("/")[2]
    expected = _expected_sum(_fetch(release.checksums).decode(errors="replace"), name)
    content = _fetch(release.url)
    if (actual := hashlib.sha256(content).hexdigest()) != expected:
        raise WrongChecksum(f"{release.url} has the SHA-256 {actual}, and {release.checksums} says {expected}")
    draft = target.with_name(f"{target.name}.download")
    draft.write_bytes(content)
    if release.member:
        archive, draft = draft, target.with_name(f"{target.name}.member")
        with tarfile.open(archive) as opened, draft.open("wb") as out:
            member = next((m for m in opened.getmembers() if m.name.removeprefix("./") == release.member), None)
            source = member and opened.extractfile(member)
            if not source:
                raise Unavailable(f"{release.url} has no {release.member}")
            shutil.copyfileobj(source, out)
        archive.unlink()
    draft.chmod(0o755)
    draft.replace(target)


def _expected_sum(text: str, name: str) -> str:
    """Return a file's sum in a list of `<sha256>  <name>`, or the only word; raise Unavailable when there is none."""
    for line in text.splitlines():
        match line.split():
            case [digest, file] if file.lstrip("*") in (name, f"./{name}") and _is_sum(digest):
                return digest
            case [digest] if _is_sum(digest) and len(text.split()) == 1:
                return digest
    raise Unavailable(f"no SHA-256 of {name} is published")


def _is_sum(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _fetch(url: str) -> bytes:
    """Return the content at an address; a host that does not answer once is not asked again."""
    host = urlsplit(url).netloc
    if host in _unreachable:
        raise Unavailable(f"{host} can't be reached")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310, https of the catalogue
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        raise Unavailable(f"{url}: HTTP {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        _unreachable.add(host)
        raise Unavailable(f"{host} can't be reached: {error}") from error
