"""What things cost, beside the floor they can't go below, or beside how else they could be done: `make bench`.

Runs are interleaved, because a noisy machine slows both sides alike; read the ratios, not the seconds.
"""

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
from copier._template import load_template_config
from lib.render import Template

from tests.support.render import VERSION, git, snapshot

RUNS = 7
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"


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


def in_process(template: Path, destination: Path) -> Callable[[], object]:
    """The same without the command line."""

    def copy() -> None:
        shutil.rmtree(destination, ignore_errors=True)
        run_copy(str(template), destination, vcs_ref="HEAD", defaults=True, quiet=True)

    return copy


def rendered(template: Path) -> Callable[[], object]:
    """One render of a template that is loaded once."""
    loaded = Template(template, commit=VERSION, source=str(template))
    return lambda: loaded.render({})


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "bench")


def as_static_template(copied: Path, target: Path) -> int:
    """A template of the same files with nothing to ask or compute; returns how many files it has."""
    shutil.copytree(copied, target / "template")
    (target / "template" / ".copier-answers.yml").unlink()
    (target / "copier.yml").write_text("_subdirectory: template\n")
    commit(target)
    return sum(path.is_file() for path in (target / "template").rglob("*"))


def as_small_template(template: Path, target: Path) -> str:
    """Fifteen files and forty questions, beside all those of a cluster, none of which applies; returns its label."""
    config: dict[str, Any] = {"generator": {"type": "str", "default": "app", "ask": False}}
    config |= load_template_config(template / "copier.yml") | {"_subdirectory": "{{ generator }}"}
    others = [details for name, details in config.items() if not name.startswith("_") and name != "generator"]
    for details in others:
        details["when"] = details.get("when") is not False and "{{ generator == 'cluster' }}"
    rule = "{% from 'macros/names.jinja' import why_this_is_no_label %}{{ why_this_is_no_label(app_NUMBER, 32) }}"
    choices = {"choices": {"Nothing at all - the default": "none", "internal - at home": "internal"}, "default": "none"}
    for number in range(40):
        text = {"default": "jellyfin", "validator": rule.replace("NUMBER", str(number))}
        config[f"app_{number}"] = {"type": "str", **(choices if number % 2 else text)}
    shutil.copytree(template / "macros", target / "macros")
    (target / "copier.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    for number in range(14):
        file = target / f"app/{{% if app_1 == 'none' %}}app{{% endif %}}/{number}.yaml.jinja"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{% from 'macros/yaml.jinja' import scalar %}\n" + "key: {{ scalar(app_0) }}\n" * 20)
    shutil.copy(template / "template" / ANSWERS_FILE, target / "app")
    commit(target)
    return f"15 files, 41 of {41 + len(others)} questions apply"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        os.environ |= {"COPIER_CACHE_DIR": str(work / "cache"), "COPIER_SETTINGS_PATH": str(work / "settings.yml")}
        (work / "settings.yml").write_text("{}\n")
        ours, static, small = snapshot(work / "template"), work / "static", work / "small"
        command_line(ours, work / "copy", dict(os.environ))()
        files = as_static_template(work / "copy", static)
        label = as_small_template(ours, small)
        print(f"{'':52}{'min':>9}{'median':>9}{'max':>9}")
        compare(
            "copier copy --defaults",
            command_line(ours, work / "copy", dict(os.environ)),
            f"floor: {files} static files",
            command_line(static, work / "floor", dict(os.environ)),
        )
        compare("cluster: copier's run_copy", in_process(ours, work / "copy"), "cluster: lib.render", rendered(ours))
        compare(f"{label}: run_copy", in_process(small, work / "copy"), f"{label}: lib.render", rendered(small))
    return 0


if __name__ == "__main__":
    sys.exit(main())
