"""What Prometheus is told about decisions."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from babblefish_operator.model import Decision, Observed


class Metrics:
    """The operator's own figures, beside those of its process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "babblefish_operator_reconcile_seconds",
            "From looking to the last word to the API server.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.failures = Counter(
            "babblefish_operator_failures_total",
            "Times that the API server refused or was silent.",
            registry=registry,
        )
        self._decisions = Counter(
            "babblefish_operator_decisions_total",
            "Decisions, by what limited them; None, if nothing did.",
            ["reason"],
            registry=registry,
        )
        self._replicas = Gauge(
            "babblefish_operator_replicas",
            "Replicas of the synthesizer: asked (deployed), ready, wanted, fits.",
            ["state"],
            registry=registry,
        )
        self._sessions = Gauge(
            "babblefish_operator_sessions", "Sessions, by phase.", ["phase"], registry=registry
        )
        self._clients = Gauge(
            "babblefish_operator_clients", "Phones, as gateways count them.", registry=registry
        )

    def decided(self, observed: Observed, decision: Decision) -> None:
        """Takes one decision with what it rests on."""
        scaling, fleet = decision.scaling, observed.fleet
        self._decisions.labels(scaling.reason.value).inc()
        self._set_replicas("asked", fleet.replicas if fleet else None)
        self._set_replicas("ready", fleet.ready if fleet else None)
        self._set_replicas("wanted", scaling.wanted)
        self.room(observed.fits)
        self._sessions.clear()
        for status in decision.statuses.values():
            self._sessions.labels(status.phase.value).inc()
        if observed.counts is not None:
            self._clients.set(sum(count.clients for count in observed.counts.values()))

    def room(self, fits: int | None) -> None:
        """Takes how many replicas the nodes hold."""
        self._set_replicas("fits", fits)

    def _set_replicas(self, state: str, number: int | None) -> None:
        """What is not known stays as it was known last."""
        if number is not None:
            self._replicas.labels(state).set(number)
