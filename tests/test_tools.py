"""The tools that judge: only pinned ones are taken, nothing half is left, and a wrong download is refused."""

import hashlib
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import needs as needing
from tests.tools import __main__, build, catalogue, obtain, release
from tests.tools.catalogue import BY_NAME, GoModule, Release, Tool

KUSTOMIZE = BY_NAME["kustomize"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide an empty cache, an empty .tools, and no download."""
    monkeypatch.setenv("COPIER_TALOS_FLUX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(obtain.FROM_SOURCE, "1")
    ours = {str(obtain.BIN), str(obtain.STAND_INS)}
    monkeypatch.setenv("PATH", os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p not in ours))
    monkeypatch.setattr(obtain, "BIN", tmp_path / "bin")
    monkeypatch.setattr(obtain, "STAND_INS", tmp_path / "stand-ins")
    return tmp_path


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Provide a folder that a web server on loopback shows, and its address."""
    folder = tmp_path / "published"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def with_program(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, output: str) -> Path:
    program = folder / name
    folder.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\necho {output}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return program


def built_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the tools that would be built from now on."""
    built: list[str] = []

    def write(tool: Tool, scratch: Path) -> None:
        built.append(tool.name)
        (scratch / tool.name).touch(0o755)

    monkeypatch.setattr(build, "build", write)
    return built


# --- Where a tool comes from ---


def test_a_tool_of_the_pinned_version_on_path_is_used(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = with_program(elsewhere / "path", monkeypatch, "kustomize", "v5.8.1")
    assert __main__.main(["kustomize"]) == 0
    assert (elsewhere / "bin/kustomize").readlink() == program
    assert obtain.is_here("kustomize")


def test_a_tool_of_another_version_on_path_is_not(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(elsewhere / "path", monkeypatch, "kustomize", "v5.0.0")
    built = built_by(monkeypatch)
    assert __main__.main(["kustomize"]) == 0
    assert built == ["kustomize"]


def test_a_built_tool_is_found_again_and_a_changed_recipe_is_not_mistaken_for_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = built_by(monkeypatch)
    for _ in range(2):
        assert __main__.main(["age"]) == 0
    assert built == ["age"]
    other = Tool(name="age", version=BY_NAME["age"].version, source=BY_NAME["age"].source, ldflags="-X changed=yes")
    assert obtain.cached(other) != obtain.cached(BY_NAME["age"])


def test_a_tool_of_an_older_recipe_is_not_here(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_by(monkeypatch)
    __main__.main(["age"])
    older = obtain.cached(BY_NAME["age"]).parent.with_name("age-v1.0.0-older") / "age"
    older.parent.mkdir()
    older.touch()
    obtain.link(BY_NAME["age"], older)
    assert not obtain.is_here("age")


def test_what_stands_in_for_others_lies_apart_under_their_names(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_by(monkeypatch)
    __main__.main(["quick"])
    assert sorted(path.name for path in (elsewhere / "stand-ins").iterdir()) == ["helm", "talosctl"]
    assert sorted(path.name for path in (elsewhere / "bin").iterdir()) == ["envsubst", "flux-build", "quick"]


def test_a_build_that_fails_is_told_and_leaves_nothing(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BY_NAME, "age", Tool("age", "v0.0.1", GoModule("example.net/none")))
    monkeypatch.setenv("GOPROXY", "off")
    assert __main__.main(["age", "--failures", str(elsewhere)]) == 1
    assert "example.net/none@v0.0.1" in capsys.readouterr().err
    assert "example.net/none@v0.0.1" in (elsewhere / "age").read_text()
    assert [path.name for path in (elsewhere / "cache/tools").iterdir() if path.suffix != ".lock"] == []
    assert not (elsewhere / "bin/age").exists()


def test_what_a_killed_build_left_is_no_tool_and_goes(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = obtain.cached(BY_NAME["age"]).parent
    left = target.with_name(f"{target.name}.draft")
    left.mkdir(parents=True)
    (left / "age").write_text("half of it")
    built_by(monkeypatch)
    assert __main__.main(["age"]) == 0
    assert (target / "age").read_bytes() == b""
    assert not left.exists()


def test_two_runs_at_once_build_a_tool_once(elsewhere: Path) -> None:
    program = elsewhere / "run.py"
    program.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.tools import build, obtain\n"
        "def slowly(tool, scratch):\n"
        "    time.sleep(0.5)\n"
        "    (scratch / tool.name).touch(0o755)\n"
        "build.build = slowly\n"
        "obtain.BIN = Path(sys.argv[1])\n"
        "obtain.obtain('age', print)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(build.PROJECT)}
    runs = [
        subprocess.Popen([sys.executable, program, elsewhere / name], env=environment, stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]
    said = [run.communicate()[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert "".join(said).count("building age") == 1
    assert (elsewhere / "one/age").exists() and (elsewhere / "two/age").exists()


def test_an_unknown_tool_is_refused_by_name(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["kubeclt"]) == 1
    assert "no such tool: kubeclt" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no tool is named kubeclt"):
        needing.needs("kubeclt")


def test_an_edit_that_does_not_fit_the_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "module/main.go").write_text("package main\n")
    with pytest.raises(ValueError, match=r"main.go of module does not contain 'old'"):
        build.writable_copy(tmp_path / "module", tmp_path / "copy", (("main.go", "old", "new"),))


# --- What the authors publish ---


def test_a_release_is_downloaded_and_checked(published: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = published
    (folder / "tool-linux").write_bytes(b"the tool")
    (folder / "sums.txt").write_text(f"{hashlib.sha256(b'the tool').hexdigest()}  tool-linux\n{'0' * 64}  other\n")
    release.download(Release(f"{address}/tool-linux", f"{address}/sums.txt"), tmp_path / "tool")
    assert (tmp_path / "tool").read_bytes() == b"the tool"
    assert os.access(tmp_path / "tool", os.X_OK)


def test_a_member_of_an_archive_is_taken_out(published: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = published
    with tarfile.open(folder / "tool.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("linux-amd64/tool")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"tool"))
    digest = hashlib.sha256((folder / "tool.tar.gz").read_bytes()).hexdigest()
    (folder / "tool.tar.gz.sha256").write_text(digest)
    found = Release(f"{address}/tool.tar.gz", f"{address}/tool.tar.gz.sha256", "linux-amd64/tool")
    release.download(found, tmp_path / "tool")
    assert (tmp_path / "tool").read_bytes() == b"tool"
    with pytest.raises(release.Unavailable, match="has no linux-amd64/none"):
        release.download(Release(found.url, found.checksums, "linux-amd64/none"), tmp_path / "none")


def test_another_content_than_the_published_sum_is_refused(published: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = published
    (folder / "tool").write_bytes(b"something else")
    (folder / "tool.sha256").write_text("0" * 64)
    with pytest.raises(release.WrongChecksum, match=f"{address}/tool has the SHA-256 [0-9a-f]+, and .* says 0+"):
        release.download(Release(f"{address}/tool", f"{address}/tool.sha256"), tmp_path / "tool")
    assert list(tmp_path.glob("tool*")) == []


@pytest.mark.parametrize("sums", ["<html>log in first</html>", "", "deadbeef  tool\n"])
def test_without_a_published_sum_nothing_is_taken(published: tuple[Path, str], tmp_path: Path, sums: str) -> None:
    folder, address = published
    (folder / "tool").write_bytes(b"the tool")
    (folder / "tool.sha256").write_text(sums)
    with pytest.raises(release.Unavailable, match="no SHA-256 of tool is published"):
        release.download(Release(f"{address}/tool", f"{address}/tool.sha256"), tmp_path / "tool")


def test_where_nothing_is_published_the_tool_is_built(
    elsewhere: Path, published: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(obtain.FROM_SOURCE)
    _, address = published
    gone = Release(f"{address}/none", f"{address}/none.sha256")
    monkeypatch.setitem(BY_NAME, "age", Tool("age", "v1", GoModule("filippo.io/age"), release=gone))
    built = built_by(monkeypatch)
    assert __main__.main(["age"]) == 0
    assert built == ["age"]


def test_every_release_is_of_the_pinned_version() -> None:
    for tool in catalogue.TOOLS:
        if tool.release:
            assert tool.version.removeprefix("v") in tool.release.url, tool.name
            assert tool.release.url.startswith("https://") and tool.release.checksums.startswith("https://")


# --- Who needs what ---


def test_tests_come_in_the_order_in_which_their_tools_arrive(request: pytest.FixtureRequest) -> None:
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    missing = ["quick", "etcd", "kube-apiserver"]
    arrivals = [
        max((missing.index(name) + 1 for name in needing.tools_of(item) if name in missing), default=0)
        for item in needing.in_order(items, missing)
    ]
    assert arrivals == sorted(arrivals)


class Waiting(pytest.Item):
    """A test of a group."""

    def runtest(self) -> None:
        """Do nothing."""


def test_a_test_that_waits_for_a_tool_holds_up_no_other_of_its_group(request: pytest.FixtureRequest) -> None:
    tools_needed: dict[str, tuple[str, ...]] = {
        "none": (),
        "age": ("age",),
        "both": ("age", "etcd"),
        "alone": ("etcd",),
    }
    items = [Waiting.from_parent(request.session, name=name) for name in tools_needed]
    for item, names in zip(items, tools_needed.values(), strict=True):
        item.add_marker(needing.needs(*names))
        if item.name != "alone":
            item.add_marker(pytest.mark.xdist_group("anton"))
    needing.part_groups(items, ["age", "etcd"])
    groups = {item.name: [mark.args[0] for mark in item.iter_markers("xdist_group")] for item in items}
    assert {name: sorted(marks) for name, marks in groups.items()} == {
        "none": ["anton"],
        "age": ["after age", "anton"],
        "both": ["after etcd", "anton"],
        "alone": [],
    }
