"""What `task update` takes for many apps, beside a loop of stock `copier update`: `make bench`.

The apps have fifteen files each. Stock Copier runs once in each folder, with the commit that it wants in between.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talos_flux.template.render import Template
from tests.support.additions import Adder
from tests.support.app_cases import everything
from tests.support.commands import TALOS_FLUX
from tests.support.render import VERSION, commit_all, git, snapshot

NEXT = "v999.1.0"
CONFIG = {f"/etc/app/{number}.yaml": f"number: {number}\n" for number in range(10)}
APP = {
    "app_image": "ghcr.io/example/app",
    "app_tag": "1.2.3",
    **everything("local-path"),
    "app_secret": "onepassword",
    "app_secret_keys": ["API_KEY"],
    "app_config_files": CONFIG,
}


def release(template: Path, files: dict[str, tuple[str, str]]) -> None:
    """Release the next version of the template, with some texts replaced."""
    for name, (old, new) in files.items():
        text = (template / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (template / name).write_text(text.replace(old, new))
    commit_all(template, f"feat: {NEXT}")
    git(template, "tag", NEXT)


def cluster_of(template: Path, root: Path, apps: int, answers: Mapping[str, Any] = APP) -> Path:
    """Create a committed cluster with `apps` apps, each with these answers."""
    adder = Adder(template)
    for path, file in Template(template, commit=VERSION, source=str(template)).render({}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(file.content)
        (root / path).chmod(0o755 if file.executable else 0o644)
    for number in range(apps):
        adder.add("app", root / f"kubernetes/apps/media-{number // 50}/app-{number:04}", answers)
    commit_all(root, "feat: the cluster")
    return root


def run(
    root: Path, *arguments: str, script: str = "update", ends_with: tuple[int, ...] = (0,)
) -> tuple[float, float, int]:
    """Seconds, seconds of CPU (with what it starts) and MiB of memory of one of the scripts."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [*TALOS_FLUX, script, *arguments]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in ends_with, f"talos-flux {script} ended with {code}"
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return elapsed, cpu, used.ru_maxrss // 1024


def stock(root: Path) -> float:
    """Seconds of `copier update` in every folder."""
    started = time.perf_counter()
    for answers in sorted(root.rglob(".copier-answers.yml")):
        command = ["copier", "update", "--defaults", "--skip-answered", "--quiet", "--vcs-ref", NEXT]
        subprocess.run(command, cwd=answers.parent, check=True, capture_output=True)
        commit_all(root, "feat: follow the template")
    return time.perf_counter() - started


def show(what: str, measured: tuple[float, float, int]) -> None:
    elapsed, cpu, memory = measured
    print(f"{what:52}{elapsed:8.2f}s{cpu:8.2f}s{memory:6} MiB", flush=True)


def beside_stock(root: Path, other: Path) -> None:
    """Run the same update with both, which must give the same files; run stock once, because it takes minutes."""
    ours = []
    for _ in range(3):
        git(root, "reset", "--quiet", "--hard", "HEAD~1")
        ours.append(run(root)[0])
        commit_all(root, "feat: follow the template")
    loop = stock(other)
    print(f"{'a loop of copier update in every folder':52}{loop:8.2f}s")
    print(f"{'ratio':52}{loop / statistics.median(ours):8.1f}x")
    trees = [git(folder, "rev-parse", "HEAD^{tree}") for folder in (root, other)]
    assert trees[0] == trees[1], "the two do not give the same files"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        os.environ |= {"XDG_CACHE_HOME": str(work / "cache"), "COPIER_SETTINGS_PATH": str(work / "settings.yml")}
        (work / "settings.yml").write_text("{}\n")
        template = snapshot(work / "template")
        roots = {size: cluster_of(template, work / str(size), size) for size in map(int, sys.argv[1:] or (100, 1000))}
        if 100 in roots:
            shutil.copytree(roots[100], work / "stock")
        release(
            template,
            {
                "macros/flux.jinja": ("  prune: true", "  force: false\n  prune: true"),
                "template/.editorconfig": ("root = true", "# Editors read this.\nroot = true"),
            },
        )
        print(f"{'':52}{'wall':>9}{'CPU':>9}{'memory':>10}")
        for size, root in roots.items():
            files = len(git(root, "ls-files", "kubernetes/apps/media-0/app-0000").splitlines())
            show(f"{size} apps of {files} files: task update", run(root))
            commit_all(root, "feat: follow the template")
            show(f"{size} apps, nothing to do", run(root))
        if 100 in roots:
            beside_stock(roots[100], work / "stock")
    return 0


if __name__ == "__main__":
    sys.exit(main())
