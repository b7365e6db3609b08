"""What is refused, each in one sentence that names the value and the rule."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lib.apps import Repository
from lib.refusal import Refusal

from hooks.hint import did_you_mean
from hooks.place import Place, holds_files, with_article
from hooks.template import Template

# A HelmRelease adds to its name, and Helm takes 53 letters.
LONGEST_NAME = {"namespace": 63, "app": 53}
OF_KUBERNETES = ("kube-node-lease", "kube-public")
# Flux makes the Kustomization of this name itself.
OF_FLUX = "flux-system"


# --- The place ---


def refuse_place(generator: str, place: Place, template: Template, catalogue: Mapping[str, list[str]]) -> None:
    """A place where no namespace or app can be added. `catalogue`: the template's apps by namespace."""
    refuse_a_bad_name(generator, place, template)
    refuse_a_namespace_of_others(place, catalogue)
    if generator == "namespace":
        refuse_what_exists(generator, place)
        return
    refuse_a_core_apps_name(place, catalogue)
    refuse_what_exists(generator, place)
    refuse_a_taken_name(place)
    refuse_a_broken_namespace(place)


def refuse_a_bad_name(generator: str, place: Place, template: Template) -> None:
    """A name that Kubernetes would not take."""
    names = {"namespace": place.namespace, "app": place.app}
    for kind in ("namespace", generator):
        if objection := template.macro("names", "why_this_is_no_label", names[kind], LONGEST_NAME[kind]).strip():
            raise Refusal(f"{objection}.")


def refuse_a_namespace_of_others(place: Place, catalogue: Mapping[str, Any]) -> None:
    """A new namespace that belongs to Kubernetes, or to a component that is off."""
    if place.namespace in OF_KUBERNETES:
        raise Refusal(f"{place.namespace} is a namespace of Kubernetes itself: take another name.")
    if place.namespace in catalogue and not place.has_namespace:
        apps = ", ".join(catalogue[place.namespace])
        raise Refusal(
            f"{place.namespace} belongs to a component that is off in this cluster ({apps}): switch it on, or "
            "take another name."
        )


def refuse_what_exists(generator: str, place: Place) -> None:
    """A folder with something in it."""
    if (place.folder / ".copier-answers.yml").exists():
        how = "`copier update --defaults --data <question>=<answer>` in it changes an answer"
        raise Refusal(f"{place} exists already: {how}.")
    if place.folder.exists() and not place.folder.is_dir():
        raise Refusal(f"{place} is a file, not the folder of {with_article(generator)}.")
    if holds_files(place.folder):
        raise Refusal(f"{place} exists already, and is not empty.")


def refuse_a_core_apps_name(place: Place, catalogue: Mapping[str, list[str]]) -> None:
    """A name that the cluster has, or will want once a component is on."""
    if place.app == OF_FLUX or any(place.app in apps for apps in catalogue.values()):
        raise Refusal(f"{place.app} is the name of a core app, whether this cluster has it or not: take another name.")


def refuse_a_taken_name(place: Place) -> None:
    """The name of any other Flux Kustomization: all of them share one namespace."""
    if found := place.repository.kustomizations.get(place.app):
        raise Refusal(
            f"{place.app} is the name of the Flux Kustomization in {place.repository.short(found[0])}: "
            "a name is used once in a cluster."
        )


def refuse_a_broken_namespace(place: Place) -> None:
    """A namespace that nothing can be registered in."""
    if not place.has_namespace:
        return
    path = place.folder_of_namespace / "kustomization.yaml"
    if not path.exists():
        raise Refusal(f"{place.repository.short(path)} is missing: an app is registered there.")
    documents = place.repository.documents(path)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Refusal(f"{place.repository.short(path)} is no kustomization: one mapping with resources.")


# --- The answers ---


def refuse_answers(
    repository: Repository, template: Template, cluster: Mapping[str, Any], answers: Mapping[str, Any]
) -> None:
    """Answers of an app that are good by themselves, and not in this cluster."""
    refuse_unknown_dependencies(repository, answers.get("app_depends_on") or [])
    refuse_a_host_without_certificate(repository, answers)
    refuse_a_taken_host(repository, answers)
    refuse_metrics_that_nobody_collects(repository, answers)
    refuse_a_taken_address(repository, template, cluster, answers.get("app_load_balancer_address") or "")


def refuse_a_host_without_certificate(repository: Repository, answers: Mapping[str, Any]) -> None:
    """A host name that the wildcard certificate does not cover."""
    host, domain = answers.get("app_host"), repository.domain
    if host and domain not in (repository.spelled_out(host), repository.spelled_out(host).partition(".")[2]):
        raise Refusal(f"{host} is neither {domain} nor one label below it, and no certificate covers another name.")


def refuse_metrics_that_nobody_collects(repository: Repository, answers: Mapping[str, Any]) -> None:
    """A ServiceMonitor in a cluster that does not know the kind."""
    if answers.get("app_scrape") and "prometheus-operator-crds" not in repository.kustomizations:
        raise Refusal("app_scrape needs the component monitoring, which is off.")


def refuse_a_taken_host(repository: Repository, answers: Mapping[str, Any]) -> None:
    """A host name that another app answers for."""
    host = answers.get("app_host")
    if host and (owner := repository.owner_of_host(host)):
        raise Refusal(f"{host} is a host name of {repository.short(owner)} already: give another with app_host.")


def refuse_a_taken_address(
    repository: Repository, template: Template, cluster: Mapping[str, Any], address: str
) -> None:
    """An address of the local network that Cilium can't give, or has given."""
    pool = cluster.get("load_balancer_pool", "")
    if not address:
        return
    if pool and not template.macro("net", "is_in_pool", address, pool).strip():
        raise Refusal(f"app_load_balancer_address {address} is not in the cluster's load_balancer_pool, {pool}.")
    for name in ("dns_address", "internal_address", "external_address"):
        if cluster.get(name) == address:
            raise Refusal(f"app_load_balancer_address {address} is {name} of the cluster already.")
    wanted = re.compile(rf"lbipam\.cilium\.io/ips:[^\n]*(?<![0-9.]){re.escape(address)}(?![0-9.])")
    for path in sorted(repository.folder_of_apps.rglob("*.yaml")):
        if wanted.search(path.read_text(errors="replace")):
            raise Refusal(f"app_load_balancer_address {address} is taken by {repository.short(path)}.")


def refuse_unknown_dependencies(repository: Repository, names: Iterable[str]) -> None:
    """Waiting for a Kustomization that does not exist, which is for ever."""
    for name in names:
        if name not in repository.kustomizations:
            hint = did_you_mean(name, repository.kustomizations)
            raise Refusal(f"{name} is no app of this cluster, so nothing can depend on it{hint}")


def refuse_what_pod_security_forbids(namespace: str, level: str, answers: Mapping[str, Any]) -> None:
    """Pods that the API server would not admit."""
    if level != "restricted":
        return
    if answers.get("app_root"):
        raise Refusal(f"app_root is not allowed in {namespace}: its pod security is restricted, where nothing is root.")
    if answers.get("app_backup") and answers.get("backups") == "nfs":
        raise Refusal(
            f"app_backup is not possible in {namespace}: its pod security is restricted, which allows no NFS volumes, "
            "and the cluster's backups go to one."
        )
    for mount in answers.get("app_mounts") or []:
        if "nfs" in mount:
            raise Refusal(
                f"{mount['path']} can't be an nfs mount in {namespace}: its pod security is restricted, which allows "
                "claims but no NFS volumes."
            )
