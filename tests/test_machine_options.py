"""What the checks know of the free-form parts of a machine configuration is what the programs themselves take."""

import pytest

from talos_flux.manifests.machine_options import known
from tests.support.needs import needs
from tests.tools import machine_options

BUILT = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


@needs("copier", *BUILT)
@pytest.mark.full
def test_the_options_are_those_of_the_pinned_programs() -> None:
    assert machine_options.ARCHIVE.read_bytes() == machine_options.packed(), "python -m tests.tools.machine_options"


@pytest.mark.full
@pytest.mark.parametrize("program", [pytest.param(name, marks=needs(name)) for name in BUILT])
def test_a_program_takes_a_flag_that_the_checks_take_and_no_other(program: str) -> None:
    flags = known()["flags"][program]
    silent = set(flags) - machine_options.asked(program)
    assert [flag for flag in silent if not machine_options.takes(program, flag)] == []
    assert machine_options.takes(program, flags[0])
    assert not machine_options.takes(program, f"{flags[0]}x")


def test_the_fields_of_kubelet_are_nested_and_of_their_types() -> None:
    fields = known()["configurations"]["kubelet"]["fields"]
    assert fields["serializeImagePulls"] == {"type": "boolean"}
    assert fields["crashLoopBackOff"]["fields"]["maxContainerRestartPeriod"] == {"type": "string"}
    assert fields["evictionHard"] == {"type": "object", "values": {"type": "string"}}
    assert fields["logging"]["fields"]["options"]["fields"]["json"]["fields"]["splitStream"] == {"type": "boolean"}


def test_what_talos_sets_itself_is_known() -> None:
    assert "staticPodPath" in known()["protected"]
    assert {"etcd-servers", "tls-cert-file"} <= set(known()["denied"]["kube-apiserver"])
    assert {"data-dir", "name"} <= set(known()["denied"]["etcd"])
