"""Which answers of an app are refused, and in which words."""

import datetime
import itertools
import json
from pathlib import Path, PurePosixPath
from textwrap import shorten
from typing import Any

import pytest
import yaml

from talos_flux.errors import UserError
from talos_flux.template.render import RefusedAnswer, Template
from tests.support.apiserver import ApiServer
from tests.support.needs import needs
from tests.support.questions import questions
from tests.support.render import VERSION
from tests.tools.records.secret_stores import Backend, backends

APP = {
    "generator": "app",
    "app_name": "films",
    "app_namespace": "media",
    "app_image": "ghcr.io/example/films",
    "app_tag": "1.2.3",
    "app_port": 8080,
}
CHART = {name: value for name, value in APP.items() if name not in ("app_image", "app_tag")} | {
    "app_chart_url": "oci://ghcr.io/example/films",
    "app_chart_version": "1.2.3",
}
TAG, VERSION_RULE, MOUNT = (
    "is a tag that moves: name a version",
    "is not an exact version: three numbers",
    "is not a mount: a",
)
# Names that YAML 1.1 takes for a boolean, a number, a date or nothing.
READ_OTHERWISE = (
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "0", "1", "007", "123", "1e3", "12e03", "1e-3", "0x1f",
    "0o7", "0b1", "2024-01-01", "2024-1-1",
)  # fmt: skip
NO_TEXT = "YAML reads it as something else than text"
UNPRINTABLE = (
    ("\x00", "\\u0000"), ("\x08", "\\b"), ("\x0c", "\\f"), ("\x1b", "\\u001b"), ("\x7f", "\\u007f"),
    ("\x85", "\\u0085"), ("\x9b", "\\u009b"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"), ("\ufeff", "\\ufeff"),
    ("\uffff", "\\uffff"), ("\ud800", "\\ud800"), ("\udcff", "\\udcff"),
)  # fmt: skip
# Those that a title or a path may not hold for another reason, or holds as it is.
IN_TITLES = tuple((character, escape) for character, escape in UNPRINTABLE if character >= "\x7f")
REFUSED: list[tuple[str, Any, str]] = [
    ("app_name", "Films", "is not a DNS label: 1 to 53"),
    ("app_name", "f" * 54, "is not a DNS label: 1 to 53"),
    ("app_namespace", "my_media", "is not a DNS label"),
    *(("app_name", name, NO_TEXT) for name in READ_OTHERWISE),
    *(("app_namespace", name, NO_TEXT) for name in READ_OTHERWISE),
    ("app_image", "null", NO_TEXT),
    *(("app_image", name, NO_TEXT) for name in ("1e3", "12.30", "0.5", "1__0", "0x1_f")),
    ("app_depends_on", ["on"], "on is not an app's name"),
    ("app_mounts", [{"path": "/data", "claim": "1"}], "1 is not the name of a claim"),
    *(
        ("app_config_files", {f"/etc/{name}": ""}, "has a file name that YAML reads")
        for name in ("null", "1", "-", "On", "1.5", ".5", "1_0", "-1", "1E-3", "0b1_1")
    ),
    *(("app_secret_item", f"a{character}b", f"{escape} in an item's title") for character, escape in IN_TITLES),
    ("app_secret_item", "<<", "YAML merges what has this name into what is around it"),
    ("app_mounts", [{"path": "/data", "nfs": "nas:/a\x7f"}], "\\u007f in an NFS export is a character"),
    ("app_mounts", [{"path": "/data", "nfs": "on:/a"}], "on:/a is an export of on, which YAML reads"),
    ("app_values", {"a": [{"<<": {"b": 1}}]}, "<< is no key of a value: YAML merges"),
    ("app_values", {"a": [{"": {}}]}, "the empty text is no key of a value"),
    ("app_secret_keys", [["A"]], "['A'] is not the name of an environment variable"),
    ("app_load_balancer_ports", [{1: 2, "port": 3}], "is not a port with a protocol"),
    ("app_image", "\x1b[31m\u202ered", "\ufffd[31m\ufffdred is not an image"),
    *(("app_env", {"A": f"a{character}b"}, f"{escape} in A is a character") for character, escape in UNPRINTABLE),
    *(("app_args", [f"a{character}b"], f"{escape} in an argument") for character, escape in UNPRINTABLE),
    *(("app_config_files", {"/etc/a": f"a{character}"}, f"{escape} in the text") for character, escape in UNPRINTABLE),
    *(("app_values", {"a": [{"b": character}]}, f"{escape} in the values") for character, escape in UNPRINTABLE),
    (
        "app_image",
        "ghcr.io/example/films:1.2.3",
        "holds a tag or digest: leave it out here, and answer app_tag with it",
    ),
    ("app_image", "ghcr.io/example/films@sha256:0", "holds a tag or digest"),
    ("app_image", "ghcr.io/Example/Films", "is not an image: registry and path in lower case"),
    ("app_image", "https://ghcr.io/example/films", "is not an image"),
    ("app_image", "films; rm -rf /", "is not an image"),
    ("app_tag", "", "'' is not a tag"),
    ("app_tag", "latest", f"latest {TAG}"),
    ("app_tag", "Latest", TAG),
    ("app_tag", "stable", TAG),
    ("app_tag", "alpine", TAG),
    ("app_tag", "latest-amd64", TAG),
    ("app_tag", "amd64-latest", TAG),
    ("app_tag", "latest1", TAG),
    ("app_tag", "nightly-2024", TAG),
    ("app_tag", "main-1", TAG),
    ("app_tag", "22-lts", TAG),
    ("app_tag", "1.x", TAG),
    ("app_tag", "v1.2.X-alpine", TAG),
    ("app_tag", "1.x || 2", "no ranges"),
    ("app_tag", "1.2.3@sha256:abc", "is not a tag"),
    ("app_port", 0, "0 is not a port: a number from 1 to 65535"),
    ("app_port", 65536, "65536 is not a port"),
    ("app_port", "http", "http is not a port"),
    ("app_port", True, "True is not a port"),
    ("app_host", "films", "films is not a host name"),
    ("app_host", "Films.${DOMAIN}", "is not a host name"),
    ("app_host", "films.${DOMAINS}", "is not a host name"),
    ("app_host", "https://films.example.net", "is not a host name"),
    ("app_mounts", "/config", "is not a list of mounts"),
    ("app_mounts", ["/config"], MOUNT),
    ("app_mounts", [{"path": "/config"}], MOUNT),
    ("app_mounts", [{"path": "/config", "pvc": "1Gi", "nfs": "a:/b"}], MOUNT),
    ("app_mounts", [{"path": "/config", "pvc": "1Gi", "size": "2Gi"}], "has an unknown key"),
    ("app_mounts", [{"path": "config", "pvc": "1Gi"}], "config is not the path of a mount"),
    ("app_mounts", [{"path": "/", "pvc": "1Gi"}], "/ is not the path of a mount"),
    ("app_mounts", [{"path": "/a/../b", "pvc": "1Gi"}], "is not the path of a mount"),
    ("app_mounts", [{"path": "/a", "pvc": "lots"}], "lots is not a quantity for pvc of /a: bytes"),
    ("app_mounts", [{"path": "/a", "pvc": 0}], "0 is not a quantity"),
    ("app_mounts", [{"path": "/a", "pvc": 10}], "10 is too little for the pvc of /a: give it a unit"),
    ("app_mounts", [{"path": "/a", "pvc": "5GB"}], "5GB is not a quantity"),
    ("app_mounts", [{"path": "/a", "emptyDir": "big"}], "big is not a quantity for emptyDir of /a"),
    ("app_mounts", [{"path": "/a", "nfs": "/export"}], "/export is not an NFS export: server:/path"),
    ("app_mounts", [{"path": "/a", "claim": "A B"}], "A B is not the name of a claim"),
    ("app_mounts", [{"path": "/a", "pvc": "1Gi", "read_only": "yes"}], "yes is not true or false"),
    ("app_mounts", [{"path": "/a", "pvc": "1Gi"}, {"path": "/a", "emptyDir": ""}], "/a is mounted twice"),
    ("app_secret_item", "a/b", "is not an item's title"),
    ("app_secret_keys", "KEY", "is not a list of names"),
    ("app_secret_keys", ["1KEY"], "1KEY is not the name of an environment variable"),
    ("app_secret_keys", ["KEY", "KEY"], "names a key twice"),
    ("app_probe_path", "healthz", "is not a path of a URL"),
    ("app_probe_path", "/a b", "is not a path of a URL"),
    ("app_env", ["A=b"], "is not a mapping of names to values"),
    ("app_env", {"1A": "b"}, "is not an environment variable"),
    ("app_env", {"A": ["b"]}, "is not an environment variable"),
    ("app_env", {"A": None}, "is not an environment variable"),
    ("app_env", {"VERSION": 1.1}, "a version or a date is a text in quotes"),
    ("app_env", {"DAY": datetime.date(2025, 1, 1)}, "a version or a date is a text in quotes"),
    ("app_env", {"LEVEL": "info", "API_KEY": "x"}, "API_KEY is one of app_secret_keys already"),
    ("app_args", "--verbose", "is not a list of arguments"),
    ("app_args", [8080], "8080 is not a text: write an argument in quotes"),
    ("app_config_files", ["/a"], "is not a mapping of paths to texts"),
    ("app_config_files", {"a.yaml": ""}, "a.yaml is not the path of a config file"),
    ("app_config_files", {"/etc/a@b": ""}, "has a file name that no ConfigMap takes"),
    ("app_config_files", {"/etc/a": {"b": 1}}, "the text of /etc/a is not a text"),
    ("app_config_files", {"/etc/a": "", "/opt/a": ""}, "has the file name of another config file"),
    ("app_config_files", {"/config": ""}, "there would be two things at /config: a mount and a config file"),
    ("app_config_files", {"/tmp": ""}, "there would be two things at /tmp"),  # noqa: S108
    (
        "app_config_files",
        {"/media/films/b": ""},
        "/media/films/b would have to be made in /media, which is mounted rea",
    ),
    ("app_requests", "100m", "is not what app_requests takes"),
    ("app_requests", {"cpu": "100m"}, "lacks cpu or memory"),
    ("app_requests", {"cpu": "fast", "memory": "1Gi"}, "fast is not a quantity for cpu: cores"),
    ("app_requests", {"cpu": 1, "memory": "1Gi", "gpu": 1}, "is not what app_requests takes"),
    ("app_limits", {"cpu": 1}, "has no memory"),
    ("app_limits", {"memory": "1 GB"}, "1 GB is not a quantity for memory"),
    ("app_limits", {"memory": "100M"}, "the request for memory, 128Mi, is above its limit, 100M"),
    ("app_limits", {"memory": "1Gi", "cpu": "5m"}, "the request for cpu, 10m, is above its limit, 5m"),
    ("app_schedule", "daily", "is not a schedule: five fields of cron"),
    ("app_schedule", "* * * *", "is not a schedule"),
    ("app_schedule", "@weekday", "is not a schedule"),
    ("app_schedule", "60 * * * *", "minutes go from 0 to 59, in steps of 1 or more, not 60"),
    ("app_schedule", "*/0 * * * *", "minutes go from 0 to 59, in steps of 1 or more, not */0"),
    ("app_schedule", "FOO * * * *", "minutes go from 0 to 59, in steps of 1 or more, not FOO"),
    ("app_schedule", "0 3-25 * * mon", "hours go from 0 to 23, in steps of 1 or more, not 3-25"),
    ("app_schedule", "0 5-3 * * *", "not 5-3"),
    ("app_schedule", "0 1-2-3 * * *", "not 1-2-3"),
    ("app_schedule", "0 0 0 * *", "days go from 1 to 31, in steps of 1 or more, not 0"),
    ("app_schedule", "0 0 1 0 *", "months go from 1 to 12, in steps of 1 or more, not 0"),
    ("app_schedule", "0 0 1 mon *", "not mon"),
    ("app_schedule", "0 0 * * 7", "days of the week go from 0 to 6, in steps of 1 or more, not 7"),
    ("app_schedule", "0 0 * * 1,,2", "in steps of 1 or more, not 1,,2"),
    ("app_schedule", "@daily", "@daily makes it a CronJob, which nobody reaches: leave app_port empty, not 8080"),
    ("app_replicas", 0, "0 is not a number of pods: 1 to 100"),
    ("app_replicas", "two", "two is not a number of pods"),
    ("app_user", 0, "0 is root: say so with app_root"),
    ("app_user", 65536, "65536 is not a user"),
    ("app_user", "me", "me is not a user"),
    ("app_group", 0, "0 is not a group"),
    ("app_fs_group", True, "True is not a group"),
    ("app_load_balancer_ports", {"port": 1}, "is not a list of ports"),
    ("app_load_balancer_ports", [53], "is not a port with a protocol"),
    ("app_load_balancer_ports", [{"port": 53, "protocol": "udp"}], "is not a port with a protocol"),
    ("app_load_balancer_ports", [{"port": 0, "protocol": "UDP"}], "0 is not a port"),
    ("app_load_balancer_ports", [{"port": 53, "protocol": "UDP"}] * 2, "53/UDP stands twice"),
    ("app_upload_size", "10GB", "is not a size as nginx writes it"),
    ("app_timeout", "1h", "1h is not a number of seconds"),
    ("app_timeout", 0, "0 is not a number of seconds"),
    ("app_depends_on", "postgres", "is not a list of apps"),
    ("app_depends_on", ["Postgres"], "Postgres is not an app's name"),
    ("app_depends_on", ["films"], "films can't wait for itself"),
    ("app_scrape_port", 0, "0 is not a port"),
    ("app_scrape_path", "metrics", "is not a path of a URL"),
    ("app_chart_url", "films", "films is not a chart: oci:// or https://"),
    ("app_chart_url", "http://charts.example.net/films", "is not a chart"),
    ("app_chart_url", "oci://ghcr.io/example/films:1.2.3", "is not a chart"),
    ("app_chart_url", "oci://ghcr.io/example/Films", "does not end with a chart's name"),
    *(("app_chart_url", f"oci://ghcr.io/example/{name}", "which YAML reads") for name in ("2024-01-01", "on", "1e3")),
    ("app_chart_version", "1.2", f"'1.2' {VERSION_RULE}"),
    ("app_chart_version", ">=1.2.3", VERSION_RULE),
    ("app_chart_version", "1.2.x", VERSION_RULE),
    ("app_chart_version", "*", VERSION_RULE),
    ("app_values", ["a"], "is not a mapping of the chart's values"),
    ("app_values", {"host": "films.${DOMAINS}"}, "${DOMAINS} is nothing that Flux can fill in"),
    ("app_values", {"address": "${EXTERNAL_ADDRESS}"}, "${EXTERNAL_ADDRESS} is nothing that Flux can fill in"),
    ("app_service", "Films", "is not a DNS label"),
]
TAKEN: list[tuple[str, Any]] = [
    ("app_image", "nginx"),
    ("app_image", "registry.example.net:5000/a/b-c.d__e"),
    ("app_tag", "v1"),
    ("app_tag", "41"),
    ("app_tag", "2025.11.0-ls42"),
    ("app_tag", "nightly-5.15.1.9463"),
    ("app_tag", "RELEASE.2025-09-07T16-13-09Z"),
    ("app_tag", "1.2-x86"),
    ("app_tag", "latest@sha256:" + "0" * 64),
    ("app_host", "${DOMAIN}"),
    ("app_host", "films.example.net"),
    ("app_mounts", [{"path": "/.config/x_y", "emptyDir": None}]),
    ("app_mounts", [{"path": "/a", "pvc": 10000000}, {"path": "/b/a", "pvc": "0.5Ti"}]),
    ("app_env", {}),
    *(("app_name", name) for name in ("a1", "1a", "0x", "1e", "e1", "2024-01", "on-call", "nope", "x0x1")),
    ("app_env", {"A": "a\\u2028b \\b \t\r\n é 😀 \xa0"}),
    ("app_args", [""]),
    ("app_config_files", {"/config/app.yaml": "", "/media.yaml": ""}),
    ("app_limits", {"memory": "128Mi", "cpu": 2}),
    ("app_limits", {"memory": "134217728"}),
    ("app_timeout", None),
    ("app_upload_size", "0"),
    ("app_chart_version", "v1.2.3-rc.1"),
    ("app_chart_url", "https://charts.example.net/stable/films"),
    ("app_values", {"a": {"b": ["$${x} ${DOMAIN} $y"]}}),
    ("app_values", {"a": '"<<": '}),
    ("app_values", {"a": '{"": {}}', '{"': ""}),
    ("app_secret_keys", ["on", "y", "null"]),
    ("app_mounts", [{"path": "/a", "nfs": "10.0.0.1:/b"}]),
    ("app_secret_item", "\u00fcber 😀 <<"),
]
NOT_ALONE: dict[str, dict[str, Any]] = {
    "app_env": {"app_secret": "onepassword", "app_secret_keys": ["API_KEY"]},
    "app_config_files": {
        "app_mounts": [{"path": "/config", "pvc": "1Gi"}, {"path": "/media", "nfs": "a:/b", "read_only": True}]
    },
    "app_secret_item": {"app_secret": "onepassword"},
    "app_secret_keys": {"app_secret": "onepassword"},
    "app_scrape_port": {"app_scrape": True},
    "app_scrape_path": {"app_scrape": True},
}


def given(name: str, value: Any) -> dict[str, Any]:
    """Answers that are all fine but for this one."""
    is_of_a_chart = name.startswith("app_chart") or name in ("app_values", "app_service")
    access: dict[str, Any] = {"external_access": "none", "storage": "local-path", "secrets_backend": "onepassword"}
    return (CHART if is_of_a_chart else APP) | access | NOT_ALONE.get(name, {}) | {name: value}


@pytest.fixture(scope="module")
def ours(template: Path) -> Template:
    return Template(template, commit=VERSION, source=str(template))


@pytest.mark.parametrize(("name", "value", "words"), REFUSED)
def test_a_bad_answer_is_refused_in_our_words(ours: Template, name: str, value: Any, words: str) -> None:
    with pytest.raises(UserError) as refusal:
        ours.answers({}, given(name, value))
    assert str(refusal.value).startswith(f"{name} can't be ") and words in str(refusal.value)


def with_both(one: Any, other: Any) -> Any:
    """Return a list with the entries of both, or a mapping with the keys of both; None when they can't be joined."""
    if isinstance(one, list) and isinstance(other, list) and one != other:
        return one + other
    if isinstance(one, dict) and isinstance(other, dict) and not one.keys() & other.keys():
        return one | other
    return None


def sentence(ours: Template, name: str, value: Any) -> str:
    """Return the rule that refuses an answer, without the value before it."""
    with pytest.raises(UserError) as refusal:
        ours.answers({}, given(name, value))
    return str(refusal.value).removeprefix(f"{name} can't be {shorten(repr(value), 100)}: ")


@pytest.mark.parametrize("name", sorted({name for name, value, _ in REFUSED if isinstance(value, list | dict)}))
def test_of_two_bad_entries_one_is_named(ours: Template, name: str) -> None:
    values = [value for refused, value, _ in REFUSED if refused == name]
    alone = {sentence(ours, name, value) for value in values}
    for one, other in itertools.pairwise(values):
        if (both := with_both(one, other)) is not None:
            assert sentence(ours, name, both) in alone, both


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_an_odd_but_good_answer_is_taken(ours: Template, name: str, value: Any) -> None:
    assert ours.answers({}, given(name, value))[name] == value


SCHEDULES = ["*/15 0-6/2,22 1,31 JAN-mar,12 sun,2-FRI", "59 23 31 12 6", "@hourly", "0-59 * * * mon", "05 * * * *"]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_that_kubernetes_reads_is_taken(ours: Template, schedule: str) -> None:
    answers = {**given("app_port", None), "app_schedule": schedule}
    assert ours.answers({}, answers)["app_schedule"] == schedule


@needs("kube-apiserver")
def test_the_api_server_judges_schedules_and_names_alike(ours: Template, server: ApiServer) -> None:
    files = ours.render({}, {**given("app_port", None), "app_kind": "manifests", "app_schedule": "@daily"})
    text = files[PurePosixPath("app/cronjob.yaml")].content.decode().replace("${TIMEZONE}", "UTC")

    def is_taken(old: str, new: str) -> bool:
        assert old in text
        return not server.objection_to(yaml.safe_load(text.replace(old, new, 1)), "default")

    refused = [value for name, value, _ in REFUSED if name == "app_schedule" and not value.startswith("@daily")]
    refused.remove("0 0 * * 1,,2")  # which it reads, and no other cron does
    for schedule in SCHEDULES + refused:
        assert is_taken('"@daily"', json.dumps(schedule)) == (schedule in SCHEDULES), schedule
    assert is_taken("name: films", f"name: {'f' * 52}")
    assert not is_taken("name: films", f"name: {'f' * 53}")


def test_the_name_of_a_cronjob_leaves_room_for_those_of_its_jobs(ours: Template) -> None:
    answers = {**given("app_port", None), "app_schedule": "@daily"}
    ours.answers({}, answers | {"app_name": "f" * 52})
    with pytest.raises(UserError, match="@daily makes it a CronJob, whose name can have 52 letters: f{53} has 53"):
        ours.answers({}, answers | {"app_name": "f" * 53})


def test_without_a_port_nothing_of_an_ingress_is_recorded(ours: Template) -> None:
    recorded = ours.recorded({}, {**given("app_port", None), "app_exposure": "internal"})
    assert not recorded.keys() & {"app_exposure", "app_host", "app_timeout", "app_upload_size", "app_websockets"}


def test_every_rule_has_a_bad_answer() -> None:
    ruled = {name for name, question in questions("app").items() if "validator" in question}
    # Its rule is the cluster's own for addresses.
    assert ruled - {name for name, _, _ in REFUSED} == {"app_load_balancer_address"}


@pytest.mark.parametrize(("old", "new"), [*itertools.permutations(backends(), 2)], ids=lambda backend: backend.name)
def test_an_apps_secret_moves_along_when_the_cluster_keeps_secrets_elsewhere(
    ours: Template, old: Backend, new: Backend
) -> None:
    for kind in old.app_secrets:
        recorded = given("app_secret", kind) | {"secrets_backend": new.name}
        if kind in new.app_secrets:
            assert ours.answers(recorded)["app_secret"] == kind
            continue
        with pytest.raises(RefusedAnswer) as refused:
            ours.answers(recorded)
        assert refused.value.default == new.app_secrets[0]
        assert f"not {new.name}" in str(refused.value)
