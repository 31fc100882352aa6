"""Laws of cargo in one body and its migrasomes: made, brought into them, released."""

import itertools
import math

import numpy as np
import pytest

from sdf1_field.migrasomes.bodies import WALKER
from sdf1_field.migrasomes.cargo import (
    CARGO_KINETICS,
    CARRIED_OFF,
    FRONT,
    FUSED,
    HELD,
    LEAKED,
    MADE,
    REAR,
    advance_cargo,
    all_loaded,
    is_loaded,
    release_content,
)
from sdf1_field.migrasomes.fibres import STRAND, VERTICES
from sdf1_field.migrasomes.nucleation import BUD
from sdf1_field.random import Stream, name_key
from sdf1_field.random.kernels import subkeys
from sdf1_field.scene import Fate

MINUTE, HOUR = 60.0, 3600.0

AT_ONCE = 1e9
"""Rate of maturing at which calcium is there from birth on [1/s]."""
RESERVOIR = 1e12
"""Carriers in a rear half that hardly notices what leaves it."""


# One body and its migrasomes, by hand


def kind(**values):
    """Cargo kinetics of one ligand of which nothing happens but what is given."""
    record = np.zeros(1, dtype=CARGO_KINETICS)
    defaults = {
        "vesicle_load": 1.0,
        "loaded_fraction": 1.0,
        "polarised_share": 0.5,
        "reach": math.inf,
        "maturing": AT_ONCE,
    }
    for name, value in (defaults | values).items():
        record[name] = value
    return record


def walker(*, migrating=False, production=1.0):
    cell = np.zeros(1, dtype=WALKER)
    cell["migrating"], cell["production"] = migrating, production
    return cell


def fibre(vertices, places=(), *, birth=0.0, first=0):
    """A fibre of body 0 from its oldest end on, with migrasomes at (vertex, along) on it."""
    strands, course = np.zeros(1, dtype=STRAND), np.zeros((1, 2, VERTICES))
    strands["count"], strands["first"] = len(vertices), first
    strands["head"] = len(places) - 1
    course[0, :, : len(vertices)] = np.transpose(vertices)
    buds = np.zeros(len(places), dtype=BUD)
    buds["end"] = buds["leaking"] = math.inf
    buds["birth"] = birth
    buds["following"] = np.arange(-1, len(places) - 1)
    for n, (vertex, along) in enumerate(places):
        buds["vertex"][n], buds["along"][n] = vertex, along
    return strands, course, buds


NO_FIBRE = (np.zeros(0, dtype=STRAND), np.zeros((0, 2, VERTICES)), np.zeros(0, dtype=BUD))
BESIDE = fibre([(0.0, 0.0), (10.0, 0.0)], [(0, 10.0)])


def after(kinds, cell, network, pools, held, since, until, steps):
    """What bodies and migrasomes have after some equal steps; nothing given is changed."""
    strands, course, buds = network
    pools, held = pools.copy(), held.copy()
    times = np.linspace(since, until, steps + 1)
    for start, stop in itertools.pairwise(times):
        advance_cargo(
            float(start), float(stop), kinds, cell, strands, len(strands), course, buds, len(buds),
            pools, held, np.empty(len(buds)),
        )  # fmt: skip
    return pools, held


def pools_of(front, rear):
    pools = np.zeros((1, 1, 4))
    pools[0, 0, FRONT], pools[0, 0, REAR], pools[0, 0, MADE] = front, rear, front + rear
    return pools


def contents(count, held=0.0):
    found = np.zeros((count, 1, 4))
    found[:, 0, HELD] = held
    return found


@pytest.mark.parametrize(("migrating", "share"), [(False, 0.5), (True, 0.8)])
def test_a_body_whose_production_equals_its_release_keeps_its_content(migrating, share):
    kinds = kind(production=2.0, body_release=1e-3, exchange=8e-4, polarised_share=0.8)
    content = 1.7 * 2.0 / 1e-3
    pools, _ = after(
        kinds, walker(migrating=migrating, production=1.7), NO_FIBRE,
        pools_of((1.0 - share) * content, share * content), contents(0), 0.0, 10 * HOUR, 120,
    )  # fmt: skip
    front, rear, made, released = pools[0, 0]
    assert (front, rear) == pytest.approx(((1.0 - share) * content, share * content), rel=1e-12)
    assert released == pytest.approx(1.7 * 2.0 * 10 * HOUR, rel=1e-12)
    assert made - content == pytest.approx(released, rel=1e-12)


def test_a_body_out_of_balance_relaxes_exponentially_to_second_order():
    release, production, until = 1e-4, 2.0, 6 * HOUR
    kinds = kind(production=production, body_release=release, exchange=3e-4)
    rest = production / release
    # Halves that differ come together besides, which the whole does not notice.
    total = rest + (50_000.0 - rest) * math.exp(-release * until)
    between = 30_000.0 * math.exp(-(release + 3e-4) * until)
    errors = []
    for steps in (36, 72, 144, 288):
        pools, _ = after(
            kinds, walker(), NO_FIBRE, pools_of(10_000.0, 40_000.0), contents(0), 0.0, until, steps
        )
        front, rear, made, released = pools[0, 0]
        assert front + rear + released == pytest.approx(made, rel=1e-13)
        errors.append((abs(front + rear - total), abs(rear - front - between)))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert ((orders > 1.9) & (orders < 2.1)).all(), orders
    assert errors[0][0] < 1e-3 * rest
    assert errors[0][1] < 1e-3 * 30_000.0


@pytest.mark.parametrize("share", [0.5, 0.65, 0.8, 1.0])
def test_a_migrating_body_turns_its_carriers_to_the_rear_and_a_resting_one_evens_them_out(share):
    kinds = kind(production=1.0, body_release=1e-5, exchange=1e-3, polarised_share=share)
    pools, _ = after(
        kinds, walker(migrating=True), NO_FIBRE, pools_of(5e4, 5e4), contents(0), 0.0, 8 * HOUR, 480
    )
    front, rear, _, _ = pools[0, 0]
    assert (rear - front) / (rear + front) == pytest.approx(2.0 * share - 1.0, abs=1e-9)
    pools, _ = after(kinds, walker(), NO_FIBRE, pools, contents(0), 0.0, 8 * HOUR, 480)
    front, rear, _, _ = pools[0, 0]
    assert (rear - front) / (rear + front) == pytest.approx(0.0, abs=1e-9)


def test_a_lasting_migrasome_holds_the_influx_over_the_rate_of_fusion():
    transport, fusion = 0.5 / RESERVOIR, 4e-4
    _, held = after(
        kind(transport=transport, fusion=fusion), walker(), BESIDE, pools_of(0.0, RESERVOIR),
        contents(1), 0.0, 20 * HOUR, 240,
    )  # fmt: skip
    assert held[0, 0, HELD] == pytest.approx(0.5 / fusion, rel=1e-6)
    assert held[0, 0, HELD] + held[0, 0, FUSED] == pytest.approx(0.5 * 20 * HOUR, rel=1e-6)


@pytest.mark.parametrize("hours", [1.0, 10.0])
def test_blocked_fusion_multiplies_a_full_migrasome_by_one_plus_rate_times_time(hours):
    transport, fusion = 0.5 / RESERVOIR, 4e-4
    full = 0.5 / fusion
    _, held = after(
        kind(transport=transport), walker(), BESIDE, pools_of(0.0, RESERVOIR),
        contents(1, full), 0.0, hours * HOUR, 120,
    )  # fmt: skip
    assert held[0, 0, HELD] / full == pytest.approx(1.0 + fusion * hours * HOUR, rel=1e-6)
    assert held[0, 0, FUSED] == 0.0


def test_a_migrasome_beyond_the_transport_empties_exponentially_to_second_order():
    fusion, until = 4e-4, 2 * HOUR
    errors = []
    for steps in (24, 48, 96):
        _, held = after(
            kind(fusion=fusion), walker(), BESIDE, pools_of(0.0, 1.0), contents(1, 800.0),
            0.0, until, steps,
        )  # fmt: skip
        assert held[0, 0, HELD] + held[0, 0, FUSED] == pytest.approx(800.0, rel=1e-13)
        errors.append(abs(held[0, 0, HELD] - 800.0 * math.exp(-fusion * until)))
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([2.0, 2.0], abs=0.1)


def test_transport_falls_exponentially_with_the_way_along_the_fibre():
    # Bent, so that the way is longer than the distance; its first three vertices are lost.
    vertices = [(0.0, 0.0), (10.0, 0.0), (10.0, 20.0), (40.0, 20.0)]
    places = [(3, 4.0), (4, 0.0), (4, 15.0), (5, 30.0)]
    ways = np.array([6.0 + 20.0 + 30.0, 20.0 + 30.0, 5.0 + 30.0, 0.0])
    network = fibre(vertices, places, first=3)
    kinds = kind(transport=1.0 / RESERVOIR, reach=20.0)
    pools, held = after(
        kinds, walker(), network, pools_of(0.0, RESERVOIR), contents(4), 0.0, 100.0, 1
    )
    assert held[:, 0, HELD] == pytest.approx(100.0 * np.exp(-ways / 20.0), rel=1e-9)
    assert RESERVOIR - pools[0, 0, REAR] == pytest.approx(held[:, 0, HELD].sum(), rel=1e-4)


def test_transport_fades_exponentially_with_the_age_of_the_migrasome():
    transport_decay, birth = 1e-4, 1000.0
    network = fibre([(0.0, 0.0), (10.0, 0.0)], [(0, 10.0)], birth=birth)
    _, held = after(
        kind(transport=1.0 / RESERVOIR, transport_decay=transport_decay), walker(), network,
        pools_of(0.0, RESERVOIR), contents(1), birth, birth + 5 * HOUR, 600,
    )  # fmt: skip
    expected = -math.expm1(-transport_decay * 5 * HOUR) / transport_decay
    assert held[0, 0, HELD] == pytest.approx(expected, rel=1e-6)


def test_fusion_waits_for_the_calcium_signal_to_mature():
    fusion, maturing, until = 5e-4, 1.0 / (30 * MINUTE), 2 * HOUR
    _, held = after(
        kind(fusion=fusion, maturing=maturing), walker(), BESIDE, pools_of(0.0, 1.0),
        contents(1, 1000.0), 0.0, until, 960,
    )  # fmt: skip
    # The integral of 1 - exp(-maturing t).
    mature = until + math.expm1(-maturing * until) / maturing
    assert held[0, 0, HELD] == pytest.approx(1000.0 * math.exp(-fusion * mature), rel=1e-5)
    early = after(
        kind(fusion=fusion, maturing=maturing), walker(), BESIDE, pools_of(0.0, 1.0),
        contents(1, 1000.0), 0.0, MINUTE, 1,
    )[1]  # fmt: skip
    assert early[0, 0, FUSED] == pytest.approx(
        1000.0 * fusion * MINUTE * maturing * 0.5 * MINUTE, rel=0.03
    )


def test_cargo_gained_by_migrasomes_is_lost_by_their_body():
    network = fibre([(0.0, 0.0), (30.0, 0.0)], [(0, 5.0), (0, 12.0), (0, 29.0)])
    kinds = kind(
        production=3.0, body_release=1e-4, exchange=1e-3, polarised_share=0.8, transport=2e-4,
        reach=15.0, fusion=5e-4, transport_decay=1e-4,
    )  # fmt: skip
    pools, held = after(
        kinds, walker(migrating=True), network, pools_of(2e4, 1e4), contents(3), 0.0, 8 * HOUR, 96
    )
    front, rear, made, released = pools[0, 0]
    assert held[:, 0, FUSED].sum() > 0.1 * made
    assert front + rear + released + held.sum() == pytest.approx(made, rel=1e-13)


def test_only_attached_living_tight_and_loaded_migrasomes_gain():
    def gained(kinds=None, **changes):
        strands, course, buds = (part.copy() for part in BESIDE)
        for name, value in changes.items():
            buds[name] = value
        given = kind(transport=1e-4) if kinds is None else kinds
        return after(
            given, walker(), (strands, course, buds), pools_of(0.0, 1e4), contents(1), 100.0,
            200.0, 1,
        )[1][0, 0, HELD]  # fmt: skip

    assert gained() == pytest.approx(99.5, rel=1e-3)
    assert gained(end=100.0) == 0.0
    assert gained(leaking=100.0) == 0.0
    # As long as they are there.
    for name in ("end", "leaking"):
        assert gained(**{name: 110.0}) == pytest.approx(0.1 * gained(), rel=1e-2)
    assert gained(kind(transport=1e-4, loaded_fraction=0.0)) == 0.0


def test_a_share_of_migrasomes_is_loaded_each_ligand_by_itself():
    keys = subkeys(7, Stream.MIGRASOME, np.arange(20_000))
    one, other = (all_loaded(keys, name_key(name), 0.13) for name in ("sdf1", "ccl2"))
    spread = math.sqrt(0.13 * 0.87 / 20_000)
    for loaded in (one, other):
        assert loaded.mean() == pytest.approx(0.13, abs=4 * spread)
    assert (one & other).mean() == pytest.approx(0.13**2, abs=4 * 0.13 / math.sqrt(20_000))
    alone = [is_loaded(int(key), name_key("sdf1"), 0.13) for key in keys[:50]]
    assert one[:50].tolist() == alone
    assert np.array_equal(all_loaded(keys[50:150], name_key("sdf1"), 0.13), one[50:150])
    others = subkeys(8, Stream.MIGRASOME, np.arange(20_000))
    assert not np.array_equal(all_loaded(others, name_key("sdf1"), 0.13), one)


def test_ruptures_and_leaks_let_go_all_at_once_and_the_others_take_it_along():
    drifts = Fate.DRIFTS_AWAY
    buds = np.zeros(8, dtype=BUD)
    # The last two both leak and drift away within the step, in one order and in the other.
    buds["end"] = [math.inf, 50.0, 50.0, 50.0, math.inf, 150.0, 60.0, 50.0]
    buds["leaking"] = [math.inf, math.inf, math.inf, math.inf, 50.0, 150.0, 50.0, 60.0]
    buds["fate"] = [
        Fate.RUPTURES, Fate.RUPTURES, drifts, Fate.IS_TAKEN_UP, Fate.RUPTURES, Fate.RUPTURES,
        drifts, drifts,
    ]  # fmt: skip
    held = contents(8, 8.0)
    release_content(100.0, buds, 8, held)
    assert held[:, 0, HELD].tolist() == [8.0, 0.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0]
    assert held[:, 0, LEAKED].tolist() == [0.0, 8.0, 0.0, 0.0, 8.0, 0.0, 8.0, 0.0]
    assert held[:, 0, CARRIED_OFF].tolist() == [0.0, 0.0, 8.0, 8.0, 0.0, 0.0, 0.0, 8.0]
