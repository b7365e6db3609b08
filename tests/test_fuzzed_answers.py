"""Whatever is answered: either one sentence refuses it, or each text arrives where it is used, as it was given."""

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from unittest import mock

import pytest
import yaml
from copier._jinja_ext import UnsetError
from copier._user_data import Question
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from talos_flux import envsubst
from talos_flux.errors import UserError
from talos_flux.repository.contents import File
from talos_flux.repository.generators import generators
from talos_flux.template.render import Template
from tests.conftest import FUZZED
from tests.doubles import app_template, kubelet
from tests.support import charts, flux
from tests.support.fuzzed import BASES, Answers, asked_of, sets_of_answers
from tests.support.needs import needs
from tests.support.render import VERSION
from tests.support.repository import Object, Repository, parse

pytestmark = needs("flux-build")

Files = dict[PurePosixPath, File]
Sets = Sequence[Answers]

RECORDED = PurePosixPath(".copier-answers.yml")
# How a refusal begins: with the question, and with the value where one was given.
REFUSAL = re.compile(r"(?:the default of )?\w+ (?:can't be .+: .+|needs an answer: .+|is refused: .+)\.")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
SETTING = re.compile(r"(?<![$])[$][{](CLUSTER_NAME|DNS_ADDRESS|DOMAIN|INTERNAL_ADDRESS|NODE_CIDR|TIMEZONE)[}]")
KEYS_OF_BACKUPS = {name: "00512e34" for name in ("RESTIC_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
VARIABLES = KEYS_OF_BACKUPS | {
    "CLUSTER_NAME": "anton", "DOMAIN": "example.net", "TIMEZONE": "Etc/UTC", "NODE_CIDR": "192.168.1.0/24",
    "INTERNAL_ADDRESS": "192.168.1.103", "DNS_ADDRESS": "192.168.1.102", "EXTERNAL_ADDRESS": "192.168.1.104",
    "BACKUP_REPOSITORY": "s3:https://s3.example.net/volumes", "BACKUP_S3_REGION": "us-east-1",
    "BACKUP_NFS_SERVER": "nas.lan", "BACKUP_NFS_PATH": "/a b",
}  # fmt: skip
# How many sets of answers are judged together: a process that builds them costs as much as ten of them.
TOGETHER = {**dict.fromkeys(generators(), 25), "cluster": 4}
WITNESSED = {**dict.fromkeys(generators(), 25), "cluster": 12, "app": 75}
ALL = {**dict.fromkeys(generators(), 200), "cluster": 140, "app": 1700}


@pytest.fixture(scope="module")
def ours(template: Path) -> Template:
    return Template(template, commit=VERSION, source=str(template))


# --- Refused, or rendered ---


@contextmanager
def noting_failures() -> Iterator[list[Exception]]:
    """Note what is raised inside of a rule, which Copier tells as if the rule had said it."""
    failures: list[Exception] = []
    render_value = Question.render_value

    def noting(question: Question, *arguments: Any, **named: Any) -> Any:
        try:
            return render_value(question, *arguments, **named)
        except Exception as error:
            failures.extend([] if isinstance(error, UnsetError) else [error])
            raise

    with mock.patch.object(Question, "render_value", noting):
        yield failures


def rendered(template: Template, answers: Answers) -> Files | None:
    """Render a set of answers; return None when it is refused as it should be, and else fail."""
    with noting_failures() as failures:
        try:
            return template.render({}, answers)
        except UserError as error:
            sentence = str(error)
    assert not failures, f"{sentence} ({failures[0]!r})"
    assert REFUSAL.fullmatch(sentence) and not UNPRINTABLE.search(sentence), repr(sentence)
    return None


def check_record(template: Template, files: Files) -> None:
    """Check that the recorded answers render the same bytes."""
    again = template.render(yaml.load(files[RECORDED].content, yaml.CSafeLoader))
    others = sorted(str(path) for path in files.keys() | again.keys() if again.get(path) != files.get(path))
    assert not others, f"another {', '.join(others)} comes of the recorded answers"


def recorded(answers: Answers, files: Files) -> Answers:
    """Return all answers by the record, held to those that were given."""
    record: Answers = yaml.load(files[RECORDED].content, yaml.CSafeLoader)
    for name, value in answers.items():
        # A text is read as YAML where YAML is asked for, and whatever is given as a text where that is asked for.
        if name in record and type(record[name]) is type(value) and name != "components":
            assert record[name] == value, f"{name}: {value!r} is recorded as {record[name]!r}"
    return record


def documents(files: Mapping[PurePosixPath, File], folder: str) -> list[Object]:
    """Return the objects of a folder by PyYAML as the tools use it, held to the one that reads as Go does."""
    found = []
    for path, file in sorted(files.items()):
        if path.suffix == ".yaml" and path.name != "kustomization.yaml" and str(path.parent) == folder:
            objects = [item for item in yaml.load_all(file.content, yaml.CSafeLoader) if item is not None]
            assert objects == parse(file.content.decode()), f"{path} is read in two ways"
            found += objects
    return found


def substituted(value: Any, variables: Mapping[str, str] = VARIABLES) -> Any:
    """Return a value with the variables in its texts filled in; for Go and Helm, a key is a text."""
    if isinstance(value, dict):
        texts = {key if isinstance(key, str) else json.dumps(key): child for key, child in value.items()}
        return {substituted(key, variables): substituted(child, variables) for key, child in texts.items()}
    if isinstance(value, list):
        return [substituted(child, variables) for child in value]
    return envsubst.substitute(value, variables) if isinstance(value, str) else value


def check_contained(expected: Any, built: Any, where: str) -> None:
    """Check that all that stands in the file is in what Flux applies, which adds fields of its own."""
    if isinstance(expected, dict):
        assert isinstance(built, dict), f"{where}: {expected!r} became {built!r}"
        for key, value in expected.items():
            assert key in built, f"{where}: {key!r} is not in {built!r}"
            check_contained(value, built[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert isinstance(built, list) and len(built) == len(expected), f"{where}: {expected!r} became {built!r}"
        for number, (one, other) in enumerate(zip(expected, built, strict=True)):
            check_contained(one, other, f"{where}[{number}]")
    else:
        same_type = type(expected) is type(built) or {type(expected), type(built)} == {int, float}
        assert same_type and expected == built, f"{where}: {expected!r} became {built!r}"


def by_name(objects: Sequence[Object]) -> dict[tuple[str, str], Object]:
    return {(item["kind"], item["metadata"]["name"]): item for item in objects}


# --- Apps and namespaces, many in one cluster ---


def judge_additions(template: Template, cluster_apps: Object, sets: Sets) -> Counter[str]:
    """Judge what was added; return how many were accepted, and how many refused."""
    waiting = []
    for number, answers in enumerate(sets):
        # Names that nobody chose are told apart, so that the apps fit into one cluster.
        name = generators()[answers["generator"]].parts_of_the_path[-1]
        own = answers | ({name: f"films-{number}"} if answers.get(name) == "films" else {})
        if files := rendered(template, own):
            check_record(template, files)
            waiting.append((recorded(own, files), files))
    accepted = len(waiting)
    while waiting:
        together = {name_of(record): (record, files) for record, files in waiting}
        waiting = [one for one in waiting if one not in together.values()]
        with tempfile.TemporaryDirectory(prefix="fuzzed-") as scratch:
            built = build_additions(Path(scratch), cluster_apps, list(together.values()))
        for record, files in together.values():
            check_addition(record, files, built)
    return Counter(accepted=accepted, refused=len(sets) - accepted)


def name_of(record: Answers) -> str:
    return str(record[generators()[record["generator"]].parts_of_the_path[-1]])


def build_additions(root: Path, cluster_apps: Object, sets: Sequence[tuple[Answers, Files]]) -> dict[str, list[Object]]:
    """Write what was added into one folder, and build it as Flux does."""
    folder = root / "kubernetes/apps"
    resources = []
    for record, files in sets:
        generator = generators()[record["generator"]]
        place = "/".join(record[name] for name in generator.parts_of_the_path)
        write(files, folder / place)
        resources.append(f"./{place}/ks.yaml" if generator.is_in_a_namespace else f"./{place}")
    (folder / "kustomization.yaml").write_text(json.dumps({"kind": "Kustomization", "resources": resources}))
    request = {
        "kustomizations": [cluster_apps],
        "configMaps": {flux.SETTINGS: VARIABLES},
        "secrets": {"backups": KEYS_OF_BACKUPS},
    }
    return flux.build(root, request)


def write(files: Files, folder: Path) -> None:
    for path, file in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)


def check_addition(record: Answers, files: Files, built: Mapping[str, list[Object]]) -> None:
    for item in documents(files, "."):
        if item.get("kind") in ("Kustomization", "Namespace"):
            check_contained(item, by_name(built["cluster-apps"])[item["kind"], name_of(record)], item["kind"])
    if generators()[record["generator"]].is_in_a_namespace:
        objects = built[name_of(record)]
        for key, item in by_name(documents(files, "app")).items():
            check_contained(substituted(item), by_name(objects)[key], item["kind"])
        if record["generator"] == "app":
            check_app(record, by_name(objects))


def check_app(record: Answers, objects: Mapping[tuple[str, str], Object]) -> None:
    """Check that each answer is where it is used."""
    name = record["app_name"]
    if record["app_kind"] == "chart":
        assert objects["HelmRelease", name]["spec"].get("values", {}) == substituted(record["app_values"])
    else:
        check_container(record, pod_of(record, objects))
        files = {path.split("/")[-1]: text for path, text in record["app_config_files"].items()}
        assert files == (objects["ConfigMap", f"{name}-config"]["data"] if files else {})
    if ("OnePasswordItem", name) in objects:
        path = f"vaults/{record['onepassword_vault']}/items/{record['app_secret_item']}"
        assert objects["OnePasswordItem", name]["spec"]["itemPath"] == path
    if ("ExternalSecret", name) in objects:
        spec = objects["ExternalSecret", name]["spec"]
        references = [item["remoteRef"] for item in spec.get("data", [])]
        references += [item["extract"] for item in spec.get("dataFrom", [])]
        assert {reference["key"] for reference in references} == {record["app_secret_item"]}
    if ("ServiceMonitor", name) in objects:
        [endpoint] = objects["ServiceMonitor", name]["spec"]["endpoints"]
        assert endpoint["path"] == record["app_scrape_path"]
    if ("Ingress", name) in objects:
        [rule] = objects["Ingress", name]["spec"]["rules"]
        [path] = rule["http"]["paths"]
        assert rule["host"] == substituted(record["app_host"])
        assert path["backend"]["service"]["name"] == record.get("app_service", name)


def pod_of(record: Answers, objects: Mapping[tuple[str, str], Object]) -> Object:
    """Return the pod template of an app, made by the double of the chart where the chart makes it."""
    name = record["app_name"]
    made = list(objects.values())
    if record["app_kind"] == "app-template":
        made = app_template.render(name, record["app_namespace"], objects["HelmRelease", name]["spec"]["values"])
    [(_, pod)] = charts.pod_templates(made)
    return pod


def with_settings(text: str) -> str:
    """Return an environment variable's value with the settings that every cluster has filled in."""
    return SETTING.sub(lambda found: VARIABLES[found[1]], text)


def check_container(record: Answers, pod: Object) -> None:
    """Check what the program is started with."""
    [container] = pod["spec"]["containers"]
    assert container["image"] == f"{record['app_image']}:{record['app_tag']}"
    env: dict[str, str] = {}
    for entry in container["env"]:
        env |= {entry["name"]: kubelet.expand(entry["value"], env)} if "value" in entry else {}
    wanted = {
        name: with_settings(text) if isinstance(text, str) else json.dumps(text)
        for name, text in record["app_env"].items()
    }
    assert env.items() - {("TZ", VARIABLES["TIMEZONE"])} == wanted.items() - {("TZ", VARIABLES["TIMEZONE"])}
    assert [kubelet.expand(arg, env) for arg in container.get("args", [])] == record["app_args"]
    mounts = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
    assert mounts >= {mount["path"] for mount in record["app_mounts"]} | record["app_config_files"].keys()
    exports = [volume["nfs"] for volume in pod["spec"].get("volumes", []) if "nfs" in volume]
    wanted_exports = [mount["nfs"] for mount in record["app_mounts"] if "nfs" in mount]
    assert sorted(f"{export['server']}:{export['path']}" for export in exports) == sorted(wanted_exports)
    if record["app_port"] is not None and record["app_probe_path"]:
        assert container["livenessProbe"]["httpGet"]["path"] == record["app_probe_path"]
    for kind in ("requests", "limits"):
        quantities = {name: str(value) for name, value in container["resources"][kind].items()}
        assert quantities.items() >= {name: str(value) for name, value in record[f"app_{kind}"].items()}.items()


# --- Clusters ---


def judge_clusters(template: Template, sets: Sets) -> Counter[str]:
    """Judge clusters; return how many were accepted, and how many refused."""
    accepted = 0
    for answers in sets:
        if files := rendered(template, answers):
            accepted += 1
            check_record(template, files)
            record = recorded(answers, files)
            with tempfile.TemporaryDirectory(prefix="fuzzed-") as scratch:
                write(files, Path(scratch))
                check_cluster(record, files, Repository(Path(scratch), record))
    return Counter(accepted=accepted, refused=len(sets) - accepted)


def check_cluster(record: Answers, files: Files, cluster: Repository) -> None:
    """Check that Flux applies what the files say, and that each answer is where it is used."""
    variables = cluster.settings | KEYS_OF_BACKUPS
    applied = flux.reconcile(cluster)
    for app in cluster.apps:
        built = by_name(applied[app.name])
        for key, item in by_name(documents(files, f"kubernetes/apps/{app.namespace}/{app.name}/app")).items():
            check_contained(substituted(item, variables), built[key], f"{app.name} {item['kind']}")
    for folder in {str(path.parent) for path in files if path.suffix == ".yaml"}:
        documents(files, folder)
    objects = {key: item for items in applied.values() for key, item in by_name(items).items()}
    check_settings(record, cluster.settings, objects)
    check_machines(record, files)
    check_texts(record, files)


def check_settings(record: Answers, settings: Mapping[str, str], objects: Mapping[tuple[str, str], Object]) -> None:
    """Check what Flux is told."""
    names = ["cluster_name", "domain", "timezone", "node_cidr", "internal_address", "dns_address", "external_address"]
    assert {name: settings.get(name.upper()) for name in names} == {name: record.get(name) for name in names}
    if record["backups"] == "nfs":
        assert f"{settings['BACKUP_NFS_SERVER']}:{settings['BACKUP_NFS_PATH']}" == record["backup_nfs"]
    if record["backups"] == "s3":
        assert settings["BACKUP_REPOSITORY"] == f"s3:{record['backup_s3_url']}"
        assert settings["BACKUP_S3_REGION"] == record["backup_s3_region"]
    sync = objects["HelmRelease", "flux-instance"]["spec"]["values"]["instance"]["sync"]
    assert (sync["url"], sync["ref"]) == (record["repository_url"], f"refs/heads/{record['repository_branch']}")
    items = [item["spec"]["itemPath"] for (kind, _), item in objects.items() if kind == "OnePasswordItem"]
    vault = f"vaults/{record.get('onepassword_vault')}/items/"
    assert [path for path in items if not path.startswith(vault)] == []
    if record["secrets_backend"] == "onepassword":
        store = objects["ClusterSecretStore", "onepassword"]["spec"]["provider"]["onepassword"]
        assert store["vaults"] == {record["onepassword_vault"]: 1}
    if record["load_balancer_announcement"] == "bgp":
        [instance] = objects["CiliumBGPClusterConfig", "router"]["spec"]["bgpInstances"]
        assert {(instance["localASN"], peer["peerASN"]) for peer in instance["peers"]} == {
            (record["bgp_node_asn"], record["bgp_router_asn"])
        }
        routers = [record[name] for name in ("bgp_router_address", "bgp_router_address_ipv6") if name in record]
        assert [peer["peerAddress"] for peer in instance["peers"]] == routers


def check_machines(record: Answers, files: Files) -> None:
    """Check what Talos is told."""
    [resolver] = documents({path: files[path] for path in files if path.name == "dns.yaml"}, "talos/patches/global")
    assert [server["address"] for server in resolver["nameservers"]] == record["dns_servers"]
    [time] = (item for item in documents(files, "talos/patches/global") if item["kind"] == "TimeSyncConfig")
    assert time["ntp"]["servers"] == record["ntp_servers"]
    for node in record["nodes"]:
        path = PurePosixPath("talos/nodes", f"{node['name']}.yaml")
        items = list(documents({path: files[path]}, "talos/nodes"))
        # The first of each kind: links beside that of the node network come after it.
        talos = {item["kind"]: item for item in reversed(items)}
        labels = talos.get("KubeNodeConfig", {})
        ours = {"node.longhorn.io/create-default-disk": "config"} if labels.get("annotations") else {}
        assert talos["HostnameConfig"]["hostname"] == node["name"]
        assert labels.get("labels", {}) == node.get("labels", {}) | ours
        assert labels.get("taints", {}) == node.get("taints", {})
        if "bond" in node:
            [bond] = [item for item in items if item["kind"] == "BondConfig"]
            given = node["bond"].get("interfaces") or node["bond"]["mac_addresses"]
            assert (len(bond["links"]), bond["bondMode"]) == (len(given), node["bond"].get("mode", "active-backup"))
        elif node.get("interface"):
            assert talos["LinkConfig"]["name"] == node["interface"]
        else:
            assert node["mac_address"] in talos["LinkAliasConfig"]["selector"]["match"]
        addresses = [each["address"] for item in items for each in item.get("addresses", [])]
        of_the_node_network = 2 if record.get("node_cidr_ipv6") else 1
        assert addresses[of_the_node_network:] == [
            address for link in node.get("links", []) for address in link["addresses"]
        ]
        volumes = [item for item in items if item["kind"] == "UserVolumeConfig"]
        for volume, disk in zip(volumes, node.get("storage_disks", []), strict=True):
            expression = volume["provisioning"]["diskSelector"]["match"]
            assert disk.get("name", volume["name"]) == volume["name"]
            assert "min_size" in disk or json.dumps(disk.get("disk") or disk["disk_serial"]) in expression
        ephemeral = {item["name"]: item for item in items if item["kind"] == "VolumeConfig"}.get("EPHEMERAL", {})
        assert ephemeral.get("provisioning", {}).get("maxSize") == node.get("ephemeral_size")
        match = talos["UnattendedInstallConfig"]["provisioning"]["diskSelector"]["match"]
        assert json.dumps(node.get("disk") or node["disk_serial"], ensure_ascii=False) in match
    modules = [
        item["name"]
        for path in files
        if path.parts[:2] == ("talos", "nodes")
        for item in documents({path: files[path]}, "talos/nodes")
        if item["kind"] == "KernelModuleConfig"
    ]
    assert set(modules) == {module for node in record["nodes"] for module in node.get("kernel_modules", [])}


def check_texts(record: Answers, files: Files) -> None:
    """Check what others than Flux and Talos read."""
    inventory = yaml.load(files[PurePosixPath("talos/inventory.yaml")].content, yaml.CSafeLoader)
    assert inventory["cluster"] == record["cluster_name"]
    assert f"timezone: {json.dumps(record['timezone'])}" in files[PurePosixPath(".renovaterc.json5")].content.decode()
    if record["ci"] == "github":
        text = files[PurePosixPath(".github/workflows/validate.yaml")].content
        # YAML 1.1 reads the key `on` as a boolean, GitHub does not.
        assert yaml.load(text, yaml.CSafeLoader)[True]["pull_request"]["branches"] == [record["repository_branch"]]
    if "repository_known_hosts" in record:
        assert (
            files[PurePosixPath("bootstrap/known_hosts")].content.decode().strip()
            == record["repository_known_hosts"].strip()
        )


# --- The promise ---


@pytest.fixture(scope="module")
def judge(ours: Template) -> Callable[[str, Sets], Counter[str]]:
    """judge(generator, sets) -> how many were accepted, and how many refused."""
    cluster = ours.render({}, BASES["cluster"][2])
    [cluster_apps] = [
        item for item in documents(cluster, "kubernetes/flux/cluster") if item["metadata"]["name"] == "cluster-apps"
    ]

    def run(generator: str, sets: Sets) -> Counter[str]:
        return judge_clusters(ours, sets) if generator == "cluster" else judge_additions(ours, cluster_apps, sets)

    return run


def fuzz(generator: str, number: int, judge: Callable[[str, Sets], Counter[str]]) -> Counter[str]:
    """Judge that many sets of answers, the same ones at each call; others when EXAMPLES says how many."""
    together = TOGETHER[generator]
    counts: Counter[str] = Counter()

    @settings(
        max_examples=max(1, int(os.environ.get("EXAMPLES", number)) // together),
        derandomize="EXAMPLES" not in os.environ,
        # To make a failure smaller would take longer than all the rest: it names the one set that it is about.
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(sets_of_answers(generator), min_size=together, max_size=together))
    def run(sets: Sets) -> None:
        counts.update(judge(generator, sets))

    run()
    return counts


@pytest.mark.parametrize(
    ("generator", "number"),
    [
        *(pytest.param(generator, number, id=generator) for generator, number in WITNESSED.items()),
        *(
            pytest.param(generator, number, id=f"{generator}-{number}", marks=pytest.mark.full)
            for generator, number in ALL.items()
        ),
    ],
)
def test_what_is_answered_arrives_or_is_refused_in_a_sentence(
    judge: Callable[[str, Sets], Counter[str]],
    record_property: Callable[[str, object], None],
    generator: str,
    number: int,
) -> None:
    counts = fuzz(generator, number, judge)
    record_property(FUZZED, f"{generator} {counts['accepted']} accepted, {counts['refused']} refused")
    assert counts["accepted"] >= 0.4 * counts.total()


@pytest.mark.parametrize("generator", BASES)
def test_every_question_is_asked_with_good_answers(generator: str, ours: Template) -> None:
    """What is fuzzed is fuzzed on top of an answer that is fine, and no question is left out."""
    asked: set[str] = set()
    for answers in BASES[generator]:
        asked |= ours.recorded({}, answers).keys()
    assert asked_of(generator).keys() - asked == set()
