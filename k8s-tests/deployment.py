"""BabbleFish on a cluster, as a user would put it there: its images, its chart, its URL.

`python -m deployment up|down`, from nothing to a sentence that was translated there. The cluster
is the one that KUBECONFIG names, else one of our own.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import cluster
from cluster import Cluster, ClusterError
from cluster.layout import SERVER
from environment import ROOT, environment, models, mounted

CHART = ROOT / "charts/babblefish"
LIGHT = CHART / "values-light.yaml"
FULL = CHART / "values-full.yaml"
OURS = Path(__file__).with_name("values.yaml")
OURS_FULL = Path(__file__).with_name("values-full.yaml")
SESSION = Path(__file__).with_name("session.yaml")
IMAGES = ("gateway", "operator", "stage-light", "stage-runtime")
_WAIT = "180s"

STAGES = ("translator", "synthesizer", "speaker")
CLONER, CLONED = "stage-cloner", ("cloner", "training")

# A synthetic voice that the recogniser understands.
SAID = ("--say=one two three four five", "--language=en", "--to=es", "--expect=tres")


@dataclass(frozen=True)
class Release:
    """The chart, installed under a name in a namespace."""

    cluster: Cluster
    name: str = "babblefish"
    namespace: str = "babblefish"
    host: str = ""
    """What its Ingress answers to; everything, if none is given."""

    @property
    def fullname(self) -> str:
        """What the names of its objects begin with."""
        return self.name if "babblefish" in self.name else f"{self.name}-babblefish"

    @property
    def url(self) -> str:
        """Where phones find it."""
        return f"https://{self.host or self.cluster.ingress}"

    @property
    def at(self) -> str:
        """The address to call instead of the host, which no DNS knows."""
        return self.cluster.ingress if self.host else ""

    @property
    def token(self) -> str:
        """What phones join with."""
        secret = self.get("secret", f"{self.fullname}-join-token")
        return base64.b64decode(secret["data"]["token"]).decode()

    def install_small(self, *more: str) -> None:
        """As a small machine has it; in a cluster that is not ours, HELM_ARGS says which images."""
        ours = [OURS] if self.cluster.ours else os.environ.get("HELM_ARGS", "").split()
        self.install(LIGHT, *ours, f"--set=operator.publicUrl={self.url}", *more)

    def install(self, *arguments: str | Path) -> None:
        """Installs or upgrades it, and waits until all of it is ready."""
        files = [f"--values={it}" if isinstance(it, Path) else it for it in arguments]
        self.helm("upgrade", "--install", self.name, str(CHART), "--create-namespace", *files,
                  "--wait", f"--timeout={_WAIT}")  # fmt: skip

    def install_full(self, *more: str) -> None:
        """As a small machine would have the production engines; only in a cluster of ours."""
        folders = {stage: environment() for stage in STAGES}
        folders |= {part: environment(CLONER) for part in CLONED}
        mounts = [flag for part, folder in folders.items() for flag in mounted(folder, part)]
        places = [f"--set={it}models.hostPath={models()}" for it in ("", "cloner.")]
        flags = [*places, f"--set=ingress.host={self.host}", *mounts, *more]
        self.install(LIGHT, FULL, OURS, OURS_FULL, *flags)

    def uninstall(self) -> None:
        """Takes it away, and waits until it is gone."""
        self.helm("uninstall", self.name, "--wait", f"--timeout={_WAIT}", "--ignore-not-found")
        mine = f"--selector=app.kubernetes.io/instance={self.name}"
        self.kubectl("wait", "pods", mine, "--for=delete", f"--timeout={_WAIT}")

    def helm(self, *arguments: str) -> str:
        """What helm prints; raises `ClusterError` with what it says."""
        command = [str(self.cluster.bin / "helm"), *arguments, f"--namespace={self.namespace}"]
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"helm {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def kubectl(self, *arguments: str) -> str:
        """What kubectl prints, in this namespace."""
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments)

    def get(self, *what: str) -> Any:  # noqa: ANN401 whatever Kubernetes has
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def pods(self, part: str) -> list[str]:
        """The names of a component's pods that are not on their way out."""
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={part}"
        items = self.get("pods", f"--selector={labels}")["items"]
        living = [it["metadata"] for it in items if "deletionTimestamp" not in it["metadata"]]
        return [metadata["name"] for metadata in living]


def here() -> Cluster:
    """The user's cluster, or ours; raises `ClusterError`."""
    if given := os.environ.get("KUBECONFIG"):
        return Cluster.given(Path(given))
    if reason := cluster.why_not():
        raise ClusterError(reason)
    return cluster.up()


def bring_images(
    there: Cluster, images: tuple[str, ...] = IMAGES, nodes: tuple[str, ...] = (SERVER.name,)
) -> str:
    """Builds them from this checkout and gives them to these nodes; their names and sizes."""
    build = subprocess.Popen(
        [ROOT / "images/build", "--archive", *images],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        there.import_archive(cast("BinaryIO", build.stdout), *nodes)
    finally:
        _, said = build.communicate()
        if build.returncode:
            raise ClusterError(f"The images could not be built: {said.decode()}")
    return said.decode()


def deploy() -> Release:
    """From whatever there is to a release that is ready."""
    release = Release(here())
    if release.cluster.ours:
        print(bring_images(release.cluster), end="")
    release.install_small()
    return release


def speak(release: Release, session: str, token: str, said: tuple[str, ...] = SAID) -> str:
    """One sentence through the ingress, as soon as somebody can speak its translation."""
    command = [sys.executable, "-m", "babblefish", "check", "--insecure", *said]
    done = subprocess.run(
        [*command, f"--server={release.url}", f"--session={session}", "--patience=60",
         *([f"--connect={release.at}:443"] if release.at else [])],
        env={**os.environ, "BABBLEFISH_JOIN_TOKEN": token},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ClusterError(done.stderr.strip())
    return done.stdout.strip()


def open_lobby(release: Release) -> dict[str, str]:
    """Applies `session.yaml`; what its Secret says: `url` and `token`."""
    release.kubectl("apply", f"--filename={SESSION}")
    release.kubectl("wait", "translationsession/lobby", "--for=condition=Ready", "--timeout=30s")
    secret = release.get("secret", "lobby-join")["data"]
    return {key: base64.b64decode(value).decode() for key, value in secret.items()}


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser("deployment", description="BabbleFish on a cluster.")
    parser.add_argument("command", choices=["up", "down"])
    try:
        _do(parser.parse_args().command)
    except ClusterError as error:
        sys.exit(str(error))


def _do(command: str) -> None:
    if command == "up":
        _up()
    elif os.environ.get("KUBECONFIG"):
        Release(here()).uninstall()
    else:
        cluster.down()


def _up() -> None:
    started = time.monotonic()
    release = deploy()
    link = open_lobby(release)
    print(speak(release, "lobby", link["token"]))
    print(f"Up in {time.monotonic() - started:.0f} s. Phones: {link['url']}")
    print(f"export KUBECONFIG={release.cluster.kubeconfig} PATH={release.cluster.bin}:$PATH")


if __name__ == "__main__":
    main()
