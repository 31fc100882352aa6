import numpy as np
import pytest

from sdf1_field import InputError
from sdf1_field.calibration.space import load_prior, make_space
from sdf1_field.spec import load_model

TAU = "cell_type.kg1a.adaptation_time"
BONDS = "cell_type.kg1a.cd166_bonds"
SIZE = "cell_type.kg1a.diameter"


@pytest.fixture(scope="module")
def model():
    return load_model("coculture-kg1a")


def test_an_interval_is_even_in_the_logarithm_unless_it_begins_at_0(model):
    time, bonds = make_space(model, [TAU, BONDS]).free
    assert (time.low, time.high, time.unit) == (1.0, 30.0, "min")
    assert time.setting(0.5) == f"{np.sqrt(30.0):.4g} min"
    assert (bonds.low, bonds.high) == (0.0, 5.0)
    assert bonds.setting(0.5) == 2.5


def test_a_models_values_are_a_point_that_gives_them_back(model):
    space = make_space(model, [TAU, BONDS])
    settings = space.settings(space.point(model))
    assert model.set(settings).spec == model.spec


def test_every_free_parameter_of_the_shipped_calibrations_has_an_interval_with_the_value_in_it():
    from sdf1_field.reproduce import load_paper

    for stage in load_paper("deniz2023").calibrations:
        cells = load_model(f"coculture-{stage.name}")
        point = make_space(cells, stage.free).point(cells)
        assert ((point >= 0.0) & (point <= 1.0)).all()


def test_other_intervals_replace_the_models_own(model, tmp_path):
    file = tmp_path / "prior.toml"
    file.write_text('[cell_type.kg1a]\nadaptation_time = ["2 min", "8 min"]\n')
    (time,) = make_space(model, [TAU], load_prior(file)).free
    assert time.setting(0.5) == "4 min"


@pytest.mark.parametrize(
    ("keys", "prior", "message"),
    [
        (["cell_type.kg1a.sped"], {}, "no such parameter.*speed"),
        (["dish.top"], {}, "it has no interval.*--prior"),
        (["mechanisms.arrest"], {"mechanisms.arrest": [False, True]}, "not a number"),
        ([TAU], {TAU: ["8 min", "2 min"]}, "does not rise.*lower end first"),
        ([TAU], {TAU: ["2 min", "3 h"]}, "two units"),
        ([TAU], {TAU: ["2 um", "3 um"]}, "adaptation_time"),
        ([TAU], {BONDS: [0.0, 1.0]}, "not free.*--free"),
        ([BONDS], {BONDS: [-1.0, 1.0]}, "cd166_bonds"),
    ],
)
def test_what_is_no_interval_is_refused(model, keys, prior, message):
    with pytest.raises(InputError, match=message):
        make_space(model, keys, prior)


def test_a_value_outside_of_its_interval_has_a_place_outside_of_the_cube(model):
    narrow = make_space(model, [TAU], {TAU: ["20 min", "40 min"]})
    (place,) = narrow.point(model)
    assert place < 0.0
    own = float(model[TAU].partition(" ")[0])
    assert float(narrow.settings([place])[TAU].partition(" ")[0]) == pytest.approx(own, rel=1e-3)


def test_0_has_no_place_on_a_logarithmic_scale(model):
    space = make_space(model, [BONDS], {BONDS: [1.0, 2.0]})
    with pytest.raises(InputError, match=r"logarithmic scale.*--prior"):
        space.point(model.set({BONDS: 0.0}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cell_type.kg1a]\nspeed = 3\n", "not an interval"),
        ("[cell_type\n", "not a TOML file"),
    ],
)
def test_a_prior_file_that_has_no_intervals_is_refused(tmp_path, text, message):
    file = tmp_path / "prior.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        load_prior(file)


def test_a_prior_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(InputError, match="Check --prior"):
        load_prior(tmp_path / "none.toml")
