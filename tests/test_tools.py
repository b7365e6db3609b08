"""The builder of the real tools leaves no half-built tool behind and takes only pinned versions from PATH."""

import os
from pathlib import Path

import pytest

from tests.tools import build
from tests.tools.catalogue import TOOLS, GoTool


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """An empty cache and an empty .tools/bin."""
    monkeypatch.setenv("COPIER_TALOS_FLUX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "BIN", tmp_path / "bin")
    return tmp_path


def on_path(folder: Path, monkeypatch, name: str, says: str) -> Path:
    program = folder / name
    folder.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return program


def test_a_tool_of_the_pinned_version_on_path_is_used(elsewhere, monkeypatch):
    program = on_path(elsewhere / "path", monkeypatch, "kustomize", "v5.8.1")
    assert build.main(["kustomize"]) == 0
    assert (elsewhere / "bin/kustomize").readlink() == program


def test_a_tool_of_another_version_on_path_is_not(elsewhere, monkeypatch):
    on_path(elsewhere / "path", monkeypatch, "kustomize", "v5.0.0")
    built = []
    monkeypatch.setattr(build, "build", lambda tool: built.append(tool.name))
    build.main(["kustomize"])
    assert built == ["kustomize"]


def test_a_built_tool_is_found_again_and_a_changed_recipe_is_not_mistaken_for_it(elsewhere):
    tool = TOOLS[0]
    build.cached(tool).parent.mkdir(parents=True)
    build.cached(tool).touch()
    assert build.main([tool.name]) == 0
    other = GoTool(name=tool.name, module=tool.module, version=tool.version, ldflags="-X changed=yes")
    assert build.cached(other) != build.cached(tool)


def test_a_build_that_fails_is_told_and_leaves_nothing(elsewhere, monkeypatch, capsys):
    broken = GoTool(name="broken", module="example.net/none", version="v0.0.1")
    monkeypatch.setattr(build, "TOOLS", (broken,))
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    assert build.main([]) == 1
    assert "example.net/none@v0.0.1" in capsys.readouterr().err
    assert [path.name for path in (elsewhere / "cache/tools").rglob("broken")] == []
    assert not (elsewhere / "bin/broken").exists()


def test_an_unknown_tool_is_refused_by_name(elsewhere, capsys):
    assert build.main(["kubeclt"]) == 1
    assert "no such tool: kubeclt" in capsys.readouterr().err


def test_an_edit_that_does_not_fit_the_module_is_refused(tmp_path):
    (tmp_path / "module").mkdir()
    (tmp_path / "module/main.go").write_text("package main\n")
    with pytest.raises(ValueError, match=r"main.go of module does not contain 'old'"):
        build.writable_copy(tmp_path / "module", tmp_path / "copy", (("main.go", "old", "new"),))
