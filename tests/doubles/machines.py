"""Machines that run Talos, as far as talosctl can tell: tests/doubles/talosapi, built once."""

import hashlib
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pins import pinned
from tests.tools.locks import locked
from tests.tools.obtain import cache_dir

# What the Image Factory calls an image with the extensions of an MS-01, i915 and intel-ucode.
MS_01 = "4b3cd373a192c8469e859b7a0cfbed3ecc3577c4a2d346a37b0aeff9cd17cdb0"
SOURCE = Path(__file__).parent / "talosapi"
_networks = itertools.count()


def program() -> Path:
    """Build the double unless it is there, and return its path; its name holds the hash of its source."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    target = cache_dir() / f"talosapi-{digest.hexdigest()[:12]}"
    cache_dir().mkdir(parents=True, exist_ok=True)
    with locked(target):
        if not target.exists():
            draft = target.with_suffix(".draft")
            subprocess.run(
                ["go", "build", "-trimpath", "-o", str(draft), "."],
                cwd=SOURCE,
                env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"},
                check=True,
            )
            draft.rename(target)
    return target


def network() -> str:
    """Return the first three bytes of a loopback network that no other test uses."""
    return f"127.{20 + os.getpid() % 200}.{next(_networks) + 1}"


def machine(address: str, **changes: Any) -> dict[str, Any]:
    """Return an MS-01 like Anton's."""
    last = int(address.rpartition(".")[2])
    return {
        "address": address,
        "links": [
            {"name": "enp2s0f0", "mac": f"58:47:ca:00:01:{last:02x}", "up": False, "speed": 0},
            {"name": "enp87s0", "mac": f"58:47:ca:00:00:{last:02x}", "up": True, "speed": 2500},
        ],
        "disks": [
            {"path": "/dev/nvme0n1", "size": 1000204886016, "model": "Sturdy 990", "serial": f"S{last}"},
            {"path": "/dev/nvme1n1", "size": 2000398934016, "model": "Roomy 5", "serial": f"R{last}"},
            {"path": "/dev/sr0", "size": 1024, "model": "Discs", "cdrom": True},
        ],
        "version": pinned()["pin_talos"],
        "schematic": MS_01,
    } | changes


@dataclass
class Machines:
    """Running machines and what they were asked. `control` is the file by which they obey."""

    record: Path
    control: Path
    _said: dict[str, dict[str, Any]] = field(default_factory=dict)

    def say(self, address: str, **words: Any) -> None:
        """Make a machine down, its etcd raise an alarm, ...: `Said` in talosapi/control.go; nothing ends it."""
        self._said = {**self._said, address: words}
        draft = self.control.with_suffix(".draft")
        draft.write_text(json.dumps(self._said))
        draft.replace(self.control)

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        """Return the calls that were made, without reads."""
        lines = [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []
        return [line for line in lines if method in ("", line["method"])]


@contextmanager
def running(folder: Path, descriptions: list[dict[str, Any]]) -> Iterator[Machines]:
    """Machines that start in maintenance mode."""
    (folder / "machines.json").write_text(json.dumps(descriptions))
    machines = Machines(folder / "calls.jsonl", folder / "control.json")
    process = subprocess.Popen(
        [program(), folder / "machines.json", machines.record, machines.control], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield machines
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()
