"""Runs whose coat is taken as unsaturated: where that is, what a file says, and begun anew."""

import math

import pytest
import xarray as xr

from sdf1_field import record
from sdf1_field.errors import RunError, Sdf1FieldWarning
from sdf1_field.record import content_digest
from sdf1_field.simulation import prepare, simulate
from sdf1_field.simulation.saturation import unsaturated_until
from sdf1_field.solvers import CoatFills, cosine, linear
from sdf1_field.spec import load_model

SATURATING = "numerics.linear_coat=false"


@pytest.mark.parametrize(
    ("further", "applies"),
    [
        ((), True),
        (("scene.mode=grown",), True),
        (("numerics.linear_coat=false",), False),
        (("numerics.tolerance=1e-4",), False),
        (("ligand.sdf1.coat.under_bodies=0",), False),
        (("ligand.sdf1.coat.pattern=stripes",), False),
        (("ligand.sdf1.coat.sites=0 sites/um**2",), False),
        (("ligand.sdf1.coat.dissociation_rate=0 1/s",), False),
        (("numerics.solver=fipy",), False),
    ],
)
def test_a_coat_is_taken_as_unsaturated_only_where_it_can_be(tiny, further, applies):
    settings = [s for s in tiny if not (further and s.startswith(further[0].split("=")[0]))]
    spec = load_model("coculture-kg1a", settings=[*settings, *further]).spec
    solver = prepare(spec, 1).solvers["sdf1"]
    assert (solver is linear) == applies


@pytest.mark.parametrize(
    ("model", "further", "until"),
    [
        ("coculture-kg1a", (), math.inf),
        ("coculture-kg1a-sdf1", (), 0.0),
        ("coculture-kg1a", ("mechanisms.uptake=true",), 0.0),
        ("coculture-kg1a-sdf1", ("treatments.sdf1.start=10 min",), 0.0),
        ("coculture-kg1a-sdf1", ("treatments.sdf1.start=-10 min",), -math.inf),
        ("coculture-kg1a-sdf1", ("treatments.medium_change.start=10 min",), -math.inf),
        ("coculture-kg1a", ("mechanisms.uptake=true", "run.culture=0 h"), -math.inf),
    ],
)
def test_a_dose_or_uptake_saturates_the_coat_from_the_last_medium_change_before(
    tiny, model, further, until
):
    spec = load_model(model, settings=[*tiny, *further]).spec
    prepared = prepare(spec, 1)
    assert prepared.unsaturated_until["sdf1"] == until
    assert (prepared.solvers["sdf1"] is linear) == (until > -spec.run.culture)
    assert prepare(spec, 1, nonlinear=("sdf1",)).solvers["sdf1"] is cosine


def test_eigenmodes_that_nearly_meet_are_left_to_a_coat_that_saturates():
    """Where the coat's own loss is far faster than its release, two eigenvalues cross."""
    slow = ("dissociation_rate=1e-6 1/s", "loss_rate=1e-3 1/s")
    settings = [*(f"ligand.sdf1.coat.{part}" for part in slow), "numerics.tolerance=0.05"]
    settings += ["grid.spacing=70 um", 'output.ligands=["sdf1"]']
    spec = load_model("coculture-kg1a", settings=settings).spec
    assert unsaturated_until(spec, "sdf1", 1.0) == math.inf
    prepared = prepare(spec, 1)
    assert prepared.solvers["sdf1"] is cosine
    assert prepared.unsaturated_until["sdf1"] == -math.inf


def test_a_state_does_not_go_on_in_a_model_that_takes_its_coat_in_another_way(tiny):
    (first, *_) = simulate(load_model("coculture-kg1a", settings=tiny).spec, seed=1)
    other = load_model("coculture-kg1a", settings=[*tiny, SATURATING]).spec
    with pytest.raises(RunError, match="ligand sdf1: the state takes the coat as unsaturated"):
        next(simulate(other, seed=1, resume_from=first.stop))


def last_fields(spec):
    *_, last = simulate(spec, seed=1)
    return last.ligands["sdf1"]


@pytest.mark.parametrize("mode", ["placed", "grown"])
def test_fields_are_those_of_small_steps_with_a_coat_that_saturates(tiny, mode):
    settings = [*tiny, "cells.density=0 1/mm**2", f"scene.mode={mode}"]
    found = last_fields(load_model("coculture-kg1a", settings=settings).spec)
    fine = [*settings, "numerics.tolerance=5e-5", SATURATING]
    wanted = last_fields(load_model("coculture-kg1a", settings=fine).spec)
    for mine, other, allowed in (
        (found.floor, wanted.floor, 2e-4),
        (found.bound, wanted.bound, max(2.5 * found.filled, 1e-4)),
    ):
        assert mine.mean() == pytest.approx(other.mean(), rel=allowed)
        error = (mine - mine.mean()) - (other - other.mean())
        assert (error**2).mean() ** 0.5 < allowed * other.std()
    assert found.masses["secreted"] == pytest.approx(wanted.masses["secreted"], rel=1e-12)
    assert wanted.filled is None


def test_a_run_has_the_same_bits_at_any_number_of_threads_and_after_a_resume(tiny, tmp_path):
    settings = [*tiny, "scene.mode=grown", "output.tracks_every=7 min"]
    model = load_model("coculture-kg1a", settings=settings)
    digests = []

    def digest_of(path):
        with record.open_run(path) as run:
            return content_digest(run)

    for threads in (1, 2):
        path = tmp_path / f"{threads}.nc"
        record.solve(model, path, seed=1, threads=threads)
        digests.append(digest_of(path))
    path = tmp_path / "resumed.nc"

    def interrupt(time):
        if time > 1800.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record.solve(model, path, seed=1, progress=interrupt)
    record.solve(model, path, seed=1, resume=True)
    assert digest_of(path) == digests[0] == digests[1]
    with record.open_run(path) as run:
        (facts,) = [one for one in record.summary(run)["ligands"] if one["name"] == "sdf1"]
    with xr.open_dataset(path, decode_times=False) as run:
        bound = run["sdf1_bound"]
        assert 0.0 < bound.attrs["largest_share_of_sites_filled"] < 2.5e-3
        assert facts["filled"] == bound.attrs["largest_share_of_sites_filled"]
        assert abs(facts["imbalance"]) < 1e-13


# One body in a wide dish: the mean over the floor stays below the tolerance, the peak does not.
ALONE = (
    "dish.width=1 mm",
    "dish.length=1 mm",
    "grid.spacing=20 um",
    "scene.msc_density=1 1/mm**2",
    "cells.density=30 1/mm**2",
    "numerics.tolerance=6e-5",
    'output.ligands=["sdf1"]',
)


def test_a_run_whose_coat_fills_is_begun_anew_once_with_a_coat_that_saturates(tiny, tmp_path):
    settings = [*tiny, *ALONE]
    model = load_model("coculture-kg1a", settings=settings)
    with pytest.raises(CoatFills, match="of the coat's sites are filled, too many"):
        list(simulate(model.spec, seed=1))
    with pytest.warns(Sdf1FieldWarning, match="begun anew with a coat that saturates") as said:
        record.solve(model, tmp_path / "anew.nc", seed=1)
    assert len([one for one in said if "begun anew" in str(one.message)]) == 1
    known = load_model("coculture-kg1a", settings=[*settings, SATURATING])
    record.solve(known, tmp_path / "known.nc", seed=1)
    with (
        xr.open_dataset(tmp_path / "anew.nc", decode_times=False) as anew,
        xr.open_dataset(tmp_path / "known.nc", decode_times=False) as known,
    ):
        assert anew.equals(known)
        assert "largest_share_of_sites_filled" not in anew["sdf1_bound"].attrs
        assert "coat filled" in anew["sdf1_bound"].attrs["begun_anew"]
        assert "begun_anew" not in known["sdf1_bound"].attrs


def test_a_dosed_run_goes_on_from_the_coat_of_its_culture(tiny, tmp_path):
    """A run with a dose is that of a coat that saturates throughout, and bears a resume."""
    settings = [*tiny, "scene.mode=grown", "cells.density=0 1/mm**2"]
    model = load_model("coculture-kg1a-sdf1", settings=settings)
    found = last_fields(model.spec)
    wanted = last_fields(load_model("coculture-kg1a-sdf1", settings=[*settings, SATURATING]).spec)
    for mine, other in ((found.floor, wanted.floor), (found.bound, wanted.bound)):
        assert mine.mean() == pytest.approx(other.mean(), rel=1e-6)
        error = (mine - mine.mean()) - (other - other.mean())
        assert (error**2).mean() ** 0.5 < model.spec.numerics.tolerance * other.std()
    for entry, amount in wanted.masses.items():
        assert found.masses[entry] == pytest.approx(amount, rel=1e-3), entry

    def interrupt(time):
        if time >= 0.0:
            raise KeyboardInterrupt

    record.solve(model, tmp_path / "whole.nc", seed=1)
    path = tmp_path / "resumed.nc"
    with pytest.raises(KeyboardInterrupt):
        record.solve(model, path, seed=1, progress=interrupt)
    record.solve(model, path, seed=1, resume=True)
    with (
        record.open_run(tmp_path / "whole.nc") as whole,
        record.open_run(path) as resumed,
    ):
        assert content_digest(resumed) == content_digest(whole)
        (facts,) = [one for one in record.summary(resumed)["ligands"] if one["name"] == "sdf1"]
        assert facts["unsaturated_until"] == "0 s"
        assert abs(facts["imbalance"]) < 1e-13
