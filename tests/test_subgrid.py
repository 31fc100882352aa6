"""What cells see of the floor: maps, sources smaller than a cell of the grid, and both together."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline
from scipy.special import j1
from validation.analytic import subgrid_field as case

from sdf1_field.exposure import (
    WAVENUMBERS,
    Stimulus,
    Surroundings,
    advance_coat,
    burst_onto_coat,
    grid_response,
    no_stimulus,
    sample,
    stimulus,
    subgrid_basis,
    subgrid_field,
    surroundings,
)
from sdf1_field.grid import make_grid
from sdf1_field.solvers import cosine
from sdf1_field.spec import load_model
from sdf1_field.transport import Transport

PER_UM3 = case.PER_UM3
CELL = 6.0


def _grid(width=300.0, length=200.0, spacing=5.0):
    return make_grid(width, length, 200.0, spacing=spacing, floor_layer=2.0, layer_growth=1.2)


def _spec(*settings):
    seen = "receptor.cxcr4.coat_share=0.01 1/um"
    return load_model("coculture-kg1a", settings=[seen, *settings]).spec


def _correction(grid, x, y, *, radius=1.0, coated=None, coat=True, cell_radius=CELL, **steers):
    """Sub-grid correction of sources of 1 molecule/s since the start, over the coat or none."""
    transport = case.default_transport()
    basis = subgrid_basis(
        grid, transport if coat else replace(transport, coat=None), cell_radius=cell_radius
    )
    x, y = np.atleast_1d(np.asarray(x, dtype=float)), np.atleast_1d(np.asarray(y, dtype=float))
    empty, one = np.zeros((grid.ny, grid.nx)), np.ones(x.size)
    around = surroundings(basis, x, y, empty, empty)
    coated = np.zeros((x.size, WAVENUMBERS)) if coated is None else coated
    coated = advance_coat(basis, around, coated, one, 3600.0)
    return subgrid_field(
        basis,
        around,
        coated,
        x,
        y,
        np.broadcast_to(radius, x.shape),
        one,
        coat_share=0.01,
        **steers,
    )


def _only(correction, grid):
    """A floor that shows nothing but a sub-grid correction."""
    return no_stimulus(grid)._replace(subgrid=correction)


# --- against laws and references ----------------------------------------------------------


def test_cell_beside_a_migrasome_sees_the_disc_source_on_the_default_grid():
    seen = case.bare_errors(5.0, cell_radius=CELL, offsets=case.OFFSETS[:2])
    for name in case.LAST:
        assert np.abs(seen[name]).max() < 0.01
    # The grid alone misses two fifths of what a cell 5 um away should see.
    alone = case.bare_errors(5.0, cell_radius=CELL, offsets=case.OFFSETS[:1], corrected=False)
    assert np.abs(alone["concentration"][:, 0]).min() > 0.3


def test_what_a_cell_sees_converges_with_grid_refinement():
    worst = [
        np.abs(case.bare_errors(h, cell_radius=CELL, offsets=case.OFFSETS[:1])["concentration"])
        for h in (10.0, 5.0, 2.5)
    ]
    sizes = np.array([off.max(axis=0) for off in worst])
    assert (sizes[0] < 0.005).all()
    assert (sizes[2] < 0.5 * sizes[0]).all()


@pytest.mark.parametrize("radius", [0.25, 0.5, 1.09, 1.5])
@pytest.mark.parametrize("cell_radius", [0.0, 4.5])
def test_migrasomes_and_cells_of_any_size_follow_the_law(radius, cell_radius, monkeypatch):
    monkeypatch.setattr(case, "RADIUS", radius)
    here, look = case.solve_bare(5.0, case.OFFSETS[0], cell_radius=cell_radius)
    for n, d in enumerate(case.DISTANCES):
        if cell_radius == 0.0:
            exact = _disc_from_points(d, radius)
        else:
            exact = case.bare_law(np.array([d]), cell_radius=cell_radius)[0][0]
        for seen in here.seen(look):
            assert seen.soluble[n] == pytest.approx(exact, rel=0.004)


def _disc_from_points(distance, radius):
    """Concentration at a distance from a disc of 1 molecule/s, summed over its points [nM]."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    r, phi = 0.5 * radius * (nodes + 1), np.pi * (nodes + 1)
    away = np.sqrt(distance**2 + r[:, None] ** 2 - 2 * distance * r[:, None] * np.cos(phi))
    point = np.exp(-away / case.BARE_LENGTH) / (2 * np.pi * 150.0 * away * PER_UM3)
    share = (0.5 * radius * weights * r)[:, None] * np.pi * weights / (np.pi * radius**2)
    return float(np.sum(share * point))


@functools.cache
def _reference(change):
    return case.reference(0.5, fineness=5.0, change=change)


@pytest.mark.parametrize("which", [0, 1], ids=["after 1 h", "after a medium change"])
def test_cell_beside_a_migrasome_sees_the_fine_reference_over_the_coat(which):
    change = 7200.0
    exact = _reference(change)[which].seen(case.DISTANCES, cell_radius=CELL)
    here, *looks = case.solve_coated(5.0, case.OFFSETS[0], 0.5, cell_radius=CELL, change=change)
    for off in case.errors(here.seen(looks[which]), exact).values():
        assert np.abs(off).max() < 0.015


def test_burst_on_the_coat_is_seen_as_the_fine_reference_has_it():
    here, looks = case.solve_burst(5.0, case.OFFSETS[0], cell_radius=CELL)
    for look, cylinder in zip(looks, case.reference_burst(5.0), strict=True):
        exact = cylinder.seen(case.DISTANCES, cell_radius=CELL)
        off = case.errors(here.seen(look), exact)
        assert np.abs(off["concentration"]).max() < 0.03
        assert np.abs(off["occupancy difference"]).max() < 0.06


@pytest.mark.parametrize("spacing", [10.0, 5.0])
def test_lens_shows_a_steady_mode_as_the_undivided_medium_has_it(spacing):
    grid, transport = _grid(spacing=spacing), Transport(150.0, 0.01)
    columns = cosine.prepare(grid, transport, cosine.Tolerances())
    p, q = math.pi * 5 / grid.length, math.pi * 9 / grid.width
    mode = np.outer(np.cos(p * grid.y), np.cos(q * grid.x))
    state = cosine.steady(columns, mode, time=0.0, tolerances=cosine.Tolerances())
    root = math.sqrt(p**2 + q**2 + 0.01 / 150.0)
    exact = 1.0 / (PER_UM3 * 150.0 * root * math.tanh(root * grid.height))
    for radius in (0.0, CELL):
        argument = math.hypot(p, q) * radius
        blurred = exact * (2 * j1(argument) / argument if radius else 1.0)
        seen = stimulus(
            _spec(), grid_response(grid, transport, cell_radius=radius),
            cosine.face(columns, state), state.bound, no_stimulus(grid).subgrid,
        )  # fmt: skip
        for i, j in ((0, 0), (7, 3), (11, 12)):
            value = sample(seen, grid.x[i], grid.y[j], grid.dx, grid.dy)[0]
            assert value == pytest.approx(blurred * mode[j, i], rel=1e-6)


# --- the coat around a source --------------------------------------------------------------


@pytest.fixture(name="basis")
def _basis():
    return subgrid_basis(_grid(), case.default_transport(), cell_radius=CELL)


AROUND = Surroundings(np.array([23.3, 4.0]), np.array([0.0086, 0.02]))
RATE = np.array([0.5, 30.0])


def test_two_half_steps_of_the_coat_make_a_whole_one(basis):
    start = np.linspace(0.0, 900.0, 2 * WAVENUMBERS).reshape(2, -1)
    half = advance_coat(basis, AROUND, advance_coat(basis, AROUND, start, RATE, 450.0), RATE, 450.0)
    assert advance_coat(basis, AROUND, start, RATE, 900.0) == pytest.approx(half, rel=1e-12)


def test_coat_settles_where_it_loses_what_it_takes(basis):
    settled = advance_coat(basis, AROUND, np.zeros((2, WAVENUMBERS)), RATE, 1e8)
    uptake, release = (part[:, None] for part in AROUND)
    medium = (RATE[:, None] / PER_UM3 + release * settled) / (basis.admittance + uptake)
    taken = uptake * medium - release * settled
    assert taken == pytest.approx(1e-5 * settled, rel=1e-6)


def test_burst_is_the_limit_of_brief_strong_secretion(basis):
    empty = np.zeros((2, WAVENUMBERS))
    brief = advance_coat(basis, AROUND, empty, RATE / 1e-6, 1e-6)
    assert burst_onto_coat(basis, AROUND, empty, RATE) == pytest.approx(brief, rel=1e-6)


def test_coat_holds_nothing_where_it_has_no_sites():
    grid = _grid()
    transport = case.default_transport()
    patterned = replace(
        transport,
        coat=replace(
            transport.coat, sites=np.where(grid.x < 150.0, 6500.0, 0.0) + np.zeros((grid.ny, 1))
        ),
    )
    basis = subgrid_basis(grid, patterned, cell_radius=CELL)
    empty = np.zeros((grid.ny, grid.nx))
    around = surroundings(basis, np.array([40.0, 260.0]), np.full(2, 90.0), empty, empty)
    coated = advance_coat(basis, around, np.zeros((2, WAVENUMBERS)), np.ones(2), 900.0)
    assert coated[0].min() > 0.0
    assert np.array_equal(coated[1], np.zeros(WAVENUMBERS))


def test_filled_coat_takes_up_less_and_lets_go_faster():
    grid, transport = _grid(), case.default_transport()
    basis = subgrid_basis(grid, transport, cell_radius=CELL)
    half, level = np.full((grid.ny, grid.nx), 3250.0), np.full((grid.ny, grid.nx), 4.0)
    around = surroundings(basis, np.array([40.0]), np.array([50.0]), level, half)
    assert around.uptake[0] == pytest.approx(0.5 * 2.16e-3 * 6500.0 / PER_UM3, rel=1e-8)
    assert around.release[0] == pytest.approx(0.0086 + 2.16e-3 * 4.0, rel=1e-12)


# --- places ----------------------------------------------------------------------------------


def test_every_source_in_reach_is_added_and_no_other():
    grid, rng = _grid(), np.random.default_rng(3)
    x, y = rng.random((2, 60)) * [[grid.width], [grid.length]]
    correction = _correction(grid, x, y, radius=rng.uniform(0.3, 1.5, 60))
    assert correction.buckets.rows * correction.buckets.columns > 4
    nodes = np.linspace(0.0, correction.reach, correction.profile.shape[1])
    profiles = CubicHermiteSpline(
        nodes, correction.profile[:, :, 0].T, correction.profile[:, :, 1].T
    )
    for px, py in rng.random((40, 2)) * [grid.width, grid.length]:
        away = np.hypot(px - correction.x, py - correction.y)
        summed = sum(profiles(d)[n] for n, d in enumerate(away) if d < correction.reach)
        seen = sample(_only(correction, grid), px, py, grid.dx, grid.dy)[0]
        assert seen == pytest.approx(summed, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("width", "length"), [(300.0, 200.0), (40.0, 25.0)])
def test_no_flux_walls_reflect_the_subgrid_correction(width, length):
    grid = _grid(width, length)
    correction = _correction(grid, 4.0, 9.0)
    seen, places = _only(correction, grid), np.linspace(0.0, length, 7)
    slope = max(abs(sample(seen, 20.0, y, grid.dx, grid.dy)[1]) for y in places)
    for y in places:
        for wall in (0.0, width):
            assert abs(sample(seen, wall, y, grid.dx, grid.dy)[1]) < 1e-9 * slope


def test_source_on_a_wall_is_its_own_mirror_image():
    grid = _grid()
    seen = [_only(_correction(grid, x, 100.0), grid) for x in (0.0, 150.0)]
    at_wall = sample(seen[0], 7.0, 100.0, grid.dx, grid.dy)[0]
    inside = sample(seen[1], 157.0, 100.0, grid.dx, grid.dy)[0]
    assert at_wall == pytest.approx(2.0 * inside, rel=1e-9)


def test_the_subgrid_correction_fades_out_without_a_jump():
    grid = _grid(600.0, 600.0)
    correction = _correction(grid, 300.0, 300.0)
    last, middle = (
        correction.profile[0, -1],
        correction.profile[0, correction.profile.shape[1] // 4],
    )
    assert np.abs(last[:2]).max() < 1e-12 * abs(middle[0])


def test_no_source_leaves_nothing_to_add():
    grid = _grid()
    basis = subgrid_basis(grid, case.default_transport(), cell_radius=CELL)
    none, empty = np.zeros(0), np.zeros((grid.ny, grid.nx))
    around = surroundings(basis, none, none, empty, empty)
    coated = advance_coat(basis, around, np.zeros((0, WAVENUMBERS)), none, 900.0)
    correction = subgrid_field(basis, around, coated, none, none, none, none, coat_share=0.01)
    assert coated.shape == (0, WAVENUMBERS)
    assert sample(_only(correction, grid), 30.0, 40.0, grid.dx, grid.dy) == (0.0,) * 5


def test_sources_of_no_strength_add_nothing_once_their_coat_is_empty():
    grid = _grid()
    basis = subgrid_basis(grid, case.default_transport(), cell_radius=CELL)
    x, y, rate = np.array([50.0]), np.array([60.0]), np.zeros(1)
    empty = np.zeros((grid.ny, grid.nx))
    around = surroundings(basis, x, y, empty, empty)
    correction = subgrid_field(
        basis, around, np.zeros((1, WAVENUMBERS)), x, y, np.ones(1), rate, coat_share=0.01
    )
    assert not correction.profile.any()


# --- what steers ------------------------------------------------------------------------------


@pytest.mark.parametrize("soluble", [True, False])
@pytest.mark.parametrize("attached", [True, False])
def test_mechanisms_choose_what_steers_and_nothing_else(soluble, attached):
    grid = _grid()
    spec = _spec(
        f"mechanisms.soluble_sensing={str(soluble).lower()}",
        f"mechanisms.haptotaxis={str(attached).lower()}",
    )
    through = grid_response(grid, case.default_transport(), cell_radius=CELL)
    concentration = 1e-3 * (1.0 + np.cos(np.pi * grid.x / grid.width)) + np.zeros((grid.ny, 1))
    bound = 2.0 + np.cos(np.pi * grid.y / grid.length)[:, None] + np.zeros(grid.nx)
    correction = _correction(grid, 150.0, 100.0, soluble_steers=soluble, coat_steers=attached)

    def slopes(spec, concentration, bound, correction):
        seen = stimulus(spec, through, concentration, bound, correction)
        return sample(seen, 158.0, 105.0, grid.dx, grid.dy)

    seen = slopes(spec, concentration, bound, correction)
    both = slopes(_spec(), concentration, bound, _correction(grid, 150.0, 100.0))
    assert seen[:3] == pytest.approx(both[:3], rel=1e-12)
    nothing, none = np.zeros_like(bound), no_stimulus(grid).subgrid
    expected = np.zeros(2)
    for on, c, b, own in (
        (soluble, concentration, nothing, {"soluble_steers": True, "coat_steers": False}),
        (attached, nothing, bound, {"soluble_steers": False, "coat_steers": True}),
    ):
        if on:
            grids = slopes(_spec(), c, b, none)
            alone = _correction(grid, 150.0, 100.0, **own)
            added = sample(
                Stimulus(*no_stimulus(grid)[:2], False, alone), 158.0, 105.0, grid.dx, grid.dy
            )
            expected += np.array(grids[1:3]) + np.array(added[3:])
    assert seen[3:] == pytest.approx(tuple(expected), rel=1e-9, abs=1e-18)


def test_uniform_ligand_is_seen_as_it_is_and_steers_nothing():
    grid = _grid()
    through = grid_response(grid, case.default_transport(), cell_radius=CELL)
    level, coated = np.full((grid.ny, grid.nx), 12.6), np.full((grid.ny, grid.nx), 4930.0)
    seen = stimulus(_spec(), through, level, coated, no_stimulus(grid).subgrid)
    visible = 12.6 + 0.01 * 4930.0 / PER_UM3
    for x, y in ((0.0, 0.0), (151.3, 77.7), (300.0, 200.0)):
        value, *slopes = sample(seen, x, y, grid.dx, grid.dy)
        assert value == pytest.approx(visible, rel=1e-8)
        assert np.abs(slopes).max() < 1e-12 * visible
