"""A template of External Secrets is read as Go does it."""

import pytest

from talos_flux.manifests.go_templates import problem_of

GOOD = (
    "{{ .A }}",
    "{{.x}}-{{- .y -}}",
    '{{ .x | replace "@" "%40" }}',
    "{{- if eq .a `x}}` -}} y {{ else if .b }}{{ end }}",
    "{{ range $k, $v := . }}{{ $k }}={{ $v | quote }}{{ end }}",
    "{{/* a b' */}}{{- /* c */ -}}",
    '{{ index . "a-b" }}',
    '{{ printf "%s" (.a.b | b64dec) }}',
    "{{ `{{ .EndsAt | humanizeTimestamp }}` }}",
    '{{"{{"}} .StartsAt {{"}}"}}',
    "{{ .A | trunc -5 }}",
    "{{ (fromJson .x).y.z }}",
    "{{ $.x.y }}{{ 'a' }}{{ '\\n' }}",
    '{{ define "x" }}{{ end }}{{ template "x" . }}',
    '{{ toJson (dict "a" .X) | b64enc }}',
    "{{ .${APP}_password }}",
    "no template at all",
)
BAD = {
    "{{ .password. }}": "unexpected dot",
    "{{ API_KEY }}": "there is no function API_KEY: did you mean .API_KEY?",
    "{{ .a | b4dec }}": "there is no function b4dec: did you mean b64dec?",
    "{{ .OPEN-WEBUI }}": ".OPEN can't be followed by -",
    "{{ .x | replace '@' '%40' }}": "'%40' is one character in Go",
    "{{ .x": "has an action that no }} closes",
    "{{ if .x }}": "has no end for a block",
    "{{ end }}": "has an end of nothing",
    "{{ .a ; .b }}": "unexpected ;",
}


@pytest.mark.parametrize("template", GOOD)
def test_what_go_parses_is_fine(template: str) -> None:
    assert problem_of(template) == ""


@pytest.mark.parametrize(("template", "problem"), BAD.items())
def test_what_go_can_not_parse_is_said(template: str, problem: str) -> None:
    assert problem in problem_of(template)
