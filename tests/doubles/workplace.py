"""A rendered cluster in a Git checkout with an origin, and the environment in which its tasks run."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import tools
from tests.support.render import git

DOUBLES = Path(__file__).parent
REPOSITORY = "https://git.example.net/home/anton.git"
ANSWERS: dict[str, Any] = {
    "domain": "anton.example.net",
    "repository_url": REPOSITORY,
    "cloudflare_tunnel_id": "6ff42ae2-765d-4adf-8112-31c55c1551ef",
    "webhook_provider": "generic-hmac",
}
SOPS = ANSWERS | {"secrets_backend": "sops", "dns_provider": "cloudflare"}
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.net")


@cache
def environment() -> dict[str, str]:
    """PATH: the double of op, the tools, then this Python's own; nothing that points at another cluster."""
    kept = {key: value for key, value in os.environ.items() if key not in {"KUBECONFIG", "TALOSCONFIG"}}
    folders = [DOUBLES, *tools.folders(), Path(sys.executable).parent]
    path = os.pathsep.join([*map(str, folders), kept.get("PATH", "")])
    return kept | {"PATH": path, "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1", "COLUMNS": "200"}


@dataclass
class Workplace:
    """`root` is the checkout, `account` the 1Password double's file, `calls` what op was called with."""

    root: Path
    origin: Path
    account: Path
    calls: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """That of its tasks."""
        return environment() | {"OP_DOUBLE": str(self.account), "OP_DOUBLE_LOG": str(self.calls)} | self.extra

    def task(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a task; nobody is at the terminal."""
        return subprocess.run(
            ["task", *words],
            cwd=self.root,
            env=self.environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run a task in the background, in its own process group, until the end of the block."""
        task = subprocess.Popen(
            ["task", *words],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield task
        finally:
            if task.poll() is None:
                os.killpg(task.pid, signal.SIGKILL)
                task.wait()

    def succeeds(self, *words: str, stdin: str | None = None) -> str:
        """Run a task that must succeed and return all that it says."""
        done = self.task(*words, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refuses(self, *words: str, stdin: str | None = None) -> str:
        """Run a task that must refuse, in one line, and return that line."""
        done = self.task(*words, stdin=stdin)
        assert done.returncode != 0, done.stdout + done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return lines[0].removeprefix("error: ")

    def git(self, *words: str) -> str:
        """Run git in the checkout."""
        return git(self.root, *IDENTITY, *words)

    def push(self) -> None:
        """Commit everything and push it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "test")
        self.git("push", "--quiet", "origin", "HEAD:main")

    def read(self, name: str) -> str:
        """Return the content of a file in the checkout."""
        return (self.root / name).read_text()

    def write(self, name: str, content: str) -> None:
        """Write a file of the checkout."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(content)

    def items(self) -> dict[str, dict[str, str]]:
        """Return the values in the vault, by item."""
        vault = json.loads(self.account.read_text())["vaults"]["Homelab"]
        return {item["title"]: {entry["label"]: entry["value"] for entry in item["fields"]} for item in vault}

    def document(self, title: str) -> str:
        """Return the content of a document in the vault."""
        vault = json.loads(self.account.read_text())["vaults"]["Homelab"]
        return next(item["document"] for item in vault if item["title"] == title)

    def every_file(self) -> dict[Path, str]:
        """All that is on disk outside of .git, to search for what must not be there."""
        found = {}
        for path in self.root.rglob("*"):
            if path.is_file() and ".git" not in path.relative_to(self.root).parts:
                found[path.relative_to(self.root)] = path.read_text(errors="replace")
        return found

    def copy(self, folder: Path) -> "Workplace":
        """Copy everything to a folder of its own, with its own origin."""
        folder.mkdir()
        copied = Workplace(folder / "cluster", folder / "origin.git", folder / "1password.json", folder / "calls.jsonl")
        shutil.copytree(self.root, copied.root)
        shutil.copytree(self.origin, copied.origin)
        shutil.copy2(self.account, copied.account)
        copied.git("config", "--remove-section", f"url.{self.origin}")
        copied.reach_origin()
        return copied

    def reach_origin(self) -> None:
        """origin is named as Flux names it, and is the folder beside the checkout."""
        self.git("config", f"url.{self.origin}.insteadOf", REPOSITORY)


def set_up(folder: Path, rendered: Path) -> Workplace:
    """Make a checkout of a rendered cluster, committed and pushed to a bare origin beside it."""
    root, origin = folder / "cluster", folder / "origin.git"
    shutil.copytree(rendered, root)
    git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(origin))
    account = folder / "1password.json"
    account.write_text(json.dumps({"signed_in": True, "vaults": {"Homelab": []}}))
    workplace = Workplace(root, origin, account, folder / "op-calls.jsonl")
    workplace.git("init", "--quiet", "--initial-branch", "main")
    workplace.git("remote", "add", "origin", REPOSITORY)
    workplace.reach_origin()
    workplace.push()
    return workplace
