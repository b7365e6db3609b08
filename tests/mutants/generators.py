"""Defects of the generators of namespaces and apps, and of what adds them."""

from tests.mutants.mutant import Mutant

APP = "generators/app/template/app"
MACROS = "macros/app.jinja"
OF = "[nginx-onepassword-s3]"

MUTANTS = (
    Mutant("apps run as root", MACROS, "  runAsNonRoot: true\n", "", f"test_apps.py::test_only_who_says_so_runs_as_root_or_writes_its_root_file_system{OF}"),
    Mutant("apps write their root file system", MACROS, "  readOnlyRootFilesystem: true\n", "  readOnlyRootFilesystem: false\n", f"test_apps.py::test_only_who_says_so_runs_as_root_or_writes_its_root_file_system{OF}"),
    Mutant("apps keep their capabilities", MACROS, "    drop:\n      - ALL\n", "    drop: []\n", f"test_apps.py::test_pod_security_lets_every_pod_in{OF}"),
    Mutant("a file of configuration is substituted", f"{APP}/kustomization.yaml.jinja", "kustomize.toolkit.fluxcd.io/substitute: disabled", "kustomize.toolkit.fluxcd.io/substitute: enabled", f"test_apps.py::test_every_app_gets_the_settings{OF}"),
    Mutant("an app's probes are gone", f"{APP}/{{% if app_kind == 'app-template' %}}helmrelease.yaml{{% endif %}}.jinja", "{% if app_port is not none %}\n            probes:", "{% if false %}\n            probes:", f"test_apps.py::test_every_pod_has_requests_limits_and_probes_where_it_has_a_port{OF}"),
    Mutant("a key that app-template does not know", f"{APP}/{{% if app_kind == 'app-template' %}}helmrelease.yaml{{% endif %}}.jinja", "        replicas: {{ app_replicas }}\n", "        replica: {{ app_replicas }}\n", f"test_apps.py::test_every_app_template_release_is_accepted{OF}"),
    Mutant("a failed write leaves what it wrote", "src/talos_flux/repository/transaction.py", "                take_back(self.root, self._folder)\n", "                pass\n", "test_add_interrupted.py::test_a_write_that_fails_takes_every_other_back"),
    Mutant("a new app is registered nowhere", "src/talos_flux/repository/kustomization_edits.py", '    lines.insert(place, f"{indent}- {resource}\\n")\n', "", "test_apps_library.py::test_a_new_app_comes_after_the_namespace_in_order"),
    Mutant("what is only shown is written", "src/talos_flux/template/generate/command.py", "            if not pretend:\n                write(addition)\n", "            write(addition)\n", "test_add.py::test_what_would_be_written_is_shown_and_not_written"),
    Mutant("a version that Renovate raised goes back", "src/talos_flux/template/own_components.py", 'recorded.get("pins", {}).get(name, version)', "version", "test_own_components.py::test_what_its_folder_says_now_and_what_the_template_says_both_arrive"),
    Mutant("a component of one's own stays as it was", "src/talos_flux/template/update/planner.py", "    return ({} if now == recorded else {generator.record: now}), []\n", "    return {}, []\n", "test_own_components.py::test_what_its_folder_says_now_and_what_the_template_says_both_arrive"),
    Mutant("an ExternalSecret waits for no store", "macros/app_secrets.jinja", "    'waits_for': 'cluster-secret-store',\n", "    'waits_for': '',\n", "test_own_components.py::test_its_secret_is_made_as_the_clusters_are[openbao]"),
)  # fmt: skip
