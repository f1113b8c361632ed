"""`babblefish voices`, and what `babblefish speakers` does to people who said yes."""

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babblefish import voices_cli
from babblefish.cli import app
from babblefish.registry.store import FILE, Kept, Store
from tests.registry.consents import SESSION, consenting
from tests.registry.voices import print_of, voice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with Pierre, who said yes, and Dan, who was not asked."""
    with closing(Store(tmp_path / FILE)) as store:
        consenting(store, voice(print_of(1), "pierre"))
        store.put(Kept(SESSION, voice(print_of(2), "dan"), time.time()))
        store.holdings.sent("pierre", "sofa")
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(folder)])


def test_list_says_what_is_kept_of_whom(folder: Path) -> None:
    (line,) = run(folder, "voices", "list").output.splitlines()
    for told in ("pierre", "Pierre", "in room", "wording v1", "1 samples", "trained", "sofa"):
        assert told in line


def test_where_nobody_said_yes_nothing_is_made(tmp_path: Path) -> None:
    assert run(tmp_path, "voices", "list").output == ""
    assert list(tmp_path.iterdir()) == []


def test_revoke_names_the_laptops_that_are_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices_cli, "_PURGED_WITHIN_S", 0.1)
    output = run(folder, "voices", "revoke", "pierre").output
    assert "deleted here" in output
    assert "away, and delete it before they serve again: sofa" in output
    assert run(folder, "voices", "list").output == ""
    assert "dan" in run(folder, "speakers", "list").output


def test_revoke_waits_for_the_gateway_to_tell_that_it_is_gone(folder: Path) -> None:
    def confirm() -> None:
        with closing(Store(folder / FILE)) as store:
            while store.consents.of("pierre"):
                time.sleep(0.01)
            store.holdings.purged("sofa", ["pierre"])

    gateway = threading.Thread(target=confirm)
    gateway.start()
    assert (
        "confirmed that it is gone there: sofa" in run(folder, "voices", "revoke", "pierre").output
    )
    gateway.join()


def test_who_said_no_yes_is_told_in_a_sentence(folder: Path) -> None:
    refused = run(folder, "voices", "revoke", "dan")
    assert refused.exit_code == 1
    assert "Nobody of the id 'dan' said yes" in refused.output


def test_forget_takes_the_yes_with_it(folder: Path) -> None:
    assert "1 voices" in run(folder, "speakers", "forget", "pierre").output
    assert run(folder, "voices", "list").output == ""


def test_forget_finds_who_is_kept_beyond_their_session(folder: Path) -> None:
    with closing(Store(folder / FILE)) as store:
        store.forget_sessions(lambda session: True)
    assert "1 voices" in run(folder, "speakers", "forget", "--all").output
    assert run(folder, "voices", "list").output == ""


def test_a_backup_has_no_consent_in_it_and_says_so(folder: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "backup.json", tmp_path / "other"
    assert "No consent is in it" in run(folder, "speakers", "export", str(file)).output
    assert run(other, "speakers", "import", str(file)).exit_code == 0
    assert run(other, "voices", "list").output == ""
    assert b"Said by" not in file.read_bytes()


def test_nobody_becomes_by_an_import_who_said_yes(folder: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "backup.json", tmp_path / "other"
    with closing(Store(other / FILE)) as store:
        store.put(Kept(SESSION, voice(print_of(7), "pierre"), time.time()))
    run(other, "speakers", "export", str(file))
    assert "1 are kept as they are" in run(folder, "speakers", "import", str(file)).output
    with closing(Store(folder / FILE)) as store:
        (known,) = [v for v in store.voices("room") if v.speaker.id == "pierre"]
    assert known.centroid.tobytes() == print_of(1).tobytes()
