"""`babblefish speakers`: what a person can do with the voices of this machine."""

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babblefish.cli import app
from babblefish.registry.store import FILE, Kept, SessionKey, Store
from tests.registry.voices import print_of, voice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that knows Anna and Bert in one session and Carl in another."""
    store = Store(tmp_path / FILE)
    for number, (name, session) in enumerate(
        [("anna", "lobby"), ("bert", "lobby"), ("carl", "team")]
    ):
        store.put(Kept(SessionKey(session), voice(print_of(number), name, number), time.time()))
    store.close()
    return tmp_path


def speakers(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["speakers", *arguments, "--data-dir", str(folder)])


def known(folder: Path) -> list[str]:
    store = Store(folder / FILE)
    names = [kept.voice.speaker.id for kept in store.all()]
    store.close()
    return names


def test_list_names_them_session_by_session(folder: Path) -> None:
    lines = speakers(folder, "list").output.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["lobby", "anna", "Anna"],
        ["lobby", "bert", "Bert"],
        ["team", "carl", "Carl"],
    ]
    assert "carl" not in speakers(folder, "list", "--session", "lobby").output


def test_where_nobody_is_known_nothing_is_made(tmp_path: Path) -> None:
    assert speakers(tmp_path, "list").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_backup_brings_them_to_another_machine(folder: Path, tmp_path: Path) -> None:
    file, other = str(tmp_path / "voices.json"), tmp_path / "other"
    assert "3 voices" in speakers(folder, "export", file).output
    assert "3 voices" in speakers(other, "import", file).output
    assert known(other) == ["anna", "bert", "carl"]
    assert speakers(other, "list").output == speakers(folder, "list").output


def test_a_hostile_file_changes_nothing_and_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hostile.json"
    file.write_text('{"voices": [{}]}')
    refused = speakers(folder, "import", str(file))
    assert refused.exit_code == 1
    assert refused.output.startswith("babblefish: This is no backup of voices")
    assert refused.output.count("\n") == 1
    assert known(folder) == ["anna", "bert", "carl"]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (["anna"], ["bert", "carl"]),
        (["--session", "lobby"], ["carl"]),
        (["--all"], []),
        (["nobody"], ["anna", "bert", "carl"]),
    ],
)
def test_forget_deletes_whom_it_is_told(folder: Path, asked: list[str], left: list[str]) -> None:
    result = speakers(folder, "forget", *asked)
    assert f"{3 - len(left)} voices were forgotten" in result.output
    assert known(folder) == left


@pytest.mark.parametrize("asked", [[], ["anna", "--all"], ["--session", "lobby", "--all"]])
def test_forget_wants_to_know_whom(folder: Path, asked: list[str]) -> None:
    result = speakers(folder, "forget", *asked)
    assert result.exit_code == 1
    assert "Name a speaker id" in result.output
    assert known(folder) == ["anna", "bert", "carl"]


def test_a_setting_that_is_none_is_told_in_words(folder: Path) -> None:
    assert "babblefish:" in speakers(folder, "list", "--colour", "red").output
