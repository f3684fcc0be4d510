from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import Unit
from focaldepth.report.scale import display_for, fixed, percent, seconds, tick_step, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_inside(low, span):
    marks = ticks(low, low + span)
    step = tick_step(low, low + span)
    assert 1 <= len(marks) <= 6
    assert all(low - 1e-6 * step - 1e-9 <= m <= low + span + 1e-6 * step + 1e-9 for m in marks)
    mantissa = float(f"{step:.6e}".split("e")[0])
    assert mantissa in (1.0, 2.0, 5.0)


@pytest.mark.parametrize(
    ("largest", "unit", "symbol"),
    [
        (2.0, Unit.METRE, "m"),
        (0.05, Unit.METRE, "mm"),
        (5e-4, Unit.METRE, "µm"),
        (40.0, Unit.MICROMETRE, "µm"),
        (25_000.0, Unit.MICROMETRE, "mm"),
        (3.0, Unit.DIOPTRE, "1/m"),
        (12.0, Unit.INDEX, "frames"),
    ],
)
def test_prefix_suits_the_size(largest, unit, symbol):
    show = display_for(0.0, largest, unit)
    assert show.symbol == symbol
    assert 0.1 <= show.factor * largest < 10_000


def test_index_is_never_labelled_metric():
    assert display_for(0, 9, Unit.INDEX).caption == "frame (no unit)"


def test_value_has_the_digits_its_error_supports():
    show = display_for(0, 2, Unit.METRE)
    assert show.measured(0.61234, 0.0421) == "0.612 ± 0.042 m"
    assert show.measured(0.61234, None) == "0.6123 m"


def test_numbers_in_words():
    assert fixed(-0.0001, 2) == "0.00"
    assert fixed(-1.5, 1) == "−1.5"
    assert fixed(inf, 1) == "∞"
    assert percent(0.0) == "0 %"
    assert percent(0.0002) == "< 0.1 %"
    assert seconds(0.05) == "50 ms"
