"""What the gateway tells everybody about itself."""

from pydantic import BaseModel


class LanguageLists(BaseModel):
    """Languages as `joined.languages` has them."""

    speak: list[str]
    read: list[str]
    hear: list[str]
    write: list[str]


class SpokenLanguages(LanguageLists):
    """Those, and which engine speaks each language that can be heard."""

    voices: dict[str, str]


class Status(BaseModel):
    """What the gateway is doing."""

    service: str
    clients: int
    tts_accelerator: str | None
    cpu_threads: int
    models: dict[str, bool]
    cpu_usage: str
    profile: str
    translator: str
    synthesizer: str
    languages: LanguageLists


class Health(BaseModel):
    """Whether something is so."""

    status: str
