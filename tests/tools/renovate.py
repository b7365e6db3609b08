"""Runs the Renovate that tests/renovate pins, without a network."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.tools import npm
from tests.tools.npm import environment, node_home

OPTIONS = (
    "--platform=local",
    "--onboarding=false",
    "--require-config=optional",
    "--report-type=file",
)

Found = dict[str, list[dict[str, Any]]]


def installed() -> Path:
    """Return the folder of Renovate's packages."""
    return npm.installed("renovate") / "node_modules"


def extract(repository: Path, base_dir: Path) -> Found:
    """Return what Renovate finds in a git work tree, per manager. Only files that git knows count.

    base_dir is Renovate's own folder, a fresh one each time: it keeps what it saw there.
    """
    return reported("extract", repository, base_dir)


def lookup(repository: Path, base_dir: Path, home: Path, *managers: str) -> Found:
    """Return what these managers find, with the updates that they would propose. Their git reads home/.gitconfig."""
    return reported("lookup", repository, base_dir, f"--enabled-managers={','.join(managers)}", HOME=str(home))


def reported(mode: str, repository: Path, base_dir: Path, *options: str, **variables: str) -> Found:
    """Return what Renovate writes into its report."""
    report = base_dir / "report.json"
    arguments = (f"--dry-run={mode}", f"--report-path={report}", *options)
    run("renovate", *OPTIONS, *arguments, cwd=repository, base_dir=base_dir, **variables)
    found: Found = json.loads(report.read_text())["repositories"]["local"]["packageFiles"]
    return found


def update(origin: Path, clone: Path, home: Path, answers_file: str, version: str) -> list[dict[str, Any]]:
    """Let Renovate's copier manager clone a repository and update one place in it; returns what the manager returns.

    Its git and Copier read home/.gitconfig, and home/bin comes first on their PATH.
    """
    clone.mkdir()
    done = subprocess.run(
        [
            *map(str, (node_home() / "bin" / "node", npm.pins("renovate") / "update.mjs", installed() / "renovate")),
            *(str(origin), str(clone), answers_file, version),
        ],
        env=environment(HOME=str(home), PATH=os.pathsep.join([str(home / "bin"), os.environ["PATH"]])),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def objections(repository: Path, base_dir: Path) -> str:
    """Return what Renovate has to say against the repository's configuration; empty when it is valid."""
    try:
        run("renovate-config-validator", "--strict", cwd=repository, base_dir=base_dir)
    except subprocess.CalledProcessError as failed:
        return f"{failed.stdout}{failed.stderr}"
    return ""


def run(command: str, *arguments: str, cwd: Path, base_dir: Path, **variables: str) -> str:
    """Run one of Renovate's commands without a network and return what it logs."""
    done = subprocess.run(
        [str(node_home() / "bin" / "node"), str(installed() / ".bin" / command), *arguments],
        cwd=cwd,
        env=environment(
            RENOVATE_BASE_DIR=str(base_dir),
            # Without one, whatever lives on GitHub is listed as skipped. Nothing is asked there.
            RENOVATE_GITHUB_COM_TOKEN="unused",  # noqa: S106
            LOG_LEVEL="warn",
            **variables,
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout + done.stderr


def judged(texts: Sequence[tuple[str, str]]) -> list[tuple[Any, list[str], list[str]]]:
    """Return for each configuration, of a file's name and text, what Renovate reads, its errors and its warnings."""
    return [(value, errors, warnings) for value, errors, warnings in _answered("renovate_judge.mjs", texts)]


def decided(configuration: str, updates: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """Return for each update how its pull request is merged, by the rules of a configuration."""
    answers: list[dict[str, Any]] = _answered("renovate_rules.mjs", [configuration, updates])
    return answers


def _answered(script: str, question: Any) -> Any:
    done = subprocess.run(
        [str(node_home() / "bin" / "node"), str(Path(__file__).with_name(script)), str(installed() / "renovate")],
        env=environment(LOG_LEVEL="fatal"),
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)
