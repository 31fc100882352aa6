"""Sweeps: what is refused, what is kept, and the half effect of a dose."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray as xr
from click.testing import CliRunner

from conftest import TINY, answers_here, overrides
from sdf1_field.api.sweeping import overs, sweep, swept
from sdf1_field.cli import main
from sdf1_field.ensemble import running
from sdf1_field.errors import InputError
from sdf1_field.observations import Dish, read
from sdf1_field.studies.factors import read_over
from sdf1_field.studies.ratios import ratio_of_means
from sdf1_field.studies.response import fit_response
from sdf1_field.studies.sweep import ask
from sdf1_field.studies.sweep_results import constant_of
from sdf1_field.view.folder import folder_page

MODEL, DOSE = "coculture-kg1a", "treatments.amd3100.dose"
SMALL = (*TINY, "run.duration=30 min", "cells.density=1300 1/mm**2")
PROGRAM = Path(sys.executable).with_name("sdf1-field")
FILES = ("sweep.json", "sweep.csv", "summary.csv", "runs.csv")
DOSES = np.array([0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])


def call(*arguments):
    return CliRunner().invoke(main, ["sweep", MODEL, *map(str, arguments)])


def arguments(folder, *further, over=f"{DOSE}=0 uM,10 uM", dishes=2):
    own = ["--over", over, "--dishes", str(dishes), "--quiet", "-o", str(folder)]
    return [*own, *overrides(SMALL), *further]


@pytest.fixture
def here(monkeypatch):
    """Dishes are simulated in this process."""
    monkeypatch.setattr(running, "_answers", answers_here)


# Values


def test_a_range_has_equal_steps_of_the_logarithm_and_its_ends_as_written():
    values = read_over(f"{DOSE}=0 uM, 0.03..30 uM:log:7").values
    assert values == (
        "0 uM", "0.03 uM", "0.0949 uM", "0.3 uM", "0.949 uM", "3 uM", "9.49 uM", "30 uM",
    )  # fmt: skip
    assert read_over("scene.msc_number=2..20:lin:4").values == ("2", "8", "14", "20")
    assert read_over("a.b=1..10 h:lin:2").values == ("1 h", "10 h")


def test_values_that_differ_little_have_as_many_figures_as_tell_them_apart():
    values = read_over("a.b=1000..1001 nM:lin:5").values
    assert values == ("1000 nM", "1000.25 nM", "1000.5 nM", "1000.75 nM", "1001 nM")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["no-key"], "names no key and values"),
        ([f"{DOSE}=1 uM"], "has one value only"),
        ([f"{DOSE}=1 uM,1 uM"], "1 uM is there twice"),
        ([f"{DOSE}=1 uM,,2 uM"], "empty value"),
        ([f"{DOSE}=0.03..30 uM"], "is not a range"),
        ([f"{DOSE}=0.03..30 uM:cubic:7"], "is not a range"),
        ([f"{DOSE}=a..b uM:log:7"], "is not a range"),
        ([f"{DOSE}=0..30 uM:log:7"], "no logarithmic steps from 0"),
        ([f"{DOSE}=30..3 uM:log:7"], "does not rise"),
        ([f"{DOSE}=3 nM..30 uM:log:7"], "two units"),
        ([f"{DOSE}=3..30 uM:log:1"], "has 1 values"),
        ([f"{DOSE}=3..30 uM:log:100000"], "has 100000 values"),
        ([f"{DOSE}=1 uM,2 uM", f"{DOSE}=3 uM,4 uM"], "is there twice"),
        (["a=1,2", "b=1,2", "c=1,2"], "is there 3 times"),
    ],
)
def test_wrong_values_are_refused_in_one_line(texts, said):
    with pytest.raises(InputError, match=said) as refused:
        overs(texts)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("further", "said"),
    [
        (["--over", "treatments.amd.doze=1 uM,2 uM"], "--over"),
        (["--over", f"{DOSE}=0,1"], "0 has no unit"),
        (["--over", f"{DOSE}=1 uM,1000 nM"], "1 uM and 1000 nM are the same"),
        (["--over", f"{DOSE}=1 s,2 s"], "is not a concentration"),
        (["--over", "substrate.glass.drag=1,2"], "unknown key"),
        (["--over", "scene.network_fraction=0.2,0.3"], "acts on nothing in this model"),
        (["--over", "run.duration=4 h,5 h"], "acts on no count of cells"),
        (["--over", "run.seed=1,2"], "acts on no count of cells"),
        (["--over", f"{DOSE}=0 uM,1 uM", "--dishes", "1"], "2"),
        (["--over", f"{DOSE}=0 uM,1 uM", "--at", "4.01 h"], "no cells counted then"),
        (["--over", f"{DOSE}=0 uM,1 uM", "--at", "200 h"], "no cells counted then"),
        (["--over", f"{DOSE}=0 uM,1 uM", "--reference", "7 uM"], "not a value of the sweep"),
        (
            ["--over", f"{DOSE}=1..2 uM:lin:21", "--over", "scene.msc_number=1..20:lin:20"],
            "the values make 420 combinations",
        ),
        (["--over", "cells.density=0 1/mm**2,100 1/mm**2"], "no cells that could gather"),
    ],
)
def test_a_wrong_call_ends_with_status_2_and_one_line(tmp_path, further, said):
    folder = tmp_path / "out"
    result = call(*further, "-o", folder)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not folder.exists()


@pytest.mark.usefixtures("here")
def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    result = call(*arguments(tmp_path))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "holds something else than a sweep" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    other = tmp_path / "other"
    assert call(*arguments(other)).exit_code == 0
    again = call(*arguments(other, over="cells.density=1300 1/mm**2,2000 1/mm**2"))
    assert again.exit_code == 2
    assert "holds a sweep in which 'over' is" in again.stderr
    before = {path: path.read_bytes() for path in other.iterdir() if path.is_file()}
    for further, said in (
        (("--set", "cells.density=2000 1/mm**2"), "'settings' is"),
        (("--seed", "2"), "'seed' is 1, not 2"),
        (("--independent",), "'matched' is True, not False"),
        (("--at", "15 min"), "'times' is 30 min, not 15 min"),
    ):
        again = call(*arguments(other, *further))
        assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
        assert said in again.stderr
    assert {path: path.read_bytes() for path in other.iterdir() if path.is_file()} == before


# Dishes


def test_matched_dishes_share_their_seed_and_independent_ones_do_not():
    over = overs([f"{DOSE}=0 uM,1 uM,10 uM"])
    matched, independent = (
        ask(MODEL, over, dishes=5, settings=SMALL, independent=own) for own in (False, True)
    )
    assert len({d.seed for d in matched.all_dishes}) == 5
    assert len({d.seed for d in independent.all_dishes}) == 15
    more = ask(MODEL, over, dishes=7, settings=SMALL)
    assert more.all_dishes[:15] == matched.all_dishes


def test_a_value_is_counted_in_the_first_unit_and_k_i_in_it():
    over = overs([f"{DOSE}=0 uM,100 nM,2 uM"])
    question = ask(MODEL, over, dishes=2, settings=SMALL)
    (factor,) = question.factors
    assert (factor.numbers, factor.unit) == ((0.0, 100.0, 2000.0), "nM")
    spec = question.spec_at((1,))
    constant = constant_of(spec, factor)
    assert constant.value == pytest.approx(spec.agent["amd3100"].inhibition_constant)
    assert constant.competing(3.0 * constant.value) == pytest.approx(
        2.0 * spec.receptor.cxcr4.dissociation_constant
    )


@pytest.mark.usefixtures("here")
def test_a_sweep_is_a_tidy_table_a_dataset_and_a_picture(tmp_path):
    folder = tmp_path / "out"
    result = call(*arguments(folder))
    assert (result.exit_code, result.stderr) == (0, "")
    plain = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    assert [row["ratio"] for row in plain["values"][:2]] == [1.0, 1.0]
    assert plain["curves"][0]["half"] is None
    assert "fewer than" in plain["curves"][0]["reason"]
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")
    with xr.open_dataset(folder / "sweep.nc") as data:
        assert data["fold_change"].dims == ("value", "dish", "time", "region")
        assert data["value"].attrs == {"long_name": DOSE, "units": "uM"}
        folds = data["fold_change"].sel(value=0.0, region="MSC").values.ravel()
        seeds = data["seed"].sel(value=0.0).values
    # Dose 0 is the dish without the agent, bit by bit.
    for seed, fold in zip(seeds, folds, strict=True):
        untreated = read(Dish("cells", MODEL, SMALL, int(seed), (1800.0,)))
        own = [r for r in untreated if (r.quantity, r.of) == ("fold change", "MSC")]
        assert own[0].values[0] == fold
    assert "Dose of the half effect" in folder_page(folder)


def test_a_stored_dish_is_not_simulated_again_and_tables_are_the_same(tmp_path, by_none):
    folder = tmp_path / "out"
    assert call(*arguments(folder)).exit_code == 0
    before = {name: (folder / name).read_bytes() for name in FILES[1:]}
    assert len(by_none) == 4
    for kept in list((folder / "runs").glob("*.nc"))[:2]:
        kept.unlink()
    assert call(*arguments(folder)).exit_code == 0
    assert len(by_none) == 6
    assert {name: (folder / name).read_bytes() for name in FILES[1:]} == before


@pytest.mark.usefixtures("here")
def test_python_gives_frames_and_an_unfinished_folder_has_no_page(tmp_path):
    found = sweep(
        MODEL, {"mechanisms.haptotaxis": [True, False], DOSE: ["0 uM", "10 uM"]}, dishes=2,
        settings=dict(one.split("=") for one in SMALL), folder=tmp_path / "out",
    )  # fmt: skip
    assert found.data["fold_change"].dims[:2] == ("value", "value_2")
    assert list(found.data["value"].values) == ["true", "false"]
    assert len(found.dishes) == 2 * 2 * 2 * 3
    assert found.half_effects().empty
    assert set(found.values["region"]) == {"MSC", "network"}
    file = tmp_path / "out" / "sweep.json"
    plain = json.loads(file.read_text(encoding="utf-8"))
    del plain["values"]
    file.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(InputError, match="has not finished here"):
        folder_page(tmp_path / "out")


def test_the_cost_is_said_before_most_dishes_are_simulated(tmp_path, by_none):
    question = ask(MODEL, overs([f"{DOSE}=0 uM,1 uM,10 uM"]), dishes=2, settings=SMALL)
    said = []
    swept(question, tmp_path / "out", expected=lambda cost: said.append((cost, len(by_none))))
    ((cost, before),) = said
    assert (cost.dishes, cost.finished, before) == (6, 2, 2)
    assert cost.seconds > 0.0
    assert cost.bytes == pytest.approx(
        sum(p.stat().st_size for p in (tmp_path / "out" / "runs").iterdir()), rel=0.2
    )


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["program", "worker"])
def test_a_kill_loses_nothing(tmp_path, killed):
    folder, whole = tmp_path / "out", tmp_path / "whole"
    asked = arguments(folder, "--workers", "2", dishes=8)
    with subprocess.Popen([PROGRAM, "sweep", MODEL, *asked], start_new_session=True) as program:
        while len(list((folder / "runs").glob("*.nc"))) < 4:
            assert program.poll() is None
            time.sleep(0.02)
        children = psutil.Process(program.pid).children(recursive=True)
        if killed == "program":
            os.killpg(program.pid, signal.SIGKILL)
        else:
            next(one for one in children if "spawn_main" in " ".join(one.cmdline())).kill()
        program.wait()
    assert program.returncode == (-signal.SIGKILL if killed == "program" else 0)
    kept = {path: path.stat().st_mtime_ns for path in (folder / "runs").glob("*.nc")}
    assert len(kept) < 16 if killed == "program" else len(kept) == 16
    assert subprocess.run([PROGRAM, "sweep", MODEL, *asked], check=False).returncode == 0
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    command = [PROGRAM, "sweep", MODEL, *arguments(whole, dishes=8)]
    assert subprocess.run(command, check=False).returncode == 0
    for name in FILES[1:]:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


# Responses


def planted(half, *, end=2.0, seed=1, dishes=12, scatter=0.1, steepness=1.0):
    """Fold changes from 10 to an end, with a factor of each dish and scatter, of each dose."""
    rng = np.random.default_rng(seed)
    own = rng.lognormal(0.0, 0.3, dishes)
    mean = end + (10.0 - end) / (1.0 + (DOSES / half) ** steepness)
    return mean[:, None] * own * rng.lognormal(0.0, scatter, (len(DOSES), dishes))


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("half", [0.3, 2.0])
def test_a_planted_half_dose_is_found(half, matched):
    found = fit_response(DOSES, planted(half), matched=matched, unit="uM")
    assert found.half == pytest.approx(half, rel=0.35)
    assert found.low < half < found.high
    assert found.falls
    assert found.at(np.array([found.half])) == pytest.approx(0.5 * (found.start + found.end))


def test_a_rising_response_has_a_half_dose_too():
    found = fit_response(DOSES, planted(1.0, end=30.0), matched=True)
    assert not found.falls
    assert found.half == pytest.approx(1.0, rel=0.35)


def test_without_scatter_the_fit_is_exact_to_the_grid():
    curve = planted(0.7, scatter=1e-9)
    found = fit_response(DOSES, curve / curve.mean(axis=0), matched=True)
    assert found.half == pytest.approx(0.7, rel=0.03)
    assert found.low == pytest.approx(found.high, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (planted(1e6), "no effect beyond the scatter"),
        (planted(1e-4, scatter=0.01), "no effect beyond|below the lowest|do not determine"),
        (planted(300.0, end=0.1, scatter=0.01), "above the highest dose of 30"),
        (np.concatenate([planted(0.1)[:6], planted(1e6)[6:]]), "not monotone|no effect"),
        (planted(1.0)[:, :1], "fewer than"),
        (np.zeros((8, 5)), "is 0 at a dose"),
    ],
)
def test_no_half_effect_is_given_where_the_doses_show_none(values, reason):
    found = fit_response(DOSES, values, matched=True, unit="uM")
    assert found.half is None
    assert math.nan not in (found.low, found.high)

    assert re.search(reason, found.reason), found.reason


def test_a_way_back_beyond_scatter_is_named_with_its_doses():
    values = planted(0.1, scatter=0.02)
    values[6] *= 2.0
    found = fit_response(DOSES, values, matched=True, unit="uM")
    assert not found.monotone
    assert found.reason == "not monotone: it rises again from 3.00 to 10.0 uM"


def test_pairs_that_share_their_scatter_have_a_narrower_ratio():
    rng = np.random.default_rng(2)
    control = rng.lognormal(0.0, 0.5, 40)
    treated = 0.5 * control * rng.lognormal(0.0, 0.05, 40)
    widths = []
    for paired in (True, False):
        ratio, (low, high) = ratio_of_means(control, treated, paired=paired)
        assert low < 0.5 < high
        assert ratio == treated.mean() / control.mean()
        widths.append(math.log(high / low))
    assert widths[0] < 0.2 * widths[1]


def test_few_dishes_give_a_half_dose_without_an_interval():
    values = planted(1.0, scatter=0.02, dishes=2)
    found = fit_response(DOSES, values, matched=True)
    assert found.half == pytest.approx(1.0, rel=0.35)
    assert (found.few, found.low, found.high) == (True, None, None)
    assert not fit_response(DOSES, planted(1.0, dishes=6), matched=True).few


def test_a_slow_way_back_is_seen_though_no_step_of_it_is():
    mean = np.array([1.0, 0.9, 0.75, 0.5, 0.56, 0.62, 0.68, 0.74])
    seen = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = fit_response(DOSES, mean[:, None] * rng.lognormal(0.0, 0.15, (8, 10)), matched=True)
        seen += not found.monotone
    assert seen >= 9
