import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdf1_field.units import (
    _FACTORS,
    _MASS_FACTORS,
    BOUNDS,
    DIMENSIONS,
    MOLECULES_PER_UM3_PER_NM,
    bounded,
    duration_text,
    parse,
)

AVOGADRO = 6.02214076e23


@settings(deadline=None)
@given(
    st.sampled_from(sorted(DIMENSIONS)),
    st.floats(min_value=-1e30, max_value=1e30, allow_subnormal=False),
)
def test_canonical_text_parses_to_the_same_number(dimension, value):
    unit, _ = DIMENSIONS[dimension]
    assert parse(f"{value!r} {unit}", dimension) == pytest.approx(value, rel=1e-15, abs=1e-290)


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("1.4 mm", "length", 1400.0),
        ("12 h", "time", 43200.0),
        ("1.5 um/min", "speed", 0.025),
        ("1e-6 cm**2/s", "diffusivity", 100.0),
        ("0.04 1/min", "rate", 1.0 / 1500.0),
        ("0.04 /min", "rate", 1.0 / 1500.0),
        ("10 uM", "concentration", 1e4),
        ("2.16e6 1/(M*s)", "association rate", 2.16e-3),
        ("6500 sites/um**2", "surface density", 6500.0),
        ("3600 molecules/h", "secretion rate", 1.0),
        ("130 1/mm**2", "number density", 1.3e-4),
        ("502.8 g/mol", "molar mass", 0.5028),
        ("7.96 kDa", "molar mass", 7.96),
        ("-2 h", "time", -7200.0),
    ],
)
def test_units_convert_by_their_definition(text, dimension, expected):
    assert parse(text, dimension) == pytest.approx(expected, rel=1e-12)


@settings(deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e6), st.floats(min_value=0.1, max_value=200.0))
def test_mass_concentration_divided_by_molar_mass_is_a_molar_one(mass, molar_mass):
    # 1 ng/mL of a 1-kDa substance is 1 nM.
    value = parse(f"{mass!r} ng/mL", "concentration", molar_mass=molar_mass)
    assert value == pytest.approx(mass / molar_mass, rel=1e-12)


def test_hundred_nanograms_of_sdf1_per_millilitre_are_12_6_nanomolar():
    value = parse("100 ng/mL", "concentration", molar_mass=7.96)
    assert value == pytest.approx(12.563, abs=5e-4)


def test_a_molar_mass_leaves_a_molar_concentration_alone():
    assert parse("3 uM", "concentration", molar_mass=150.0) == pytest.approx(3000.0, rel=1e-12)


def test_one_nanomolar_holds_avogadros_share_of_molecules_per_cubic_micrometre():
    assert pytest.approx(AVOGADRO * 1e-9 * 1e-15, rel=1e-14) == MOLECULES_PER_UM3_PER_NM
    assert parse("1 molecule/um**3", "concentration") * MOLECULES_PER_UM3_PER_NM == pytest.approx(
        1.0, rel=1e-12
    )


@pytest.mark.parametrize("dimension", sorted(DIMENSIONS))
def test_the_example_of_a_dimension_belongs_to_it_and_to_no_other(dimension):
    _, example = DIMENSIONS[dimension]
    accepted = set()
    for other in DIMENSIONS:
        try:
            parse(example, other)
        except ValueError:
            continue
        accepted.add(other)
    assert accepted == {dimension}


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        ("5", "length", "'5' is not a length. Write it like '5 um'."),
        ("um", "length", "'um' is not a length. Write it like '5 um'."),
        ("", "time", "'' is not a time. Write it like '15 min'."),
        ("5 nM", "diffusivity", "'5 nM' is not a diffusivity. Write it like '150 um**2/s'."),
        ("5 bananas", "area", "'5 bananas' is not an area. Write it like '3000 um**2'."),
        ("1,5 um", "length", "'1,5 um' is not a length. Write it like '5 um'."),
        ("five um", "length", "'five um' is not a length. Write it like '5 um'."),
        ("nan um", "length", "'nan um' is not a length. Write it like '5 um'."),
        ("5 um)", "length", "'5 um)' is not a length. Write it like '5 um'."),
        ("1e400 um", "length", "'1e400 um' is too large. Write it like '5 um'."),
        ("2×10 um", "length", "'2×10 um' is not a length. Write it like '5 um'."),
        (
            "10³ nM",
            "concentration",
            "'10³ nM' is not a concentration. Write it like '4.5 nM'. Write a power of ten like "
            "'1e3'.",
        ),
        (
            "1e2×10³ um",
            "length",
            "'1e2×10³ um' is not a length. Write it like '5 um'. Write a power of ten like '1e3'.",
        ),
        (
            "5 ng/mL",
            "concentration",
            "'5 ng/mL' needs a molar mass to become a concentration. Write it like '4.5 nM'.",
        ),
    ],
)
def test_a_wrong_text_is_refused_with_an_example(text, dimension, message):
    with pytest.raises(ValueError) as caught:
        parse(text, dimension)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (90.0, "90 s"), (5400.0, "90 min"), (-86400.0, "-24 h"), (0.5, "0.5 s")],
)
def test_durations_are_written_in_the_largest_unit_that_divides_them(seconds, text):
    assert duration_text(seconds) == text
    assert parse(text, "time") == seconds


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("42 1/mm2", "number density", 42e-6),
        ("42 cells/mm2", "number density", 42e-6),
        ("5000 cells/cm^2", "number density", 5e-5),
        ("42 mm-2", "number density", 42e-6),
        ("1.5 um min-1", "speed", 0.025),
        ("0.5 molecules s-1", "secretion rate", 0.5),
        ("150 um2 s-1", "diffusivity", 150.0),
        ("150 µm²/s", "diffusivity", 150.0),
        ("2 µm·min⁻¹", "speed", 2.0 / 60.0),
        ("6500 sites um-2", "surface density", 6500.0),
        ("3 nmol L-1", "concentration", 3.0),
        ("0.01 um-1 h-1", "rate per length", 0.01 / 3600.0),
        ("2×10⁻³ um", "length", 0.002),
        ("−1.5 · 10² h", "time", -540000.0),
        ("4×10³ µm²·s⁻¹", "diffusivity", 4000.0),
    ],
)
def test_units_are_read_as_run_files_and_print_write_them(text, dimension, expected):
    assert parse(text, dimension) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("5 um cells", "length"),
        ("5 um/cell", "length"),
        ("1 cell/s", "rate"),
        ("42 cells**2/mm2", "number density"),
        ("3 cells", "line density"),
    ],
)
def test_cells_are_counted_in_number_densities_alone(text, dimension):
    with pytest.raises(ValueError, match=f"is not an? {dimension}"):
        parse(text, dimension)


@pytest.mark.parametrize(
    ("text", "dimension", "meant"),
    [
        ("10 um", "concentration", "10 uM"),
        ("5 uM", "length", "5 um"),
        ("3 nm", "concentration", "3 nM"),
    ],
)
def test_metre_for_molar_is_answered_with_the_other(text, dimension, meant):
    with pytest.raises(ValueError, match=f"'{text}' is not a {dimension}. Did you mean '{meant}'?"):
        parse(text, dimension)


@pytest.mark.parametrize("dimension", sorted(DIMENSIONS))
def test_bounds_hold_the_example_of_a_dimension_and_zero_and_nothing_beyond(dimension):
    unit, example = DIMENSIONS[dimension]
    low, high = BOUNDS[dimension]
    value = parse(example, dimension)
    assert low * 1e3 <= value <= high / 1e3
    assert bounded(value, example, dimension) == value
    assert bounded(0.0, f"0 {unit}", dimension) == 0.0
    for beyond, word in ((0.5 * low, "small"), (2.0 * high, "large"), (-2.0 * high, "large")):
        with pytest.raises(ValueError, match=f"is too {word} for"):
            bounded(beyond, f"{beyond} {unit}", dimension)


@pytest.mark.parametrize(
    ("dimension", "unit"),
    [(dimension, unit) for dimension, units in _FACTORS.items() for unit in units],
)
@settings(max_examples=20, deadline=None)
@given(number=st.floats(1e-9, 1e9))
def test_units_of_the_table_convert_as_pint_does_to_the_last_bit(dimension, unit, number):
    # Pint reads a unit in brackets, which the table does not have.
    assert parse(f"{number!r} {unit}", dimension) == parse(f"{number!r} ({unit})", dimension)


@pytest.mark.parametrize("unit", _MASS_FACTORS)
@settings(max_examples=20, deadline=None)
@given(number=st.floats(1e-9, 1e9), molar_mass=st.floats(0.1, 1e3))
def test_masses_per_volume_of_the_table_convert_as_pint_does(unit, number, molar_mass):
    told, asked = (
        parse(text, "concentration", molar_mass=molar_mass)
        for text in (f"{number!r} {unit}", f"{number!r} ({unit})")
    )
    assert told == asked


def test_a_number_too_large_for_a_float_is_refused_in_units_of_the_table():
    with pytest.raises(ValueError, match="is too large"):
        parse("1e400 um", "length")
