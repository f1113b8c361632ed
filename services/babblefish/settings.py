"""Every setting, typed, in one place: flag, else environment, else file, else profile."""

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as SourceError,
)

from babblefish.errors import SettingsError

PREFIX = "BABBLEFISH_"

PROFILES: dict[str, dict[str, str]] = {
    "light": {"translator": "local:light", "synthesizer": "local:espeak"},
    "full": {
        "translator": "local:seamless",
        "synthesizer": "local:kokoro,local:espeak",
        "speaker": "local:pyannote",
    },
}
"""Which engine each stage gets, by profile."""

_LOCAL = "local:[a-z0-9][a-z0-9_-]*"
_REMOTE = r"http://[^/\s,]+(,http://[^/\s,]+)*"


def _data_home() -> Path:
    """The XDG base directory for data; a user without a home (a service, a pod) has no own one."""
    chosen = Path(os.environ.get("XDG_DATA_HOME", ""))
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 `Path.home` raises without a home
    if chosen.is_absolute():
        return chosen / "babblefish"
    return (home / ".local/share" if home.is_absolute() else Path("/var/lib")) / "babblefish"


class Settings(BaseSettings):
    """The settings of a gateway and of the engines it runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        cli_kebab_case=True,
        cli_prog_name="babblefish serve",
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )
    config_file: ClassVar[Path | None] = None

    profile: str = Field("light", description=f"which engines: {', '.join(PROFILES)}")
    translator: str = Field(
        "",
        pattern=rf"^{_LOCAL}$|^{_REMOTE}$|^$",
        description="local:ENGINE or http://… of stages",
    )
    synthesizer: str = Field(
        "",
        pattern=rf"^{_LOCAL}(,{_LOCAL})*$|^{_REMOTE}$|^$",
        description="local:ENGINE,local:ENGINE (the first that speaks a language) or http://…",
    )
    speaker: str = Field(
        "",
        pattern=rf"^{_LOCAL}$|^{_REMOTE}$|^none$|^$",
        description="local:ENGINE, http://… of stages, or none: nobody is known by voice",
    )

    cloner: str = Field(
        "local:f5", pattern=rf"^{_LOCAL}$", description="local:ENGINE of an accelerator"
    )

    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 phones connect
    port: int = Field(9000, ge=0, le=65535, description="port to listen on; 0 picks one")
    tls: bool = Field(True, description="listen on https as well")
    https_port: int | None = Field(
        None, ge=0, le=65535, description="port for https, if not PORT + 443; 0 picks one"
    )
    admin_port: int | None = Field(
        None, ge=0, le=65535, description="port for /metrics and /sessions without a token"
    )
    join_token: SecretStr | None = Field(
        None, description="what other machines join with; empty: one is made and kept"
    )
    invite: bool = Field(True, description="print links for phones, with the token in them")
    data_dir: Path = Field(
        default_factory=_data_home, description="folder for certificates and what is kept"
    )
    allowed_origins: list[str] = Field([], description="origins of pages beside our own")
    trusted_proxies: list[str] = Field(
        ["127.0.0.1"], description="addresses and networks whose X-Forwarded-For is believed"
    )
    adhoc_sessions: bool = Field(True, description="the first join opens a session")
    session_key: SecretStr | None = Field(
        None, description="what the operator signs sessions' tokens with; at least 32 bytes"
    )
    admin_token: SecretStr | None = Field(None, description="opens /metrics and /sessions")
    accelerator_token: SecretStr | None = Field(
        None, description="what laptops that clone voices dial with; without it, only from here"
    )
    accelerator_server: str = Field(
        "", description="the gateway that an accelerator dials: wss://…/ws/tts-accelerator"
    )
    accelerator_name: str = Field(
        "", max_length=64, description="what an accelerator is called; empty: as its machine"
    )
    accelerator_ca: Path | None = Field(
        None, description="an accelerator trusts this authority (/ca.crt), not the system's"
    )
    accelerator_fingerprint: str = Field(
        "", description="… or the one that the gateway names, if it has this SHA-256"
    )
    voice_cloning: bool = Field(
        True, description="whoever says yes may be cloned, in sessions that nobody made"
    )
    consent_days: float = Field(
        30, gt=0, description="how long a yes, and what it keeps, outlives the last sentence"
    )
    clone_deadline_s: float = Field(
        5, gt=0, description="a cloned sentence later than that is lost"
    )
    max_phones: int = Field(500, ge=1, description="sockets on this gateway")
    max_phones_per_address: int = Field(100, ge=1, description="sockets from one address")
    max_participants: int = Field(50, ge=2, description="phones in one session")
    max_calls_per_minute: int = Field(6000, ge=1, description="new sockets")
    max_calls_per_minute_per_address: int = Field(600, ge=1, description="… from one address")
    max_calls_per_minute_per_session: int = Field(600, ge=1, description="joins of one session")
    max_bytes_per_minute: int = Field(2_000_000_000, ge=1 << 20, description="from all phones")
    max_bytes_per_minute_per_address: int = Field(
        400_000_000, ge=1 << 20, description="… from one address"
    )
    max_bytes_per_minute_per_session: int = Field(
        200_000_000, ge=1 << 20, description="… in one session"
    )
    max_utterances_per_minute: int = Field(6000, ge=1, description="said or typed by all phones")
    max_utterances_per_minute_per_address: int = Field(600, ge=1, description="… from one address")
    max_utterances_per_minute_per_session: int = Field(600, ge=1, description="… in one session")
    join_timeout_s: float = Field(10, gt=0, description="how long a socket may take to join")
    heartbeat_s: int = Field(20, ge=1, le=60, description="WebSocket ping interval")
    resume_s: float = Field(60, ge=0, description="how long the seat of a lost phone is kept")
    send_timeout_s: float = Field(30, gt=0, description="how long one send may block")
    outbox_bytes: int = Field(4 << 20, ge=1 << 16, description="waiting for a slow listener")

    endpoint_ms: int = Field(500, ge=100, le=5000, description="silence that ends an utterance")
    pause_ms: int = Field(160, ge=32, le=2000, description="silence at which work starts")
    idle_ms: int = Field(800, ge=100, le=10_000, description="no audio at all ends an utterance")
    max_utterance_s: float = Field(20, ge=2, le=60, description="longer speech is cut at a pause")
    voice_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="voice probability that is speech"
    )
    min_voice_ms: int = Field(128, ge=0, le=2000, description="less voice in one piece is noise")
    utterance_deadline_s: float = Field(10, gt=0, description="a result later than that is lost")

    stage_queue: int = Field(64, ge=1, description="requests that a stage takes on at a time")
    drain_s: float = Field(40, ge=0, description="how long a stage that is to end finishes work")

    models_dir: Path | None = Field(
        None, description="folder with a folder a model; else the hub's cache"
    )
    threads: int = Field(0, ge=0, description="cores for engines; 0: what this container has")
    pinned: bool = Field(
        False, description="the container asks for whole cores: /metrics says if they are its own"
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="what engines compute on")
    precision: Literal["auto", "int8", "float32", "float16"] = Field(
        "auto", description="of a model's weights; auto: int8 on a CPU, float16 on a GPU"
    )
    batch_window_ms: int = Field(
        10, ge=0, le=1000, description="how long an idle engine waits for more to do at a time"
    )
    batch_utterances: int = Field(8, ge=1, le=64, description="utterances done at a time")
    warm_up: bool = Field(True, description="start engines before the first phone")
    apertium_modes: Path = Field(
        Path("/usr/share/apertium/modes"), description="installed translation pairs"
    )
    min_word_confidence: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="pocketsphinx: mean word posterior under which a sentence is noise"
    )
    min_voice_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="seamless: share of voice in an utterance under which it is noise"
    )
    min_token_score: Annotated[float, Field(ge=0, le=1)] = Field(
        0.37, description="seamless: mean token probability under which a sentence is noise"
    )
    f5_steps: int = Field(7, ge=1, le=64, description="f5: steps of a sentence; more take longer")
    speaker_threshold: Annotated[float | None, Field(gt=-1, lt=1)] = Field(
        None, description="cosine from which two voiceprints are one voice, if not the model's own"
    )
    log_level: str = Field("info", description="debug, info, warning or error")

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, profile: str) -> str:
        if profile not in PROFILES:
            raise ValueError(f"no such profile here; there is {', '.join(PROFILES)}")
        return profile

    @field_validator("speaker")
    @classmethod
    def _no_speaker(cls, speaker: str) -> str:
        return "" if speaker == "none" else speaker

    @field_validator("data_dir", "models_dir", "apertium_modes", "accelerator_ca")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        return path and path.expanduser()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.lower() not in (levels := ("debug", "info", "warning", "error")):
            raise ValueError(f"one of {', '.join(levels)}")
        return level.lower()

    @model_validator(mode="before")
    @classmethod
    def _engines_of_profile(cls, values: dict[str, Any]) -> dict[str, Any]:
        chosen = PROFILES.get(str(values.get("profile", "light")), {})
        return {**values, **{k: values.get(k) or v for k, v in chosen.items()}}

    @model_validator(mode="after")
    def _pause_before_endpoint(self) -> Self:
        if self.pause_ms > self.endpoint_ms:
            raise ValueError(f"{PREFIX}PAUSE_MS must not be longer than {PREFIX}ENDPOINT_MS")
        return self

    @model_validator(mode="after")
    def _precision_of_device(self) -> Self:
        if (self.device, self.precision) in {("cuda", "int8"), ("cpu", "float16")}:
            raise ValueError(f"{PREFIX}PRECISION {self.precision} is not for {self.device}")
        return self

    @property
    def secure_port(self) -> int:
        """Where https is; ports end at 65535."""
        if self.https_port is not None:
            return self.https_port
        usual = self.port + 443
        return usual if self.port and usual <= 65535 else 0

    @property
    def token(self) -> str:
        """What phones on other machines join with; empty if there is none."""
        return self.join_token.get_secret_value() if self.join_token else ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 pydantic names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags (given at initialisation), environment, file."""
        file = TomlConfigSettingsSource(settings_cls, cls.config_file)
        return init_settings, env_settings, file


def load(arguments: Sequence[str] = ()) -> Settings:
    """Reads flags (`--endpoint-ms 400`), environment and the file that `BABBLEFISH_CONFIG` names.

    Raises `SettingsError`, one line that names the setting, for anything that cannot be used.
    """
    config = os.environ.get(f"{PREFIX}CONFIG")
    if config and not Path(config).is_file():
        raise SettingsError(f"There is no settings file {config!r}.", f"Mend {PREFIX}CONFIG.")
    source = type("Settings", (Settings,), {"config_file": Path(config) if config else None})
    try:
        flags: CliSettingsSource[Any] = CliSettingsSource(
            source, cli_parse_args=list(arguments), cli_exit_on_error=False
        )
        settings: Settings = source(_cli_settings_source=flags)
    except ValidationError as error:
        raise SettingsError(_first_problem(error), "Mend it and start again.") from None
    except (SourceError, ValueError) as error:
        remedy = "`babblefish serve --help` lists all settings."
        raise SettingsError(f"{_one_line(error)}.", remedy) from None
    return settings


def misspelt() -> list[str]:
    """Variables of ours that name no setting, each with the nearest that does."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}CONFIG"}
    return [
        f"{name} is no setting" + (f" (did you mean {near[0]}?)" if near else "")
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known
        for near in [difflib.get_close_matches(name, known, 1)]
    ]


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    reason = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{reason}."
    name = ".".join(str(part) for part in problem["loc"])
    return f"{PREFIX}{name.upper()} {problem['input']!r}: {reason}."


def _one_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
