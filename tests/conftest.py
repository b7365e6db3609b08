"""What every test may ask for: a snapshot of the template, rendered clusters, the API server."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import plumbum
import pytest

from tests.support import apiserver, processes
from tests.support.cases import CASES, EXAMPLES
from tests.support.home import Home
from tests.support.render import Renderer, snapshot
from tests.support.repository import Repository

NOT_RENDERED = "charts not rendered"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of pytest-xdist's."""
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither the user's Copier settings nor their git configuration reach a test.

    Copier runs git through plumbum, which took its own copy of the environment at import.
    """
    # What runs in the background ignores Ctrl-C, and so would everything that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    home = tmp_path_factory.mktemp("environment")
    (home / "gitconfig").write_text(
        "[user]\nname = Test\nemail = test@example.net\n[init]\ndefaultBranch = main\n[commit]\ngpgSign = false\n"
    )
    (home / "settings.yml").write_text("{}\n")
    values = {
        "COPIER_SETTINGS_PATH": str(home / "settings.yml"),
        "COPIER_CACHE_DIR": str(home / "copier"),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        # kubectl keeps there what each server of a test can do.
        "KUBECACHEDIR": str(home / "kubectl"),
    }
    unwanted = {name for name in os.environ if name.startswith("GIT_") or name == "VIRTUAL_ENV"} - values.keys()
    environment: Any = plumbum.local.env
    with pytest.MonkeyPatch.context() as patch:
        for name in unwanted:
            patch.delenv(name)
            patch.delitem(environment, name, raising=False)
        for name, value in values.items():
            patch.setenv(name, value)
            patch.setitem(environment, name, value)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if is_worker(request.config) else base


@pytest.fixture(scope="session")
def template(shared: Path, isolated: None) -> Path:
    """The template as a git repository: the working tree, committed and tagged v999.0.0."""
    return snapshot(shared / "template")


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Renderer:
    """render(answers) is the rendered cluster, made once per set of answers: read it, don't write it."""
    return Renderer(template, shared / "renders")


def one_worker_each(names: Iterable[str]) -> list[Any]:
    """Parameters whose tests stay in one process under pytest-xdist, which reads and builds that cluster once."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


@pytest.fixture(scope="session", params=one_worker_each(CASES))
def cluster(request: pytest.FixtureRequest, render: Renderer) -> Repository:
    """Each cluster that is judged: every example, every pair of choices, awkward answers."""
    return Repository(render(CASES[request.param]), CASES[request.param])


@pytest.fixture(scope="session", params=one_worker_each(EXAMPLES))
def example(request: pytest.FixtureRequest, render: Renderer) -> Repository:
    """Each cluster of examples/."""
    return Repository(render(EXAMPLES[request.param]), EXAMPLES[request.param])


@pytest.fixture
def home_with(tmp_path: Path, render: Renderer, template: Path) -> Callable[..., Home]:
    """home_with(**answers) is that cluster in git, to add namespaces and apps to."""
    return lambda **answers: Home(tmp_path / "home", render(answers), template)


@pytest.fixture
def home(home_with: Callable[..., Home]) -> Home:
    """The default cluster in git."""
    return home_with()


@pytest.fixture(scope="session")
def server(shared: Path, request: pytest.FixtureRequest) -> apiserver.ApiServer:
    """The real API server, one for all processes of this test run."""
    owner = os.getppid() if is_worker(request.config) else os.getpid()
    return apiserver.running(shared / "apiserver", owner)


def pytest_sessionfinish(session: pytest.Session) -> None:
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory and not is_worker(session.config):
        processes.stop(factory.getbasetemp() / "apiserver")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which charts of the examples no test rendered, because no Go module carries them."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [found for report in reports for found in getattr(report, "user_properties", [])]
    if missing := {chart for name, charts in properties if name == NOT_RENDERED for chart in charts}:
        terminalreporter.write_line(f"{NOT_RENDERED} ({len(missing)}): {', '.join(sorted(missing))}")
