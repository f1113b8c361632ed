"""Images come as archives, OCI's or Docker's, as there is no registry."""

import contextlib
import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cluster.errors import ClusterError
from cluster.layout import Node
from cluster.node import inside

_CHUNK = 1 << 20
_OCI = "application/vnd.oci.image"


def import_archive(source: Path | BinaryIO, nodes: Sequence[Node]) -> None:
    """Gives the images in `source` to all `nodes`, reading it once."""
    with contextlib.ExitStack() as closing:
        archive = closing.enter_context(source.open("rb")) if isinstance(source, Path) else source
        imports = [_start_import(node) for node in nodes]
        while chunk := archive.read(_CHUNK):
            for running in imports:
                _write(running, chunk)
    for node, running in zip(nodes, imports, strict=True):
        _, errors = running.communicate()
        if running.returncode:
            said = errors.decode(errors="replace").strip()
            raise ClusterError(f"{node.name} could not import the archive: {said}")


def archive(name: str, entrypoint: str, files: dict[str, Path]) -> BinaryIO:
    """An OCI archive of one layer that holds `files` by their paths in the image."""
    layer = _tar({path: file.read_bytes() for path, file in files.items()}, mode=0o755)
    blobs: dict[str, bytes] = {}
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [entrypoint]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": _blob(blobs, "config.v1+json", _json(configuration)),
        "layers": [_blob(blobs, "layer.v1.tar+gzip", gzip.compress(layer, 1, mtime=0))],
    }
    entry = _blob(blobs, "manifest.v1+json", _json(manifest))
    entry["annotations"] = {"io.containerd.image.name": name}
    index = {"schemaVersion": 2, "manifests": [entry]}
    layout = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    return io.BytesIO(_tar({**layout, **blobs}, mode=0o644))


def _start_import(node: Node) -> subprocess.Popen[bytes]:
    command = inside(node, "ctr", "--namespace", "k8s.io", "images", "import", "-")
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def _write(running: subprocess.Popen[bytes], chunk: bytes) -> None:
    # One that fails says why at its end; the other nodes still get the archive.
    with contextlib.suppress(BrokenPipeError):
        if running.stdin:
            running.stdin.write(chunk)


def _blob(blobs: dict[str, bytes], kind: str, content: bytes) -> dict[str, object]:
    digest = _digest(content)
    blobs[f"blobs/{digest.replace(':', '/')}"] = content
    return {"mediaType": f"{_OCI}.{kind}", "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()
