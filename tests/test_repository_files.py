"""YAML is read with its lines, and with the values that YAML gives it."""

from pathlib import Path

import pytest
import yaml

from talos_flux.repository.files import RepositoryFile

ANCHORS = "a: &a {name: a, size: 1}\nb: &b {size: 2, colour: blue}\n"


@pytest.mark.parametrize(
    "text",
    [
        "c: {<<: *a}\n",
        "c: {<<: [*a, *b]}\n",
        "c: {<<: [*b, *a], name: c}\n",
        "c: {name: c, <<: [*b, *a]}\n",
        "c: {<<: [*a, {size: 3, shape: round}]}\n",
        "c: {<<: []}\n",
    ],
)
def test_what_is_merged_into_a_mapping_belongs_to_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ANCHORS + text)
    [document] = RepositoryFile(tmp_path, "a.yaml").documents
    assert document == yaml.safe_load(ANCHORS + text)
    assert set(document["c"].lines.values()) <= {3}
