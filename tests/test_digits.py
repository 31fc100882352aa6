import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdf1_field.digits import interval_text, number_text, spread_text

sizes = st.floats(min_value=1e-12, max_value=1e12)
values = sizes | sizes.map(lambda value: -value) | st.just(0.0)


def written(text):
    """Exact value of a number as text, its decimals, and half a unit of its last printed digit.

    The whole part of a number may end in zeros that are not digits of it, so its half unit is only
    known if it has decimals.
    """
    plain = text.replace(",", "")
    digits, _, exponent = plain.partition("e")
    decimals = len(digits.partition(".")[2])
    unit = Fraction(10) ** (int(exponent or 0) - decimals)
    return Fraction(plain), decimals, unit / 2


def figures(text):
    """Digits of a number from the first that is not 0."""
    return re.sub(r"[^0-9]", "", text.partition("e")[0]).lstrip("0")


def magnitude(value):
    """Power of ten of the second figure of a value."""
    return Fraction(10) ** (int(f"{value:.1e}".partition("e")[2]) - 1)


@given(mean=values, deviation=sizes)
def test_a_mean_has_as_many_decimals_as_its_deviation_and_is_within_half_a_unit(mean, deviation):
    shown, error = spread_text(mean, deviation).split(" ± ")
    (number, decimals, half), (spread, others, _) = written(shown), written(error)
    assert decimals == others
    assert shown.partition("e")[2] == error.partition("e")[2]
    if deviation > 1e-4 * abs(mean):
        half = max(half, magnitude(deviation) / 2)
        assert abs(spread - Fraction(deviation)) <= magnitude(deviation) / 2
        # The unit of both is that of the deviation's second figure, no finer and no coarser.
        assert number % magnitude(deviation) == 0
        assert abs(number - Fraction(mean)) <= magnitude(deviation) / 2
    else:
        assert abs(number - Fraction(mean)) <= Fraction(1, 200) * abs(Fraction(mean))


@given(value=values, below=sizes, above=sizes)
def test_a_value_and_its_interval_have_the_same_decimals_and_lose_no_more_than_they_may(
    value, below, above
):
    low, high = value - below, value + above
    shown, between = interval_text(value, (low, high)).removesuffix(")").split(" (")
    texts = [shown, *between.split(" to ")]
    assert len({written(text)[1] for text in texts}) == 1
    half_width = Fraction(0.5 * high - 0.5 * low)
    for text, exact in zip(texts, (value, low, high), strict=True):
        number, _, _ = written(text)
        if half_width > Fraction(1e-3) * abs(Fraction(value)):
            # Two figures: never further off than a twentieth of half the width.
            assert abs(number - Fraction(exact)) <= half_width / 20
    # And at most one figure more than half the width has.
    finest = magnitude(float(half_width) / 10) if half_width else 0
    if half_width > Fraction(1e-3) * abs(Fraction(value)):
        assert all(written(text)[0] % finest == 0 for text in texts)


@given(value=values)
def test_a_number_without_an_error_has_three_figures(value):
    text = number_text(value)
    number, _, _ = written(text)
    assert abs(number - Fraction(value)) <= Fraction(1, 200) * abs(Fraction(value))
    if value:
        assert len(figures(text)) >= 3
        assert len(figures(text).rstrip("0")) <= 3


@given(value=st.floats(min_value=1e-3, max_value=9.9e8))
def test_what_a_person_can_read_has_no_exponent(value):
    for text in (number_text(value), spread_text(value, 0.3 * value)):
        assert "e" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (spread_text(144.0, 213.0), "140 ± 210"),
        (spread_text(7.3712, 0.0), "7.37 ± 0.00"),
        (spread_text(0.5, 1e-17), "0.500 ± 0.000"),
        (spread_text(0.0, 0.0), "0 ± 0"),
        (spread_text(0.12, None), "0.120"),
        (spread_text(None, 0.1), "-"),
        (spread_text(5.8e-4, 2.1e-5), "5.80e-4 ± 0.21e-4"),
        (interval_text(22330.0, (14502.0, 30158.0)), "22,300 (14,500 to 30,200)"),
        (interval_text(0.156, (0.0291, 0.282)), "0.16 (0.03 to 0.28)"),
        (interval_text(0.875, (0.332, 2.31)), "0.88 (0.33 to 2.31)"),
        (interval_text(300.0, (240.0, 420.0), factor=1 / 60), "5.0 (4.0 to 7.0)"),
        (interval_text(2.0, (float("nan"), 3.0)), "2.00"),
        (interval_text(float("nan"), (1.0, 3.0)), "-"),
        (number_text(0.0009996), "0.00100"),
        (number_text(-0.0), "0"),
        (number_text(8.57259e6), "8,570,000"),
        (number_text(3.2e-7), "3.20e-7"),
    ],
)
def test_numbers_are_written_as_a_person_would(text, expected):
    assert text == expected
