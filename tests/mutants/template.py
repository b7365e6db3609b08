"""Defects of what every cluster gets: manifests, Flux roots, Talos patches, questions and their rules."""

from tests.mutants.mutant import Mutant

APPS, FLUX, YAML = "macros/apps.jinja", "macros/flux.jinja", "macros/yaml.jinja"
# Made of the records of components.
ROWS = "macros/catalogue.jinja"
CILIUM = "name='cilium',\n      tier='critical',\n      pod_security='privileged',\n      depends_on=['prometheus-operator-crds'"
OPERATOR = "pod_security='restricted',\n      depends_on=['cilium', 'coredns', 'prometheus-operator-crds'],\n      manifests={'helmrelease.yaml': true},\n    ),\n    dict(\n      name='flux-webhook'"
LONGHORN = "when=storage == 'longhorn',\n      depends_on=['prometheus-operator-crds'],\n      manifests={'helmrelease.yaml': true, 'networkpolicy.yaml': true}"
ROOTS = "template/kubernetes/flux/cluster/ks.yaml.jinja"
SETTINGS = "template/kubernetes/flux/meta/settings/cluster-settings.yaml.jinja"
TALOS = "template/talos/patches"
FILES, OBJECTS = "test_render.py::test_every_", "test_manifests.py::test_"
WAITS = f"{FILES}custom_resource_comes_after_the_app_that_brings_its_kind"

MUTANTS = (
    # What waits for what.
    Mutant("an app waits for nothing that brings its kind", ROWS, "      depends_on=['external-dns'],\n", "", f"{WAITS}[anton]"),
    Mutant("a certificate does not wait for its issuer", ROWS, "      depends_on=['cluster-issuer'],\n", "", f"{WAITS}[anton]"),
    Mutant("a secret's app does not wait for its operator", APPS, "([maker_of_the_cluster.waits_for] if secret else [])", "[]", f"{WAITS}[anton]"),
    Mutant("a circle of apps", ROWS, CILIUM, f"{CILIUM}, 'coredns'", f"{FILES}dependency_exists_and_none_is_circular[anton]"),
    Mutant("a critical app waits for a slower one", ROWS, OPERATOR, OPERATOR.replace("-crds']", "-crds', 'reloader']"), f"{FILES}app_follows_a_tier_and_waits_for_none_slower[anton]"),
    Mutant("an app that is off is waited for", APPS, "waits_for | reject('in', off) | sort", "waits_for | sort", f"{FILES}dependency_exists_and_none_is_circular[internal-only]"),
    Mutant("a component is there though it is off", ROWS, "when='spegel' in components", "when=true", "test_render.py::test_a_component_that_is_off_is_nowhere_mentioned[anton]"),
    # The shapes.
    Mutant("a path without its app folder", FLUX, "path: ./kubernetes/apps/{{ app.folder }}/app", "path: ./kubernetes/apps/{{ app.folder }}", f"{OBJECTS}flux_reaches_every_kustomization[anton]"),
    Mutant("no target namespace", FLUX, "  targetNamespace: {{ app.namespace }}\n  commonMetadata", "  commonMetadata", f"{OBJECTS}every_object_of_an_app_is_in_its_namespace[anton]"),
    Mutant("nothing is pruned", FLUX, "  prune: true\n  wait: true", "  prune: false\n  wait: true", f"{FILES}kustomization_agrees_with_its_folder[anton]"),
    Mutant("an app is not waited for", FLUX, "  prune: true\n  wait: true", "  prune: true\n  wait: false", f"{FILES}app_follows_a_tier_and_waits_for_none_slower[anton]"),
    Mutant("a field that Flux does not know", FLUX, "  retryInterval: 2m\n  timeout", "  retryIntervall: 2m\n  timeout", f"{OBJECTS}the_api_server_accepts_every_object[anton]"),
    Mutant("a chart source of a kind that is not there", FLUX, "    kind: OCIRepository\n    name: {{ chart or name }}", "    kind: HelmRepository\n    name: {{ chart or name }}", f"{FILES}chart_reference_resolves_and_every_source_is_used[anton]"),
    Mutant("a chart source that takes no layer", FLUX, "operation: copy", "operation: copyy", f"{OBJECTS}the_api_server_accepts_every_object[anton]"),
    Mutant("nothing is decrypted", FLUX, "  {% if app.decrypts %}\n", "  {% if false %}\n", "test_render.py::test_exactly_the_apps_with_a_secret_in_the_repository_decrypt[sops]"),
    # The roots.
    Mutant("the settings reach no app", ROOTS, "                name: cluster-settings\n", "                name: cluster-setting\n", f"{OBJECTS}every_app_gets_the_settings[anton]"),
    Mutant("an upgrade that fails does not go back", ROOTS, "                    cleanupOnFail: true\n                    crds: CreateReplace\n                    strategy:\n                      name: RemediateOnFailure", "                    cleanupOnFail: true\n                    crds: CreateReplace\n                    strategy:\n                      name: RetryOnFailure", f"{OBJECTS}an_install_is_tried_until_it_succeeds_and_an_upgrade_goes_back_to_what_worked[anton]"),
    Mutant("one chart source that fails holds up everything", ROOTS, "  wait: false\n", "  wait: true\n", "test_render.py::test_only_cluster_meta_does_not_wait[anton]"),
    Mutant("the roots apply no apps", ROOTS, "  path: ./kubernetes/apps\n", "  path: ./kubernetes/app\n", f"{OBJECTS}flux_reaches_every_kustomization[anton]"),
    Mutant("a setting that apps use is missing", SETTINGS, '  DNS_ADDRESS: "{{ dns_address }}"\n', "", f"{OBJECTS}flux_reaches_every_kustomization[anton]"),
    # Talos.
    Mutant("a key that Talos does not know", f"{TALOS}/global/kubelet.yaml.jinja", "  validSubnets:\n", "  validSubnet:\n", "test_talos.py::test_talosctl_accepts_the_configuration_of_every_node[defaults]"),
    Mutant("pods ask another address for names", f"{TALOS}/global/kubelet.yaml.jinja", "{{ coredns_address }}", "{{ dns_address }}", "test_talos.py::test_pods_ask_the_tenth_service_address_for_names"),
    Mutant("etcd speaks wherever it likes", f"{TALOS}/controller/etcd.yaml.jinja", "{{ node_cidr }}", "0.0.0.0/0", "test_talos.py::test_etcd_speaks_on_the_node_network"),
    Mutant("services in the network of pods", f"{TALOS}/global/cluster-network.yaml.jinja", "  - {{ service_cidr }}\n", "  - {{ pod_cidr }}\n", "test_talos.py::test_pods_ask_the_tenth_service_address_for_names"),
    Mutant("pods of IPv4 alone in a cluster of both families", f"{TALOS}/global/cluster-network.yaml.jinja", '  - "{{ pod_cidr_ipv6 }}"\n', "", "test_talos.py::test_with_both_families_a_node_has_an_address_of_each_and_kubernetes_uses_these"),
    Mutant("an IPv6 address that ends otherwise", "macros/net6.jinja", "octets[2] | int(base=16) * 65536", "octets[2] | int * 65536", "test_net.py::test_an_ipv6_address_ends_as_the_ipv4_address_beside_it"),
    Mutant("etcd's metrics are open to every device", f"{TALOS}/controller/{{% if 'monitoring' in components %}}metrics.yaml{{% endif %}}.jinja", "    - 2381\n", "", "test_network_policies.py::test_a_device_at_home_reads_no_metrics_of_a_node"),
    Mutant("a schematic in an order of its own", "macros/schematics.jinja", "    image: {{ overlay_of(node.board) }}\n    name: {{ node.board }}\n", "    name: {{ node.board }}\n    image: {{ overlay_of(node.board) }}\n", "test_talos.py::test_the_image_factory_would_write_each_schematic_in_the_same_bytes[kinds]"),
    Mutant("a board boots what a PC boots", "macros/schematics.jinja", "'.raw.xz' if node.board else '.iso'", "'.iso'", "test_talos.py::test_the_page_of_the_first_boot_has_each_machines_image"),
    Mutant("Anton's firmware for every machine", "macros/defaults.jinja", "nodes == three_ms_01() | from_json and not", "not", "test_questions.py::test_only_antons_own_machines_have_antons_extensions"),
    Mutant("the whole home may open the ports of nodes and pods", "macros/talos.jinja", "  - subnet: {{ node.address }}/32", "  - subnet: {{ node_cidr }}", "test_network_policies.py::test_a_device_at_home_reads_no_metrics_of_a_node"),
    Mutant("Longhorn is open to every pod", ROWS, LONGHORN, LONGHORN.replace("policy.yaml': true", "policy.yaml': false"), "test_network_policies.py::test_whatever_has_no_login_is_selected_by_a_policy"),
    # Rules.
    Mutant("pods may have the machines' network", "macros/rules.jinja", "network_error(network, 8, 24) or overlap_error(network, {'node_cidr': node_cidr})", "network_error(network, 8, 24)", "test_questions.py::test_a_bad_answer_is_refused_with_value_and_rule"),
    Mutant("the API may have the router's address", "macros/rules.jinja", "host_address_error(address) or address_in_use_error('api_address', address, {'default_gateway': default_gateway})", "host_address_error(address)", "test_questions.py::test_a_bad_answer_is_refused_with_value_and_rule"),
    Mutant("a second link may reach the pods' network", "macros/links.jinja", "'pod_cidr': pod_cidr, 'service_cidr': service_cidr}.items() if networks", "'service_cidr': service_cidr}.items() if networks", "test_questions.py::test_a_bad_node_is_refused_with_value_and_rule"),
    Mutant("a node's own disk may hold volumes without a limit of EPHEMERAL", "macros/disks.jinja", "node.ephemeral_size is not defined and is_the_nodes_own(disk, node)", "false", "test_questions.py::test_a_bad_node_is_refused_with_value_and_rule"),
    Mutant("new volumes stay off the disks", "template/kubernetes/apps/{{ folder['local-path-provisioner'] }}/helmrelease.yaml.jinja", "          - /var/mnt/{{ disk.name }}", "          - /var/mnt/local-path", "test_render.py::test_volumes_go_to_a_nodes_disks_where_it_has_some"),
    # Text.
    Mutant("a word that YAML takes for a boolean", "macros/names.jinja", "'yes', 'no', ", "'no', ", "test_yaml_macro.py::test_text_survives_as_value_and_as_key"),
    Mutant("a dollar that Flux takes for a variable", YAML, "{{- text | replace('$', '$$') if '${' in text or '$$' in text else text -}}", "{{- text -}}", "test_apps.py::test_text_reaches_the_program_as_it_was_written[nginx-onepassword-s3]"),
)  # fmt: skip
