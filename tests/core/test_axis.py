"""Units and the focus axis: laws of conversion, order of frames, refusal of disorder."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from focaldepth.core.axis import FocusAxis, Unit, convert, slope
from focaldepth.core.errors import AxisError, UnitError
from focaldepth.core.optics import LensModel, Optics

OPTICS = Optics(disparity_scale_m_px=0.02)
DISTANCES = (Unit.METRE, Unit.DIOPTRE, Unit.DISPARITY_PX)
LINKED = [(a, b) for a in DISTANCES for b in DISTANCES] + [
    (Unit.METRE, Unit.MICROMETRE),
    (Unit.MICROMETRE, Unit.METRE),
    (Unit.MICROMETRE, Unit.MICROMETRE),
    (Unit.INDEX, Unit.INDEX),
]
links = st.sampled_from(LINKED)
positive = st.floats(1e-3, 1e3)
axes = st.lists(st.integers(1, 10_000), min_size=2, max_size=30, unique=True).map(sorted)


class TestUnit:
    @pytest.mark.parametrize("unit", Unit)
    def test_every_unit_reads_its_own_name_and_symbol(self, unit: Unit) -> None:
        assert Unit.parse(unit.value) is unit
        assert Unit.parse(unit.symbol) is unit

    @pytest.mark.parametrize(
        ("text", "unit"),
        [("m", "metre"), ("Meters", "metre"), (" D ", "dioptre"), ("µm", "micrometre"), ("μm", "micrometre"),
         ("micron", "micrometre"), ("px", "disparity_px"), ("frames", "index")],
    )  # fmt: skip
    def test_usual_short_forms(self, text: str, unit: str) -> None:
        assert Unit.parse(text).value == unit

    @pytest.mark.parametrize(
        ("text", "unit", "factor"), [("mm", "metre", 1e-3), ("cm", "metre", 1e-2), ("nm", "micrometre", 1e-3)]
    )
    def test_positions_may_be_written_in_scaled_units(self, text: str, unit: str, factor: float) -> None:
        assert Unit.parse_scaled(text) == (Unit(unit), factor)

    def test_a_scaled_unit_is_no_unit_of_results(self) -> None:
        with pytest.raises(UnitError, match=r"'mm' is not a unit of results. Known: dioptre, disparity_px, index,"):
            Unit.parse("mm")

    def test_an_unknown_unit_lists_the_known_ones(self) -> None:
        with pytest.raises(UnitError, match=r"unknown unit 'furlong'. Known: dioptre, .*, mm, cm, nm\."):
            Unit.parse("furlong")

    def test_where_larger_means_nearer(self) -> None:
        assert {u for u in Unit if u.larger_is_nearer} == {Unit.DIOPTRE, Unit.DISPARITY_PX}


class TestConvert:
    @given(links, positive)
    def test_there_and_back_is_the_same(self, link: tuple[Unit, Unit], value: float) -> None:
        source, target = link
        back = convert(convert(value, source, target, OPTICS), target, source, OPTICS)
        assert back == pytest.approx(value, rel=1e-12)

    @given(st.sampled_from(DISTANCES), st.sampled_from(DISTANCES), st.sampled_from(DISTANCES), positive)
    def test_a_detour_changes_nothing(self, a: Unit, b: Unit, c: Unit, value: float) -> None:
        detour = convert(convert(value, a, b, OPTICS), b, c, OPTICS)
        assert detour == pytest.approx(convert(value, a, c, OPTICS), rel=1e-12)

    @given(links, positive, st.floats(1.01, 10))
    def test_order_follows_larger_is_nearer(self, link: tuple[Unit, Unit], value: float, factor: float) -> None:
        source, target = link
        grows = convert(value * factor, source, target, OPTICS) > convert(value, source, target, OPTICS)
        assert grows == (source.larger_is_nearer == target.larger_is_nearer)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("link", LINKED)
    def test_arrays_keep_shape_and_precision(self, link: tuple[Unit, Unit], dtype: type) -> None:
        values = np.array([[0.5, 1.0], [2.0, np.nan]], dtype)
        for law in (convert, slope):
            out = law(values, *link, OPTICS)
            assert out.shape == values.shape
            assert out.dtype == dtype
        np.testing.assert_allclose(convert(values, *link, OPTICS)[0, 1], convert(1.0, *link, OPTICS), rtol=1e-6)

    def test_infinity_is_zero_dioptres_and_back(self) -> None:
        assert convert(np.inf, Unit.METRE, Unit.DIOPTRE) == 0
        assert convert(0.0, Unit.DIOPTRE, Unit.METRE) == np.inf

    def test_nan_stays_nan(self) -> None:
        assert np.isnan(convert(np.array([np.nan]), Unit.METRE, Unit.DIOPTRE)).all()

    def test_units_may_be_given_by_name(self) -> None:
        assert convert(1.0, "metre", "micrometre") == 1e6

    def test_disparity_without_its_scale_names_the_missing_fact(self) -> None:
        for target in (Unit.METRE, Unit.DIOPTRE):
            with pytest.raises(UnitError, match=r"needs disparity_scale_m_px, which is unknown. Give it with --optics"):
                convert(1.0, Unit.DISPARITY_PX, target)

    @pytest.mark.parametrize(
        ("source", "target"),
        [("index", "metre"), ("metre", "index"), ("micrometre", "dioptre"), ("disparity_px", "micrometre")],
    )
    def test_units_without_a_law_say_what_to_give(self, source: str, target: str) -> None:
        with pytest.raises(UnitError, match=rf"no law leads from {source} to {target}\. .*\(--focus\)"):
            convert(1.0, Unit(source), Unit(target), OPTICS)


class TestSlope:
    @given(links, positive)
    def test_agrees_with_finite_differences(self, link: tuple[Unit, Unit], value: float) -> None:
        step = value * 1e-5
        rise = convert(value + step, *link, OPTICS) - convert(value - step, *link, OPTICS)
        assert slope(value, *link, OPTICS) == pytest.approx(abs(rise) / (2 * step), rel=1e-6)

    @given(links, positive)
    def test_the_way_back_has_the_inverse_slope(self, link: tuple[Unit, Unit], value: float) -> None:
        source, target = link
        there = slope(value, source, target, OPTICS)
        back = slope(convert(value, source, target, OPTICS), target, source, OPTICS)
        assert there * back == pytest.approx(1, rel=1e-12)

    def test_a_constant_slope_holds_at_infinity(self) -> None:
        assert slope(np.array([np.inf]), Unit.METRE, Unit.MICROMETRE).tolist() == [1e6]
        assert slope(np.inf, Unit.METRE, Unit.METRE) == 1


class TestFocusAxis:
    def test_values_are_an_own_read_only_copy(self) -> None:
        given_values = np.array([1.0, 2.0])
        axis = FocusAxis(given_values, Unit.METRE)
        given_values[0] = 9
        assert axis.values.tolist() == [1, 2]
        assert axis.values.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            axis.values[0] = 3
        with pytest.raises(AttributeError):
            axis.unit = Unit.INDEX

    def test_the_unit_may_be_given_by_name(self) -> None:
        assert FocusAxis(np.array([1.0, 2.0]), "m").unit is Unit.METRE

    def test_equality_and_hash_follow_values_and_unit(self) -> None:
        a, b = FocusAxis(np.array([1.0, 2.0]), Unit.METRE), FocusAxis(np.array([1.0, 2.0]), Unit.METRE)
        assert a == b
        assert hash(a) == hash(b)
        assert a != FocusAxis(np.array([1.0, 2.0]), Unit.DIOPTRE)
        assert a != FocusAxis(np.array([1.0, 3.0]), Unit.METRE)
        assert a != "axis"

    @pytest.mark.parametrize(
        ("values", "unit", "message"),
        [
            ([[1.0]], "metre", r"got shape \(1, 1\). Give one number per frame"),
            ([], "metre", r"got shape \(0,\). Give one number per frame"),
            ([1, np.nan], "metre", r"focus position 2 is nan. Give one finite number per frame"),
            ([1, np.inf], "dioptre", r"focus position 2 is inf. Give one finite number"),
            ([-np.inf, 1], "metre", r"focus position 1 is -inf"),
            ([0, 1], "metre", r"focus position 1 is 0 m, which no lens can focus at. Metres must be above 0"),
            ([2, -1], "metre", r"focus position 2 is -1 m"),
            ([1, -0.5], "dioptre", r"focus position 2 is -0.5 1/m, .* dioptres at least 0"),
            ([1, 2, 2], "metre", r"frames 2 and 3 have the same focus position 2 m. Remove one of the two"),
            ([1, np.inf, np.inf], "metre", r"frames 2 and 3 have the same focus position inf m"),
            ([1, 3, 2], "metre", r"change direction at frame 3 \(2 m\). Order the frames from near to far"),
            ([1, 2, 1.5, 3], "index", r"change direction at frame 3 \(1.5 frame\)"),
        ],
    )  # fmt: skip
    def test_impossible_positions_are_refused(self, values: list[float], unit: str, message: str) -> None:
        with pytest.raises(AxisError, match=message):
            FocusAxis(np.array(values), Unit(unit))

    @pytest.mark.parametrize(
        ("values", "unit"),
        [([0.5, 1, np.inf], "metre"), ([3, 0], "dioptre"), ([-5, 0, 5], "micrometre"), ([1.5, -1.5], "disparity_px"),
         ([4], "metre")],
    )  # fmt: skip
    def test_possible_positions_are_kept(self, values: list[float], unit: str) -> None:
        assert FocusAxis(np.array(values), Unit(unit)).values.tolist() == values

    def test_frames_counts_from_zero(self) -> None:
        axis = FocusAxis.frames(4)
        assert (axis.values.tolist(), axis.unit, len(axis)) == ([0, 1, 2, 3], Unit.INDEX, 4)

    @pytest.mark.parametrize(
        ("values", "unit", "expected"),
        [([1, 2], "metre", True), ([2, 1], "metre", False), ([3, 1], "dioptre", True), ([1, 3], "dioptre", False),
         ([2, -2], "disparity_px", True), ([0, 1], "index", None), ([0, 5], "micrometre", None), ([1], "metre", None)],
    )  # fmt: skip
    def test_direction(self, values: list[float], unit: str, expected: bool | None) -> None:
        assert FocusAxis(np.array(values), Unit(unit)).near_to_far is expected

    @given(axes, st.sampled_from(DISTANCES), st.sampled_from(DISTANCES), st.booleans())
    def test_to_keeps_order_and_direction(self, values: list[int], a: Unit, b: Unit, flip: bool) -> None:
        axis = FocusAxis(np.array(values[::-1] if flip else values) / 100, a)
        moved = axis.to(b, OPTICS)
        assert moved.unit is b
        assert moved.near_to_far == axis.near_to_far
        np.testing.assert_allclose(moved.to(a, OPTICS).values, axis.values, rtol=1e-12)

    def test_metres_of_a_lens_in_air_are_blur_linear_in_dioptres(self) -> None:
        axis = FocusAxis(np.array([0.5, 1, np.inf]), Unit.METRE)
        for optics in (None, Optics(), Optics(model=LensModel.THIN_LENS)):
            assert axis.blur_linear(optics) == FocusAxis(np.array([2.0, 1, 0]), Unit.DIOPTRE)

    @pytest.mark.parametrize("model", [LensModel.TELECENTRIC, LensModel.MICROSCOPE])
    def test_stage_travel_of_flat_optics_is_blur_linear_as_it_is(self, model: LensModel) -> None:
        for unit in (Unit.METRE, Unit.MICROMETRE):
            axis = FocusAxis(np.array([1.0, 2.0]), unit)
            assert axis.blur_linear(Optics(model=model)) is axis

    @pytest.mark.parametrize("unit", [Unit.DIOPTRE, Unit.DISPARITY_PX, Unit.INDEX, Unit.MICROMETRE])
    def test_other_units_are_blur_linear_as_they_are(self, unit: Unit) -> None:
        axis = FocusAxis(np.array([1.0, 2.0]), unit)
        assert axis.blur_linear() is axis

    @given(st.floats(0.3, 10), st.floats(0.3, 10), st.floats(0.3, 10))
    def test_blur_of_a_thin_lens_grows_in_proportion_on_the_blur_linear_axis(
        self, focus: float, first: float, second: float
    ) -> None:
        """Blur A f |x - s| / (x (s - f)) of a point at x, focused at s, over the distance in dioptres."""
        assume(abs(first / focus - 1) > 1e-3 and abs(second / focus - 1) > 1e-3)
        f, aperture = 0.05, 0.02
        axis = FocusAxis(np.array(sorted({focus, first, second})), Unit.METRE).blur_linear()
        dioptre = dict(zip(sorted({focus, first, second}), axis.values, strict=True))
        ratios = [
            aperture * f * abs(x - focus) / (x * (focus - f)) / abs(dioptre[x] - dioptre[focus])
            for x in (first, second)
        ]
        assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)

    @given(axes, st.booleans(), st.data())
    def test_index_of_undoes_at(self, values: list[int], flip: bool, data: st.DataObject) -> None:
        axis = FocusAxis(np.array(values[::-1] if flip else values) / 10, Unit.METRE)
        index = data.draw(st.floats(0, len(axis) - 1))
        np.testing.assert_allclose(axis.index_of(axis.at(index)), index, atol=1e-9)

    @given(axes, st.booleans())
    def test_at_whole_indices_gives_the_frames_positions(self, values: list[int], flip: bool) -> None:
        axis = FocusAxis(np.array(values[::-1] if flip else values), Unit.METRE)
        np.testing.assert_array_equal(axis.at(np.arange(len(axis))), axis.values)
        np.testing.assert_array_equal(axis.index_of(axis.values), np.arange(len(axis)))

    def test_outside_the_frames_is_clamped(self) -> None:
        axis = FocusAxis(np.array([4.0, 2.0, 1.0]), Unit.DIOPTRE)
        assert axis.at([-1, 5]).tolist() == [4, 1]
        assert axis.index_of([9, 0.1]).tolist() == [0, 2]

    def test_shapes_are_kept(self) -> None:
        axis = FocusAxis.frames(3)
        assert axis.at(np.zeros((2, 3))).shape == axis.index_of(np.zeros((2, 3))).shape == (2, 3)

    def test_take_keeps_the_given_order(self) -> None:
        axis = FocusAxis(np.array([1.0, 2.0, 4.0]), Unit.METRE)
        assert axis.take([2, 0]) == FocusAxis(np.array([4.0, 1.0]), Unit.METRE)


def test_minus_zero_is_zero() -> None:
    """Stage positions 0, -0.5, -1 come out of files as -0.0."""
    axis = FocusAxis(np.array([-0.0, -0.5, -1]), Unit.MICROMETRE)
    same = FocusAxis(np.array([0.0, -0.5, -1]), Unit.MICROMETRE)
    assert (axis, hash(axis)) == (same, hash(same))
    assert not np.signbit(axis.values[0])
