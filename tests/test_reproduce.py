import numpy as np
import pytest

from sdf1_field.analysis import Census, Tracks, mann_whitney_u_test, paired_t_test
from sdf1_field.ensemble import Counted, Dish, count_dish
from sdf1_field.errors import InputError
from sdf1_field.reproduce import (
    Claim,
    Comparison,
    Condition,
    Paper,
    dish_count,
    judge,
    load_paper,
)
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


def claim(expected, *, reference="control", beyond=None, test="unpaired t"):
    compared = Comparison("treated", expected, reference, beyond, test)
    return Claim("X1", "so it is", False, "Fig. 1", (compared,))


def paper(times=(4 * HOUR,)):
    conditions = {
        "control": Condition("control", "coculture-kg1a", times),
        "treated": Condition("drug", "coculture-kg1a-amd3100-10um", times),
        "stronger": Condition("more drug", "coculture-kg1a-amd3100-10um", times),
    }
    return Paper("made-up", "nobody", 3, conditions, ())


CONTROL = [counted((c, c + 1.0)) for c in (4.8, 5.0, 5.2)]


def judged(expected, treated, **options):
    results = {"control": CONTROL, "treated": treated, "stronger": [counted((3.0, 3.6))] * 3}
    return judge(paper(), claim(expected, **options), results)


def around(msc, network):
    """Three dishes about two fold changes, with a scatter that a test resolves."""
    return [counted((msc + s, network + s)) for s in (-0.1, 0.0, 0.1)]


def test_a_significant_reduction_agrees():
    msc, network = judged("significantly reduced", [counted((c, c)) for c in (1.9, 2.0, 2.1)])
    assert (msc.region, network.region) == (Region.MSC, Region.MIGRASOME_NETWORK)
    assert (msc.agrees, network.agrees) == (True, True)
    assert (msc.mean, msc.deviation) == pytest.approx((2.0, 0.1), rel=1e-9)
    assert (msc.reference_mean, msc.reference_deviation) == pytest.approx((5.0, 0.2), rel=1e-9)
    assert network.reference_mean == pytest.approx(6.0, rel=1e-9)
    assert msc.encounter == pytest.approx(8.0, rel=1e-9)
    assert msc.p < 1e-4


def test_a_reduction_within_the_scatter_does_not_agree():
    msc, _ = judged("significantly reduced", [counted((c, c)) for c in (3.0, 4.9, 6.8)])
    assert msc.mean < msc.reference_mean
    assert msc.p > 0.05
    assert not msc.agrees


def test_a_significant_increase_does_not_agree_with_a_reduction():
    msc, network = judged("significantly reduced", [counted((c, c)) for c in (9.9, 10.0, 10.1)])
    assert msc.p < 0.05
    assert (msc.agrees, network.agrees) == (False, False)


@pytest.mark.parametrize(("network", "order"), [(1.2, "more on"), (4.8, "not more on")])
def test_where_the_reduction_is_larger_is_noted_with_both_ratios(network, order):
    scatter = (-0.1, 0.0, 0.1)
    treated = [counted((2.5 + s, network + s)) for s in scatter]
    msc, on_network = judged("significantly reduced, more on the network", treated)
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
    growing = claim("above one and growing", reference=None, test="none")
    findings = judge(paper(times), growing, {"treated": dishes})
    assert [f.agrees for f in findings] == agreement
    assert [f.time for f in findings] == [times[0]] * 2 + [times[1]] * 2
    assert findings[2].reference_mean == pytest.approx(early[0], rel=1e-9)
    assert findings[0].as_json()["reference_mean"] is None
    assert findings[2].as_json()["reference_mean"] == pytest.approx(early[0], rel=1e-9)


@pytest.mark.parametrize(
    ("expected", "treated", "agreement"),
    [
        ("reduced", (4.9, 6.1), [True, False]),
        ("above one, below the reference", (4.0, 0.9), [True, False]),
        ("above one, below the reference", (5.5, 1.1), [False, True]),
        ("unchanged", (4.9, 4.0), [True, False]),
        ("unchanged", (9.0, 6.1), [False, True]),
        ("significantly increased", (9.0, 6.05), [True, False]),
        ("significantly reduced on the network, unchanged on MSC", (5.0, 3.0), [True, True]),
        ("significantly reduced on the network, unchanged on MSC", (2.0, 6.0), [False, False]),
        ("significantly reduced on the network, unchanged on MSC", (5.0, 9.0), [True, False]),
    ],
)
def test_expectations_mean_what_they_say(expected, treated, agreement):
    assert [f.agrees for f in judged(expected, around(*treated))] == agreement


@pytest.mark.parametrize(
    ("treated", "agreement"),
    [
        ((4.9, 5.9), [True, True]),
        ((5.1, 6.1), [False, True]),
        ((2.5, 3.0), [False, False]),
        ((4.9, 4.6), [True, False]),
    ],
)
def test_the_smaller_dose_must_neither_be_significant_nor_do_more(treated, agreement):
    findings = judged(
        "not significant, and reduced less than beyond", around(*treated), beyond="stronger"
    )
    assert [f.agrees for f in findings] == agreement
    assert findings[0].note == f"{treated[0] / 5:.2f}-fold, with more drug 0.60-fold (p <0.001)"


def test_without_a_p_nothing_is_called_unchanged():
    msc, network = judged("unchanged", around(5.0, 6.0)[:1])
    assert np.isnan(msc.p)
    assert not msc.agrees
    assert not network.agrees


def test_a_claim_without_a_test_has_no_p():
    msc, _ = judged("reduced", around(2.0, 2.0), test="none")
    assert np.isnan(msc.p)
    assert msc.as_json()["p"] is None
    assert msc.as_json()["test"] == "none"


def test_donors_are_compared_with_themselves():
    treated = [counted((c, c + 1.0)) for c in (4.7, 4.8, 5.15)]
    msc, _ = judged("unchanged", treated, test="paired t")
    assert msc.p == pytest.approx(paired_t_test([4.8, 5.0, 5.2], [4.7, 4.8, 5.15]), rel=1e-9)


def tracked(lengths):
    """One dish whose cells go straight along x, some way in each of four frames."""
    way = np.outer(np.asarray(lengths) / 3.0, np.arange(4.0))
    return Counted((), np.empty((0, 3)), Tracks(np.arange(4) * 900.0, way, np.zeros_like(way)))


def tracks_judged(expected, ways, *, beyond=None):
    labels = {"control": "untreated", "treated": "drug", "stronger": "more drug"}
    conditions = {key: Condition(label, "tracking-kg1a", ()) for key, label in labels.items()}
    made_up = Paper("made-up", "nobody", 2, conditions, ())
    results = {
        key: [tracked(way * np.linspace(0.9, 1.1, 20)), tracked(way * np.linspace(0.9, 1.1, 21))]
        for key, way in ways.items()
    }
    compared = claim(expected, beyond=beyond, test="Mann-Whitney U")
    (finding,) = judge(made_up, compared, results)
    return finding, results


@pytest.mark.parametrize(
    ("expected", "way", "agrees"),
    [
        ("unchanged", 100.0, True),
        ("unchanged", 120.0, False),
        ("significantly increased", 120.0, True),
        ("significantly increased", 80.0, False),
        ("significantly increased", 100.5, False),
    ],
)
def test_paths_are_judged_over_cells(expected, way, agrees):
    finding, results = tracks_judged(expected, {"control": 100.0, "treated": way})
    assert finding.agrees is agrees
    paths = [
        np.concatenate([c.tracks.x[:, -1] for c in results[key]]) for key in ("control", "treated")
    ]
    assert finding.p == pytest.approx(mann_whitney_u_test(*paths), rel=1e-6)
    assert finding.mean == pytest.approx(way, rel=1e-9)
    assert (finding.region, finding.time, finding.subject) == (None, 2700.0, "path length, um")
    assert f"median {way / 100:.2f}-fold" in finding.note
    plain = finding.as_json()
    assert (plain["region"], plain["quantity"]) == (None, "path length [um]")
    assert plain["encounter_limit"] is None


@pytest.mark.parametrize(("way", "agrees"), [(115.0, True), (135.0, False), (95.0, False)])
def test_between_is_between_the_reference_and_the_other(way, agrees):
    ways = {"control": 100.0, "treated": way, "stronger": 130.0}
    finding, _ = tracks_judged("between", ways, beyond="stronger")
    assert finding.agrees is agrees
    assert "with more drug 1.30-fold, p against it " in finding.note


def test_it_is_said_how_far_dishes_alone_differ():
    finding, results = tracks_judged("unchanged", {"control": 100.0, "treated": 100.0})
    first, second = (c.tracks.x[:, -1] for c in results["control"])
    apart = mann_whitney_u_test(first, second)
    assert f"smallest p of untreated dishes among themselves {apart:.3f}" in finding.note


def test_an_unknown_paper_is_refused_with_those_known():
    with pytest.raises(InputError, match=r"unknown paper 'deniz2032'.*deniz2023"):
        load_paper("deniz2032")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('expected = "between"', 'expected = "beween"', "D20: unknown expectation 'beween'"),
        (
            'test = "paired t"',
            'test = "pared t"',
            "unknown expectation 'unchanged' or test 'pared t'",
        ),
        ('beyond = "amd3100"', 'beyond = "amd310"', "D14: unknown condition 'amd310'"),
    ],
)
def test_targets_that_name_what_is_not_there_are_refused(
    tmp_path, monkeypatch, before, after, expected
):
    from sdf1_field import reproduce
    from sdf1_field.shipped import shipped_folder

    text = (shipped_folder("validation") / "targets.toml").read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "targets.toml").write_text(text.replace(before, after), encoding="utf-8")
    monkeypatch.setattr(reproduce, "shipped_folder", lambda _: tmp_path)
    with pytest.raises(InputError, match=expected):
        load_paper("deniz2023")


FITTED = {"D12", "D13", "D17"}
"""What may inform parameters; the rest is predicted."""


def test_the_papers_conditions_are_models_that_last_long_enough():
    known = load_paper("deniz2023")
    assert dish_count(known) == 3 * len(known.conditions)
    assert [c.id for c in known.claims] == [f"D{n}" for n in range(12, 21)]
    assert {c.id for c in known.claims if c.fitted} == FITTED
    used = set()
    for claimed in known.claims:
        for compared in claimed.comparisons:
            used |= {compared.condition, compared.reference, compared.beyond} - {None}
            for other in (compared.reference, compared.beyond):
                if other is not None and not known.conditions[other].tracked:
                    last = known.conditions[compared.condition].times[-1]
                    assert last in known.conditions[other].times
    assert used == set(known.conditions)
    for condition in known.conditions.values():
        spec = load_model(condition.model).spec
        assert spec.cell_count > 200
        assert condition.donors == (spec.cells.type == "cd34")
        if condition.tracked:
            assert spec.run.duration - spec.output.tracks_from == 8 * HOUR
            assert spec.output.tracks_every == 900.0
        else:
            assert condition.times[-1] <= spec.run.duration


def test_pairs_are_of_the_same_donors_in_other_dishes(monkeypatch):
    from sdf1_field import reproduce as module

    asked = []

    def remember(dishes, **_):
        asked.extend(dishes)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "count_dishes", remember)
    known = load_paper("deniz2023")
    with pytest.raises(KeyboardInterrupt):
        module.reproduce(known)
    assert len({dish.seed for dish in asked}) == len(asked) == dish_count(known)
    donors = [dish.settings for dish in asked if "cd34" in dish.model]
    assert donors == [(f"variation.donor_number={n}",) for n in (1, 2, 3)] * 6
    assert all(dish.settings == () for dish in asked if "cd34" not in dish.model)


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


def test_a_tracked_dish_is_the_simulated_one(tiny):
    settings = (
        *tiny,
        "scene.msc_density=0 1/mm**2",
        "treatments={}",
        "output.fields_from=0 h",
        "output.tracks_from=30 min",
        "output.tracks_every=20 min",
    )
    tracks = count_dish(Dish("tracking-kg1a", settings, 5, ())).tracks
    spec = load_model("tracking-kg1a", settings=settings).spec
    states = {s.time: s for s in simulate(spec, seed=5)}
    # The last frame, at 2 h, comes 10 min after the one before and is left out.
    assert tracks.times.tolist() == [1800.0, 3000.0, 4200.0, 5400.0, 6600.0]
    assert tracks.walls == (300.0, 300.0)
    for n, time in enumerate(tracks.times):
        assert np.array_equal(tracks.x[:, n], states[time].cells.x)
        assert np.array_equal(tracks.y[:, n], states[time].cells.y)


def test_a_dish_seen_once_is_not_tracked(tiny):
    settings = (*tiny, "treatments={}", "output.fields_from=0 h", "output.tracks_from=2 h")
    with pytest.raises(InputError, match="shows its cells only once"):
        count_dish(Dish("tracking-kg1a", settings, 5, ()))
