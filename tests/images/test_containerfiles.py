"""What every container file promises, whatever is in its image."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FILES = sorted((_ROOT / "images").glob("*.Containerfile"))
_STAGE = _ROOT / "images/stage.Containerfile"
_EXTRAS = ("light", "kokoro", "seamless", "speaker", "cloner")
_SHARED_UNTIL = "# ── from here on"

every_file = pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)


def _instructions(file: Path) -> list[tuple[str, str]]:
    """Each keyword with its arguments, continued lines joined, comments left out."""
    lines = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (word, rest)
        for line in lines.splitlines()
        if line
        for word, _, rest in [line.partition(" ")]
    ]


def _last(file: Path, keyword: str) -> str:
    return [rest for word, rest in _instructions(file) if word == keyword][-1]


def test_there_are_images() -> None:
    assert {file.stem for file in _FILES} >= {"gateway", "stage", "operator"}


@every_file
def test_hadolint_finds_nothing(file: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    config = _ROOT / "images/.hadolint.yaml"
    found = subprocess.run(
        [hadolint, "--no-color", "--config", config, file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.stdout, found.returncode) == ("", 0)


@every_file
def test_what_is_shared_is_the_same_text(file: Path) -> None:
    """Else it would be built, kept and pulled once an image."""
    assert _shared(file) == _shared(_FILES[0])


def _shared(file: Path) -> list[str]:
    shared, own, _ = file.read_text().partition(_SHARED_UNTIL)
    assert own
    return [line for line in shared.partition("# ── the same text")[2].splitlines() if line]


@every_file
def test_it_does_not_run_as_root(file: Path) -> None:
    assert _last(file, "USER") == "10001:10001"


@every_file
def test_the_user_has_the_group_that_it_says(file: Path) -> None:
    assert "groupadd --gid 10001" in file.read_text()


@every_file
def test_it_says_how_it_is_probed(file: Path) -> None:
    probe = _last(file, "HEALTHCHECK")
    assert "http://127.0.0.1:9001/health" in probe
    compile(json.loads(probe.partition("CMD ")[2])[-1], "probe", "exec")


@every_file
def test_its_program_gets_signals_itself(file: Path) -> None:
    """A shell between would keep them."""
    assert json.loads(_last(file, "ENTRYPOINT"))


@every_file
def test_the_base_can_be_chosen(file: Path) -> None:
    assert ("ARG", "BASE_IMAGE=docker.io/library/debian:bookworm-slim") in _instructions(file)
    stages = {
        name for word, rest in _instructions(file) if word == "FROM" for name in [rest.split()[-1]]
    }
    bases = {rest.split()[0] for word, rest in _instructions(file) if word == "FROM"}
    assert bases - stages == {"${BASE_IMAGE}"}


@every_file
def test_it_has_the_targets_that_people_build(file: Path) -> None:
    stages = [rest.split()[-1] for word, rest in _instructions(file) if word == "FROM"]
    assert "build" in stages
    assert stages[-1] == ("whole" if file == _STAGE else "runtime")


def test_a_stage_can_be_had_without_an_environment() -> None:
    """For those who mount one: all that is missing of it comes after `runtime`."""
    (lines,) = re.findall(
        r"AS runtime\n(.*)\nFROM runtime AS whole\n", _STAGE.read_text(), re.DOTALL
    )
    assert "ENTRYPOINT" in lines
    assert "--from=" not in lines


@every_file
def test_packages_come_by_hash(file: Path) -> None:
    installs = re.findall(r"pip install[^&]*", file.read_text())
    locked = [install for install in installs if "--require-hashes" in install]
    ours = [install for install in installs if "--no-deps" in install and "dist/" in install]
    chosen = [install for install in installs if "--index-url" in install]
    assert len(locked) == 3
    assert len(chosen) == (1 if file == _STAGE else 0)
    assert len(installs) == len(locked) + len(ours) + len(chosen)


@every_file
def test_every_lock_is_there(file: Path) -> None:
    copied = re.findall(r"requirements/[\w${}.-]+\.txt", file.read_text())
    named = [name.replace("${EXTRA}", extra) for name in copied for extra in _EXTRAS]
    assert [name for name in named if not (_ROOT / name).exists()] == []


@pytest.mark.parametrize("extra", ["seamless", "speaker", "cloner"])
def test_torch_of_another_index_is_of_the_locked_version_and_all_else_by_hash(
    extra: str, tmp_path: Path
) -> None:
    (step,) = [rest for word, rest in _instructions(_STAGE) if "TORCH_INDEX_URL}" in rest]
    (tmp_path / "lock.txt").write_text((_ROOT / f"requirements/stage-{extra}.txt").read_text())
    for command in re.findall(r"(?:awk|grep) .*?txt >\w+\.txt", step):
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    torch, hashed = ((tmp_path / f"{name}.txt").read_text() for name in ("torch", "hashed"))
    assert re.fullmatch(r"torch==2\.11\.\d+\ntorchaudio==2\.11\.\d+\n", torch)
    assert not re.findall(r"^(?:torch|torchaudio|triton)==|^(?:nvidia|cuda)-", hashed, re.MULTILINE)
    assert all("--hash=sha256:" in it for it in re.split(r"^(?=[a-z])", hashed, flags=re.M) if it)


def test_only_what_computes_with_torch_has_it() -> None:
    with_torch = {
        extra
        for extra in _EXTRAS
        if "\ntorch==" in (_ROOT / f"requirements/stage-{extra}.txt").read_text()
    }
    assert with_torch == {"seamless", "speaker", "cloner"}


@every_file
def test_nothing_is_fetched_past_the_locks(file: Path) -> None:
    assert [rest for word, rest in _instructions(file) if word == "ADD"] == []
    assert not re.search(r"\b(curl|wget|git clone)\b", file.read_text())


@every_file
def test_no_address_but_our_own(file: Path) -> None:
    """Mirrors and registries are the builder's business, and differ from place to place."""
    hosts = set(re.findall(r"https?://([\w.-]+)", file.read_text()))
    assert hosts == {"127.0.0.1", "github.com"}


@every_file
def test_no_secret_is_kept(file: Path) -> None:
    named = re.compile(r"token|password|secret|api_?key", re.IGNORECASE)
    kept = [rest for word, rest in _instructions(file) if word in ("ENV", "ARG", "LABEL", "COPY")]
    assert [rest for rest in kept if named.search(rest)] == []


@every_file
def test_a_place_s_own_certificates_are_left_out(file: Path) -> None:
    """They come as a secret of the one step, if there are any."""
    text = file.read_text()
    assert (
        text.count("/run/secrets/ca")
        == 3 * text.count("--mount=type=secret,id=ca,required=false") - 1
    )


@every_file
def test_no_package_lists_are_left(file: Path) -> None:
    steps = [rest for word, rest in _instructions(file) if word == "RUN" and "apt-get" in rest]
    assert steps
    assert [step for step in steps if "type=tmpfs,target=/var/lib/apt/lists" not in step] == []
