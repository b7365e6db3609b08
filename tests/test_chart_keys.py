"""A key of ours that no template of a chart reads is found, and nothing that some template reads."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.charts.archive import Chart, from_folder
from talos_flux.charts.go_template import NotATemplate, parsed
from talos_flux.charts.keys_read import KeysRead, keys_read, unread
from talos_flux.errors import closest
from tests.support import charts
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Repository

HELPERS = """\
{{- define "name" -}}{{ default .Chart.Name .Values.nameOverride | trunc 63 }}{{- end -}}
{{- define "image" -}}{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}{{- end -}}
{{- define "merged" -}}{{ toYaml (mergeOverwrite (deepCopy .Values.defaults) .component) }}{{- end -}}
"""
DEFAULTS: dict[str, Any] = {"replicas": 1, "image": {"repository": "x", "tag": ""}, "defaults": {}, "unused": {}}


def chart(folder: Path, template: str, values: Any = None, **files: str) -> Chart:
    """Write a chart with one template, and return it."""
    texts = {
        "Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\n",
        "values.yaml": yaml.safe_dump(DEFAULTS if values is None else values),
        "templates/_helpers.tpl": HELPERS,
        "templates/all.yaml": template,
    } | {path.replace("__", "/"): text for path, text in files.items()}
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return from_folder(folder)


def found(one: Chart, ours: Any) -> list[str]:
    """Return the unread keys."""
    return [".".join(map(str, keys)) for keys, _ in unread(one.values, keys_read(one), ours)]


@pytest.mark.parametrize(
    ("template", "ours"),
    [
        ("{{ .Values.a.b }}", {"a": {"b": {"anything": 1}}}),
        ("{{ $.Values.a.b }}", {"a": {"b": 1}}),
        ("{{ (.Values.a).b }}", {"a": {"b": 1}}),
        ("{{- with .Values.a }}\n{{- toYaml .b | nindent 2 }}{{ end }}", {"a": {"b": {"c": 1}}}),
        ("{{ if .Values.a }}x{{ else if .Values.b.c }}y{{ else with .Values.d }}{{ .e }}{{ end }}",
         {"a": 1, "b": {"c": 2}, "d": {"e": 3}}),
        ("{{ range .Values.a }}{{ .b }}{{ else }}{{ $.Values.c }}{{ end }}", {"a": [{"b": 1}], "c": 1}),
        ("{{ range $name, $one := .Values.a }}{{ $name }}{{ $one.b }}{{ end }}", {"a": {"any": {"b": 1}}}),
        ("{{ range $one := .Values.a }}{{ $one.b }}{{ $.Values.c.d }}{{ end }}", {"a": [{"b": 1}], "c": {"d": 1}}),
        ("{{ $x := .Values.a }}{{ if true }}{{ $x = .Values.b }}{{ end }}{{ $x.c }}", {"a": {"c": 1}, "b": {"c": 1}}),
        ('{{ include "name" . }}', {"nameOverride": "x"}),
        ('{{ template "name" $ }}', {"nameOverride": "x"}),
        ('{{ include "image" (dict "image" .Values.other "root" $) }}', {"other": {"repository": "x", "tag": 1}}),
        ('{{ include "merged" (dict "Values" .Values "component" .Values.c) }}', {"c": {"x": 1}, "defaults": {"y": 1}}),
        ('{{ index .Values "a-b" "c" }}', {"a-b": {"c": 1}}),
        ('{{ $key := "a" }}{{ index .Values $key }}', {"a": {"b": 1}}),
        ('{{ range list "a" "b" }}{{ (index $.Values .).c }}{{ end }}', {"a": {"c": 1}, "b": {"c": 1}}),
        ('{{ dig "b" "c" "" .Values.a }}{{ get .Values.d "e" }}', {"a": {"b": {"c": 1}}, "d": {"e": 1}}),
        ('{{ (pluck "a" .Values.x .Values.y | first).b }}', {"x": {"a": {"b": 1}}, "y": {"a": {"b": 1}}}),
        ('{{ if hasKey .Values "a" }}{{ end }}', {"a": 1}),
        ('{{ $x := merge (dict "p" 1) .Values.a }}{{ $x.b }}', {"a": {"b": 1}}),
        ('{{ $x := dict }}{{ $_ := set $x "p" .Values.a }}{{ $x.p.b }}', {"a": {"b": 1}}),
        ('{{ $_ := set .Values "p" .Values.a }}{{ .Values.p.b }}', {"a": {"b": 1}}),
        ("{{ tpl (toYaml .Values.a) . }}", {"a": {"b": "{{ .Values.c.d }}"}, "c": {"d": 1}}),
        ('{{ tpl (.Files.Get "files/x.conf") . }}', {"a": {"b": 1}}),
        ("{{ ternary .Values.a.b .Values.c.d true }}", {"a": {"b": 1}, "c": {"d": 1}}),
        ("{{ .Values.a | default .Values.b.c | quote }}", {"a": 1, "b": {"c": 1}}),
        ("{{ someFutureFunction .Values.a }}", {"a": {"b": 1}}),
        ('{{ include (printf "na%s" "me") . }}', {"nameOverride": "x"}),
        ('{{ include .Values.which . }}', {"which": "name", "nameOverride": "x"}),
        ("{{- /* {{ .Values.no }} */ -}}{{ `{{` }}{{ .Values.a.b -}} }}", {"a": {"b": 1}}),
        ("{{ toYaml .Values.image }}", {"image": {"pullPolicy": "Always"}}),
        ('{{ with (mergeOverwrite (dict) .Values.a .Values.b) }}{{ .c }}{{ end }}', {"a": {"c": 1}, "b": {"c": 1}}),
    ],
)  # fmt: skip
def test_what_a_template_reads_is_not_found(template: str, ours: Any, tmp_path: Path) -> None:
    one = chart(tmp_path, template, files__x_conf="", **{"files__x.conf": "{{ .Values.a.b }}"})
    assert found(one, ours) == []


@pytest.mark.parametrize(
    ("template", "ours", "keys"),
    [
        ("{{ .Values.a.b }}", {"a": {"b": 1, "c": 2}, "d": 3}, ["a.c", "d"]),
        ("{{ if .Values.a }}x{{ end }}", {"a": {"b": 1}}, ["a.b"]),
        ("{{ range .Values.a }}{{ .b }}{{ end }}", {"a": [{"b": 1}, {"c": 1}]}, ["a.1.c"]),
        ("{{ with .Values.a }}{{ .b }}{{ end }}", {"a": {"b": 1}, "b": 1}, ["b"]),
        ('{{ include "image" (dict "image" .Values.image "root" .) }}', {"image": {"repository": "x", "tga": 1}},
         ["image.tga"]),
        ("{{ toYaml .Values | sha256sum }}", {"a": 1}, ["a"]),
        ('{{ include (print $.Template.BasePath "/x.yaml") . | sha256sum }}', {"a": 1}, ["a"]),
        ("{{ define \"never\" }}{{ .Values.a }}{{ end }}", {"a": 1}, ["a"]),
        ("{{/* {{ .Values.a }} */}}", {"a": 1}, ["a"]),
        ("{{ range $k, $_ := .Values }}{{ $k }}{{ end }}{{ .Values.a.b }}", {"a": {"b": 1}, "c": {"b": 1}}, ["c"]),
        ("", {"replicas": 2, "unused": {"a": 1}}, ["unused.a"]),
    ],
)  # fmt: skip
def test_what_no_template_reads_is_found(template: str, ours: Any, keys: list[str], tmp_path: Path) -> None:
    assert found(chart(tmp_path, template), ours) == keys


SUBCHART = {
    "Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies:\n"
    "  - {name: inner, version: 1.0.0, alias: other, condition: other.enabled}\n",
    "charts__inner__Chart.yaml": "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
    "charts__inner__values.yaml": "port: 80\n",
    "charts__inner__templates__all.yaml": '{{ .Values.host }}{{ .Values.global.registry }}{{ include "name" . }}',
}


def test_a_subchart_reads_its_own_values_and_the_global_ones(tmp_path: Path) -> None:
    one = chart(tmp_path, "{{ .Values.replicas }}", **SUBCHART)
    ours = {
        "other": {"enabled": True, "host": "x", "port": 1, "hots": "x", "nameOverride": "x"},
        "inner": {"host": "x"},
        "global": {"registry": "x", "regsitry": "x"},
    }
    assert found(one, ours) == ["other.hots", "inner", "global.regsitry"]


def test_a_chart_without_its_subcharts_says_nothing_of_their_keys(tmp_path: Path) -> None:
    parts = {"Chart.yaml": SUBCHART["Chart.yaml"]}
    assert found(chart(tmp_path, "", **parts), {"other": {"any": 1}, "more": 1}) == ["more"]


@pytest.mark.parametrize("template", ["{{ .Values.a", "{{ if .Values.a }}", "{{ end }}", "{{ .Values.a-b }}"])
def test_a_template_that_go_refuses_tells_nothing(template: str, tmp_path: Path) -> None:
    with pytest.raises(NotATemplate):
        parsed(template)
    assert found(chart(tmp_path, template), {"a": 1}) == []


def test_a_template_that_calls_itself_comes_to_an_end(tmp_path: Path) -> None:
    template = '{{ define "r" }}{{ .x }}{{ include "r" (dict "x" .y "y" .) }}{{ include "r" .child }}{{ end }}'
    one = chart(tmp_path, f'{template}{{{{ include "r" .Values.a }}}}')
    assert found(one, {"a": {"x": 1, "child": {"child": {"x": 1}}}, "b": 1}) == ["b"]


def test_what_is_found_out_can_be_kept(tmp_path: Path) -> None:
    read = keys_read(chart(tmp_path, "{{ .Values.a.b }}{{ range .Values.c }}{{ .d.e }}{{ end }}"))
    assert KeysRead.of_data(read.as_data()) == read


@needs("helm")
@pytest.mark.full
@pytest.mark.parametrize("example", sorted({"default", *EXAMPLES}))
def test_nothing_is_found_in_what_this_template_writes(example: str, render: Renderer, shared: Path) -> None:
    answers = EXAMPLES.get(example, {})
    repository = Repository(render(answers), answers)
    for release in charts.releases(repository):
        if release.chart in charts.MODULE_CHARTS:
            one = from_folder(charts.from_module(release.chart, shared / "charts"))
            assert found(one, release.values) == [], release.name


@needs("helm")
@pytest.mark.full
def test_a_misspelled_key_of_cilium_is_found_with_the_right_one_near(shared: Path) -> None:
    one = from_folder(charts.from_module("cilium", shared / "charts"))
    ours = {"kubeProxyReplacment": True, "operator": {"replica": 1}, "ipam": {"mode": "kubernetes"}}
    near = {keys: closest(str(keys[-1]), beside) for keys, beside in unread(one.values, keys_read(one), ours)}
    assert near == {("kubeProxyReplacment",): "kubeProxyReplacement", ("operator", "replica"): "replicas"}
