"""What `plan` can be given: built by hand for examples, by hypothesis for properties."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from babblefish_operator.model import (
    Bounds,
    Count,
    Decision,
    Fleet,
    Laptops,
    Observed,
    Rules,
    Session,
    Spec,
)

NOW = 1_700_000_000.0
RULES = Rules(quiet_s=60, headroom=1, public_url="https://babblefish.test")


def session(name: str = "standup", created: int = 0, **spec: object) -> Session:
    """One of default bounds, opened an hour ago or `created` seconds later."""
    whole = Spec(("en", "fr"), **spec)  # type: ignore[arg-type]
    return Session(f"uid-{name}", name, 1, int(NOW) - 3600 + created, whole)


def world(
    clients: int = 0,
    *,
    replicas: int = 0,
    fits: int | None = 5,
    busy: int | None = 0,
    surplus_since: int | None = None,
) -> Observed:
    """One session with that many clients."""
    counts = {"standup": Count(clients, ("en",) if clients else ())}
    fleet = Fleet(replicas, replicas)
    return Observed(NOW, (session(),), counts, fleet, RULES, fits, busy, surplus_since)


def applied(observed: Observed, decision: Decision) -> Observed:
    """The same moment, after the decision was applied: new replicas are not ready yet."""
    fleet = observed.fleet
    if fleet and decision.scaling.replicas is not None:
        replicas = decision.scaling.replicas
        fleet = replace(fleet, replicas=replicas, ready=min(fleet.ready, replicas))
    sessions = tuple(
        replace(session, last=decision.statuses.get(session.name, session.last))
        for session in observed.sessions
    )
    surplus = decision.scaling.surplus_since
    return replace(observed, sessions=sessions, fleet=fleet, surplus_since=surplus)


def later(observed: Observed, seconds: float) -> Observed:
    """Time passes."""
    return replace(observed, now=observed.now + seconds)


def crowd(observed: Observed, clients: int) -> Observed:
    """Another number of clients in the first session."""
    return replace(observed, counts={observed.sessions[0].name: Count(clients)})


_bounds = st.builds(
    lambda least, more, per: Bounds(least, least + more, Fraction(per, 2)),
    st.integers(0, 3),
    st.integers(0, 6),
    st.integers(2, 20),
)
_specs = st.builds(
    Spec,
    languages=st.just(("en", "fr")),
    max_clients=st.integers(1, 20),
    ttl_s=st.none() | st.integers(1, 7200),
    bounds=_bounds,
    suspended=st.booleans(),
    voice_cloning=st.sampled_from(["Disabled", "OptIn"]),
)
_sessions = st.lists(
    st.builds(
        lambda number, age, spec, deleting: Session(
            f"uid-{number}", f"session-{number}", 1, int(NOW) - age, spec, deleting
        ),
        st.integers(0, 9),
        st.integers(0, 7200),
        _specs,
        st.booleans(),
    ),
    max_size=5,
    unique_by=lambda session: session.name,
).map(tuple)
_counts = st.dictionaries(
    st.integers(0, 9).map(lambda number: f"session-{number}"),
    st.builds(Count, st.integers(0, 20), st.just(("en",))),
)
_fleets = st.integers(0, 8).flatmap(
    lambda replicas: st.builds(Fleet, st.just(replicas), st.integers(0, replicas), st.booleans())
)
observations = st.builds(
    Observed,
    now=st.just(NOW),
    sessions=_sessions,
    counts=st.none() | _counts,
    fleet=st.none() | _fleets,
    rules=st.just(RULES),
    fits=st.none() | st.integers(0, 8),
    busy=st.none() | st.integers(0, 8),
    surplus_since=st.none() | st.floats(NOW - 200, NOW),
    laptops=st.none() | st.builds(Laptops, st.integers(0, 3), st.just(("en",))),
)
