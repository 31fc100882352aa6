import numpy as np
import pytest

from sdf1_field.analysis import Census
from sdf1_field.ensemble import Counted, Dish, count_dish
from sdf1_field.errors import InputError
from sdf1_field.reproduce import Claim, Condition, Paper, dish_count, judge, load_paper
from sdf1_field.scene import Region
from sdf1_field.simulate import simulate
from sdf1_field.spec import load_model

HOUR = 3600.0
AREAS = np.array([1000.0, 100.0, 50.0])


def census(msc, network, time):
    """One dish with 1000 cells on free surface and the given fold changes."""
    return Census(time, AREAS, np.array([1000.0, 100 * msc, 50 * network]), np.zeros(3), AREAS)


def counted(*changes, times=(4 * HOUR,), limit=8.0):
    return Counted(
        tuple(census(*c, t) for c, t in zip(changes, times, strict=True)),
        np.array([[1000.0, 100 * limit, 50 * limit]] * len(times)),
    )


def claim(statistic, *, reference="control"):
    return Claim("X1", "so it is", statistic, "treated", reference, "unpaired t", False, "Fig. 1")


def paper(times=(4 * HOUR,)):
    conditions = {
        "control": Condition("control", "coculture-kg1a", times),
        "treated": Condition("drug", "coculture-kg1a-amd3100-10um", times),
    }
    return Paper("made-up", "nobody", 3, conditions, ())


CONTROL = [counted((c, c + 1.0)) for c in (4.8, 5.0, 5.2)]


def judged(statistic, treated):
    return judge(paper(), claim(statistic), {"control": CONTROL, "treated": treated})


def test_a_significant_reduction_agrees():
    msc, network = judged("reduced", [counted((c, c)) for c in (1.9, 2.0, 2.1)])
    assert (msc.region, network.region) == (Region.MSC, Region.MIGRASOME_NETWORK)
    assert (msc.agrees, network.agrees) == (True, True)
    assert (msc.mean, msc.deviation) == pytest.approx((2.0, 0.1), rel=1e-9)
    assert (msc.reference_mean, msc.reference_deviation) == pytest.approx((5.0, 0.2), rel=1e-9)
    assert network.reference_mean == pytest.approx(6.0, rel=1e-9)
    assert msc.encounter == pytest.approx(8.0, rel=1e-9)
    assert msc.p < 1e-4


def test_a_reduction_within_the_scatter_does_not_agree():
    msc, _ = judged("reduced", [counted((c, c)) for c in (3.0, 4.9, 6.8)])
    assert msc.mean < msc.reference_mean
    assert msc.p > 0.05
    assert not msc.agrees


def test_a_significant_increase_does_not_agree_with_a_reduction():
    msc, network = judged("reduced", [counted((c, c)) for c in (9.9, 10.0, 10.1)])
    assert msc.p < 0.05
    assert (msc.agrees, network.agrees) == (False, False)


@pytest.mark.parametrize(("network", "order"), [(1.2, "more on"), (4.8, "not more on")])
def test_where_the_reduction_is_larger_is_noted_with_both_ratios(network, order):
    scatter = (-0.1, 0.0, 0.1)
    treated = [counted((2.5 + s, network + s)) for s in scatter]
    msc, on_network = judged("reduced, more on network", treated)
    assert msc.note == ""
    assert on_network.note == (
        f"{order} the network ({network / 6:.2f}-fold) than on MSC (0.50-fold)"
    )


@pytest.mark.parametrize(
    ("early", "late", "agreement"),
    [
        ((2.0, 3.0), (4.0, 5.0), [True, True, True, True]),
        ((2.0, 3.0), (1.5, 5.0), [True, True, False, True]),
        ((0.9, 3.0), (1.5, 2.0), [False, True, True, False]),
    ],
)
def test_growth_needs_more_than_one_and_more_than_before(early, late, agreement):
    times = (4 * HOUR, 12 * HOUR)
    dishes = [counted(early, late, times=times)] * 3
    findings = judge(
        paper(times), claim("above one and growing", reference=None), {"treated": dishes}
    )
    assert [f.agrees for f in findings] == agreement
    assert [f.time for f in findings] == [times[0]] * 2 + [times[1]] * 2
    assert findings[2].reference_mean == pytest.approx(early[0], rel=1e-9)
    assert findings[0].as_json()["reference_mean"] is None
    assert findings[2].as_json()["reference_mean"] == pytest.approx(early[0], rel=1e-9)


def test_an_unknown_paper_is_refused_with_those_known():
    with pytest.raises(InputError, match=r"unknown paper 'deniz2032'.*deniz2023"):
        load_paper("deniz2032")


def test_the_papers_conditions_are_models_that_last_long_enough():
    known = load_paper("deniz2023")
    assert dish_count(known) == 3 * len(known.conditions)
    assert [c.id for c in known.claims] == ["D12", "D13", "D15", "D16"]
    for claimed in known.claims:
        assert claimed.condition in known.conditions
        assert claimed.reference is None or claimed.reference in known.conditions
    for condition in known.conditions.values():
        spec = load_model(condition.model).spec
        assert spec.cell_count > 200
        assert condition.times[-1] <= spec.run.duration


def test_a_counted_dish_is_the_simulated_one(tiny):
    dish = Dish("null-kg1a", tuple(tiny), 5, (3600.0, 7200.0))
    result = count_dish(dish)
    spec = load_model("null-kg1a", settings=tiny).spec
    states = {s.time: s for s in simulate(spec, seed=5)}
    assert [c.time for c in result.censuses] == [3600.0, 7200.0]
    for found in result.censuses:
        assert found.counts.sum() == len(states[found.time].cells.x) == 30
    assert result.encounter.sum(axis=1) == pytest.approx([30.0, 30.0], rel=1e-12)
    assert result.encounter[1, 0] < result.encounter[0, 0]
