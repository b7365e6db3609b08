"""Free text comes back from the YAML as it went in."""

import pytest
import yaml

from tests.doubles import kubelet
from tests.test_net import environment

TEXTS = [
    "Homelab",
    "vaults/Homelab/items/grafana",
    "My vault",
    'Bob\'s "best" vault: #1',
    "a # b",
    "key: value",
    "- item",
    "Zuhause für Ämter 日本",
    "{x}",
    "%d",
    "@home",
    *("true", "False", "yes", "No", "on", "Off", "y", "N", "null"),
    "1e3",
    "0x10",
    "007",
    "12:30",
    "trailing ",
    "tab\there",
    "back\\slash",
    "~",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_survives_as_value_and_as_key(text):
    template = environment().from_string(
        "{% from 'macros/yaml.jinja' import scalar %}{{ scalar(text) }}: {{ scalar(text) }}\n"
    )
    assert yaml.safe_load(template.render(text=text)) == {text: text}


@pytest.mark.parametrize("text", ["Homelab", "My vault", "vaults/Homelab/items/grafana"])
def test_plain_text_stays_plain(text):
    template = environment().from_string("{% from 'macros/yaml.jinja' import scalar %}{{ scalar(text) }}")
    assert template.render(text=text) == text


@pytest.mark.parametrize("text", ["$HOME", "$(id -u)", "$(", "a$", "${HOME}"])
def test_nothing_is_escaped_that_kubelet_leaves_alone(text):
    template = environment().from_string(
        "{% from 'macros/yaml.jinja' import as_kubelet_leaves_it %}{{ as_kubelet_leaves_it(text) }}"
    )
    assert template.render(text=text) == text == kubelet.expand(text, {})


@pytest.mark.parametrize("text", ["$$", "$(HOME)", "$$(HOME)", "$$$", "$(HOME) $x $"])
def test_kubelet_leaves_what_is_escaped_for_it(text):
    template = environment().from_string(
        "{% from 'macros/yaml.jinja' import as_kubelet_leaves_it %}{{ as_kubelet_leaves_it(text) }}"
    )
    assert kubelet.expand(text, {"HOME": "/root"}) != text
    assert kubelet.expand(template.render(text=text), {"HOME": "/root"}) == text
