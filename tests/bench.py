"""What things cost, beside the floor they can't go below, or beside how else they could be done: `make bench`.

Runs are interleaved, because a noisy machine slows both sides alike; read the ratios, not the seconds.
"""

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from copier import run_copy

from talos_flux.template.render import Template
from tests.support.additions import Adder
from tests.support.render import VERSION, git, snapshot

RUNS = 7
APP = {"app_image": "ghcr.io/example/app", "app_tag": "1.2.3", "app_port": 8080}
Answers = dict[str, Any]


def seconds(action: Callable[[], object]) -> float:
    """Wall time."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def compare(one: str, act: Callable[[], object], other: str, act_otherwise: Callable[[], object]) -> None:
    """Print what each side takes, and how many times longer the first one is. The first run of each is not counted."""
    act(), act_otherwise()
    pairs = [(seconds(act), seconds(act_otherwise)) for _ in range(RUNS)]
    for label, times in zip((one, other), zip(*pairs, strict=True), strict=True):
        print(f"{label:52}{min(times):8.3f}s{statistics.median(times):8.3f}s{max(times):8.3f}s")
    print(f"{'ratio':52}{'':9}{statistics.median(one / other for one, other in pairs):8.2f}x")


def command_line(template: Path, destination: Path, environment: dict[str, str]) -> Callable[[], object]:
    """One `copier copy --defaults`, the start of the command line included."""

    def copy() -> None:
        shutil.rmtree(destination, ignore_errors=True)
        command = ["copier", "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD"]
        subprocess.run([*command, template, destination], check=True, env=environment, capture_output=True)

    return copy


def in_process(template: Path, destination: Path, answers: Answers) -> Callable[[], object]:
    """Return a function that does the same without the command line."""

    def copy() -> None:
        shutil.rmtree(destination, ignore_errors=True)
        run_copy(str(template), destination, vcs_ref="HEAD", data=answers, defaults=True, quiet=True)

    return copy


def rendered(template: Path, answers: Answers) -> Callable[[], object]:
    """One render of a template that is loaded once."""
    loaded = Template(template, commit=VERSION, source=str(template))
    return lambda: loaded.render({}, answers)


def entry(generator: Path, cluster: Path, answers: Answers) -> Callable[[], object]:
    """One `copier copy --trust generators/app`, each time of another app of the cluster."""
    number = itertools.count()
    data = [f"--data={name}={answer}" for name, answer in answers.items()]

    def copy() -> None:
        app = cluster / f"kubernetes/apps/media/{generator.name}-{next(number)}"
        command = ["copier", "copy", "--trust", "--defaults", "--quiet", *data, str(generator), str(app)]
        subprocess.run(command, check=True, capture_output=True)

    return copy


def another(adder: Adder, cluster: Path) -> Callable[[], object]:
    """Another app in this process."""
    number = itertools.count()
    return lambda: adder.add("app", cluster / f"kubernetes/apps/media/app-{next(number):03}", APP)


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "bench")


def as_static_template(copied: Path, target: Path) -> int:
    """Make a template of the same files with nothing to ask or compute; return how many files it has."""
    shutil.copytree(copied, target / "template")
    (target / "template" / ".copier-answers.yml").unlink()
    (target / "copier.yml").write_text("_subdirectory: template\n")
    commit(target)
    return sum(path.is_file() for path in (target / "template").rglob("*"))


def as_template_with_a_task(app: Path, target: Path) -> Path:
    """Make a template of an app's files as they are, with a task that only starts Copier's Python again."""
    shutil.copytree(app, target / "template")
    (target / "template" / ".copier-answers.yml").unlink()
    task = ["{{ _copier_python }}", "-c", "import copier"]
    (target / "copier.yml").write_text(yaml.safe_dump({"_subdirectory": "template", "_tasks": [{"command": task}]}))
    return target


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        os.environ |= {"COPIER_CACHE_DIR": str(work / "cache"), "COPIER_SETTINGS_PATH": str(work / "settings.yml")}
        (work / "settings.yml").write_text("{}\n")
        ours, static, cluster = snapshot(work / "template"), work / "static", work / "cluster"
        command_line(ours, cluster, dict(os.environ))()
        files = as_static_template(cluster, static)
        adder = Adder(ours)
        shutil.copytree(cluster, work / "crowded")
        quiet = another(adder, cluster)
        quiet()
        crowd = another(adder, work / "crowded")
        for _ in range(100):
            crowd()
        floor = as_template_with_a_task(cluster / "kubernetes/apps/media/app-000", work / "task")
        taken_over = {
            "ingress_backend": "nginx",
            "secrets_backend": "sops",
            "storage": "none",
            "external_access": "none",
        }
        app = {"generator": "app", "app_name": "app", "app_namespace": "media", **taken_over, **APP}

        print(f"{'':52}{'min':>9}{'median':>9}{'max':>9}")
        compare(
            "copier copy --defaults",
            command_line(ours, work / "copy", dict(os.environ)),
            f"floor: {files} static files",
            command_line(static, work / "floor", dict(os.environ)),
        )
        compare(
            "an app: copier copy --trust generators/app",
            entry(ours / "generators/app", cluster, APP),
            "floor: its files, static, and a task",
            entry(floor, cluster, {}),
        )
        compare(
            "cluster: copier's run_copy",
            in_process(ours, work / "copy", {}),
            "cluster: talos_flux.template.render",
            rendered(ours, {}),
        )
        compare(
            "app: copier's run_copy",
            in_process(ours, work / "copy", app),
            "app: talos_flux.template.render",
            rendered(ours, app),
        )
        compare("another app beside 100, in process", crowd, "another app beside none", quiet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
