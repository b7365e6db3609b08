"""Show that the witnesses of make test see: put each mutant into a copy of the project and run its witness.

    python -m tests.mutants [WORD ...]

runs those whose name has one of the words. Exit 1 when a witness fails without a mutant, or does not see its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import MUTANTS
from tests.mutants.mutant import Mutant
from tests.support.render import PROJECT, git

PASSED, FAILED = 0, 1


def main(words: Sequence[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    if not chosen:
        print(f"no mutant has {' or '.join(words)} in its name", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        project = copy_of_the_project(Path(folder) / "project")
        witnesses = sorted({mutant.witness for mutant in chosen})
        code, output = run(project, witnesses)
        if code != PASSED:
            print(f"{output}\nwithout a mutant the witnesses must pass", file=sys.stderr)
            return 1
        missed = [mutant.name for mutant in chosen if not is_seen(project, mutant)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} mutants seen")
    for name in missed:
        print(f"not seen: {name}", file=sys.stderr)
    return 1 if missed else 0


def copy_of_the_project(target: Path) -> Path:
    """Copy the working tree as git sees it, with the tools and the Python that are here."""
    names = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]
    for name in names:
        if (PROJECT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name, follow_symlinks=False)
    identity = ("-c", "user.name=mutants", "-c", "user.email=mutants@localhost")
    git(target, "init", "--quiet")
    git(target, "add", "--all")
    git(target, *identity, "commit", "--quiet", "--no-verify", "--message", "test: the working tree")
    if (PROJECT / ".tools").exists():
        shutil.copytree(PROJECT / ".tools", target / ".tools", symlinks=True)
    (target / ".venv").symlink_to(PROJECT / ".venv")
    return target


def is_seen(project: Path, mutant: Mutant) -> bool:
    """Whether the witness fails with the mutant in place; ValueError when the mutant does not fit the file."""
    file = project / mutant.file
    good = file.read_text()
    if good.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: {mutant.file} has {mutant.old!r} {good.count(mutant.old)} times")
    file.write_text(good.replace(mutant.old, mutant.new))
    try:
        code, output = run(project, [mutant.witness])
    finally:
        file.write_text(good)
    print(f"{'seen' if code == FAILED else 'NOT SEEN'}: {mutant.name}", flush=True)
    if code not in (PASSED, FAILED):
        raise ValueError(f"{mutant.name}: pytest ended with {code}\n{output}")
    return code == FAILED


def run(project: Path, witnesses: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code and output for tests of make test, which stop at the first that fails."""
    tests = [f"tests/{witness}" for witness in witnesses]
    kept_beside = [f"--basetemp={project.parent / 'tests'}"]  # what a failing test leaves goes with the project
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--tier=test", "-p", "no:cacheprovider", *kept_beside, *tests],
        cwd=project,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
