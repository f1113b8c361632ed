"""What is observed, and what is decided: plain data that knows no Kubernetes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction


class Phase(StrEnum):
    """What a session is to a phone."""

    PENDING = "Pending"
    READY = "Ready"
    FULL = "Full"
    SUSPENDED = "Suspended"
    EXPIRED = "Expired"


class Limit(StrEnum):
    """Why there are not the replicas that were asked for."""

    NOTHING = "None"
    CAPACITY = "Capacity"
    MAX_REPLICAS = "MaxReplicas"
    QUIET = "Quiet"
    ROLLING = "Rolling"
    STALE = "Stale"
    BUSY = "Busy"
    MISSING = "Missing"
    FIXED = "Fixed"


class Need(StrEnum):
    """A figure that is dear to get, and without which nothing better can be decided."""

    ROOM = "room"
    BUSY = "busy"


@dataclass(frozen=True)
class Bounds:
    """How many replicas of the synthesizer a session may have."""

    min_replicas: int = 0
    max_replicas: int = 5
    clients_per_replica: Fraction = Fraction(2)


@dataclass(frozen=True)
class Spec:
    """What a person asked for."""

    languages: tuple[str, ...]
    max_clients: int = 50
    voice_cloning: str = "Disabled"
    ttl_s: int | None = None
    bounds: Bounds = field(default_factory=Bounds)
    suspended: bool = False


@dataclass(frozen=True)
class Condition:
    """As Kubernetes has them; times are whole seconds since the epoch, as everywhere here."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    since: int


@dataclass(frozen=True)
class Share:
    """A session's part of the synthesizer."""

    wanted: int = 0
    ready: int = 0
    limited_by: Limit = Limit.NOTHING


@dataclass(frozen=True)
class Status:
    """What a session is told about itself."""

    phase: Phase
    clients: int
    languages: tuple[str, ...]
    share: Share
    join_url: str
    expires_at: int | None
    conditions: tuple[Condition, ...]
    observed_generation: int


@dataclass(frozen=True)
class Session:
    """A TranslationSession, with the status that it was given last."""

    uid: str
    name: str
    generation: int
    created: int
    spec: Spec
    deleting: bool = False
    last: Status | None = None

    @property
    def expires_at(self) -> int | None:
        """When its life ends, if it does."""
        return None if self.spec.ttl_s is None else self.created + self.spec.ttl_s


@dataclass(frozen=True)
class Count:
    """Who is connected to a session, on all gateways."""

    clients: int
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Laptops:
    """How many are connected to all gateways to clone voices, and what they speak together."""

    number: int = 0
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fleet:
    """The synthesizer's Deployment; `ours` if the operator chooses how many replicas it has."""

    replicas: int
    ready: int
    rolling: bool = False
    ours: bool = True


@dataclass(frozen=True)
class Rules:
    """The operator's settings, as far as they decide."""

    quiet_s: float = 60
    headroom: int = 1
    public_url: str = "https://babblefish.local"


@dataclass(frozen=True)
class Observed:
    """Everything a decision rests on."""

    now: float
    sessions: tuple[Session, ...]
    counts: Mapping[str, Count] | None
    """By session; who is not named has nobody. None: a gateway is silent, so nobody knows."""
    fleet: Fleet | None
    rules: Rules
    fits: int | None = None
    """Replicas that the nodes hold; None: not looked up."""
    busy: int | None = None
    """Replicas with work in hand; None: not looked up, or one does not answer."""
    surplus_since: float | None = None
    """When fewer replicas became enough: what the last decision said."""
    laptops: Laptops | None = Laptops()
    """None: a gateway is silent, as with `counts`."""


@dataclass(frozen=True)
class Event:
    """News for `kubectl describe`."""

    session: str | None
    """None: about the Deployment."""
    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Scaling:
    """How many replicas, and why."""

    replicas: int | None
    """None: as many as there are."""
    reason: Limit
    message: str
    wanted: int | None = None
    surplus_since: float | None = None
    look_again_s: float | None = None
    needs: Need | None = None


@dataclass(frozen=True)
class Decision:
    """What is to be so."""

    scaling: Scaling
    live: tuple[Session, ...]
    endings: Mapping[str, str]
    """Why a session that is still there takes no phones: suspended, expired or deleted."""
    statuses: Mapping[str, Status]
    events: tuple[Event, ...]
    look_again_s: float
