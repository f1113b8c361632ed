"""What a gateway keeps: a folder of this machine, as the claim that its pod is told to mount."""

import json
import os
import shutil
from pathlib import Path

from cluster import Cluster
from cluster.layout import CACHE

NAME = "data"
# Who pods run as.
_NOBODY = 10001


def folder(namespace: str) -> Path:
    """Where the gateway of that namespace has its data folder."""
    return CACHE / "claims" / namespace / "data"


def make(there: Cluster, namespace: str) -> None:
    """The claim, empty."""
    mounted = folder(namespace).parent
    shutil.rmtree(mounted, ignore_errors=True)
    mounted.mkdir(parents=True)
    os.chown(mounted, _NOBODY, _NOBODY)
    there.kubectl("apply", "--filename=-", given=json.dumps(_objects(namespace, mounted)))


def remove(there: Cluster, namespace: str) -> None:
    """The volume; the claim goes with its namespace."""
    there.kubectl("delete", "persistentvolume", _volume(namespace), "--ignore-not-found")
    shutil.rmtree(folder(namespace).parent, ignore_errors=True)


def _volume(namespace: str) -> str:
    return f"{namespace}-{NAME}"


def _objects(namespace: str, mounted: Path) -> dict[str, object]:
    size = {"storage": "1Gi"}
    shared = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": _volume(namespace)},
                "spec": {**shared, "capacity": size, "hostPath": {"path": str(mounted)}},
            },
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": NAME, "namespace": namespace},
                "spec": {
                    **shared,
                    "volumeName": _volume(namespace),
                    "resources": {"requests": size},
                },
            },
        ],
    }
