"""How many replicas the nodes hold."""

from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish_operator.capacity import Node, Pod, Taint, Toleration, fits
from babblefish_operator.quantities import quantity

_MANY = Fraction(110)
_REPLICA = Pod({"cpu": Fraction(16)}, ours=True)


def _node(cores: int = 124, name: str = "big", **rest: object) -> Node:
    return Node(name, {"cpu": Fraction(cores), "pods": _MANY}, **rest)  # type: ignore[arg-type]


def _pod(
    cores: int, node: str | None = "big", *, ours: bool = False, terminating: bool = False
) -> Pod:
    return Pod({"cpu": Fraction(cores)}, node, ours, terminating)


_REFERENCE = [_pod(32), _pod(4), _pod(8)]
"""Translator, speaker and gateway of the 128-core node."""


def test_the_reference_node_holds_five() -> None:
    assert fits(_REPLICA, [_node()], _REFERENCE) == 5


def test_those_that_run_are_part_of_it() -> None:
    assert fits(_REPLICA, [_node()], [*_REFERENCE, *[_pod(16, ours=True)] * 3]) == 5


def test_one_that_terminates_still_holds_its_cores() -> None:
    leaving = _pod(16, ours=True, terminating=True)
    assert fits(_REPLICA, [_node()], [*_REFERENCE, leaving]) == 4


def test_one_of_ours_that_waits_takes_nothing_from_itself() -> None:
    assert fits(_REPLICA, [_node()], [*_REFERENCE, _pod(16, node=None, ours=True)]) == 5


def test_a_restarted_translator_finds_its_cores_free() -> None:
    waiting = [_pod(32, node=None), _pod(4), _pod(8)]
    assert fits(_REPLICA, [_node()], waiting) == 5


def test_a_node_that_takes_none_keeps_those_it_has() -> None:
    assert fits(_REPLICA, [_node(schedulable=False)], [_pod(16, ours=True)]) == 1


def test_laptops_are_tainted() -> None:
    laptop = _node(taints=(Taint("babblefish.io/accelerator", "f5"),))
    assert fits(_REPLICA, [laptop], []) == 0
    tolerant = Pod(_REPLICA.requests, tolerations=(Toleration("babblefish.io/accelerator", "f5"),))
    assert fits(tolerant, [laptop], []) == 7


@pytest.mark.parametrize(
    ("toleration", "covered"),
    [
        (Toleration(exists=True), True),
        (Toleration("key", exists=True), True),
        (Toleration("key", "value", "NoSchedule"), True),
        (Toleration("key", "other"), False),
        (Toleration("key", "value", "NoExecute"), False),
        (Toleration(), False),
    ],
)
def test_tolerations(toleration: Toleration, covered: bool) -> None:
    assert toleration.covers(Taint("key", "value")) is covered


def test_a_soft_taint_keeps_nobody_off() -> None:
    assert fits(_REPLICA, [_node(taints=(Taint("key", effect="PreferNoSchedule"),))], []) == 7


def test_a_selector_chooses_nodes() -> None:
    chosen = Pod(_REPLICA.requests, selector={"tier": "speech"})
    nodes = [_node(name="a", labels={"tier": "speech"}), _node(name="b")]
    assert fits(chosen, nodes, []) == 7


def test_memory_and_the_number_of_pods_are_room_too() -> None:
    node = Node("n", {"cpu": Fraction(64), "memory": quantity("8Gi"), "pods": Fraction(3)})
    needy = Pod({"cpu": Fraction(1), "memory": quantity("3Gi")})
    assert fits(needy, [node], []) == 2
    assert fits(_REPLICA, [node], [Pod({}, "n"), Pod({}, "n")]) == 1


_pods = st.lists(
    st.builds(
        _pod,
        st.integers(0, 40),
        node=st.sampled_from(["big", "small", None]),
        ours=st.booleans(),
        terminating=st.booleans(),
    ),
    max_size=8,
)
_NODES = (_node(), _node(30, "small"))


@given(_pods)
def test_never_fewer_than_run_already(pods: list[Pod]) -> None:
    running = [pod for pod in pods if pod.node and pod.ours and not pod.terminating]
    assert fits(_REPLICA, _NODES, pods) >= len(running)


@given(_pods, st.integers(0, 40))
def test_another_pod_never_makes_room(pods: list[Pod], cores: int) -> None:
    assert fits(_REPLICA, _NODES, [*pods, _pod(cores)]) <= fits(_REPLICA, _NODES, pods)


@given(_pods)
def test_the_whole_fits_into_the_nodes(pods: list[Pod]) -> None:
    """Where ours are of the template's size."""
    others = [pod for pod in pods if not pod.ours]
    held = fits(_REPLICA, _NODES, others)
    assert held * 16 <= sum(_left(node, others) for node in _NODES)


def _left(node: Node, others: Iterable[Pod]) -> Fraction:
    taken = sum((pod.requests["cpu"] for pod in others if pod.node == node.name), Fraction(0))
    return max(Fraction(0), node.allocatable["cpu"] - taken)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500m", Fraction(1, 2)),
        ("16", Fraction(16)),
        (2, Fraction(2)),
        ("1.5", Fraction(3, 2)),
        ("8Gi", Fraction(8 * 1024**3)),
        ("1M", Fraction(1_000_000)),
        ("1e3", Fraction(1000)),
        ("100n", Fraction(1, 10_000_000)),
        ("2E", Fraction(2 * 10**18)),
    ],
)
def test_quantities(written: str | int, meant: Fraction) -> None:
    assert quantity(written) == meant


@pytest.mark.parametrize("written", ["", "much", "1 Gi", "1.2.3", "NaN"])
def test_what_is_no_quantity(written: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|Invalid"):
        quantity(written)
