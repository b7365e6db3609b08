"""Changes of Flux objects as lines of text, for where there is no terminal."""

import json
from datetime import datetime

from talos_flux.diagnose.flux.changes import changes
from talos_flux.diagnose.flux.dependency_graph import Graph
from talos_flux.diagnose.flux.rows import rows
from talos_flux.diagnose.probes.unobserved import unknown
from talos_flux.kube.snapshot import Snapshot
from talos_flux.kube.watch import Follower
from talos_flux.terminal import err, out


class ChangeLines:
    """Prints what has changed since the last snapshot; on stderr, what can't be looked at from now on.

    `namespace` leaves out all others.
    """

    def __init__(self, snapshot: Snapshot, namespace: str = "", *, as_json: bool = False) -> None:
        self.namespace, self.as_json = namespace, as_json
        self.rows = rows(Graph.of(snapshot), namespace)
        self.outage = ""
        self.unseen: list[str] = []
        self._write_unseen(snapshot)

    def write(self, follower: Follower) -> None:
        """Write a line for each change since the last call."""
        self._write_unseen(follower.snapshot)
        now = rows(Graph.of(follower.snapshot), self.namespace)
        for change in changes(self.rows, now):
            if self.as_json:
                print(json.dumps(change.as_json()), flush=True)
            else:
                out.print(f"{datetime.now():%H:%M:%S} {change}", markup=False)
        self.rows = now
        if follower.outage != self.outage:
            err.print(follower.outage or "the API answers again", markup=False)
        self.outage = follower.outage

    def _write_unseen(self, snapshot: Snapshot) -> None:
        now = unknown(snapshot, self.namespace)
        for sentence in now:
            if sentence not in self.unseen:
                err.print(sentence, markup=False)
        self.unseen = now
