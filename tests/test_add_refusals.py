"""What can't be added is refused in one sentence that names the value and the rule, and nothing is written."""

import errno
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from talos_flux.errors import UserError
from talos_flux.repository.transaction import FileTransaction
from talos_flux.template.generate import given_answers
from talos_flux.template.generate.command import main
from tests.support.home import WEB_APP, Home
from tests.support.needs import needs

pytestmark = [needs("copier"), pytest.mark.full]

APPS = "kubernetes/apps"
LAN = {"app_load_balancer_ports": "[{port: 22000, protocol: TCP}]"}
MEDIA = f"{APPS}/media"
BOARD = {"app_chart_url": "oci://ghcr.io/example/dashboard", "app_chart_version": "9.3.0"}


def refused(home: Home, generator: str, folder: str, /, **data: object) -> str:
    """Return the sentence with which the command refuses."""
    with home.untouched(), pytest.raises(UserError) as refusal:
        home.add(generator, folder, **data)
    sentence = str(refusal.value)
    assert "\n" not in sentence and sentence.endswith((".", "?")), sentence
    return sentence


@pytest.mark.parametrize(
    ("generator", "folder", "words"),
    [
        ("app", "../elsewhere/kubernetes/apps/media/jellyfin", "not inside a cluster's repository"),
        (
            "app",
            f"{APPS}/media",
            "kubernetes/apps/media is not the place of an app: kubernetes/apps/<namespace>/<name>.",
        ),
        ("app", f"{APPS}/media/jellyfin/app", "is not the place of an app"),
        ("app", "apps/media/jellyfin", "apps/media/jellyfin is not the place of an app"),
        ("app", ".", "is not the place of an app"),
        ("namespace", f"{APPS}/media/jellyfin", "is not the place of a namespace: kubernetes/apps/<namespace>."),
        ("namespace", f"{APPS}/Media", "Media is not a DNS label"),
        ("namespace", f"{APPS}/{'n' * 64}", "is not a DNS label"),
        ("app", f"{MEDIA}/jelly_fin", "jelly_fin is not a DNS label"),
        ("app", f"{MEDIA}/{'a' * 54}", "is not a DNS label: 1 to 53"),
        ("app", f"{APPS}/me.dia/jellyfin", "me.dia is not a DNS label"),
        ("namespace", f"{APPS}/kube-public", "kube-public is a namespace of Kubernetes itself"),
        ("app", f"{APPS}/kube-node-lease/jellyfin", "kube-node-lease is a namespace of Kubernetes itself"),
        ("namespace", f"{APPS}/cnpg-system", "cnpg-system belongs to a component that is off"),
        ("app", f"{APPS}/database/redis", "database belongs to a component that is off"),
        ("namespace", f"{APPS}/default", "kubernetes/apps/default exists already"),
        ("app", f"{APPS}/kube-system/cilium", "cilium is the name of a core app"),
        ("app", f"{APPS}/default/longhorn", "longhorn is the name of a core app"),
        ("app", f"{APPS}/default/flux-system", "flux-system is the name of a core app"),
        ("app", f"{APPS}/default/cluster-apps", "the Flux Kustomization in kubernetes/flux/cluster/ks.yaml"),
    ],
)
def test_a_place_is_refused(home: Home, generator: str, folder: str, words: str) -> None:
    assert words in refused(home, generator, folder, **(WEB_APP if generator == "app" else {}))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"app_imgae": "x"}, "app_imgae is no question of an app: did you mean app_image?"),
        ({"app_prot": "x"}, "app_prot is no question of an app: did you mean app_port?"),
        ({"zzz": "x"}, "zzz is no question of an app."),
        ({"domain": "example.net"}, "domain is not asked of an app"),
        ({"generator": "cluster"}, "generator is not asked of an app"),
        ({"template_source": "x"}, "template_source is not asked of an app"),
        ({"storage": "longhorn"}, "storage is an answer of the cluster"),
        ({"app_volumes": "[]"}, "app_volumes is not asked of an app"),
        ({"app_chart_source": "x"}, "app_chart_source is not asked of an app"),
        ({"app_name": "plex"}, "app_name is jellyfin, as the path kubernetes/apps/default/jellyfin says, not plex."),
        ({"ns_pod_security": "baseline"}, "ns_pod_security is for a new namespace, and default exists already."),
        ({"app_tag": ""}, "app_tag: '' is not a tag"),
        ({"app_image": "a/b:1.2.3"}, "app_tag is 10.11.2, and app_image says 1.2.3: give one of them."),
        ({"app_image": "a/b@sha256:0"}, "app_image: a/b@sha256:0 holds a tag or digest"),
        ({"app_port": "70000"}, "app_port: 70000 is not a port"),
        ({"app_exposure": "everyone"}, "app_exposure: 'everyone' is not in"),
        (
            {"app_host": "echo.${DOMAIN}"},
            "echo.${DOMAIN} is a host name of kubernetes/apps/default/echo/app/helmrelease.yaml",
        ),
        (
            {"app_host": "external.${DOMAIN}"},
            "external.${DOMAIN} is a host name of kubernetes/apps/network/external-record/app/dnsendpoint.yaml already",
        ),
        ({"app_root": "jein"}, "app_root can't be jein: it is true or false."),
        ({"app_mounts": "[{"}, "app_mounts can't be [{: it is not YAML."),
        ({"app_env": "A: {\nB"}, "app_env can't be A: { B: it is not YAML."),
        (
            {"app_host": "films.example.org"},
            "films.example.org is neither example.com nor one label below it, and no certificate covers another name.",
        ),
        ({"app_host": "a.b.${DOMAIN}"}, "a.b.${DOMAIN} is neither example.com nor one label below it"),
        (
            {"app_depends_on": "[cilum]"},
            "cilum is no app of this cluster, so nothing can depend on it: did you mean cilium?",
        ),
        ({"app_depends_on": "[zzzzzz]"}, "zzzzzz is no app of this cluster, so nothing can depend on it."),
        (LAN | {"app_load_balancer_address": "192.168.7.7"}, "192.168.7.7 is not in the cluster's load_balancer_pool"),
        (LAN | {"app_load_balancer_address": "192.168.1.103"}, "192.168.1.103 is internal_address of the cluster"),
        ({"app_limits": "{memory: 64Mi}"}, "app_limits: the request for memory, 128Mi, is above its limit, 64Mi."),
        ({"app_secret": "sops"}, "app_secret: sops needs secrets_backend sops in the cluster, not onepassword."),
    ],
)
def test_an_answer_is_refused(home: Home, data: dict[str, str], words: str) -> None:
    assert words in refused(home, "app", f"{APPS}/default/jellyfin", **WEB_APP | data)


def test_an_answer_that_is_missing_is_named(home: Home) -> None:
    assert refused(home, "app", f"{APPS}/default/jellyfin", app_image="ghcr.io/a/b") == (
        "app_tag needs an answer, and has no default: give it with --data or --data-file."
    )


@pytest.mark.parametrize(
    ("answers", "data", "words"),
    [
        ({"external_access": "none", "webhook_provider": "none"}, {"app_exposure": "external"}, "external needs"),
        ({"storage": "none"}, {"app_mounts": "[{path: /config, pvc: 5Gi}]"}, "/config wants a pvc"),
        ({"components": "[]"}, {"app_scrape": "true"}, "app_scrape needs the component monitoring, which is off."),
        ({"secrets_backend": "sops"}, {"app_secret": "sops"}, "app_secret: sops needs a recipient in .sops.yaml"),
        ({"secrets_backend": "sops"}, {"app_secret": "onepassword"}, "onepassword needs secrets_backend onepassword"),
    ],
)
@pytest.mark.witness
def test_what_the_cluster_lacks_is_refused(
    home_with: Callable[..., Home], answers: dict[str, str], data: dict[str, str], words: str
) -> None:
    home = home_with(**answers)
    assert words in refused(home, "app", f"{APPS}/default/jellyfin", **WEB_APP | data)


def test_sops_is_fine_once_there_is_a_recipient(home_with: Callable[..., Home]) -> None:
    home = home_with(secrets_backend="sops")
    home.write(".sops.yaml", home.text(".sops.yaml").replace('age: ""', "age: age1something"))
    data = WEB_APP | {"app_secret": "sops", "app_secret_keys": "[TOKEN]"}
    added = home.add("app", f"{APPS}/default/jellyfin", **data)
    assert "task secret:set SECRET=jellyfin KEY=TOKEN APP=default/jellyfin" in added.told[-1]


def test_an_address_is_given_once(home: Home) -> None:
    data = WEB_APP | LAN | {"app_load_balancer_address": "192.168.1.110"}
    home.add("app", f"{MEDIA}/one", **data)
    words = "192.168.1.110 is taken by kubernetes/apps/media/one/app/helmrelease.yaml."
    assert words in refused(home, "app", f"{MEDIA}/two", **data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"app_root": "true"}, "app_root is not allowed in cert-manager"),
        ({"app_mounts": "[{path: /media, nfs: 'nas.lan:/media'}]"}, "/media can't be an nfs mount in cert-manager"),
    ],
)
def test_pod_security_of_the_namespace_is_kept(home: Home, data: dict[str, str], words: str) -> None:
    assert words in refused(home, "app", f"{APPS}/cert-manager/jellyfin", **WEB_APP | data)
    home.add("app", f"{APPS}/default/jellyfin", **WEB_APP | data)


def test_pod_security_of_a_namespace_to_be_is_kept(home: Home) -> None:
    data = WEB_APP | {"app_root": "true", "ns_pod_security": "restricted"}
    assert "app_root is not allowed in media" in refused(home, "app", f"{MEDIA}/jellyfin", **data)


def test_a_second_run_is_refused(home: Home) -> None:
    home.add("app", f"{MEDIA}/jellyfin", **WEB_APP)
    change = "`copier update --defaults --data <question>=<answer>` in it changes an answer"
    sentence = f"{MEDIA}/jellyfin exists already: {change}."
    assert refused(home, "app", f"{MEDIA}/jellyfin", **WEB_APP) == sentence
    assert f"{MEDIA} exists already: `copier update --defaults" in refused(home, "namespace", MEDIA)
    assert "media/jellyfin/ks.yaml: a name is used once" in refused(home, "app", f"{APPS}/default/jellyfin", **WEB_APP)


def without_list(home: Home) -> None:
    (home.root / MEDIA / "kustomization.yaml").unlink()


def broken(text: str) -> Callable[[Home], None]:
    return lambda home: home.write(f"{MEDIA}/kustomization.yaml", text)


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (without_list, "kubernetes/apps/media/kustomization.yaml is missing"),
        (broken("resources: [\n"), "kubernetes/apps/media/kustomization.yaml is not YAML"),
        (broken("- a\n"), "kubernetes/apps/media/kustomization.yaml is no kustomization"),
        (broken(""), "kubernetes/apps/media/kustomization.yaml is no kustomization"),
        (broken("resources: all\n"), "kubernetes/apps/media/kustomization.yaml: resources"),
    ],
)
def test_a_namespace_without_a_list_takes_no_app(home: Home, breaks: Callable[[Home], None], words: str) -> None:
    home.add("namespace", MEDIA)
    breaks(home)
    assert words in refused(home, "app", f"{MEDIA}/jellyfin", **WEB_APP)


@pytest.mark.witness
def test_a_folder_with_something_in_it_is_refused(home: Home) -> None:
    home.write(f"{MEDIA}/jellyfin/notes.txt", "mine")
    assert "kubernetes/apps/media/jellyfin exists already" in refused(home, "app", f"{MEDIA}/jellyfin", **WEB_APP)
    home.write(f"{APPS}/games", "a file")
    assert "kubernetes/apps/games is a file" in refused(home, "namespace", f"{APPS}/games")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{APPS}/default/echo/ks.yaml", "<<<<<<< before updating\napiVersion: kustomize.toolkit.fluxcd.io/v1\n"),
        (f"{APPS}/default/echo/ks.yaml", "kind: Kustomization\n metadata: [\n"),
        ("kubernetes/flux/meta/repos/grafana.yaml", "<<<<<<< before updating\nkind: OCIRepository\n"),
    ],
)
def test_a_file_that_may_hold_the_same_name_must_be_readable(home: Home, path: str, text: str) -> None:
    home.write(path, text)
    assert f"{path} is not YAML: " in refused(home, "app", f"{APPS}/default/jellyfin", **WEB_APP)


def test_what_is_no_file_is_named(home: Home) -> None:
    path = "kubernetes/flux/meta/repos/bb.yaml"
    (home.root / path).mkdir()
    sentence = f"{path} can't be read: Is a directory."
    assert refused(home, "app", f"{APPS}/default/jellyfin", **BOARD) == sentence


def test_an_odd_object_of_somebody_else_is_no_matter(home: Home) -> None:
    head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    home.write(f"{APPS}/default/odd/ks.yaml", f"{head}metadata: odd\nspec: [odd]\n")
    home.add("app", f"{APPS}/default/jellyfin", **WEB_APP)


def test_a_cluster_of_nobody_is_refused(home: Home) -> None:
    (home.root / ".copier-answers.yml").unlink()
    assert "has no .copier-answers.yml" in refused(home, "namespace", MEDIA)


def test_a_chart_source_of_somebody_else_is_left_alone(home: Home) -> None:
    for name in ("dashboard", "dashboard-board"):
        home.write(f"kubernetes/flux/meta/repos/{name}.yaml", "kind: ConfigMap\n")
    assert "dashboard and dashboard-board are" in refused(home, "app", f"{APPS}/default/board", **BOARD)


def test_every_core_app_is_refused_and_none_is_listed_twice(home: Home) -> None:
    names = {path.parent.name for path in home.root.glob(f"{APPS}/*/*/ks.yaml")}
    assert len(names) > 15
    with mock.patch("talos_flux.template.generate.addition.copy", side_effect=AssertionError("too late")):
        for name in sorted(names):
            assert f"{name} is the name of a core app" in refused(home, "app", f"{MEDIA}/{name}")


@pytest.mark.parametrize("bad", ["app_image", "=x"])
def test_data_that_is_no_answer_is_refused(home: Home, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    with home.untouched():
        assert main(home.template, ["app", str(home.root / f"{APPS}/default/jellyfin"), "--data", bad]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [b"app_port: [", b"\xff", b"80\n"])
def test_a_data_file_that_holds_no_answers_is_refused(
    home: Home, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "films.yaml").write_bytes(content)
    words = ["app", str(home.root / f"{APPS}/default/films"), "--data-file", str(tmp_path / "films.yaml")]
    with home.untouched():
        assert main(home.template, words) == 1
    error = capsys.readouterr().err
    assert "films.yaml is not " in error and error.count("\n") == 1


def test_a_data_file_is_read_as_it_is_written() -> None:
    text = "app_tag: 1.10\napp_port: 80\napp_env: {A: 0644, B: 2025-01-01, C: true}\napp_values: {ratio: 1.5}\n"
    assert given_answers.from_file(text, "films.yaml") == {
        "app_tag": "1.10",
        "app_port": 80,
        "app_env": {"A": "0644", "B": "2025-01-01", "C": True},
        "app_values": {"ratio": 1.5},
    }


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("ghcr.io/a/b:1.2.3", "ghcr.io/a/b", "1.2.3"),
        ("ghcr.io/a/b:1.2.3@sha256:00", "ghcr.io/a/b", "1.2.3@sha256:00"),
        ("registry.lan:5000/b:1", "registry.lan:5000/b", "1"),
        ("registry.lan:5000/b", "registry.lan:5000/b", None),
        ("b", "b", None),
    ],
)
def test_an_image_is_given_as_one_pastes_it(image: str, name: str, tag: str | None) -> None:
    divided = given_answers.with_the_tag_apart({"app_image": image})
    assert (divided["app_image"], divided.get("app_tag")) == (name, tag)
    assert given_answers.with_the_tag_apart({"app_chart_url": "oci://a/b"}) == {"app_chart_url": "oci://a/b"}


def test_an_answer_without_effect_is_named(home: Home) -> None:
    made = home.add("app", f"{APPS}/default/jellyfin", **WEB_APP | {"app_secret_keys": "[KEY]"})
    assert "app_secret_keys has no effect with the other answers." in made.notes


def test_plain_manifests_are_routed_to_their_own_service(home: Home) -> None:
    home.add("app", f"{APPS}/default/films", **WEB_APP | {"app_kind": "manifests", "app_service": "other"})
    assert "other" not in home.text(f"{APPS}/default/films/app/ingress.yaml")


def test_what_the_system_refuses_is_one_sentence(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(home.root / f"{APPS}/default/jellyfin")
    words = ["app", folder, "--defaults", *(f"--data={name}={value}" for name, value in WEB_APP.items())]
    full = OSError(errno.ENOSPC, "No space left on device", "films.yaml")
    with home.untouched(), mock.patch.object(FileTransaction, "write", side_effect=full):
        assert main(home.template, words) == 1
    assert capsys.readouterr().err == "error: films.yaml: No space left on device.\n"
