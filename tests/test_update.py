"""A later release of the template never changes a recorded answer in silence, nor fights a raised version."""

import shutil
from pathlib import Path

import copier
import pytest
import yaml

from tests.support.render import PROJECT, git

CILIUM = Path("kubernetes/flux/meta/repos/cilium.yaml")


def commit(folder: Path, message: str, tag: str = "") -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    if tag:
        git(folder, "tag", tag)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} holds {old!r} {text.count(old)} times"
    file.write_text(text.replace(old, new))


class Release:
    """All questions and the chart sources as a template with a tag, and a cluster that was created from it."""

    def __init__(self, folder: Path) -> None:
        self.template = folder / "template"
        self.cluster = folder / "cluster"
        for part in ("questions", "macros", "template/kubernetes/flux/meta/repos"):
            shutil.copytree(PROJECT / part, self.template / part)
        for file in ("copier.yml", "template/{{ _copier_conf.answers_file }}.jinja"):
            shutil.copy(PROJECT / file, self.template / file)
        git(self.template, "init", "--quiet")
        commit(self.template, "feat: first release", "v1.0.0")
        copier.run_copy(str(self.template), self.cluster, defaults=True, quiet=True, unsafe=False)
        git(self.cluster, "init", "--quiet")
        commit(self.cluster, "feat: the cluster")

    def release(self) -> None:
        commit(self.template, "feat: second release", "v2.0.0")

    def update(self, **data: str) -> dict:
        """Update as Renovate's copier manager does, and return the answers that are recorded then."""
        copier.run_update(
            str(self.cluster), data=data, defaults=True, skip_answered=True, overwrite=True, quiet=True, unsafe=False
        )
        return self.answers()

    def answers(self) -> dict:
        return yaml.safe_load((self.cluster / ".copier-answers.yml").read_text())


@pytest.fixture
def release(tmp_path) -> Release:
    return Release(tmp_path)


def test_a_default_that_changes_later_flips_no_cluster(release):
    replace(release.template / "questions/access.yml", "  default: quic\n", "  default: http2\n")
    release.release()
    assert release.update()["tunnel_transport"] == "quic"


@pytest.mark.parametrize(
    ("question", "rules", "old", "new"),
    [
        (
            "domain",
            "macros/names.jinja",
            "{% if not is_domain(text) %}",
            "{% if not is_domain(text) or text.endswith('.com') %}",
        ),
        (
            "node_cidr",
            "macros/rules.jinja",
            "objection_to_network(network, 8, 29)",
            "objection_to_network(network, 25, 29)",
        ),
        (
            "service_cidr",
            "macros/rules.jinja",
            "objection_to_network(network, 12, 24)",
            "objection_to_network(network, 17, 24)",
        ),
    ],
)
def test_a_stricter_rule_stops_the_update_and_names_the_answer(release, question, rules, old, new):
    before = release.answers()[question]
    replace(release.template / rules, old, new)
    release.release()
    with pytest.raises(ValueError, match=question):
        release.update()
    assert release.answers()[question] == before
    assert git(release.cluster, "status", "--porcelain") == ""


def test_a_raised_pin_of_the_template_leaves_the_clusters_version_alone(release):
    replace(release.template / "questions/pins.yml", "default: 1.20.1", "default: 1.99.0")
    release.release()
    before = (release.cluster / CILIUM).read_text()
    assert release.update()["pin_cilium"] == "1.20.1"
    assert (release.cluster / CILIUM).read_text() == before


def test_what_renovate_raised_survives_when_the_template_raises_it_too(release):
    replace(release.cluster / CILIUM, "tag: 1.20.1", "tag: 1.20.7")
    commit(release.cluster, "chore: raise cilium")
    replace(release.template / "questions/pins.yml", "default: 1.20.1", "default: 1.99.0")
    replace(
        release.template / "macros/flux.jinja", "  interval: 15m\n  layerSelector:", "  interval: 20m\n  layerSelector:"
    )
    release.release()
    release.update()
    assert "tag: 1.20.7" in (release.cluster / CILIUM).read_text()
    assert "interval: 20m" in (release.cluster / CILIUM).read_text()
    assert "<<<<<<<" not in (release.cluster / CILIUM).read_text()


def test_a_component_that_comes_later_starts_at_that_releases_version(release):
    replace(release.template / "questions/pins.yml", "default: 1.12.1", "default: 1.13.0")
    release.release()
    assert release.update(storage="longhorn")["pin_longhorn"] == "1.13.0"
