"""git over ssh on loopback: a real SSH server that serves the repositories of a folder to one key."""

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import asyncssh


class Server:
    """`command` is what GIT_SSH_COMMAND must be to reach it, `address(name)` where it has a repository."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.port = 0
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(folder / "key")
        key.write_public_key(folder / "authorized_keys")
        (folder / "key").chmod(0o600)

    @property
    def command(self) -> str:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "LogLevel=ERROR"]
        flags = [word for option in options for word in ("-o", option)]
        return shlex.join(["ssh", "-p", str(self.port), "-i", str(self.folder / "key"), "-F", "none", *flags])

    def address(self, name: str) -> str:
        return f"ssh://git@127.0.0.1/{name}"

    async def start(self) -> None:
        """Listen on a free port."""
        listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=str(self.folder / "authorized_keys"),
            process_factory=self.serve,
            encoding=None,
        )
        self.port = listener.get_port()

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """Run what git asks for: git-upload-pack '/name'."""
        program, name = shlex.split(process.command or "")
        git = await asyncio.create_subprocess_exec(
            "git", program.removeprefix("git-"), str(self.root / name.lstrip("/")),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        typing = asyncio.create_task(_pass_on(process.stdin, git.stdin))
        # Everything that git writes, before the session ends: redirect() can lose what is left when git is gone.
        await asyncio.gather(_pass_on(git.stdout, process.stdout), _pass_on(git.stderr, process.stderr))
        process.exit(await git.wait())
        typing.cancel()
        await process.wait_closed()


async def _pass_on(reader: Any, writer: Any) -> None:
    """Write all that can be read, until the reader's end or until nobody reads it."""
    with suppress(ConnectionError, BrokenPipeError):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()


@contextmanager
def serving(root: Path, folder: Path) -> Iterator[Server]:
    """Run a server for the repositories in `root`; `folder` is its own."""
    server = Server(root, folder)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
