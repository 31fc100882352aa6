"""What a dish does depends on its model and seed alone: not on what is saved, nor on a pause."""

import numpy as np
import pytest

from sdf1_field.cells import CellArrays
from sdf1_field.record import (
    checkpoint_path,
    content_digest,
    load_state,
    open_run,
    save_state,
    solve,
)
from sdf1_field.scene import Fate
from sdf1_field.simulation import begin, prepare
from sdf1_field.spec import load_model
from simulation_builders import HOUR, MINUTE, assert_same_bits, model, states, states_from


@pytest.mark.parametrize("at", [-HOUR / 2, 0.0, HOUR])
def test_a_state_survives_a_file_and_resumes_to_the_same_bits(tiny, tmp_path, at):
    settings = ("output.fields_from=-1 h", "output.fields_every=30 min")
    whole = states(tiny, *settings, name="coculture-kg1a-sdf1")
    stop = next(shown.stop for shown in whole if shown.time == at)
    save_state(tmp_path / "state.npz", stop)
    loaded = load_state(tmp_path / "state.npz", "cosine")
    assert_same_bits(loaded, stop)
    again, *rest = states_from(loaded, tiny, *settings, name="coculture-kg1a-sdf1")
    assert again.time == stop.time
    expected = [shown for shown in whole if shown.time > stop.time]
    for resumed, uninterrupted in zip(rest, expected, strict=True):
        assert_same_bits(resumed, uninterrupted)


def test_a_placed_stroma_of_which_cells_eat_resumes_to_the_same_bits(tiny, tmp_path):
    settings = (
        "cell_type.kg1a.migrasome_uptake_rate=5e-3 1/s",
        "mechanisms.migrasome_uptake=true",
        "ligand.sdf1.secretion.carrying_fraction=1.0",
        "scene.migrasome_lifetime=3 h",
        "output.fields_every=30 min",
    )
    whole = states(tiny, *settings)

    def has_just_eaten(state):
        m = state.scene.migrasomes
        return ((m.fate == Fate.IS_TAKEN_UP) & (m.end == state.time)).any()

    n = next(n for n, state in enumerate(whole[:-1]) if has_just_eaten(state))
    save_state(tmp_path / "state.npz", whole[n].stop)
    loaded = load_state(tmp_path / "state.npz", "cosine")
    again, *rest = states_from(loaded, tiny, *settings)
    assert_same_bits(again, whole[n])
    for resumed, uninterrupted in zip(rest, whole[n + 1 :], strict=True):
        assert_same_bits(resumed, uninterrupted)


def test_other_seeds_give_other_stroma_cells_and_fields(tiny):
    first, second = (states(tiny, seed=seed)[-1] for seed in (1, 2))
    assert not np.isin(first.cells.x, second.cells.x).any()
    assert not np.isin(first.scene.bodies.x, second.scene.bodies.x).any()
    assert not np.array_equal(first.fields["sdf1"].layer, second.fields["sdf1"].layer)


def test_a_run_begins_with_the_culture_and_the_same_stroma_each_time(tiny):
    spec = model(tiny)
    state = begin(prepare(spec, 1), 1)
    assert state.time == -HOUR
    assert state.cells is None
    assert_same_bits(state, begin(prepare(spec, 1), 1))


# What is saved changes nothing


EATING = (
    "mechanisms.migrasome_uptake=true",
    "cell_type.kg1a.migrasome_uptake_rate=0.1 1/s",
    "mechanisms.uptake=true",
    "run.duration=45 min",
)
GROWING = (
    "scene.mode=grown",
    "scene.msc_number=8",
    "run.culture=8 h",
    "mechanisms.cargo_kinetics=true",
    "biogenesis.nucleation=0.1 1/(um*h)",
)
"""A network with migrasomes enough for cells to swallow some."""


@pytest.mark.parametrize("scene", ["placed", "grown"])
def test_a_finer_film_of_a_dish_is_the_same_dish(tiny, scene):
    settings = [*EATING, *(GROWING if scene == "grown" else ())]
    whole = {shown.time: shown for shown in states(tiny, *settings)}
    begun = "output.fields_from=-1 h"
    for finer in (
        ["output.tracks_every=7 min"],
        ["output.tracks_every=7.3 s"],
        ["output.tracks_every=5 min", "output.fields_every=4 min", begun],
    ):
        film = {shown.time: shown for shown in states(tiny, *settings, *finer)}
        assert len(film) > len(whole)
        common = sorted(whole.keys() & film.keys())
        assert common[-1] == 45 * MINUTE
        for time in common:
            one, other = whole[time], film[time]
            for name in CellArrays._fields:
                assert getattr(one.cells, name).tobytes() == getattr(other.cells, name).tobytes()
            assert one.scene.migrasomes.end.tobytes() == other.scene.migrasomes.end.tobytes()
            if one.stop.time == time:
                assert_same_bits(one, other)
    internalised = whole[45 * MINUTE].scene.migrasomes.fate == Fate.IS_TAKEN_UP
    assert internalised.any()


def test_a_cell_between_two_of_its_steps_is_on_the_straight_line_between_them(tiny):
    settings = ("run.duration=20 min", "cells.time_step=30 s")
    film = {
        shown.time: shown.cells for shown in states(tiny, *settings, "output.tracks_every=10 s")
    }
    for stop in (15 * MINUTE, 17.5 * MINUTE):
        first, last = film[stop], film[stop + 30.0]
        assert np.hypot(last.x - first.x, last.y - first.y).max() > 0.1
        for n in (1, 2):
            between = film[stop + 10.0 * n]
            assert between.x == pytest.approx(first.x + n / 3 * (last.x - first.x), abs=1e-9)
            assert between.y == pytest.approx(first.y + n / 3 * (last.y - first.y), abs=1e-9)
            assert between.held.tolist() == first.held.tolist()


@pytest.mark.parametrize("settings", [(), GROWING], ids=["placed", "grown"])
def test_fields_of_two_films_of_a_dish_agree_to_the_solvers_tolerance(tiny, settings):
    settings = (*settings, "run.duration=30 min")
    spec = model(tiny, *settings)
    coarse, fine = (
        {each.time: each for each in states(tiny, *settings, f"output.fields_every={every}")}
        for every in ("8 min", "2 min")
    )
    between = [time for time in coarse if coarse[time].stop.time < time]
    assert between == [8 * MINUTE, 16 * MINUTE, 24 * MINUTE]
    prepared = prepare(spec, 1)
    for time in between:
        for name, field in coarse[time].fields.items():
            other = fine[time].fields[name]
            for one, same in ((field.layer, other.layer), (field.bound, other.bound)):
                mean, its = one.mean(), same.mean()
                assert mean == pytest.approx(its, rel=spec.numerics.tolerance), name
                worst = np.abs((one - mean) - (same - its)).max()
                assert worst <= spec.numerics.tolerance * np.abs(same - its).max(), name
            solver, equation = prepared.solvers[name], prepared.equations[name]
            amounts = solver.in_medium(equation, field), solver.on_coat(equation, field)
            assert abs(field.ledger.imbalance(*amounts)) < 1e-10
        if settings[0] in GROWING:
            assert_same_bits(coarse[time], fine[time])


def test_a_film_interrupted_between_two_stops_goes_on_to_the_same_content(tiny, tmp_path):
    def stop(time):
        if time == 10 * MINUTE:
            raise KeyboardInterrupt

    film = load_model(
        "coculture-kg1a",
        settings=[
            *tiny, *EATING, *GROWING, "run.culture=2 h", "run.duration=20 min",
            "output.fields_every=4 min", "output.tracks_every=100 s",
        ],
    )  # fmt: skip
    path, whole = tmp_path / "run.nc", tmp_path / "whole.nc"
    solve(film, whole)
    with pytest.raises(KeyboardInterrupt):
        solve(film, path, progress=stop)
    assert load_state(checkpoint_path(path), "cosine").time < MINUTE
    solve(film, path, resume=True)
    with open_run(path) as one, open_run(whole) as other:
        assert content_digest(one) == content_digest(other)
