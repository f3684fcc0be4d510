import itertools
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import Unit
from focaldepth.report.scale import (
    Tick,
    display_for,
    fixed,
    percent,
    round_marks,
    seconds,
    significant,
    spread,
    tick_step,
    ticks,
)


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


@given(st.floats(1e-3, 1e4), st.floats(1.05, 1e4))
def test_uneven_marks_are_round_told_apart_and_do_not_crowd(low, ratio):
    high = low * ratio
    marks = round_marks(low, high, lambda v: 100 * (1 / low - 1 / v) / (1 / low - 1 / high))
    texts = [m.text for m in marks]
    assert len(set(texts)) == len(texts) >= 1
    assert all(0 <= m.at <= 100 and low * 0.99 <= float(m.text) <= high * 1.01 for m in marks)
    for left, right in itertools.pairwise(marks):
        assert right.at - left.at >= 8
        assert float(left.text) < float(right.text)


def test_marks_of_a_short_range_have_the_digits_that_tell_them_apart():
    marks = round_marks(238.4, 252.9, lambda v: 100 * (v - 238.4) / 14.5)
    assert [m.text for m in marks] == ["240", "245", "250"]
    near = round_marks(0.2384, 0.2529, lambda v: 100 * (v - 0.2384) / 0.0145)
    assert [m.text for m in near] == ["0.240", "0.245", "0.250"]


def test_long_labels_need_more_room():
    crowd = [Tick(10.0 * i, "0.250") for i in range(11)]
    assert len(spread(crowd, letter=4.0)) < len(spread(crowd, letter=0.1)) == 11


@given(st.floats(1e-6, 1e9), st.integers(1, 7))
def test_significant_digits_keep_the_value(value, digits):
    for pad in (True, False):
        text = significant(value, digits, pad)
        assert "e" not in text
        assert float(text) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))


def test_short_ranges_below_a_metre_are_told_in_millimetres():
    assert display_for(0.2416, 0.2511, Unit.METRE).symbol == "mm"
    assert display_for(0.12, 0.99, Unit.METRE).symbol == "m"
    assert display_for(1.95, 2.0, Unit.METRE).symbol == "m"


def test_infinity_of_a_lens_is_told_in_kilometres():
    assert display_for(0, 20, Unit.METRE).rounded(7_223_525.8, 3) == "7220 km"
    assert display_for(0, 20, Unit.METRE).rounded(208.1, 3) == "208 m"
    assert display_for(0, 20, Unit.INDEX).rounded(20_000, 3) == "20000 frames"
