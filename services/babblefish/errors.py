"""Errors a person can meet: one sentence on what happened, one on what to do."""


class BabbleFishError(Exception):
    """What happened, and what to do about it."""

    def __init__(self, happened: str, remedy: str) -> None:
        super().__init__(f"{happened} {remedy}")
        self.happened = happened
        self.remedy = remedy


class SettingsError(BabbleFishError):
    """A setting has a value that cannot be used."""


class DataFolderError(BabbleFishError):
    """Nothing can be kept on this machine."""


class KeptFileError(BabbleFishError):
    """A file that was kept cannot be used, and must not be replaced unasked."""


class EngineMissing(BabbleFishError):
    """An engine was asked for that is not installed here."""


class StageError(BabbleFishError):
    """A stage could not do its part of an utterance."""


class StageBusy(StageError):
    """Every worker of the stage is taken."""


class StageDown(StageError):
    """The stage died, or did not answer in time."""


class StageFailed(StageDown):
    """The stage lives, but could not do this; asked again, it could not either."""
