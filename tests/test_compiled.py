"""What Jinja compiled of the template is kept by content: nothing of it can change what comes out."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from talos_flux.template.compiled import CompiledFiles


def environment(folder: Path, text: str, settings: str = "") -> Environment:
    cache = CompiledFiles(folder, settings)
    return Environment(loader=DictLoader({"a": text}), bytecode_cache=cache)  # noqa: S701, no HTML


def kept(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_each_content_is_compiled_once(tmp_path: Path) -> None:
    for text, number in (("{{ 1 }}", 1), ("{{ 2 }}", 2), ("{{ 1 }}", 2)):
        assert environment(tmp_path, text).get_template("a").render() == text.strip("{ }")
        assert kept(tmp_path) == number


def test_other_settings_compile_anew(tmp_path: Path) -> None:
    environment(tmp_path, "{{ 1 }}").get_template("a")
    environment(tmp_path, "{{ 1 }}", "trim_blocks").get_template("a")
    assert kept(tmp_path) == 2


@pytest.mark.parametrize("damage", [b"", b"j2", b"\0" * 100])
def test_a_damaged_file_is_compiled_anew(tmp_path: Path, damage: bytes) -> None:
    environment(tmp_path, "{{ 1 }}").get_template("a")
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for content in (damage, whole[:-5]):
        file.write_bytes(content)
        assert environment(tmp_path, "{{ 1 }}").get_template("a").render() == "1"
        assert file.read_bytes() == whole


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert environment(tmp_path / "file/folder", "{{ 1 }}").get_template("a").render() == "1"
