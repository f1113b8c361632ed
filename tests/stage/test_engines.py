from importlib.metadata import EntryPoint, EntryPoints

import pytest

from babblefish import settings
from babblefish.errors import EngineMissing
from babblefish.stage import engines


def test_an_unknown_engine_is_named_with_those_there_are() -> None:
    with pytest.raises(EngineMissing, match=r"local:nonesuch.*local:light"):
        engines.build("translator", "local:nonesuch", settings.load())


def test_a_package_adds_an_engine_by_declaring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = EntryPoint("mine", "tests.stage.test_engines:build_mine", "babblefish.translator")
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([declared]))
    assert engines.build("translator", "local:mine", settings.load()) == 9000


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declared = EntryPoint("mine", "no_such_package:build", "babblefish.translator")
    monkeypatch.setattr(engines, "entry_points", lambda group: EntryPoints([declared]))
    with pytest.raises(EngineMissing, match=r"no_such_package.*babblefish\[mine\]"):
        engines.build("translator", "local:mine", settings.load())


def build_mine(chosen: settings.Settings) -> int:
    return chosen.port
