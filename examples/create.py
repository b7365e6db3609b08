"""Create a cluster's repository from an answers file, commit it and check it: what `make cluster` runs.

python -m examples.create ANSWERS DEST
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]
MESSAGE = "feat: create the cluster"
# What is rendered from changes that no commit holds has the tools of the checkout.
EXPORT = f"\n  export TALOS_FLUX={PROJECT}    # until its changes are committed"
CACHES = {"__pycache__", ".task", ".venv"}


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints; subprocess.CalledProcessError when it fails."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def why_not_replace(dest: Path) -> str:
    """Return the reason to leave an existing folder alone, or nothing: only our own untouched commit is replaced."""
    if not dest.exists() or (dest.is_dir() and not any(dest.iterdir())):
        return ""
    changes, subjects = [], ""
    if (dest / ".git").exists():
        with suppress(subprocess.CalledProcessError):
            changes, subjects = uncommitted(dest), git(dest, "log", "--all", "--format=%s")
    if not subjects:
        return f"{dest} exists and is not a repository that make cluster created; choose another DEST="
    if changes:
        return f"{dest} holds {changes[0]}, which is not committed; move it elsewhere or choose another DEST="
    if subjects != MESSAGE:
        return f"{dest} holds commits of yours; choose another DEST="
    return ""


def uncommitted(folder: Path) -> list[str]:
    """Return what no commit holds, by path, be it ignored like age.key or kubeconfig; caches don't count."""
    status = git(folder, "status", "--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all")
    paths = [Path(entry.lstrip().split(" ", 1)[1]) for entry in status.split("\0") if entry]
    return [str(path) for path in paths if not CACHES & set(path.parts)]


def create(answers: Path, dest: Path) -> bool:
    """Render, commit and check; a half-written folder never takes the place of a good one.

    Return whether the cluster can run its own tools: changes of this checkout that are not committed are in it, but
    in no commit that its tools could be fetched from.
    """
    fresh = dest.with_name(f".{dest.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    subprocess.run(
        ["copier", "copy", "--defaults", "--quiet", "--data-file", answers, "--vcs-ref", "HEAD", PROJECT, fresh],
        check=True,
    )
    recorded = yaml.safe_load((fresh / ".copier-answers.yml").read_text())
    git(fresh, "init", "--quiet", "--initial-branch", recorded["repository_branch"])
    git(fresh, "remote", "add", "origin", recorded["repository_url"])
    git(fresh, "add", "--all")
    identity = ["-c", "user.name=make cluster", "-c", "user.email=make-cluster@localhost"]
    git(fresh, *identity, "commit", "--quiet", "--no-verify", "--message", MESSAGE)
    is_committed = has_commit(recorded["_commit_id"])
    tools = {} if is_committed else {"TALOS_FLUX": str(PROJECT)}
    subprocess.run(["task", "validate"], cwd=fresh, env=os.environ | tools, check=True)
    shutil.rmtree(dest, ignore_errors=True)
    fresh.rename(dest)
    return is_committed


def has_commit(commit: str) -> bool:
    """Return whether this checkout has a commit; Copier renders changes that are in none from a temporary one."""
    command = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m examples.create ANSWERS DEST", file=sys.stderr)
        return 1
    answers, dest = (Path(argument).resolve() for argument in arguments)
    if not answers.is_file():
        print(f"{answers} is not an answers file; see examples/", file=sys.stderr)
        return 1
    if reason := why_not_replace(dest):
        print(reason, file=sys.stderr)
        return 1
    try:
        is_committed = create(answers, dest)
    except subprocess.CalledProcessError as error:
        print(error.stderr or f"{error.cmd[0]} failed, {dest} is as it was", file=sys.stderr)
        return 1
    print(f"""
{dest} is a complete repository, committed and checked. Next:

  cd {dest}{"" if is_committed else EXPORT}
  mise trust && mise install      # the tools that its tasks use

Then docs/runbooks/first-boot.md: from machines in a box to apps in a browser.""")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
