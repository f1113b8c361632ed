"""The operator's settings, from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from babblefish.errors import SettingsError

PREFIX = "BABBLEFISH_OPERATOR_"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"


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

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, validate_default=True)

    namespace: str = Field(
        default_factory=own_namespace,
        pattern=_DNS_LABEL,
        description="the only namespace that is looked after; its own, if not set",
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
        return Settings()
    except ValidationError as error:
        raise _as_ours(error) from None


def _as_ours(error: ValidationError) -> SettingsError:
    problem = error.errors()[0]
    name = f"{PREFIX}{str(problem['loc'][0]).upper()}"
    return SettingsError(f"{name} {problem['input']!r}: {problem['msg']}.", "Mend it.")
