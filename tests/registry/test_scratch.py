"""Where a fine-tune writes: private, and gone with the run, or with the yes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from babblefish.registry.scratch import whole
from babblefish.registry.store import FILE, Store
from tests.registry.consents import SESSION, consenting
from tests.registry.voices import print_of, voice

_GOING: dict[str, Callable[[Store], object]] = {
    "the yes is taken back": lambda store: store.revoke("pierre"),
    "the voice is forgotten": lambda store: store.forget_speaker("pierre"),
    "its session is": lambda store: store.forget_session(SESSION.name),
    "all are": lambda store: store.forget_all(),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(tmp_path / FILE)
    consenting(opened, voice(print_of(1), "pierre"))
    consenting(opened, voice(print_of(2), "dan"))
    return opened


def test_nobody_else_may_look_and_it_goes_with_the_run(store: Store) -> None:
    with store.scratch.of("pierre") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "model_last.pt").touch()
    assert not folder.exists()


@pytest.mark.parametrize(("how", "stays"), [(KeyboardInterrupt, True), (RuntimeError, False)])
def test_who_interrupts_a_run_wants_it_to_go_on(
    store: Store, how: type[BaseException], stays: bool
) -> None:
    with pytest.raises(how), store.scratch.of("pierre") as folder:
        raise how
    assert folder.exists() == stays


def test_what_is_stored_is_whole_or_as_it_was(tmp_path: Path) -> None:
    last = tmp_path / "model_last.pt"
    with whole(tmp_path) as draft:
        (draft / last.name).write_text("first")
        assert not last.exists()
    assert last.read_text() == "first"

    def killed() -> None:
        with whole(tmp_path) as draft:
            (draft / last.name).write_text("sec")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert last.read_text() == "first"
    with whole(tmp_path) as draft:
        assert not list(draft.iterdir())
        (draft / last.name).write_text("third")
    assert last.read_text() == "third"


@pytest.mark.parametrize("how", _GOING)
def test_what_a_killed_run_left_goes_with_the_yes(store: Store, tmp_path: Path, how: str) -> None:
    left = tmp_path / "training" / "pierre"
    left.mkdir(parents=True)
    (left / "model_last.pt").touch()
    store.revoke("dan")
    assert left.exists()
    _GOING[how](store)
    assert not left.exists()
