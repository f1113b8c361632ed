"""etcd, the API server and the controllers: processes on the host."""

import ssl
import urllib.request
from pathlib import Path

from cluster.commands import wait_for
from cluster.layout import (
    API,
    API_SERVICE,
    HOST,
    KUBECONFIG,
    PODS,
    REFERENCE,
    SERVICES,
    STATE,
)
from cluster.pki import AUTHORITY, PKI, TOKENS, TOKENS_PUBLIC, Authority
from cluster.processes import Process

_ETCD = "http://127.0.0.1:23790"
_ETCD_PEER = "http://127.0.0.1:23800"
_READY_DEADLINE_S = 60.0


def start(programs: Path, authority: Authority) -> None:
    """Starts etcd and the API server."""
    authority.kubeconfig(KUBECONFIG, "admin", "system:masters")
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    authority.issue("kube-apiserver", "kube-apiserver", names=(*names, HOST, API_SERVICE))
    authority.issue("to-kubelets", "kube-apiserver", "system:masters")
    _start_etcd(programs)
    _start_api_server(programs)


def wait_until_ready() -> None:
    """Returns once the API server answers as ready; raises at once if it or etcd ended."""
    wait_for("The API server's start", _ready, _READY_DEADLINE_S)


def start_controllers(programs: Path, authority: Authority) -> None:
    """Starts the controller manager, the scheduler, and kwok for the node that is not there."""
    _start_client(
        programs,
        authority,
        "kube-controller-manager",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--allocate-node-cidrs=false",
        f"--cluster-cidr={PODS}",
        f"--service-cluster-ip-range={SERVICES}",
        f"--root-ca-file={AUTHORITY}",
        f"--service-account-private-key-file={TOKENS}",
        "--use-service-account-credentials",
        "--kube-api-qps=500",  # else its forty controllers take 4 s to start
        "--kube-api-burst=1000",
        "--pvclaimbinder-sync-period=1s",  # else a claim waits for up to 15 s
        "--node-monitor-grace-period=20s",  # a laptop that left is seen sooner than after 50 s
    )
    _start_client(
        programs, authority, "kube-scheduler", "--bind-address=127.0.0.1", "--leader-elect=false"
    )
    _start_client(
        programs,
        authority,
        "kwok",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",
        f"--node-ip={REFERENCE.address}",
        f"--cidr={REFERENCE.pods}",
    )


def _start_client(programs: Path, authority: Authority, name: str, *flags: str) -> None:
    kubeconfig = STATE / f"{name}.kubeconfig"
    group = "system:masters" if name == "kwok" else None
    authority.kubeconfig(kubeconfig, f"system:{name}", group)
    Process(name).start(str(programs / name), f"--kubeconfig={kubeconfig}", *flags)


def _start_etcd(programs: Path) -> None:
    Process("etcd").start(
        str(programs / "etcd"),
        f"--data-dir={STATE / 'etcd'}",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=default={_ETCD_PEER}",
        "--unsafe-no-fsync",  # what a power cut destroys is thrown away anyway
    )


def _start_api_server(programs: Path) -> None:
    Process("kube-apiserver").start(
        str(programs / "kube-apiserver"),
        f"--etcd-servers={_ETCD}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--client-ca-file={AUTHORITY}",
        f"--tls-cert-file={PKI / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={PKI / 'kube-apiserver.key'}",
        f"--kubelet-client-certificate={PKI / 'to-kubelets.crt'}",
        f"--kubelet-client-key={PKI / 'to-kubelets.key'}",
        f"--kubelet-certificate-authority={AUTHORITY}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={TOKENS_PUBLIC}",
        f"--service-account-signing-key-file={TOKENS}",
    )


def _ready() -> bool:
    for name in ("etcd", "kube-apiserver"):
        Process(name).require_alive()
    trust = ssl.create_default_context(cafile=str(AUTHORITY))
    try:
        with urllib.request.urlopen(f"{API}/readyz", timeout=2, context=trust) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
