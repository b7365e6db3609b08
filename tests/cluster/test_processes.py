"""What a test run starts ends with it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.needs import CLUSTER, needs
from tests.support.render import PROJECT

pytestmark = [needs(*CLUSTER), pytest.mark.full]

OWNER = """
import os, sys, time
from pathlib import Path
from tests.cluster import controlplane
controlplane.running(Path(sys.argv[1]), os.getpid(), {})
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_test_run(how: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as owner:
        assert owner.stdout and owner.stdout.readline() == "up\n"
        assert {Path(line.split()[0]).name for line in started_for(folder)} >= {"etcd", "kube-apiserver", "kwok"}
        os.kill(owner.pid, how)
        owner.communicate()
    deadline = time.monotonic() + 60
    while started_for(folder):
        assert time.monotonic() < deadline, started_for(folder)
        time.sleep(0.1)
    assert not (folder / "scratch").exists()


def started_for(folder: Path) -> list[str]:
    """Return the command lines of processes that name the folder."""
    listed = subprocess.run(["ps", "-axww", "-o", "command="], check=True, capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]
