"""Brings the cluster up and takes it down, whatever an earlier run has left."""

import contextlib
import fcntl
import logging
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster import addons, binaries, cgroups, controlplane, images, network, node
from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.layout import COMPLETE, LOCK, NODES, STATE
from cluster.pki import Authority
from cluster.processes import end_all, processes
from cluster.requirements import why_not

_log = logging.getLogger(__name__)


def up() -> Cluster:
    """A running cluster: the present one if it is whole, else a new one."""
    if reason := why_not():
        raise ClusterError(reason)
    with _alone():
        programs = binaries.build()
        if not _whole(programs):
            _remove()
            _create(programs)
        return Cluster.started()


def down() -> None:
    """Leaves nothing of it."""
    with _alone():
        _remove()


def _create(programs: Path) -> None:
    STATE.mkdir(mode=0o700, parents=True)
    network.create()
    authority = Authority()
    controlplane.start(programs, authority)
    with ThreadPoolExecutor() as beside:
        booting = [beside.submit(node.boot, programs, each) for each in NODES]
        controlplane.wait_until_ready()
        _log.info("The API server answers.")
        controlplane.start_controllers(programs, authority)
        for done in booting:
            done.result()
    for each in NODES:
        node.join(programs, authority, each)
    _import_pause(programs)
    addons.apply(programs)
    addons.wait_until_nodes_ready(programs)
    _log.info("All nodes are Ready.")
    addons.wait_until_available(programs)
    COMPLETE.write_text(str(programs))
    _log.info("Names are resolved, ingresses served.")


def _import_pause(programs: Path) -> None:
    for each in NODES:
        node.wait_for_containerd(each)
    pause = images.archive("localhost/pause:1", "/pause", {"/pause": programs / "pause"})
    images.import_archive(pause, NODES)


def _remove() -> None:
    end_all()
    network.remove()
    cgroups.remove()
    if STATE.exists():
        shutil.rmtree(STATE)


def _whole(programs: Path) -> bool:
    made_by = COMPLETE.read_text() if COMPLETE.exists() else None
    return made_by == str(programs) and all(process.alive for process in processes())


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two sessions on one machine share the cluster: they change it one after the other."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
