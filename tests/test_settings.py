from pathlib import Path

import pytest

from babblefish import settings
from babblefish.errors import SettingsError


def test_the_light_profile_needs_no_setting() -> None:
    defaults = settings.load()
    assert (defaults.profile, defaults.port) == ("light", 9000)
    assert (defaults.translator, defaults.synthesizer) == ("local:light", "local:espeak")


def test_flag_beats_environment_beats_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "babblefish.toml"
    file.write_text("port = 1\npause_ms = 100\nendpoint_ms = 1000\nidle_ms = 700\n")
    monkeypatch.setenv("BABBLEFISH_CONFIG", str(file))
    monkeypatch.setenv("BABBLEFISH_PORT", "2")
    monkeypatch.setenv("BABBLEFISH_ENDPOINT_MS", "2000")
    chosen = settings.load(["--port", "3"])
    assert (chosen.port, chosen.endpoint_ms, chosen.pause_ms, chosen.idle_ms) == (3, 2000, 100, 700)


def test_an_engine_can_be_chosen_beside_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABBLEFISH_SYNTHESIZER", "local:other")
    chosen = settings.load()
    assert (chosen.translator, chosen.synthesizer) == ("local:light", "local:other")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("PROFILE", "heavy"),
        ("ENDPOINT_MS", "0"),
        ("LOG_LEVEL", "loud"),
        ("TRANSLATOR", "https://elsewhere"),
        ("WARM_UP", "perhaps"),
        ("CONFIG", "/no/such/file"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"BABBLEFISH_{name}", value)
    with pytest.raises(SettingsError) as error:
        settings.load()
    line = str(error.value)
    assert f"BABBLEFISH_{name}" in line
    assert value in line
    assert "\n" not in line


def test_settings_that_contradict_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABBLEFISH_PAUSE_MS", "900")
    with pytest.raises(SettingsError, match="ENDPOINT_MS"):
        settings.load()


@pytest.mark.parametrize("flags", [["--nonsense", "1"], ["--port"], ["stray"]])
def test_a_wrong_flag_is_one_line(flags: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load(flags)
    assert "\n" not in str(error.value)


def test_a_key_that_is_no_setting_is_refused_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "babblefish.toml"
    file.write_text("prot = 9000\n")
    monkeypatch.setenv("BABBLEFISH_CONFIG", str(file))
    with pytest.raises(SettingsError, match="PROT"):
        settings.load()


def test_a_file_that_is_no_toml_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "babblefish.toml"
    file.write_text("port: 9000\n")
    monkeypatch.setenv("BABBLEFISH_CONFIG", str(file))
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert "\n" not in str(error.value)


def test_a_misspelt_variable_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABBLEFISH_ENDPOIN_MS", "300")
    (hint,) = settings.misspelt()
    assert "BABBLEFISH_ENDPOINT_MS" in hint


def test_a_folder_may_be_given_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/dan")
    monkeypatch.setenv("BABBLEFISH_DATA_DIR", "~/kept")
    assert settings.load().data_dir == Path("/home/dan/kept")
