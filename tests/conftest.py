"""What every test may ask for: a snapshot of the template, rendered clusters, the API server."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import plumbum
import pytest

from tests.support import apiserver, processes, scratch, tools
from tests.support.cases import CASES, EXAMPLES
from tests.support.home import Home
from tests.support.needs import (
    TIERS,
    Delivery,
    Narrator,
    in_order,
    is_in,
    missing_tools,
    part_groups,
    tools_of,
    use_stand_ins,
)
from tests.support.render import PROJECT, Renderer, snapshot
from tests.support.repository import Repository

NOT_RENDERED = "charts not rendered"
FUZZED = "fuzzed answers"
MOST = 12  # modules in the summary
MISSING: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tier", choices=TIERS, default="all", help="run the tests of make check, make test or all")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("tier") != "all":
        use_stand_ins()
    scratch.use_memory()
    # No test asks a registry of the world what a cluster's charts are; whoever runs one takes this away.
    os.environ["TALOS_FLUX_OFFLINE"] = "1"
    folders = [*tools.folders(), Path(sys.executable).parent]
    os.environ["PATH"] = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    # One look for all processes, because they must agree on the order of the tests.
    config.stash[MISSING] = worker_input(config)["missing"] if is_worker(config) else missing_tools()
    if not is_worker(config) and (reporter := config.pluginmanager.getplugin("terminalreporter")):
        Narrator(shared_folder(config) / "tools/tools.log", reporter).start()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist what the first look found."""
    node.workerinput["missing"] = node.config.stash[MISSING]


# Before pytest-xdist reads which groups there are.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the tier, those whose tools are there first."""
    tier = config.getoption("tier")
    missing = config.stash[MISSING]
    chosen = [item for item in items if is_in(item, tier)]
    config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
    part_groups(chosen, missing)
    items[:] = in_order(chosen, missing)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the first process bring what the tests need."""
    config = session.config
    needed = {name for item in session.items for name in tools_of(item)}
    missing = config.stash[MISSING]
    to_bring = [name for name in missing if name in needed]
    if to_bring and not config.option.collectonly and worker_id(config) in ("gw0", None):
        Delivery(shared_folder(config) / "tools").start(to_bring)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wait for the tools of a test, before the fixtures that use them."""
    delivery = Delivery(shared_folder(item.config) / "tools")
    missing = item.config.stash[MISSING]
    for name in sorted(tools_of(item).intersection(missing)):
        delivery.wait_for(name)


def worker_id(config: pytest.Config) -> str | None:
    """Which of pytest-xdist's processes this is; None without it."""
    return worker_input(config)["workerid"] if is_worker(config) else None


def worker_input(config: pytest.Config) -> dict[str, Any]:
    """Return what the first process told this one."""
    given: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
    return given


def shared_folder(config: pytest.Config) -> Path:
    """Return a folder that all processes of this test run share."""
    base: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    return base.parent if is_worker(config) else base


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
        # scripts/talos-flux runs the tools as they are here.
        "TALOS_FLUX": str(PROJECT),
        # kubectl keeps there what each server of a test can do.
        "KUBECACHEDIR": str(home / "kubectl"),
        **scratch.keep_below(tmp_path_factory.getbasetemp() / "tmp"),
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
def shared(request: pytest.FixtureRequest) -> Path:
    """Provide a folder that all processes of this test run share."""
    return shared_folder(request.config)


@pytest.fixture(scope="session")
def template(shared: Path, isolated: None) -> Path:
    """Provide the template as a git repository: the working tree, committed and tagged v999.0.0."""
    return snapshot(shared / "template")


@pytest.fixture(scope="session")
def render(template: Path, shared: Path) -> Renderer:
    """render(answers) is the rendered cluster, made once per set of answers: read it, don't write it."""
    return Renderer(template, shared / "renders")


def one_worker_each(names: Iterable[str], in_make_test: Container[str] | None = None, *, prefix: str = "") -> list[Any]:
    """Parameters whose tests stay in one process under pytest-xdist, which reads and builds that cluster once.

    Those that are not `in_make_test` are for make test-all; None means all of them. With a `prefix` they are a group
    apart from other tests of the same cluster.
    """
    return [
        pytest.param(
            name,
            marks=[
                pytest.mark.xdist_group(f"{prefix}{name}"),
                *([] if in_make_test is None or name in in_make_test else [pytest.mark.full]),
            ],
        )
        for name in names
    ]


# The clusters of make test: together they have each backend and each component; what is left differs in values.
WITNESSES = {"anton", "everything", "sops", "envoy-gateway", "direct-bgp", "internal-only", "awkward"}


@pytest.fixture(scope="session", params=one_worker_each(CASES, in_make_test=WITNESSES))
def cluster(request: pytest.FixtureRequest, render: Renderer) -> Repository:
    """Each cluster that is judged: every example, every pair of choices, awkward answers."""
    return Repository(render(CASES[request.param]), CASES[request.param])


@pytest.fixture(scope="session", params=one_worker_each(EXAMPLES, in_make_test={"anton", "everything"}))
def example(request: pytest.FixtureRequest, render: Renderer) -> Repository:
    """Each cluster of examples/."""
    return Repository(render(EXAMPLES[request.param]), EXAMPLES[request.param])


@pytest.fixture
def home_with(tmp_path: Path, render: Renderer, template: Path) -> Callable[..., Home]:
    """home_with(**answers) is that cluster in git, to add namespaces and apps to."""
    return lambda **answers: Home(tmp_path / "home", render(answers), template)


@pytest.fixture
def home(home_with: Callable[..., Home]) -> Home:
    """Provide the default cluster in git."""
    return home_with()


@pytest.fixture(scope="session")
def server(shared: Path, request: pytest.FixtureRequest) -> apiserver.ApiServer:
    """Provide the real API server, one for all processes of this test run."""
    owner = os.getppid() if is_worker(request.config) else os.getpid()
    return apiserver.running(shared / "apiserver", owner)


def pytest_sessionfinish(session: pytest.Session) -> None:
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory and not is_worker(session.config):
        processes.stop(factory.getbasetemp() / "apiserver")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which modules took the most time, how many answers were tried, and which charts no test rendered."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    seconds: Counter[str] = Counter()
    for report in reports:
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
    costs = ", ".join(f"{module} {spent:.0f}" for module, spent in seconds.most_common(MOST))
    terminalreporter.write_line(f"seconds by module, all processes: {costs}")
    properties = [found for report in reports for found in getattr(report, "user_properties", [])]
    if counts := dict.fromkeys(str(count) for name, count in properties if name == FUZZED):
        terminalreporter.write_line(f"{FUZZED}: {'; '.join(counts)}")
    if missing := {chart for name, charts in properties if name == NOT_RENDERED for chart in charts}:
        terminalreporter.write_line(f"{NOT_RENDERED} ({len(missing)}): {', '.join(sorted(missing))}")
