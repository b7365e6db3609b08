"""What the static checks take, for more and more apps: `make bench`.

The apps have four files each, so that 100 of them and the cluster are what a home has: some 660 files.
"""

import sys
import tempfile
from pathlib import Path

from tests.bench_update import cluster_of, run
from tests.support.app_cases import IMAGE
from tests.support.render import git, snapshot

SCRIPTS = (("check-flux-config", ()), ("validate-manifests", ()), ("validate-manifests", ("--changed",)))
APP = IMAGE | {"app_port": 8080}
TIMES = 5


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        template = snapshot(work / "template")
        print(f"{'':58}{'wall':>9}{'CPU':>9}{'memory':>10}   CPU for 100 files")
        for size in map(int, sys.argv[1:] or (0, 100, 1000)):
            root = cluster_of(template, work / str(size), size, APP)
            files = len(git(root, "ls-files").splitlines())
            # One app is changed, as before a commit.
            with next(root.glob("kubernetes/apps/*/*/ks.yaml")).open("a") as changed:
                changed.write("# A note.\n")
            for script, options in SCRIPTS:
                wall, cpu, memory = min(run(root, *options, script=script) for _ in range(TIMES if size < 1000 else 1))
                what = f"{size} apps, {files} files: {' '.join((script, *options))}"
                print(f"{what:58}{wall:8.2f}s{cpu:8.2f}s{memory:6} MiB{cpu * 100 / files:12.3f}s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
