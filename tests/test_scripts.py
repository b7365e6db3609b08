"""The operator's scripts are as clean as this project's own, with either place for secrets."""

import subprocess
from pathlib import Path

import pytest

from tests.support.needs import needs

BACKUPS = {"backups": "nfs", "backup_nfs": "nas.example.net:/backups"}
BACKENDS = [pytest.param({"secrets_backend": backend, **BACKUPS}, id=backend) for backend in ("onepassword", "sops")]


def complaints(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("answers", BACKENDS)
def test_scripts_are_formatted_and_free_of_the_usual_mistakes(render, answers):
    scripts = render(answers) / "scripts"
    rules = ("--isolated", "--no-cache", "--line-length", "120")
    assert complaints("ruff", "format", "--check", *rules, ".", folder=scripts) == ""
    chosen = ("--select", "B,E,F,I,UP,PL", "--ignore", "PLR2004")
    assert complaints("ruff", "check", *chosen, *rules, ".", folder=scripts) == ""


@pytest.mark.full
def test_scripts_are_typed(render, tmp_path):
    options = (
        "--ignore-missing-imports",
        "--check-untyped-defs",
        "--scripts-are-modules",
        "--cache-dir",
        str(tmp_path),
    )
    for backend in BACKENDS:
        scripts = render(*backend.values) / "scripts"
        names = sorted(str(path.relative_to(scripts)) for path in scripts.rglob("*.py"))
        assert complaints("mypy", *options, *names, folder=scripts) == ""


@needs("task")
@pytest.mark.parametrize("answers", BACKENDS)
@pytest.mark.full
def test_a_script_starts_with_nothing_but_the_packages_that_its_header_names(render, answers):
    scripts = render(answers) / "scripts"
    broken = {
        path.name: complaints("uv", "run", "--script", path.name, "--help", folder=scripts)
        for path in sorted(scripts.glob("*.py"))
    }
    assert {name: said for name, said in broken.items() if said} == {}
