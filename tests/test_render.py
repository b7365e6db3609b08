"""What every rendered cluster promises, read from its files: no tool but Python judges here."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.support import cases
from tests.support.crds import PROVIDERS
from tests.support.render import VERSION, Renderer, files_in
from tests.support.repository import App, Object, Repository, chart_source, parse, walk
from tests.tools.records import dns, git_hosts, secret_stores
from tests.tools.records.ingress import ingresses
from tests.tools.records.storage import storages

# Interval and timeout of each tier, fastest first.
TIERS = [("5m", "5m"), ("15m", "10m"), ("1h", "10m")]
BOOTSTRAPPED = ("cilium", "coredns", "cert-manager", "flux-operator", "flux-instance")
SETTINGS = {"CLUSTER_NAME", "DOMAIN", "TIMEZONE", "NODE_CIDR", "INTERNAL_ADDRESS", "DNS_ADDRESS"}
# Those that have one of IPv6 beside them.
ADDRESSES = {"NODE_CIDR", "INTERNAL_ADDRESS", "DNS_ADDRESS", "EXTERNAL_ADDRESS"}
BACKUP_SETTINGS: dict[str, set[str]] = {
    "none": set(),
    "s3": {"BACKUP_REPOSITORY", "BACKUP_S3_REGION"},
    "nfs": {"BACKUP_REPOSITORY", "BACKUP_NFS_SERVER", "BACKUP_NFS_PATH"},
}
# Releases that start no container of their own, or whose containers another field limits.
WITHOUT_CONTAINERS = {"prometheus-operator-crds", "flux-instance"}

# Words that only a cluster with the component may contain; two components may share one.
COMPONENT_WORDS: dict[str, tuple[str, ...]] = {
    **{each.name: each.words for each in ingresses()},
    "cloudflare": ("cloudflare",),
    "acme": ("letsencrypt", "acme"),
    **{each.name: (each.secret,) for each in dns.providers() if each.name != "cloudflare"},
    "cloudflare-tunnel": ("cloudflared", "cloudflare-tunnel", "cfargotunnel", "tunnel-token"),
    "external": ("external-dns", "DNSEndpoint", "EXTERNAL_ADDRESS", "nginx-external"),
    "internal-ca": ("internal-ca",),
    "webhook": ("flux-webhook", "kind: Receiver"),
    **{each.client: (each.client,) for each in secret_stores.backends() if each.store},
    "1password": ("1password",),
    "connect": ("OnePasswordItem", "onepassword-connect", "op-credentials"),
    "external-secrets": ("external-secrets",),
    **{each.name: each.words for each in storages()},
    "l2": ("CiliumL2AnnouncementPolicy", "l2announcements"),
    "bgp": ("bgp", "CiliumBGPClusterConfig", "bgpControlPlane"),
    **cases.COMPONENT_WORDS,
    "alerts": ("AlertmanagerConfig", "alertmanager-config", "flux-alerts", "ntfy"),
    "backups": ("volsync", "restic", "BACKUP_REPOSITORY", "RESTIC_PASSWORD", "ReplicationSource", "backup-restore"),
    "vlan": ("VLANConfig", "vlan"),
    **{f"ci-{each.name}": tuple(each.files) for each in git_hosts.hosts() if each.ci},
}
NO_MENTION = re.compile(r"time\.cloudflare\.com")


def components_of(answers: dict[str, Any]) -> set[str]:
    """Those of COMPONENT_WORDS that a cluster has, by all its answers."""
    external = answers["external_access"]
    [backend] = [each for each in secret_stores.backends() if each.name == answers["secrets_backend"]]
    here = {
        **{each.name: answers["ingress_backend"] == each.name for each in ingresses()},
        **{each.name: answers["dns_provider"] == each.name for each in dns.providers()},
        "acme": answers["dns_provider"] != "none",
        "cloudflare-tunnel": external == "cloudflare-tunnel",
        "external": external != "none",
        "internal-ca": answers["dns_provider"] == "none",
        "webhook": answers["webhook_provider"] != "none",
        **{each.client: backend.client == each.client for each in secret_stores.backends() if each.store},
        "1password": backend.client == "onepassword",
        "connect": "onepassword-connect" in backend.apps,
        "external-secrets": "external-secrets" in backend.apps,
        **{each.name: answers["storage"] == each.name for each in storages()},
        "l2": answers["load_balancer_announcement"] == "l2",
        "bgp": answers["load_balancer_announcement"] == "bgp",
        "backups": answers["backups"] != "none",
        "alerts": answers["alerts"] != "none",
        "vlan": answers["vlan_id"]
        or any("vlan_id" in link for node in answers["nodes"] for link in node.get("links", [])),
        **{f"ci-{name}": answers["ci"] == name for name in git_hosts.pipelines()},
        **{component: component in answers["components"] for component in cases.COMPONENTS},
    }
    return {name for name, is_here in here.items() if is_here}


def recorded(cluster: Repository) -> Object:
    """All answers of a cluster, defaults included."""
    return cluster.documents(".copier-answers.yml")[0]


@cache
def lint(text: str, config: str) -> tuple[str, ...]:
    return tuple(str(problem) for problem in linter.run(text, YamlLintConfig(config)))


def texts(cluster: Repository) -> dict[Path, str]:
    """Every file but the archive of schemas, which is none."""
    return {path: cluster.text(path) for path in cluster.files if path.suffix != ".xz"}


# --- Every file ---


def test_every_yaml_file_parses_without_duplicate_keys(cluster: Repository) -> None:
    problems = []
    for path in cluster.yaml_files:
        try:
            cluster.documents(path)
        except yaml.YAMLError as error:
            problems.append(f"{path}: {error}")
    assert not problems, "\n".join(problems)


@pytest.mark.slow
def test_every_yaml_file_passes_the_clusters_own_yamllint(cluster: Repository) -> None:
    config = next(cluster.text(path) for path in cluster.files if path.name in (".yamllint.yaml", ".yamllint"))
    own = YamlLintConfig(config)
    judged = [path for path in cluster.yaml_files if not own.is_file_ignored(str(path))]
    assert judged
    problems = [f"{path}:{problem}" for path in judged for problem in lint(cluster.text(path), config)]
    assert not problems, "\n".join(problems)


def test_no_template_mark_is_left(cluster: Repository, render: Renderer) -> None:
    names = "|".join(sorted(render.all_names))
    # `{{ .Task }}`, `{{ $labels }}` and `${{ github.ref }}` are other languages; our own names never come out.
    mark = re.compile(rf"{{%|%}}|(?<![${{]){{#|{{{{-?\s*(({names})\b(?!\.)|_copier_conf)")
    problems = [
        str(path) for path in cluster.files if "{{" in str(path) or "{%" in str(path) or path.suffix == ".jinja"
    ]
    for path, text in texts(cluster).items():
        problems += [f"{path}: {found[0]}" for found in mark.finditer(text)]
    assert not problems, "\n".join(problems)


def test_every_file_reads_as_if_written_by_hand(cluster: Repository) -> None:
    problems = []
    for path, text in texts(cluster).items():
        if path.name == ".gitkeep":
            continue
        if not text.strip():
            problems.append(f"{path}: empty")
        if not text.endswith("\n") or text.endswith("\n\n"):
            problems.append(f"{path}: does not end with one newline")
        if text.startswith("\n") or ("\n\n\n" in text and path.suffix != ".py"):
            problems.append(f"{path}: blank lines in a row, or first")
        if path.suffix != ".md" and (trailing := re.search(r"[ \t]+$", text, re.MULTILINE)):
            problems.append(f"{path}: trailing blanks in line {text[: trailing.start()].count(chr(10)) + 1}")
    assert not problems, "\n".join(problems)


def test_a_component_that_is_off_is_nowhere_mentioned(cluster: Repository) -> None:
    present = components_of(recorded(cluster))
    allowed = {word.lower() for name in present for word in COMPONENT_WORDS[name]}
    problems = []
    for name in sorted(COMPONENT_WORDS.keys() - present):
        words = [word for word in COMPONENT_WORDS[name] if word.lower() not in allowed]
        pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)
        for path, content in texts(cluster).items():
            if path.name == ".copier-answers.yml":
                continue
            # A script asks the repository what was chosen, so it may know every choice; its name may not.
            text = "" if path.suffix == ".py" else NO_MENTION.sub("", content)
            lines = [number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
            if lines or pattern.search(str(path)):
                problems.append(f"{name}: {path}:{','.join(map(str, lines[:5]))}")
    assert not problems, "\n".join(problems)


# --- The graph ---


def test_every_kustomization_agrees_with_its_folder(cluster: Repository) -> None:
    problems = []
    for app in cluster.apps:
        metadata, spec = app.kustomization["metadata"], app.kustomization["spec"]
        expected = {
            "name": (metadata["name"], app.name),
            "namespace": (metadata["namespace"], "flux-system"),
            "path": (spec["path"], f"./kubernetes/apps/{app.namespace}/{app.name}/app"),
            "targetNamespace": (spec.get("targetNamespace"), app.namespace),
            "label": (spec["commonMetadata"]["labels"], {"app.kubernetes.io/name": app.name}),
            "sourceRef": (
                spec["sourceRef"],
                {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"},
            ),
            "prune": (spec.get("prune"), True),
        }
        problems += [f"{app.folder}: {key} is {is_}" for key, (is_, want) in expected.items() if is_ != want]
    names = [app.name for app in cluster.apps]
    assert not problems, "\n".join(problems)
    assert sorted(names) == sorted(set(names))


def test_every_namespace_lists_all_its_apps_and_nothing_else(cluster: Repository) -> None:
    for folder in cluster.namespaces:
        apps = sorted(path.name for path in folder.iterdir() if path.is_dir())
        listed = parse((folder / "kustomization.yaml").read_text())[0]["resources"]
        # What apps share is the person's own.
        shared = ["./shared.yaml"] if (folder / "shared.yaml").exists() else []
        assert listed == ["./namespace.yaml", *shared, *(f"./{app}/ks.yaml" for app in apps)]
        namespace = parse((folder / "namespace.yaml").read_text())[0]
        assert namespace["metadata"]["name"] == folder.name
        assert namespace["metadata"]["labels"].keys() >= {"pod-security.kubernetes.io/enforce"}


def test_every_dependency_exists_and_none_is_circular(cluster: Repository) -> None:
    known = set(cluster.app)
    missing = [f"{app.name} -> {d}" for app in cluster.apps for d in app.depends_on if d not in known]
    assert missing == []
    assert [name for name in known if name in cluster.requirements(name)] == []


def test_every_app_follows_a_tier_and_waits_for_none_slower(cluster: Repository) -> None:
    problems = []
    tier = {}
    for app in cluster.apps:
        spec = app.kustomization["spec"]
        times = spec["interval"], spec["timeout"]
        if times not in TIERS:
            problems.append(f"{app.name}: {times} is no tier")
            continue
        tier[app.name] = TIERS.index(times)
        if spec.get("wait") is not True or "healthChecks" in spec or spec["retryInterval"] != "2m":
            problems.append(f"{app.name}: wait, healthChecks or retryInterval")
        for release in app.helm_releases:
            if (release["spec"]["interval"], release["spec"]["timeout"]) != times:
                problems.append(f"{app.name}: its HelmRelease is of another tier")
    problems += [
        f"{app.name} waits for {dependency}, which is slower"
        for app in cluster.apps
        for dependency in app.depends_on
        if tier.get(dependency, 0) > tier.get(app.name, len(TIERS))
    ]
    assert not problems, "\n".join(problems)


def test_only_cluster_meta_does_not_wait(cluster: Repository) -> None:
    waits = {d["metadata"]["name"]: d["spec"]["wait"] for d in cluster.documents("kubernetes/flux/cluster/ks.yaml")}
    assert waits == {"cluster-meta": False, "cluster-apps": True}


def test_every_custom_resource_comes_after_the_app_that_brings_its_kind(cluster: Repository) -> None:
    problems = []
    for app in cluster.apps:
        for item in app.objects:
            provider = PROVIDERS.get(str(item.get("apiVersion")).split("/")[0])
            # Bootstrap applies the bootstrapped apps, and the CRDs that they use, before Flux runs.
            if provider is None or app.name in (provider, *BOOTSTRAPPED):
                continue
            if provider not in cluster.requirements(app.name):
                problems.append(f"{app.name} has a {item['kind']} and does not wait for {provider}")
    assert not problems, "\n".join(problems)


# --- Charts ---


def test_every_chart_reference_resolves_and_every_source_is_used(cluster: Repository) -> None:
    references = {chart_source(release) for app in cluster.apps for release in app.helm_releases}
    assert references - cluster.sources.keys() == set()
    assert cluster.sources.keys() - references - {("OCIRepository", "app-template")} == set()
    assert ("OCIRepository", "app-template") in cluster.sources


def test_every_helm_release_is_named_like_its_app_and_states_requests_and_limits(cluster: Repository) -> None:
    problems = []
    for app in cluster.apps:
        for release in app.helm_releases:
            keys = {key for part in walk(release["spec"]) if isinstance(part, dict) for key in part}
            if release["metadata"]["name"] != app.name:
                problems.append(f"{app.name}: HelmRelease {release['metadata']['name']}")
            if app.name not in WITHOUT_CONTAINERS and not keys >= {"requests", "limits"}:
                problems.append(f"{app.name}: no requests or no limits")
    assert not problems, "\n".join(problems)


# --- Substitution ---


def substituted_texts(app: App) -> dict[Path, str]:
    return {path: path.read_text() for path in (app.folder / "app").rglob("*") if path.is_file()}


def test_only_settings_are_substituted(cluster: Repository) -> None:
    problems = []
    for app in cluster.apps:
        own = app.kustomization["spec"].get("postBuild", {}).get("substitute", {})
        for path, text in substituted_texts(app).items():
            for name in re.findall(r"(?<!\$)\$\{([^}]*)\}", text):
                if name not in cluster.settings and name not in own:
                    problems.append(f"{path}: ${{{name}}}")
    assert not problems, "\n".join(problems)


def test_bootstrapped_apps_need_no_substitution(cluster: Repository) -> None:
    apps = [app for app in cluster.apps if app.name in BOOTSTRAPPED]
    assert sorted(app.name for app in apps) == sorted(BOOTSTRAPPED)
    assert [path for app in apps for path, text in substituted_texts(app).items() if "${" in text] == []


def test_cluster_settings_are_the_promised_ones(cluster: Repository) -> None:
    answers = recorded(cluster)
    outside = {"EXTERNAL_ADDRESS"} if answers["external_access"] != "none" else set()
    promised = SETTINGS | outside
    ipv6 = {f"{name}_IPV6" for name in promised & ADDRESSES} if answers["node_cidr_ipv6"] else set()
    assert cluster.settings.keys() == promised | ipv6 | BACKUP_SETTINGS[answers["backups"]]
    assert all(isinstance(value, str) for value in cluster.settings.values())


def test_exactly_the_apps_with_a_secret_in_the_repository_decrypt(cluster: Repository) -> None:
    inventory = cluster.documents("bootstrap/secrets.yaml")[0]
    kept_here = {secret["app"] for secret in inventory["secrets"] if secret.get("app")}
    expected = {"provider": "sops"} if inventory["backend"] == "sops" else None
    decrypting = {app.name for app in cluster.apps if app.kustomization["spec"].get("decryption")}
    assert decrypting == (kept_here if expected else set())
    assert all(cluster.app[name].kustomization["spec"]["decryption"] == expected for name in decrypting)


# --- The copy itself ---


@pytest.mark.slow
def test_the_defaults_need_no_trust_and_no_answer(template: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref", VERSION, str(template), "cluster"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cluster" / "kubernetes" / "flux" / "cluster" / "ks.yaml").exists()


@pytest.mark.slow
def test_a_task_takes_the_path_of_its_repository_as_one_word(render: Renderer) -> None:
    for name, text in (
        (name, (render({}) / name).read_text()) for name in files_in(render({})) if "askfile" in str(name)
    ):
        unquoted = re.findall(r"{{\s*\.ROOT_DIR\s*}}", text)
        assert not unquoted, name


def test_certificates_of_staging_come_from_its_issuer_and_the_tunnel_takes_them(render: Renderer) -> None:
    folder = render({"acme_server": "staging"})
    texts = {str(path): (folder / path).read_text() for path in files_in(folder) if path.parts[0] == "kubernetes"}
    issuer = "kubernetes/apps/cert-manager/cluster-issuer/app/clusterissuer.yaml"
    assert "https://acme-staging-v02.api.letsencrypt.org/directory" in texts[issuer]
    named = {path for path, text in texts.items() if "name: letsencrypt-staging" in text}
    assert named == {issuer, "kubernetes/apps/network/wildcard-certificate/app/certificate.yaml"}
    assert not [path for path, text in texts.items() if "letsencrypt-production" in text]
    assert "noTLSVerify: true" in texts["kubernetes/apps/network/cloudflared/app/helmrelease.yaml"]


def test_two_copies_are_byte_identical(render: Renderer, tmp_path: Path) -> None:
    one, other = render({}), render.into(tmp_path / "other", {})
    assert files_in(one) == files_in(other)
    assert [path for path in files_in(one) if (one / path).read_bytes() != (other / path).read_bytes()] == []


def test_the_anton_example_is_what_no_answer_gives(render: Renderer) -> None:
    written, bare = (Repository(render(answers), {}) for answers in (cases.EXAMPLES["anton"], {}))
    assert recorded(written) == recorded(bare)
    answers = {Path(".copier-answers.yml"): ""}  # the same answers, in the order in which they were given
    assert texts(written) | answers == texts(bare) | answers


@pytest.mark.parametrize("count", [1, 2])
def test_two_nodes_hand_images_to_each_other_by_default(count: int, render: Renderer) -> None:
    nodes = [
        {"name": f"k8s-{last}", "address": f"192.168.1.{last}", "disk": "/dev/sda", "interface": "eno1"} | role
        for last, role in [(98, {}), (99, {"controller": False})][:count]
    ]
    answers = recorded(Repository(render({"nodes": nodes}), {}))
    assert ("spegel" in answers["components"]) == (count == 2)


@pytest.mark.parametrize("name", cases.EXAMPLES)
def test_an_example_says_what_it_is_and_stays_off_real_domains(name: str) -> None:
    text = (cases.PROJECT / "examples" / f"{name}.yaml").read_text()
    assert re.match(r"---\n# .+\n[a-z]", text)
    assert cases.EXAMPLES[name]["domain"].endswith("example.com" if name == "anton" else ".example.net")


@pytest.mark.slow
def test_a_first_copy_is_complete_and_records_its_answers(copie: Any, template: Path) -> None:
    result = copie.copy(extra_answers={"cluster_name": "second", "domain": "second.example.net"}, template_dir=template)
    assert (result.exit_code, result.exception) == (0, None)
    repository = Repository(result.project_dir, result.answers)
    assert result.answers["cluster_name"] == "second"
    assert repository.settings["DOMAIN"] == "second.example.net"
    assert recorded(repository)["nodes"] == result.answers["nodes"]


def test_an_answer_to_no_question_is_refused_by_the_tests_themselves(render: Renderer) -> None:
    with pytest.raises(KeyError, match="no question is named typo"):
        render({"typo": 1})


def test_the_pairwise_cases_hold_every_possible_pair() -> None:
    held = set().union(*(cases.pairs_of(row) for row in cases.pairwise()))
    assert all(cases.is_possible(row) for row in cases.pairwise())
    assert held == {frozenset(pair.items()) for pair in cases.possible_pairs()}


def test_volumes_go_to_a_nodes_disks_where_it_has_some(render: Renderer) -> None:
    nodes = cases.EQUIPPED_NODES
    values = release_values(render({"nodes": nodes}), "storage/local-path-provisioner")
    assert values["nodePathMap"] == [
        {"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["/var/mnt/local-path"]},
        {"node": "c1", "paths": ["/var/mnt/rest", "/var/mnt/storage-2"]},
        {"node": "c2", "paths": ["/var/mnt/storage-1", "/var/mnt/storage-2"]},
        {"node": "w2", "paths": ["/var/mnt/1e3"]},
    ]
    settings = release_values(render({"nodes": nodes, "storage": "longhorn"}), "storage/longhorn")["defaultSettings"]
    assert (settings["createDefaultDiskLabeledNodes"], settings["defaultDataPath"]) == (True, "/var/mnt/longhorn")
    settings = release_values(render({"storage": "longhorn"}), "storage/longhorn")["defaultSettings"]
    assert "createDefaultDiskLabeledNodes" not in settings


@pytest.mark.parametrize(
    ("node", "answers", "announced"),
    [
        ({"interface": "eno1.5"}, {}, ["^eno1[.]5$"]),
        ({"interface": "eno1"}, {"vlan_id": 30}, ["^vlan30$"]),
        ({"bond": {"mac_addresses": ["58:47:ca:00:00:01"]}}, {}, ["^bond0$"]),
        ({"mac_address": "58:47:ca:00:00:01"}, {"vlan_id": 30}, ["^vlan30$"]),
        # The kernel's name of this one is not known.
        ({"mac_address": "58:47:ca:00:00:01"}, {}, None),
        ({"interface": "eno1", "links": []}, {}, None),
    ],
)
def test_services_are_announced_on_no_other_link(
    render: Renderer, node: dict[str, Any], answers: dict[str, Any], announced: list[str] | None
) -> None:
    other = {"name": "one", "address": "192.168.1.50", "disk": "/dev/sda"} | {
        "links": [{"interface": "eth1", "addresses": ["10.1.2.1/30"]}]
    }
    root = render({"nodes": [other | node], **answers})
    [policy] = yaml.safe_load_all((root / "kubernetes/apps/kube-system/cilium-networks/app/l2policy.yaml").read_text())
    assert policy["spec"].get("interfaces") == announced


def release_values(root: Path, app: str) -> dict[str, Any]:
    """Return the values of an app's HelmRelease."""
    release: dict[str, Any] = yaml.safe_load((root / f"kubernetes/apps/{app}/app/helmrelease.yaml").read_text())
    return release["spec"]["values"]


def test_awkward_answers_arrive_as_they_were_given(render: Renderer) -> None:
    cluster = Repository(render(cases.AWKWARD), cases.AWKWARD)
    items = [d for path in cluster.yaml_files for d in cluster.documents(path) if isinstance(d, dict)]
    vault = cases.AWKWARD["onepassword_vault"]
    paths = [item["spec"]["itemPath"] for item in items if item.get("kind") == "OnePasswordItem"]
    assert paths and all(path.startswith(f"vaults/{vault}/items/") for path in paths)
    assert cluster.settings["CLUSTER_NAME"] == "null"
    node = cases.AWKWARD["nodes"][0]
    talos = {item["kind"]: item for item in cluster.documents(f"talos/nodes/{node['name']}.yaml")}
    assert talos["HostnameConfig"]["hostname"] == node["name"]
    assert talos["KubeNodeConfig"]["labels"] == node["labels"]
    assert talos["KubeNodeConfig"]["taints"] == node["taints"]
