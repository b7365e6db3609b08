"""What is asked, in which order, what is recorded, and which answers are refused in which words."""

import ipaddress
import re
import shutil
from pathlib import Path

import copier
import pytest
import yaml

from talos_flux.repository.generators import generators
from tests.support.questions import questions
from tests.support.render import PROJECT, quicker
from tests.test_net import environment
from tests.tools import records
from tests.tools.records import git_hosts
from tests.tools.records.storage import storages

ASKED = [
    "cluster_name",
    "repository_url",
    "advanced",
    "domain",
    "timezone",
    "node_cidr",
    "default_gateway",
    "api_address",
    "load_balancer_pool",
    "nodes",
    "dns_provider",
    "external_access",
    "cloudflare_tunnel_id",
    "secrets_backend",
    "storage",
    "components",
]
WIDTH = 76
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
ALWAYS = "{{ generator == 'cluster' }}"
NODE = {"name": "one", "address": "192.168.1.50", "disk": "/dev/sda", "interface": "eth0"}
BGP = {
    "load_balancer_announcement": "bgp",
    "bgp_router_address": "192.168.1.254",
    "bgp_router_asn": 64513,
    "bgp_node_asn": 64514,
}

DUAL_STACK = {"node_cidr_ipv6": "fd12:3456:789a:1::/64"}
BGP_IPV6 = {"bgp_router_address_ipv6": "fd12:3456:789a:1::1"}
S3 = {"backups": "s3", "backup_s3_url": "https://s3.eu-central-1.amazonaws.com/anton-backups"}
NTFY = {"alerts": "ntfy", "ntfy_topic": "https://ntfy.sh/anton-7c1f0e"}

POOL = "192.168.1.102-192.168.1.110"


def node(**changes) -> dict:
    return {key: value for key, value in (NODE | changes).items() if value is not None}


THREE = [node(name=f"node-{number}", address=f"192.168.1.{number}") for number in (50, 51, 52)]


@pytest.fixture(scope="session")
def questionnaire(tmp_path_factory) -> Path:
    """Provide the template with all of its questions and nothing to render but the answers files."""
    folder = tmp_path_factory.mktemp("questionnaire")
    shutil.copy(PROJECT / "copier.yml", folder)
    for part in ("questions", "macros"):
        shutil.copytree(PROJECT / part, folder / part)
    for part in ("", *(f"generators/{name}" for name in generators())):
        (folder / part / "template").mkdir(parents=True)
        shutil.copy(PROJECT / part / "template" / ANSWERS_FILE, folder / part / "template")
    for generator in generators():
        for path in [
            PROJECT / "generators" / generator / "questions.yml",
            *PROJECT.glob(f"generators/{generator}/*.jinja"),
        ]:
            shutil.copy(path, folder / "generators" / generator)
    return folder


@pytest.fixture
def answer(questionnaire, tmp_path):
    """answer(data) -> the recorded answers; raises what Copier raises for a bad one."""

    def run(data: dict) -> dict:
        unknown = set(data) - set(questions())
        assert not unknown, f"no such question: {unknown}"
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        with quicker():
            copier.run_copy(str(questionnaire), out, data=data, defaults=True, quiet=True, unsafe=False)
        return yaml.safe_load((out / ".copier-answers.yml").read_text())

    return run


def test_sixteen_questions_are_asked_in_the_order_of_thought():
    asked = [
        name
        for name, question in questions().items()
        if question.get("ask", ALWAYS) == ALWAYS and question.get("when") is not False
    ]
    only_when_needed = {
        "repository_known_hosts",
        "external_dns_target",
        "backup_s3_url",
        "backup_nfs",
        "ntfy_topic",
        *(name for each in records.backends() for name in each.questions),
    } | (set(BGP | BGP_IPV6) - {"load_balancer_announcement"})
    assert [name for name in asked if name not in only_when_needed] == ASKED


@pytest.mark.parametrize("generator", ["cluster", *generators()])
def test_every_asked_question_explains_itself_and_has_a_type(generator):
    for name, question in questions(generator).items():
        if question.get("ask") is False or question.get("when") is False:
            assert "type" in question, name
            continue
        assert list(question)[:2] in (["type", "help"], ["type", "multiselect"], ["type", "multiline"]), name
        assert question["help"], name
        choices_explain_themselves = "choices" in question or question["type"] == "bool"
        assert choices_explain_themselves or "e.g." in question["help"], name


@pytest.mark.parametrize("generator", ["cluster", *generators()])
def test_every_choice_explains_itself(generator):
    choices = {name: question["choices"] for name, question in questions(generator).items() if "choices" in question}
    bare = [f"{name}: {label}" for name, labels in choices.items() for label in labels if " - " not in label]
    assert bare == []


@pytest.mark.parametrize("generator", ["cluster", *generators()])
def test_what_is_asked_fits_a_terminal_of_eighty_columns(generator):
    """What is wider is cut off without a sign; its own mark takes four columns."""
    wide = [
        f"{name}: {line}"
        for name, question in questions(generator).items()
        for line in (*question.get("help", "").splitlines(), *question.get("choices", {}))
        if len(re.sub(r"{{.*?}}", "12345678", line)) > WIDTH
    ]
    assert wide == []


@pytest.mark.parametrize("generator", ["cluster", *generators()])
def test_no_number_is_parsed_before_its_rule_sees_it(generator):
    """Copier refuses what is no number with Python's words, and at a terminal with "Invalid input"."""
    numbers = [name for name, question in questions(generator).items() if question["type"] in ("int", "float")]
    assert [name for name in numbers if questions(generator)[name].get("when") is not False] == []


@pytest.mark.parametrize("generator", ["cluster", *generators()])
def test_what_a_question_depends_on_is_asked_before_it(generator):
    known = list(questions(generator))
    for number, name in enumerate(known):
        question = questions(generator)[name]
        if question.get("ask") is not False and question.get("when") is not False:
            # What was given on the command line is there from the beginning.
            said = re.sub(r"\w+ is not defined|'\w+'", "", f"{question.get('ask', '')} {question.get('when', '')}")
            words = re.findall(r"\w+", said.replace("_copier_conf.data.", "given_"))
            assert [word for word in words if word in known[number:]] == [], name


@pytest.mark.parametrize("generator", ["cluster", *generators()])
def test_an_empty_list_asks_nothing(generator):
    """Copier takes text for yes, and what a list renders to is text."""
    lists = [name for name, question in questions(generator).items() if question["type"] == "yaml"]
    for name, question in questions(generator).items():
        parts = re.split(r"\band\b|\bor\b|[{}()]", str(question.get("when", "")))
        assert [part for part in parts if part.strip() in lists] == [], name


def test_nothing_in_the_questions_needs_trust():
    settings = next(yaml.safe_load_all((PROJECT / "copier.yml").read_text().split("\n---\n")[0]))
    assert not {"_tasks", "_migrations", "_jinja_extensions", "_external_data"} & set(settings)


def test_every_default_is_anton(answer):
    answers = answer({})
    expected = yaml.safe_load((Path(__file__).parent / "anton-answers.yml").read_text())
    assert {key: value for key, value in answers.items() if not key.startswith(("pin_", "_"))} == expected


def test_answers_that_are_not_asked_are_recorded(answer):
    recorded = answer(S3 | BGP | DUAL_STACK | BGP_IPV6)
    hidden = [name for name, question in questions().items() if "advanced" in str(question.get("ask"))]
    assert set(hidden) - set(recorded) == set()


def test_a_pin_is_recorded_only_while_its_component_is_on(answer):
    assert "pin_longhorn" not in answer({})
    assert "pin_longhorn" in answer({"storage": "longhorn"})


@pytest.mark.parametrize(
    "network", ["10.0.0.0/24", "172.16.0.0/12", "10.0.0.0/8", "10.42.0.0/20", "10.43.7.0/24", "172.30.0.0/16"]
)
def test_any_usual_home_network_has_defaults_that_pass_their_own_rules(answer, network):
    answers = answer({"node_cidr": network})
    assert answers["node_cidr"] == network
    assert len({answers[key] for key in ("default_gateway", "api_address", "dns_address", "internal_address")}) == 4


def test_a_small_network_asks_for_its_addresses(answer):
    with pytest.raises(ValueError, match="api_address.*nothing, "):
        answer({"node_cidr": "192.168.1.0/28"})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"api_address": "192.168.1.99"}, "'nodes': 192.168.1.99 is used by both node k8s-2 and api_address"),
        (
            {"load_balancer_announcement": "bgp"},
            "'bgp_router_address': nothing, which load_balancer_announcement bgp needs",
        ),
        (
            {"external_access": "direct"},
            "'external_dns_target': nothing, which external_access direct needs, is neither",
        ),
        ({"node_cidr": "10.0.0.0/27"}, "'api_address': nothing, for which node_cidr has no usual one, is not"),
    ],
)
def test_an_answer_that_contradicts_a_default_is_refused_in_words_without_a_terminal(answer, data, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        answer(data)


def test_a_pool_of_two_is_enough_without_outside_access(answer):
    pool = {"load_balancer_pool": "192.168.1.102-192.168.1.103"}
    answers = answer(pool | {"external_access": "none"})
    assert (answers["dns_address"], answers["internal_address"]) == ("192.168.1.102", "192.168.1.103")
    assert "external_address" not in answers
    with pytest.raises(ValueError, match="external_address.*nothing, "):
        answer(pool)


def test_the_router_may_be_the_dns_ntp_and_bgp_router_at_once(answer):
    router = "192.168.1.254"
    answers = answer(BGP | {"default_gateway": router, "dns_servers": [router], "ntp_servers": [router]})
    assert answers["bgp_router_address"] == answers["default_gateway"] == router


def test_with_bgp_the_pool_may_lie_outside_the_node_network(answer):
    assert answer(BGP | {"load_balancer_pool": "10.50.0.0/24"})["dns_address"] == "10.50.0.1"
    assert answer(BGP | {"load_balancer_pool": "10.50.0.32/27"})["dns_address"] == "10.50.0.32"


@pytest.mark.parametrize("network", ["192.168.1.0/24", "10.45.0.0/24"])
def test_with_bgp_the_usual_pool_lies_outside_the_node_network(answer, network):
    given = {"node_cidr": network, "bgp_router_address": "192.168.99.1"}
    pool = answer(BGP | given)["load_balancer_pool"]
    assert pool == ("172.28.0.0/24" if network == "10.45.0.0/24" else "10.45.0.0/24")


def test_ipv4_alone_is_the_default_and_knows_no_other_network(answer):
    answers = answer({})
    assert [name for name in answers if name.endswith("_ipv6")] == ["node_cidr_ipv6"]
    assert answers["node_cidr_ipv6"] == ""


def test_with_a_unique_local_network_pods_and_services_are_in_the_same_48(answer):
    answers = answer(
        DUAL_STACK | {"dns_servers": ["2606:4700:4700::1111"], "api_extra_sans": ["fd12:3456:789a:1::1:101"]}
    )
    assert answers["pod_cidr_ipv6"] == "fd12:3456:789a:4200::/56"
    assert answers["service_cidr_ipv6"] == "fd12:3456:789a:4300::/112"
    answers = answer({"node_cidr_ipv6": "fd12:3456:789a:4242::/64"})
    assert answers["pod_cidr_ipv6"] == "fd12:3456:789a:5200::/56"


def test_with_a_global_network_pods_and_services_are_unique_local(answer):
    one, other = (
        {name: answers[name] for name in ("pod_cidr_ipv6", "service_cidr_ipv6", "load_balancer_cidr_ipv6")}
        for answers in (
            answer({"node_cidr_ipv6": network} | BGP | BGP_IPV6) for network in ("2001:db8::/64", "2a00:1:2:3::/64")
        )
    )
    for networks in (one, other):
        pods, services, pool = (ipaddress.IPv6Network(network) for network in networks.values())
        site = pods.supernet(new_prefix=48)
        assert site.subnet_of(ipaddress.IPv6Network("fd00::/8"))
        assert services.subnet_of(site) and pool.subnet_of(site)
        assert not pods.overlaps(services) and not pods.overlaps(pool) and not services.overlaps(pool)
    assert set(one.values()).isdisjoint(other.values())


@pytest.mark.parametrize("missing", ["bgp_router_address", "bgp_router_asn", "bgp_node_asn"])
def test_with_bgp_router_and_numbers_are_required(answer, missing):
    with pytest.raises(ValueError, match=f"{missing}.*nothing, "):
        answer({key: value for key, value in BGP.items() if key != missing})


@pytest.mark.parametrize(("backups", "place"), [("s3", "backup_s3_url"), ("nfs", "backup_nfs")])
def test_backups_need_a_place(answer, backups, place):
    with pytest.raises(ValueError, match=f"{place}.*nothing, "):
        answer({"backups": backups})


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://s3.eu-central-1.amazonaws.com/anton", "eu-central-1"),
        ("https://s3.us-west-004.backblazeb2.com/anton/volumes", "us-west-004"),
        ("https://s3.fr-par.scw.cloud/anton", "us-east-1"),
        ("http://192.168.1.10:9000/anton", "us-east-1"),
    ],
)
def test_the_region_is_the_one_that_the_endpoint_names(answer, url, region):
    answers = answer({"backups": "s3", "backup_s3_url": url})
    assert (answers["backup_s3_region"], answers["pin_volsync"]) == (region, "0.16.0")
    assert not {"backup_s3_url", "backup_s3_region", "backup_nfs", "pin_volsync"} & answer({}).keys()


def test_ntfy_needs_a_topic_and_no_other_receiver_does(answer):
    with pytest.raises(ValueError, match="ntfy_topic.*nothing, "):
        answer({"alerts": "ntfy"})
    assert answer(NTFY | {"components": []})["ntfy_topic"] == NTFY["ntfy_topic"]
    assert "ntfy_topic" not in answer({"alerts": "discord"})


@pytest.mark.parametrize(
    ("url", "webhook", "ci"),
    [
        *(
            (url.format(address), each.answers["webhook_provider"], each.answers["ci"])
            for each in git_hosts.hosts()
            for address in each.hosts
            for url in ("https://{}/a/b.git", "ssh://git@{}/a/b")
        ),
        ("https://git.example.net/a/b.git", "generic-hmac", "none"),
    ],
)
def test_webhook_and_ci_follow_the_repositorys_host(answer, url, webhook, ci):
    answers = answer({"repository_url": url})
    assert (answers["webhook_provider"], answers["ci"]) == (webhook, ci)


def test_without_a_dns_provider_nothing_is_reachable_from_outside(answer):
    answers = answer({"dns_provider": "none"})
    assert (answers["external_access"], answers["webhook_provider"]) == ("none", "none")
    assert not {"cloudflare_tunnel_id", "external_address", "pin_external_dns"} & set(answers)


def test_an_own_ssh_host_needs_its_keys(answer):
    url = {"repository_url": "ssh://git@git.example.net:2222/home/anton.git"}
    with pytest.raises(ValueError, match="repository_known_hosts.*nothing, "):
        answer(url)
    keys = "[git.example.net]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000"
    assert answer(url | {"repository_known_hosts": keys})["repository_known_hosts"] == keys


def test_only_antons_own_machines_have_antons_extensions(answer):
    assert answer({})["talos_extensions"] == ["siderolabs/i915", "siderolabs/intel-ucode"]
    assert answer({"node_cidr": "10.0.0.0/16"})["talos_extensions"] == ["siderolabs/i915", "siderolabs/intel-ucode"]
    assert answer({"nodes": [node()]})["talos_extensions"] == []
    assert answer({"talos_schematic_id": "0" * 64})["talos_extensions"] == []


def test_a_node_may_say_everything(answer):
    full = node(
        controller=True,
        mtu=9000,
        extensions=["siderolabs/i915", "intel-ucode"],
        architecture="arm64",
        platform="nocloud",
        kernel_args=["console=ttyS0,115200", "ip=::::a:eth0:off", "8250.nr_uarts=1", "-selinux", "quiet"],
        secureboot=True,
        encrypt_disk=True,
        kernel_modules=["nbd"],
        labels={"rack": "1", "example.net/zone": "cellar", "spare": ""},
        taints={"dedicated": "gpu:NoSchedule"},
        ephemeral_size="100GiB",
        storage_disks=[{"disk": "/dev/sda", "name": "films"}, {"disk_serial": "S5"}, {"min_size": "1TiB"}],
        links=[
            {"interface": "eth0", "vlan_id": 40, "addresses": ["10.4.0.1/24"], "mtu": 9000},
            {
                "mac_address": "58:47:ca:00:00:02",
                "addresses": ["10.1.2.0/31"],
                "routes": [{"network": "10.1.2.2/31", "gateway": "10.1.2.1"}],
            },
        ],
    )
    worker = {
        "name": "two",
        "address": "192.168.1.51",
        "controller": False,
        "disk_serial": "S4EV",
        "bond": {"mac_addresses": ["58:47:ca:00:00:01", "58:47:ca:00:00:03"], "mode": "802.3ad"},
        "links": [{"interface": "bond0", "vlan_id": 40, "addresses": ["10.4.0.2/24"]}],
    }
    assert answer({"nodes": [full, worker]})["nodes"] == [full, worker]


REFUSED = [
    ("cluster_name", "Anton", "Anton is not a DNS label"),
    ("cluster_name", "a" * 33, "1 to 32"),
    ("cluster_name", "", "is not a DNS label"),
    ("cluster_name", "anton\n", "is not a DNS label"),
    ("repository_url", "git@github.com:wcygan/anton.git", "write ssh://git@github.com/wcygan/anton.git"),
    (
        "repository_url",
        "https://me:token@github.com/a/b.git",
        "https://...@github.com/a/b.git holds a user or a password",
    ),
    ("repository_url", "github.com/a/b", "is not a repository URL"),
    ("repository_url", "ftp://github.com/a/b", "is not a repository URL"),
    ("repository_url", "https://github.com", "is not a repository URL"),
    ("repository_url", "https://github.com/a b.git", "is not a repository URL"),
    ("repository_branch", "a b", "'a b' is not a branch name"),
    ("repository_branch", "a..b", "is not a branch name"),
    ("repository_branch", "", "is not a branch name"),
    ("repository_branch", "${x}", "none of ~^:?*$"),
    ("repository_branch", "x.lock", "is not a branch name"),
    ("domain", "Example.com", "Example.com is not a domain"),
    ("domain", "localhost", "is not a domain"),
    ("domain", "a_b.net", "is not a domain"),
    ("domain", f"{'a' * 64}.net", "is not a domain"),
    ("domain", "example.net.", "is not a domain"),
    ("timezone", "europe/berlin", "europe/berlin is not a time zone"),
    ("timezone", "Europe/Berlin; rm", "is not a time zone"),
    ("timezone", "Berlin", "Berlin is not a time zone"),
    ("timezone", "Europa/Berlin", "Europa/Berlin is not a time zone"),
    ("node_cidr", "192.168.1.7/24", "did you mean 192.168.1.0/24"),
    ("node_cidr", "192.168.1.0", "is not an IPv4 network"),
    ("node_cidr", "192.168.1.0/30", "192.168.1.0/30 has the wrong size: /8 to /29"),
    ("node_cidr_ipv6", "192.168.1.0/24", "192.168.1.0/24 is not an IPv6 network"),
    ("node_cidr_ipv6", "fd12:3456:789a:1::", "fd12:3456:789a:1:: is not an IPv6 network: address/length"),
    ("node_cidr_ipv6", "FD12:3456:789A:1::/64", "in lower case and as short as can be"),
    ("node_cidr_ipv6", "fd12:3456:789a:1::98/64", "did you mean fd12:3456:789a:1::/64"),
    ("node_cidr_ipv6", "fd12:3456:789a::/48", "fd12:3456:789a::/48 has the wrong size: /64"),
    ("node_cidr_ipv6", "fe80::/64", "fe80::/64 is neither a unique local nor a global network"),
    ("default_gateway", "10.0.0.1", "10.0.0.1 is not in node_cidr 192.168.1.0/24"),
    ("default_gateway", "192.168.1.255", "is the network or broadcast address"),
    ("default_gateway", "router", "router is not an IPv4 address"),
    ("dns_servers", [], "at least one IPv4 address"),
    ("dns_servers", ["1.1.1.1", "dns.google"], "dns.google is not an IPv4 address"),
    ("dns_servers", "1.1.1.1", "1.1.1.1 is not a list"),
    ("dns_servers", ["2606:4700:4700::1111"], "2606:4700:4700::1111 is not an IPv4 address"),
    ("ntp_servers", [], "at least one time server"),
    ("ntp_servers", ["a b"], "a b is neither a host name"),
    ("vlan_id", 0, "0 is not a VLAN id"),
    ("vlan_id", 4095, "4095 is not a VLAN id"),
    ("vlan_id", True, "True is not a VLAN id"),
    ("vlan_id", "ten", "ten is not a VLAN id"),
    ("pod_cidr", "192.168.0.0/16", "192.168.0.0/16 overlaps node_cidr 192.168.1.0/24"),
    ("pod_cidr", "10.42.0.0/25", "has the wrong size: /8 to /24"),
    ("service_cidr", "10.42.128.0/17", "overlaps pod_cidr 10.42.0.0/16"),
    ("service_cidr", "10.43.0.0/25", "has the wrong size: /12 to /24"),
    ("service_cidr", "10.0.0.0/11", "has the wrong size: /12 to /24"),
    ("api_address", "192.168.1.254", "192.168.1.254 is used by both api_address and default_gateway"),
    ("api_address", "192.168.2.1", "is not in node_cidr"),
    ("api_extra_sans", ["K8S.example.net"], "K8S.example.net is neither a host name in lower case"),
    ("api_extra_sans", "k8s.example.net", "is not a list"),
    ("load_balancer_pool", "192.168.1.102", "is not a pool"),
    ("load_balancer_pool", "192.168.1.110-192.168.1.102", "is too small: first before last"),
    ("load_balancer_pool", "192.168.1.102-192.168.1.102", "at least two addresses"),
    ("load_balancer_pool", "192.168.1.90-192.168.1.101", "contains 192.168.1.101, which is api_address"),
    ("load_balancer_pool", "192.168.1.240/28", "contains 192.168.1.254, which is default_gateway"),
    ("load_balancer_pool", "10.50.0.0/24", "is not in node_cidr 192.168.1.0/24"),
    ("load_balancer_pool", "192.168.1.129/27", "did you mean 192.168.1.128/27"),
    ("load_balancer_pool", "192.168.1.0-192.168.1.10", "the network address"),
    ("dns_address", "192.168.1.50", "192.168.1.50 is not in load_balancer_pool"),
    ("internal_address", "192.168.1.102", "192.168.1.102 is used by both internal_address and dns_address"),
    ("external_address", "192.168.1.103", "192.168.1.103 is used by both external_address and internal_address"),
    ("load_balancer_mode", "hybrid", "hybrid"),
    ("load_balancer_announcement", "ospf", "ospf"),
    ("ingress_backend", "traefik", "traefik"),
    ("dns_provider", "hesiod", "hesiod"),
    ("domain", "home.local", "home.local can't be the domain"),
    ("cloudflare_tunnel_id", "my-tunnel", "my-tunnel is not a UUID"),
    ("acme_server", "letsencrypt", "letsencrypt"),
    ("tunnel_transport", "tcp", "tcp"),
    ("webhook_provider", "gitea", "gitea"),
    ("ci", "jenkins", "jenkins"),
    ("renovate_automerge", "major", "major"),
    ("secrets_backend", "vault", "vault"),
    ("onepassword_vault", "", "is not a vault's title"),
    ("onepassword_vault", "a/b", "'a/b' is not a vault's title"),
    ("onepassword_vault", "<<", "YAML merges what has this name into what is around it"),
    ("onepassword_vault", "a\u2029b", "\\u2029 in a vault's title is a character that YAML can't hold as it is"),
    ("storage", "zfs", "zfs"),
    ("components", ["monitoring", "airflow"], "airflow"),
    ("backups", "tape", "tape"),
    ("alerts", "email", "email"),
    ("alerts", ["ntfy"], "ntfy"),
    ("talos_extensions", ["Bad Name"], "Bad Name is not the name of an extension"),
    ("talos_extensions", "i915", "i915 is not a list of extensions"),
    ("docker_hub_mirror", "mirror.gcr.io", "is not the address of a registry: https:// or http://"),
    ("docker_hub_mirror", "https://user:secret@mirror.gcr.io", "is not the address of a registry"),
    ("docker_hub_mirror", "https://mirror.gcr.io/a b", "is not the address of a registry"),
    ("talos_schematic_id", "z" * 64, "is not a schematic id: 64 hex digits"),
]


@pytest.mark.parametrize(("question", "value", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_bad_answer_is_refused_with_value_and_rule(answer, tmp_path, question, value, words):
    with pytest.raises(ValueError) as refusal:
        answer({question: value})
    message = str(refusal.value).strip()
    assert words in message
    assert "\n" not in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("domain", ["home.arpa", "k8s.home.arpa", "home.lan", "anton.internal"])
def test_a_domain_that_nobody_serves_takes_no_public_dns(answer, domain):
    assert answer({"domain": domain})["dns_provider"] == "none"
    with pytest.raises(ValueError, match=f"no public DNS serves {domain}, so it takes dns_provider none"):
        answer({"domain": domain, "dns_provider": "cloudflare"})


BAD_NODES = [
    ([], "at least one node"),
    ("k8s-1", "k8s-1 is not a list"),
    (["k8s-1"], "k8s-1 is not a node"),
    ([node(colour="red")], "node one has the unknown key colour"),
    ([node(name=None)], "node without a name needs a name"),
    ([node(name="Node_1")], "node Node_1 needs a name that is a DNS label"),
    ([node(name="worker")], "node worker needs another name"),
    ([node(address=None)], "node one: address nothing is not an IPv4 address"),
    ([node(address="192.168.2.1")], "192.168.2.1 is not in node_cidr"),
    ([node(address="192.168.1.0")], "is the network or broadcast address"),
    ([node(address="192.168.1.254")], "192.168.1.254 is used by both node one and default_gateway"),
    ([node(address="192.168.1.101")], "192.168.1.101 is used by both node one and api_address"),
    ([node(address="192.168.1.110")], "192.168.1.110 is in load_balancer_pool"),
    ([node(address="192.168.1.102")], "192.168.1.102 is used by both node one and dns_address"),
    ([node(disk=None)], "exactly one of disk and disk_serial"),
    ([node(disk="")], "exactly one of disk and disk_serial"),
    ([node(disk_serial="S4EV")], "exactly one of disk and disk_serial"),
    ([node(disk="nvme0n1")], "disk nvme0n1 is not a path below /dev"),
    ([node(disk=None, disk_serial=12345)], "disk_serial 12345 is not a serial number in quotes"),
    ([node(interface=None)], "exactly one of interface, mac_address and bond"),
    ([node(bond={"interfaces": ["eno1", "eno2"]})], "exactly one of interface, mac_address and bond"),
    ([node(interface="a" * 16)], "at most 15 characters"),
    (
        [node(interface=None, mac_address="58:47:CA:00:00:01")],
        "58:47:CA:00:00:01 is not six pairs of lower-case hex digits",
    ),
    ([node(mtu=9001)], "mtu 9001 is not a number from 1450 to 9000"),
    ([node(mtu="1500")], "mtu 1500 is not a number"),
    ([node(controller="yes")], "controller yes is neither true nor false"),
    ([node(secureboot=1)], "secureboot 1 is neither true nor false"),
    ([node(encrypt_disk="no")], "encrypt_disk no is neither true nor false"),
    ([node(architecture="x86_64")], "architecture x86_64 is neither amd64 nor arm64"),
    ([node(platform="proxmox")], "platform proxmox is neither metal nor nocloud"),
    ([node(board="rpi4")], "board rpi4 is none that Talos has an overlay for: bananapi_m64, "),
    ([node(board=["rpi_generic"])], "board ['rpi_generic'] is none that Talos has an overlay for"),
    (
        [node(board="rpi_generic", architecture="amd64")],
        "board rpi_generic takes architecture arm64 and platform metal",
    ),
    ([node(board="rpi_5", platform="nocloud")], "board rpi_5 takes architecture arm64 and platform metal"),
    ([node(board="rock5b", encrypt_disk=True)], "board rock5b has no Secure Boot"),
    ([node(kernel_args="quiet")], "kernel_args quiet is not a list of kernel arguments"),
    ([node(kernel_args=["a b"])], "a b in kernel_args is no argument: name or name=value without spaces"),
    ([node(kernel_args=['a="b"'])], "in kernel_args is no argument"),
    ([node(kernel_args=["a:"])], "a: in kernel_args is no argument"),
    ([node(kernel_args=["quiet", "on"])], "on in kernel_args is no argument"),
    ([node(kernel_args=[1])], "1 in kernel_args is no argument"),
    ([node(kernel_args=[""])], "nothing in kernel_args is no argument"),
    ([node(schematic_id="A" * 64)], "is not a schematic id: 64 hex digits"),
    ([node(schematic_id=12)], "schematic_id 12 is not a schematic id"),
    (
        [node(schematic_id="0" * 64, extensions=["siderolabs/i915"])],
        "replaces the computed schematic, so extensions and kernel_args must be empty",
    ),
    ([node(extensions=["bad name"])], "bad name is not the name of an extension"),
    ([node(kernel_modules=["a: b"])], "is not a list of module names"),
    ([node(kernel_modules="nbd")], "nbd is not a list of module names"),
    ([node(labels={"rack": 1})], "label rack: 1 is not a label"),
    (
        [
            node(),
            node(name="two", address="192.168.1.51", controller=False, labels={"node-role.kubernetes.io/worker": ""}),
        ],
        "node two: label node-role.kubernetes.io/worker is one that Kubernetes lets no worker give itself",
    ),
    ([node(labels=["rack"])], "labels and taints are mappings"),
    ([node(taints={"gpu": "yes"})], "taint gpu: yes is not a taint"),
    ([node(controller=False)], "no node is a controller"),
    ([node(), node(name="two", address="192.168.1.51")], "2 controllers are an even number"),
    ([node(), node(address="192.168.1.51")], "the name one is used by two nodes"),
    ([node(), node(name="two")], "address 192.168.1.50 is used by both one and two"),
    (
        [
            node(interface=None, mac_address="58:47:ca:00:00:01"),
            node(name="two", address="192.168.1.51", interface=None, mac_address="58:47:ca:00:00:01"),
        ],
        "mac_address 58:47:ca:00:00:01 is used by both one and two",
    ),
    (
        [node(disk=None, disk_serial="S4"), node(name="two", address="192.168.1.51", disk=None, disk_serial="S4")],
        "disk_serial S4 is used by both one and two",
    ),
]


def with_disks(*disks, **changes) -> list[dict]:
    return [node(storage_disks=list(disks), **changes)]


def with_link(**link) -> list[dict]:
    return [node(links=[{"interface": "eth1", "addresses": ["10.1.2.1/30"]} | link])]


def with_bond(**bond) -> list[dict]:
    return [node(interface=None, bond=bond)]


SECOND = {"name": "two", "address": "192.168.1.51", "controller": False}
BAD_NODES += [
    # --- Disks ---
    ([node(ephemeral_size=100)], "node one: ephemeral_size 100 is not a size: a whole number and GB, TB, GiB or TiB"),
    ([node(ephemeral_size="80%")], "ephemeral_size 80% is not a size"),
    ([node(ephemeral_size="9GiB")], "ephemeral_size 9GiB is less than 10GiB, which images and logs need"),
    ([node(storage_disks="/dev/sdb")], "storage_disks /dev/sdb is not a list of disks"),
    ([node(storage_disks=["/dev/sdb"])], "is not a list of disks, e.g. [{disk: /dev/nvme1n1}]"),
    (with_disks({"path": "/dev/sdb"}), "node one: storage disk 1 has the unknown key path; known are name, disk,"),
    (with_disks({"name": "a"}), "storage disk 1 needs exactly one of disk, disk_serial and min_size"),
    (
        with_disks({"disk": "/dev/sdb"}, {"disk": "/dev/sdb", "disk_serial": "S5"}),
        "storage disk 2 needs exactly one of disk, disk_serial and min_size",
    ),
    (with_disks({"disk": "sdb"}), "storage disk 1: disk sdb is not a path below /dev"),
    (with_disks({"disk_serial": 12345}), "storage disk 1: disk_serial 12345 is not a serial number in quotes"),
    (with_disks({"min_size": 500}), "storage disk 1: min_size 500 is not a size"),
    (with_disks({"disk": "/dev/sdb", "name": "Films"}), "name Films is not a volume's name: 1 to 34 lower-case"),
    (with_disks({"disk": "/dev/sdb", "name": "local-path"}), "name local-path is that of a folder on the system disk"),
    (with_disks({"disk": "/dev/sda"}), "storage disk 1 is the node's own disk, where EPHEMERAL takes all the space"),
    (
        with_disks({"disk_serial": "S4"}, disk=None, disk_serial="S4"),
        "storage disk 1 is the node's own disk, where EPHEMERAL takes all the space: give the node an ephemeral_size",
    ),
    (with_disks({"disk": "/dev/sdb"}, {"disk": "/dev/sdb"}), "two storage_disks have the disk /dev/sdb"),
    (
        with_disks({"disk": "/dev/sdb", "name": "storage-2"}, {"disk": "/dev/sdc"}),
        "two storage_disks have the name storage-2",
    ),
    (
        with_disks({"disk_serial": "S5"}) + with_disks({"disk_serial": "S5"}, **SECOND),
        "disk_serial S5 is used by both one and two",
    ),
    # --- Bonds ---
    ([node(interface=None, bond="bond0")], "node one: bond bond0 is not a bond, e.g. {interfaces: [enp1s0, enp2s0]"),
    (with_bond(interfaces=["a", "b"], miimon=100), "bond has the unknown key miimon; known are interfaces,"),
    (with_bond(interfaces=["a", "b"], mode="lacp"), "bond mode lacp is none of active-backup, 802.3ad, balance-xor"),
    (with_bond(mode="802.3ad"), "bond needs exactly one of interfaces and mac_addresses"),
    (with_bond(interfaces="eno1"), "bond needs exactly one of interfaces and mac_addresses, a list of links"),
    (with_bond(interfaces=["eno1", "eno1"]), "bond names a link twice: eno1, eno1"),
    (with_bond(interfaces=["eno1"], mode="802.3ad"), "bond has one link, and mode 802.3ad needs two"),
    (with_bond(mac_addresses=["58:47:CA:00:00:01"]), "bond: mac_address 58:47:CA:00:00:01 is not six pairs"),
    (with_bond(interfaces=["a b"]), "bond: interface a b is not a link name"),
    (with_bond(interfaces=[["eno1"], {}]), "bond: interface ['eno1'] is not a link name"),
    # --- Links ---
    ([node(links={"interface": "eth1"})], "is not a list of links, e.g. [{interface: enp2s0,"),
    (with_link(dhcp=True), "node one: link 1 has the unknown key dhcp; known are interface, mac_address, vlan_id,"),
    (with_link(mac_address="58:47:ca:00:00:01"), "link 1 needs exactly one of interface and mac_address"),
    (with_link(mtu=100), "link 1: mtu 100 is not a number from 1450 to 9000"),
    (with_link(vlan_id="40"), "link 1: vlan_id 40 is not a VLAN id, a number from 1 to 4094"),
    (with_link(interface="eth0"), "link 1: eth0 is the node's own link; only a vlan_id gives it another network"),
    (with_link(interface="eth0", vlan_id=4, mtu=9000), "link 1: mtu 9000 is more than 1500, that of the node's link"),
    (
        [with_link(interface="a")[0] | with_bond(interfaces=["a", "b"])[0] | {"interface": ""}],
        "link 1: a is in the node's bond; a VLAN is on interface bond0",
    ),
    (with_link(addresses=[]), "link 1: addresses [] is not a list of at least one, e.g. [10.1.2.1/30]"),
    (with_link(addresses=["10.1.2.1"]), "link 1: 10.1.2.1 is not an IPv4 address and the length of its network"),
    (with_link(addresses=["10.1.2.3/30"]), "10.1.2.3/30 is the network or broadcast address of 10.1.2.0/30"),
    (with_link(addresses=["192.168.1.60/30"]), "192.168.1.60/30 is the network or broadcast address"),
    (with_link(addresses=["192.168.1.61/30"]), "192.168.1.61/30 overlaps node_cidr 192.168.1.0/24"),
    (with_link(addresses=["10.42.7.1/24"]), "10.42.7.1/24 overlaps pod_cidr 10.42.0.0/16"),
    (with_link(addresses=["10.43.7.1/24"]), "10.43.7.1/24 overlaps service_cidr 10.43.0.0/16"),
    (with_link(routes=["10.2.0.0/24"]), "is not a list of routes, e.g. [{network: 10.2.0.0/24, gateway: 10.1.2.2}]"),
    (with_link(routes=[{"network": "10.2.0.0/24", 1: 2}]), "needs network and gateway, and nothing else"),
    (with_link(routes=[{"network": "10.2.0.0/24"}]), "needs network and gateway, and nothing else"),
    (
        with_link(routes=[{"network": "10.2.0.1/24", "gateway": "10.1.2.2"}]),
        "route to 10.2.0.1/24, which is not an IPv4 network in canonical form",
    ),
    (
        with_link(routes=[{"network": "10.2.0.0/24", "gateway": "10.1.2.1"}]),
        "gateway 10.1.2.1 is no other address in a network of the link",
    ),
    (
        with_link(routes=[{"network": "0.0.0.0/0", "gateway": "10.1.2.2"}]),
        "link 1: 0.0.0.0/0 overlaps node_cidr 192.168.1.0/24",
    ),
    (
        [node(links=[{"interface": "eth1", "addresses": [address]} for address in ("10.1.2.1/30", "10.1.3.1/30")])],
        "node one: two links have eth1",
    ),
    (
        [node(links=[{"interface": name, "addresses": ["10.1.2.1/24"]} for name in ("eth1", "eth2")])],
        "node one: two links reach 10.1.2.1/24 and 10.1.2.1/24, which overlap",
    ),
    ([*with_link(), with_link()[0] | SECOND], "address 10.1.2.1 is used by both one and two"),
    (
        [
            *with_link(interface="", mac_address="58:47:ca:00:00:01"),
            node(interface=None, mac_address="58:47:ca:00:00:01", **SECOND),
        ],
        "mac_address 58:47:ca:00:00:01 is used by both one and two",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "words"), BAD_NODES, ids=[words for _, words in BAD_NODES])
def test_a_bad_node_is_refused_with_value_and_rule(answer, tmp_path, nodes, words):
    with pytest.raises(ValueError) as refusal:
        answer({"nodes": nodes})
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value).strip()
    assert not (tmp_path / "out").exists()


# A cluster that exists.
EXISTS: dict = yaml.safe_load((PROJECT / "tests/anton-answers.yml").read_text()) | {"pin_talos": "1.14.1"}


@pytest.mark.parametrize("storage", storages(), ids=lambda each: each.name)
def test_a_disk_of_a_cluster_that_exists_may_be_called_like_the_folder_of_another_storage(answer, storage):
    disks = {"nodes": with_disks({"disk": "/dev/sdb", "name": storage.folder})}
    assert answer({**EXISTS, **disks, "storage": "none"})["nodes"] == disks["nodes"]
    with pytest.raises(ValueError, match=f"name {storage.folder} is that of a folder on the system disk"):
        answer({**disks, "storage": "none"})


def test_a_storage_whose_folder_is_a_disk_is_refused():
    """At its own prompt: the nodes were answered with the storage of before."""
    rule = environment().from_string(questions()["storage"]["validator"])
    disks = with_disks({"disk": "/dev/sdb", "name": "longhorn"})
    refusal = rule.render(nodes=disks, storage="longhorn")
    assert refusal.startswith(
        "longhorn has its folder at /var/mnt/longhorn, which is a disk of node one: choose another"
    )
    assert rule.render(nodes=disks, storage="local-path") == ""
    assert rule.render(storage="longhorn") == ""


CONTRADICTIONS = [
    (
        {"nodes": [*with_disks({"disk": "/dev/sdb"}), node(**SECOND)], "controllers_run_apps": False},
        "false leaves the storage_disks of one without apps: take them out of nodes",
    ),
    (
        {"nodes": with_link(vlan_id=30), "vlan_id": 30},
        "node one: link 1: vlan_id 30 is that of the node network",
    ),
    (
        BGP | {"nodes": with_link(addresses=["10.45.0.1/16"])},
        "node one: link 1: 10.45.0.1/16 overlaps load_balancer_pool 10.45.0.0/24",
    ),
    (
        {"dns_provider": "none", "external_access": "cloudflare-tunnel"},
        "cloudflare-tunnel needs dns_provider cloudflare",
    ),
    ({"dns_provider": "none", "external_access": "direct"}, "direct needs a dns_provider, not none"),
    (
        {"dns_provider": "route53", "external_access": "cloudflare-tunnel"},
        "cloudflare-tunnel needs dns_provider cloudflare, not route53",
    ),
    *(
        (each.answers | {name: bad}, f"{name}.*{re.escape(bad)} {question.refusal}")
        for each in records.backends()
        for name, question in each.questions.items()
        for bad in question.bad
    ),
    *(
        ({chosen: each.name}, f"{name}.*nothing, which {chosen} {each.name} needs, {question.refusal}")
        for each in records.backends()
        for chosen in [*each.answers][:1]
        for name, question in [*each.questions.items()][:1]
    ),
    ({"external_access": "none", "webhook_provider": "github"}, "github can not reach a cluster"),
    ({"ci": "none", "renovate_automerge": "patch"}, "patch needs ci: what looks at a change"),
    ({"ci": "none", "renovate_automerge": "minor"}, "minor needs ci: what looks at a change"),
    ({"external_access": "direct"}, "external_dns_target.*nothing, "),
    ({"external_access": "direct", "external_dns_target": "192.168.1.1"}, "192.168.1.1 is not a public address"),
    ({"external_access": "direct", "external_dns_target": "100.64.1.1"}, "lies in 100.64.0.0/10"),
    ({"external_access": "direct", "external_dns_target": "external.example.com"}, "would point to itself"),
    (
        {"external_access": "direct", "external_dns_target": "home"},
        "home is neither a public IPv4 address nor a host name",
    ),
    ({"storage": "none", "backups": "nfs", "backup_nfs": "nas:/x"}, "nfs needs storage, which is none"),
    *(
        (
            {**EXISTS, "nodes": with_disks({"disk": "/dev/sdb", "name": each.folder}), "storage": each.name},
            f"name {each.folder} is that of a folder on the system disk",
        )
        for each in storages()
        if each.folder
    ),
    ({"storage": "none"} | S3, "s3 needs storage, which is none"),
    (S3 | {"backup_s3_url": "s3://anton-backups"}, "s3://anton-backups is not a bucket"),
    (S3 | {"backup_s3_url": "https://s3.example.net"}, "https://s3.example.net is not a bucket"),
    (S3 | {"backup_s3_url": "https://key:secret@s3.example.net/anton"}, "is not a bucket"),
    (S3 | {"backup_s3_url": "https://s3.example.net/Anton"}, "is not a bucket"),
    (S3 | {"backup_s3_region": "Frankfurt"}, "Frankfurt is not a region"),
    ({"backups": "nfs", "backup_nfs": "192.168.1.10"}, "192.168.1.10 is not an NFS export"),
    ({"backups": "nfs", "backup_nfs": "nas:/back ups"}, "nas:/back ups is not an NFS export"),
    ({"backups": "nfs", "backup_nfs": "1e3:/a"}, "1e3:/a is an export of 1e3, which YAML reads"),
    (S3 | {"backup_s3_region": "no"}, "no is not a region here: YAML reads it as something else than text"),
    ({"backups": "nfs", "backup_nfs": "nas:/\ufeffa"}, r"\\ufeff in an NFS export is a character"),
    ({"alerts": "pushover", "components": ["kubeai"]}, "pushover needs monitoring among the components"),
    (NTFY | {"ntfy_topic": "ntfy.sh/anton"}, "ntfy.sh/anton is not the address of an ntfy topic"),
    (NTFY | {"ntfy_topic": "https://ntfy.sh/"}, "https://ntfy.sh/ is not the address of an ntfy topic"),
    (NTFY | {"ntfy_topic": "https://me:secret@ntfy.sh/anton"}, "is not the address of an ntfy topic"),
    (NTFY | {"ntfy_topic": "https://ntfy.sh/anton?tpl=1"}, "is not the address of an ntfy topic"),
    (BGP | {"bgp_router_asn": 0}, "0 is not an autonomous system number"),
    (BGP | {"bgp_router_asn": 4294967296}, "4294967296 is not an autonomous system number"),
    (BGP | {"bgp_router_asn": "abc"}, "abc is not an autonomous system number: a number from 1 to 4294967295"),
    (BGP | {"bgp_router_asn": 64513.5}, "64513.5 is not an autonomous system number"),
    (BGP | {"bgp_node_asn": True}, "True is not an autonomous system number"),
    (BGP | {"bgp_node_asn": ""}, "nothing is not an autonomous system number"),
    (BGP | {"bgp_node_asn": 64513}, "64513 is also bgp_router_asn"),
    (BGP | {"bgp_router_address": "192.168.1.101"}, "192.168.1.101 is used by both bgp_router_address and api_address"),
    (
        {"pod_cidr": "10.42.0.0/24", "nodes": THREE},
        "3 nodes need a /24 of pods each, and pod_cidr 10.42.0.0/24 holds only 1",
    ),
    (
        BGP | {"bgp_router_address": "192.168.1.104", "load_balancer_pool": POOL},
        "contains 192.168.1.104, which is bgp_router_address",
    ),
    (
        BGP | {"bgp_router_address": "192.168.1.50", "nodes": [NODE]},
        "192.168.1.50 is used by both node one and bgp_router_address",
    ),
    (BGP | {"load_balancer_pool": "10.42.1.0/24"}, "10.42.1.0/24 overlaps pod_cidr"),
    (DUAL_STACK | {"pod_cidr_ipv6": "10.42.0.0/16"}, "10.42.0.0/16 is not an IPv6 network"),
    (DUAL_STACK | {"pod_cidr_ipv6": "fd00::/64"}, "fd00::/64 has the wrong size: /48 to /56"),
    (
        DUAL_STACK | {"pod_cidr_ipv6": "fd12:3456:789a::/48"},
        "fd12:3456:789a::/48 overlaps node_cidr_ipv6 fd12:3456:789a:1::/64",
    ),
    (DUAL_STACK | {"service_cidr_ipv6": "fd00::/64"}, "fd00::/64 has the wrong size: /108 to /120"),
    (
        DUAL_STACK | {"service_cidr_ipv6": "fd12:3456:789a:4200::/112"},
        "fd12:3456:789a:4200::/112 overlaps pod_cidr_ipv6 fd12:3456:789a:4200::/56",
    ),
    (DUAL_STACK | BGP, "bgp_router_address_ipv6.*required"),
    (DUAL_STACK | BGP | {"bgp_router_address_ipv6": "192.168.1.254"}, "192.168.1.254 is not an IPv6 address"),
    (
        DUAL_STACK | BGP | {"bgp_router_address_ipv6": "fe80::1"},
        "fe80::1 is not an IPv6 address, unique local or global",
    ),
    (
        DUAL_STACK | BGP | BGP_IPV6 | {"load_balancer_cidr_ipv6": "fd12:3456:789a:1::/64"},
        "fd12:3456:789a:1::/64 overlaps node_cidr_ipv6",
    ),
    (
        DUAL_STACK | {"load_balancer_cidr_ipv6": "fd12:3456:789a:2::/64"},
        "fd12:3456:789a:2::/64 is not node_cidr_ipv6 fd12:3456:789a:1::/64, and addresses are announced there",
    ),
    (
        DUAL_STACK | BGP | {"bgp_router_address_ipv6": "fd12:3456:789a:1::1:50", "nodes": [NODE]},
        "fd12:3456:789a:1::1:50 is used by both node one and bgp_router_address_ipv6",
    ),
    (
        DUAL_STACK | BGP | BGP_IPV6 | {"load_balancer_pool": "10.50.0.0-10.51.0.1"},
        "10.50.0.0-10.51.0.1 does not lie in one /16: the last two numbers",
    ),
    (
        DUAL_STACK | {"node_cidr": "10.0.0.0/8"},
        "10.0.0.0/8 is larger than a /16: the last two numbers",
    ),
    (DUAL_STACK | {"dns_servers": ["fd00::/64"]}, "fd00::/64 is not an IPv4 or IPv6 address"),
    (
        {"talos_extensions": ["siderolabs/i915"], "talos_schematic_id": "0" * 64},
        "replaces the computed schematics",
    ),
    (
        {"nodes": [NODE | {"kernel_args": ["intel_iommu=on"]}], "talos_schematic_id": "0" * 64},
        "so talos_extensions and the nodes' extensions and kernel_args must be empty",
    ),
    (
        {"repository_url": "ssh://git@git.example.net/a", "repository_known_hosts": "nonsense"},
        "nonsense is not a host key",
    ),
    (
        {"repository_url": "ssh://git@git.example.net/a", "repository_known_hosts": "h ssh-rsa AAAA a\x1b[31m"},
        r"\\u001b in the host keys is a character",
    ),
]


@pytest.mark.parametrize(("data", "words"), CONTRADICTIONS, ids=[words for _, words in CONTRADICTIONS])
def test_answers_that_contradict_each_other_are_refused(answer, tmp_path, data, words):
    with pytest.raises(ValueError, match=words):
        answer(data)
    assert not (tmp_path / "out").exists()
