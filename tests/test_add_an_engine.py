"""docs/engines.md holds a whole engine: it is installed as it stands there, and heard."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from babblefish.audio import Samples
from tests.support.heard import heard
from tests.support.phone import joined
from tests.support.server import serving

pytestmark = pytest.mark.slow

_GUIDE = Path(__file__).parents[1] / "docs" / "engines.md"


def _example(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", _GUIDE.read_text(), re.M | re.S)
    return str(found)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example, as an installer leaves it: https://packaging.python.org/specifications/recording-installed-packages/."""
    project = tomllib.loads(_example("toml"))["project"]
    about = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    identity = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\n{identity}")
    groups = project["entry-points"]
    (about / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in named.items())
            for group, named in groups.items()
        )
    )
    ((target,),) = (named.values() for named in groups.values())
    (tmp_path / f"{target.partition(':')[0]}.py").write_text(_example("python"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


async def test_a_listener_hears_the_engine_of_the_guide(installed: None, session: str) -> None:
    with serving(synthesizer="local:morse,local:espeak") as server:
        async with (
            joined(server.ws, session, "Dan", "en") as dan,
            joined(server.ws, session, "Ana", "es") as ana,
        ):
            await ana.send(type="text", text="casa")
            told = await dan.receive("result", deadline_s=20)
            assert (told["translation"], told["tts_voice"]) == ("House", "morse")
            sound = heard(told)
            assert sound
            assert _pitch(sound.samples, sound.sample_rate) == pytest.approx(560, abs=10)
            await dan.send(type="text", text="house")
            assert (await ana.receive("result"))["tts_voice"] == "espeak"


def _pitch(samples: Samples, rate: int) -> float:
    """Hz of the loudest tone: Ana is the second who came, and so the second voice."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))
