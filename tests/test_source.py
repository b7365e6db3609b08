"""The answers file names the template by one https address, whichever spelling was typed."""

import pytest

from tests.test_net import environment

PUBLIC = "https://github.com/copier-talos-flux/copier-talos-flux"


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        (PUBLIC, PUBLIC),
        (f"{PUBLIC}.git", PUBLIC),
        (f"{PUBLIC}/", PUBLIC),
        (f"git+{PUBLIC}.git", PUBLIC),
        ("gh:copier-talos-flux/copier-talos-flux", PUBLIC),
        ("gh:copier-talos-flux/copier-talos-flux.git", PUBLIC),
        ("git@github.com:copier-talos-flux/copier-talos-flux.git", PUBLIC),
        ("ssh://git@github.com/copier-talos-flux/copier-talos-flux.git", PUBLIC),
        ("git+ssh://git@github.com/copier-talos-flux/copier-talos-flux", PUBLIC),
        ("git://github.com/copier-talos-flux/copier-talos-flux.git", PUBLIC),
        ("gl:me/talos", "https://gitlab.com/me/talos"),
        ("ssh://git@git.example.net:2222/me/talos.git", "https://git.example.net/me/talos.git"),
        ("git@codeberg.org:me/talos.git", "https://codeberg.org/me/talos.git"),
        ("git+https://codeberg.org/me/talos", "https://codeberg.org/me/talos.git"),
        ("/srv/templates/talos", "/srv/templates/talos"),
        ("../talos.git", "../talos.git"),
    ],
)
def test_one_spelling_is_recorded(typed, recorded):
    template = environment().from_string(
        "{% from 'macros/source.jinja' import as_https_address %}{{ as_https_address(typed) }}"
    )
    assert template.render(typed=typed) == recorded
