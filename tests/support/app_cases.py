"""The apps that the generator is judged by, in clusters that differ in what apps take over from them."""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.support.render import PROJECT
from tests.tools.records import secret_stores
from tests.tools.records.ingress import ingresses
from tests.tools.records.storage import storages

Answers = dict[str, Any]

TO_S3 = {"backups": "s3", "backup_s3_url": "https://s3.example.net/volumes"}
TO_NFS = {"backups": "nfs", "backup_nfs": "nas.example.net:/volume1/backups"}
# Every ingress backend with every storage and every secrets backend at least once, and each of those with backups.
CLUSTERS: dict[str, Answers] = {
    "nginx-onepassword-local-path": {},
    "envoy-onepassword-longhorn": {
        "ingress_backend": "envoy-gateway",
        "storage": "longhorn",
        "external_access": "direct",
        "external_dns_target": "home.example.net",
        **TO_NFS,
    },
    "nginx-onepassword-s3": TO_S3,
    "nginx-sops-longhorn": {"secrets_backend": "sops", "storage": "longhorn", **TO_S3},
    "envoy-sops-local-path": {"ingress_backend": "envoy-gateway", "secrets_backend": "sops", **TO_NFS},
    "nginx-onepassword-none": {"storage": "none"},
    "envoy-sops-none": {"ingress_backend": "envoy-gateway", "secrets_backend": "sops", "storage": "none"},
}
CLUSTERS |= {
    each.name: {question: each.name, **TO_S3}
    for question, records, usual in (("ingress_backend", ingresses(), "nginx"), ("storage", storages(), "local-path"))
    for each in records
    if each.name not in {usual, *(cluster.get(question) for cluster in CLUSTERS.values())}
}
CLUSTERS |= {
    f"nginx-{each.name}-s3": each.answers | TO_S3
    for each in secret_stores.backends()
    if each.name not in {cluster.get("secrets_backend", "onepassword") for cluster in CLUSTERS.values()}
}

IMAGE: Answers = {"app_image": "ghcr.io/example/app", "app_tag": "1.2.3"}
# A chart that the tests can render: see tests/support/charts.py.
CHART: Answers = {
    "app_kind": "chart",
    "app_chart_url": "oci://ghcr.io/example/charts/vendor",
    "app_chart_version": "2.0.0",
}
OF_KIND: dict[str, Answers] = {"app-template": IMAGE, "manifests": {"app_kind": "manifests", **IMAGE}, "chart": CHART}
RESTRICTED = "locked"  # the namespace of apps that need the least
EXPOSURES = ("none", "internal", "external")
# The runtime class that comes with the vendor's device plugin.
NVIDIA = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"}
SECRETS = {each.name: ("none", *each.app_secrets) for each in secret_stores.backends()}

# The worked examples of the documentation, by <namespace>/<name>.
DOCUMENTED: dict[str, Answers] = {
    name: yaml.safe_load(answers)
    for name, answers in re.findall(
        r"^```yaml\n# (\S+)\n(.*?)^```", (PROJECT / "docs/how-to/add-an-app.md").read_text(), re.MULTILINE | re.DOTALL
    )
}

TEXTS: Answers = {
    "SHELL": 'echo "${HOME}" $$ $(id -u) $PATH {{ .Values }}',
    "REFERENCE": "$(NUMBER) $HOME $( $",
    "NUMBER": 8080,
    "ESCAPED": "$$(NUMBER) $$$",
    "BOOLEAN": True,
    "FLOAT": "1.50",
    "YES": "yes",
    "EMPTY": "",
    "SETTING": "https://vault.${DOMAIN}/$${DOMAIN}/${HOME}",
    "LINES": "one\n  two: #3\n",
    "QUOTES": 'it\'s "quoted" \\ here',
    "UNICODE": "Zuhause für Ämter 日本 😀",
}
CONFIG = 'key: "${NOT_A_SETTING}"\nshell: $$ $(x) {{ tpl }}\n'
# A claim that apps share, and that no app makes.
CLAIM = "somebody-elses"


def mounts(storage: str) -> list[Answers]:
    """One of each that a cluster with this storage can have."""
    own: list[Answers] = [{"path": "/config", "pvc": "5Gi"}, {"path": "/srv/config", "pvc": "500Mi", "read_only": True}]
    return [
        *(own if storage != "none" else []),
        {"path": "/media", "nfs": "nas.example.net:/volume1/media", "read_only": True},
        {"path": "/shared", "claim": CLAIM},
        {"path": "/cache", "emptyDir": "1Gi"},
        {"path": "/scratch", "emptyDir": ""},
    ]


def everything(storage: str) -> Answers:
    """Nearly all rare answers at once."""
    return {
        "app_advanced": True,
        "app_port": 8080,
        "app_tier": "core",
        "app_mounts": mounts(storage),
        "app_probe_path": "/healthz?full=1",
        "app_env": TEXTS,
        "app_args": list(map(str, TEXTS.values())),
        "app_config_files": {"/etc/app/app.yaml": CONFIG, "/etc/app/.hidden": "x"},
        "app_requests": {"cpu": "0.25", "memory": "600Mi", "ephemeral-storage": "1Gi"},
        "app_user": 1001,
        "app_group": 1002,
        "app_fs_group": 1003,
        "app_load_balancer_ports": [{"port": 8080, "protocol": "TCP"}, {"port": 8080, "protocol": "UDP"}],
        "app_timeout": 3600,
        "app_depends_on": ["metrics-server"],
        "app_network_policy": True,
        "app_scrape": True,
        "app_scrape_port": 9090,
    }


def apps(cluster: Mapping[str, Any]) -> Iterator[tuple[str, str, Answers]]:
    """(namespace, name, answers) of every app of a cluster: kinds by exposures by secrets, then the rare answers."""
    storage = cluster.get("storage", "local-path")
    origins = SECRETS[cluster.get("secrets_backend", "onepassword")]
    for number, (kind, exposure, origin) in enumerate(itertools.product(OF_KIND, EXPOSURES, origins)):
        answers = OF_KIND[kind] | {"app_secret": origin}
        if exposure != "none" or number % 2:
            answers |= {"app_port": 8080, "app_exposure": exposure}
        if kind != "chart":
            answers |= {"app_mounts": mounts(storage)[number % 3 :][:2]}
            answers |= {"app_secret_keys": ["API_KEY", "DB_PASSWORD"]} if number % 2 and origin != "none" else {}
        yield "media", f"{kind}-{exposure}-{origin}", answers
    backed_up = {"app_backup": True} if "backups" in cluster else {}
    claim: Answers = {"app_mounts": mounts(storage)[:1]} if storage != "none" else {}
    of_nginx = {"app_websockets": True, "app_upload_size": "10g"} if "ingress_backend" not in cluster else {}
    rare: dict[str, Answers] = {
        "everything": everything(storage) | of_nginx | backed_up,
        "cronjob": {"app_schedule": "*/5 3-6 * * MON", "app_mounts": mounts(storage)} | backed_up,
        "root": {"app_root": True, "app_port": 80, "app_env": {"PUID": "1000", "TZ": "UTC"}} | claim | backed_up,
        "writable": {"app_read_only": False, "app_mounts": [{"path": "/tmp", "emptyDir": ""}]},  # noqa: S108
        "replicas": {"app_replicas": 3, "app_port": 8080},
        **{gpu: {"app_gpu": gpu} for gpu in ("intel", "nvidia", "amd")},
    }
    least: dict[str, Answers] = {
        "restricted": {"app_port": 8080} | claim | (backed_up if cluster.get("backups") == "s3" else {}),
        "lan": {"app_load_balancer_ports": [{"port": 53, "protocol": "UDP"}]},
    }
    for kind in ("app-template", "manifests"):
        yield from (("rare", f"{kind}-{name}", OF_KIND[kind] | answers) for name, answers in rare.items())
        yield from ((RESTRICTED, f"{kind}-{name}", OF_KIND[kind] | answers) for name, answers in least.items())
    yield "rare", "own-address", IMAGE | least["lan"] | {"app_load_balancer_address": "192.168.1.109"}
    # Another version of a chart that is there, and a chart that is no OCI artifact.
    yield "rare", "vendor-twice", CHART | {"app_chart_version": "2.1.0"}
    yield (
        "rare",
        "no-oci",
        CHART
        | {
            "app_chart_url": "https://charts.example.net/stable/plain",
            "app_values": {
                "host": "plain.${DOMAIN}",
                "script": "echo $${HOME}\n",
                "resources": {"requests": {"cpu": 1}, "limits": {}},
            },
            "app_port": 80,
            "app_service": "plain-web",
            "app_network_policy": True,
        },
    )
    if "onepassword" in origins and storage != "none":
        for name, answers in DOCUMENTED.items():
            namespace, _, app = name.partition("/")
            yield namespace, app, answers
