"""Variables are read and replaced as Flux does it, whose own parser is the judge."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talos_flux import envsubst
from tests.support import tools
from tests.support.envsubst_cases import READ, REFUSED, VALUES
from tests.support.needs import needs

TEXTS = st.lists(
    st.sampled_from([*"${}:-=+?#%/^,.*[]\\ \n\"'@!1aä", "${", "$$", "${DOMAIN", "${NOT", "${FILE", ":-", ":="]),
    max_size=12,
).map("".join)


def of_flux(texts: list[str]) -> list[tuple[str, str]]:
    """Each text after Flux' own substitution, or its error."""
    asked = json.dumps([{"text": text, "values": VALUES} for text in texts])
    results: list[dict[str, Any]] = json.loads(tools.run("envsubst", stdin=asked))
    return [(result["text"], result.get("error", "")) for result in results]


def of_ours(text: str) -> tuple[str, str]:
    """Do the same with the package; return Flux' error where a variable without a value was left as it stood."""
    try:
        unset = [variable.name for variable in envsubst.variables(text) if is_missing(variable)]
    except envsubst.MalformedVariable as error:
        return "", str(error)
    return ("", f'variable not set (strict mode): "{last(text)}"') if unset else (envsubst.substitute(text, VALUES), "")


def is_missing(variable: envsubst.Variable) -> bool:
    """Whether strict substitution ends in an error."""
    return variable.name not in VALUES and not variable.has_default


def last(text: str) -> str:
    """Return the variable that Flux names: arguments are computed before what they belong to."""
    return next(name for part in envsubst.parse(text) for name in _missing(part))


def _missing(part: envsubst.Part) -> list[str]:
    if isinstance(part, str):
        return []
    inner = [name for argument in part.arguments for name in _missing(argument)]
    return [*inner, part.name] if is_missing(part) else inner


@pytest.mark.parametrize("text", READ)
def test_every_form_is_replaced_as_flux_does_it(text: str) -> None:
    assert of_ours(text) == (READ[text], "")


@pytest.mark.parametrize("text", REFUSED)
def test_what_flux_refuses_is_refused_in_its_words(text: str) -> None:
    assert of_ours(text) == ("", REFUSED[text])


@needs("envsubst")
def test_flux_says_what_is_recorded_of_it() -> None:
    said = of_flux([*READ, *REFUSED])
    assert dict(zip([*READ, *REFUSED], said, strict=True)) == {
        **{text: (result, "") for text, result in READ.items()},
        **{text: ("", reason) for text, reason in REFUSED.items()},
    }


@needs("envsubst")
@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=50, max_size=50))
def test_any_text_is_read_as_flux_reads_it(texts: list[str]) -> None:
    assert dict(zip(texts, map(of_ours, texts), strict=True)) == dict(zip(texts, of_flux(texts), strict=True))


@pytest.mark.parametrize("text", ["a.${NOT}", "${NOT:1}", "${DOMAIN:-${NOT}}", "${NOT"])
def test_a_variable_without_a_value_stays_as_it_is_written(text: str) -> None:
    assert envsubst.substitute(text, VALUES) == text


def test_no_default_is_taken_where_a_value_may_be_elsewhere() -> None:
    assert envsubst.substitute("${NOT:-a}.${DOMAIN:-b}", VALUES, are_all=False) == "${NOT:-a}.example.net"


def test_a_refused_variable_is_named_by_its_place() -> None:
    with pytest.raises(envsubst.MalformedVariable) as refused:
        envsubst.parse("a ${DOMAIN} ${LIST[@]}")
    assert refused.value.start == 12
