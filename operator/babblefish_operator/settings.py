"""The operator's settings, from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from babblefish.errors import SettingsError

PREFIX = "BABBLEFISH_OPERATOR_"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_LABELS = r"^[^=!,\s]+=[^=!,\s]*(,[^=!,\s]+=[^=!,\s]*)*$"
_SHARED = {"session_key": "BABBLEFISH_SESSION_KEY", "admin_token": "BABBLEFISH_ADMIN_TOKEN"}
"""What gateways are told as well, by the same name."""


def own_namespace() -> str:
    """The namespace of this pod; raises `SettingsError` where this is none."""
    try:
        return _NAMESPACE.read_text().strip()
    except OSError:
        raise SettingsError(
            "This is no pod of a cluster, so that there is no namespace of its own.",
            f"Set {PREFIX}NAMESPACE.",
        ) from None


class Settings(BaseSettings):
    """What the operator can be told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, validate_default=True, populate_by_name=True
    )

    namespace: str = Field(
        default_factory=own_namespace,
        pattern=_DNS_LABEL,
        description="the only namespace that is looked after; its own, if not set",
    )
    synthesizer: str = Field(description="name of the Deployment that is scaled, if it says so")
    gateways: str = Field(pattern=_LABELS, description="labels of gateways' pods, `a=b,c=d`")
    gateway_port: int = Field(default=9001, ge=1, le=65535, description="gateways' admin port")
    public_url: str = Field(
        pattern=r"^(https?://[^/\s]+/?)?$",
        default="",
        description="where phones go; empty: links say no host",
    )
    quiet_s: float = Field(
        default=60, ge=0, description="how long fewer replicas must do before one is taken"
    )
    headroom: int = Field(default=1, ge=0, description="spare replicas while anybody is connected")
    session_key: SecretStr = Field(
        min_length=32, validation_alias=_SHARED["session_key"], description="signs links"
    )
    admin_token: SecretStr = Field(
        min_length=1, validation_alias=_SHARED["admin_token"], description="opens gateways' counts"
    )
    host: str = Field(default="0.0.0.0", description="address to listen on")  # noqa: S104 probes connect
    # Not `port`: Kubernetes sets BABBLEFISH_OPERATOR_PORT for a Service of that name.
    health_port: int = Field(
        default=9001, ge=0, le=65535, description="port of /health and /metrics; 0 picks one"
    )
    tick_s: float = Field(default=1, gt=0, description="how often the loop says that it runs")
    stale_s: float = Field(
        default=15, gt=0, description="a loop silent for longer is to be restarted"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load() -> Settings:
    """Reads the environment; raises `SettingsError`, which names the variable."""
    try:
        return Settings.model_validate({})
    except ValidationError as error:
        raise _as_ours(error) from None


def _as_ours(error: ValidationError) -> SettingsError:
    problem = error.errors()[0]
    field = str(problem["loc"][0])
    name = field if field in _SHARED.values() else f"{PREFIX}{field.upper()}"
    if problem["type"] == "missing":
        return SettingsError(f"{name} is not set.", f"Set {name}.")
    given = "" if name in _SHARED.values() else f" {problem['input']!r}"
    return SettingsError(f"{name}{given}: {problem['msg']}.", "Mend it.")
