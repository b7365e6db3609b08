"""A look at a cluster of 300 pods, 60 Kustomizations and 60 HelmReleases fits in little memory.

How long it takes, `make bench` measures.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench_health import SCRIPTS, prepared
from tests.doubles.workplace import ANSWERS
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.render import Renderer

pytestmark = [needs("kube-apiserver"), pytest.mark.full, pytest.mark.xdist_group("cost")]
MIB = 150
# A process counts what its parent had when it was forked, which is more here than all of a script: a small one starts
# it, and says its exit code and its peak in KiB.
STARTER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture(scope="module")
def home(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("cost"), render(ANSWERS))


@pytest.mark.parametrize("script", (*SCRIPTS, "gate"))
def test_a_full_look_needs_no_more_than_150_mib(script: str, home: Path) -> None:
    command = [sys.executable, "-c", STARTER, *TALOS_FLUX, script]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    code, kib = map(int, done.stdout.split())
    # etcd can't be asked here.
    assert code in (0, 3), done.stderr
    assert kib // 1024 <= MIB
