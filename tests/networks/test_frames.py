"""Which frames a network sees, in which order, at which positions."""

from dataclasses import replace

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import FocalStack
from focaldepth.networks._frames import Seen, choose_frames, extra_inputs
from focaldepth.networks._spec import Convention, FocusForm, FrameOrder, Limits

METRES = (0.5, 1.0, 2.0, 4.0)


def stack(values: tuple[float, ...] = METRES, unit: Unit = Unit.METRE, **optics: float) -> FocalStack:
    axis = FocusAxis(np.array(values), unit)
    return FocalStack.from_arrays(np.zeros((len(values), 8, 8), np.uint8), axis, optics=Optics(**optics))  # type: ignore[arg-type]


def choose(
    of: FocalStack, convention: Convention, limits: Limits | None = None, *, weighs: bool = True
) -> tuple[Seen, list[str]]:
    warnings: list[str] = []
    return choose_frames(of, limits or Limits(1), convention, "net", warnings.append, weighs=weighs), warnings


def test_positions_are_told_in_the_unit_of_the_weights() -> None:
    seen, warnings = choose(stack(), Convention(Unit.METRE))
    np.testing.assert_allclose(seen.told, METRES)
    np.testing.assert_allclose(seen.blur, [2, 1, 0.5, 0.25])
    assert (seen.unit, seen.offset, seen.factor) == (Unit.METRE, 0, 1)
    assert not warnings
    assert seen.whole


def test_disparities_come_from_the_facts_of_the_light_field() -> None:
    seen, _ = choose(stack(disparity_scale_m_px=0.1), Convention(Unit.DISPARITY_PX, focus_factor=10, depth_factor=0.1))
    np.testing.assert_allclose(seen.positions, [0.2, 0.1, 0.05, 0.025])
    np.testing.assert_allclose(seen.told, [2, 1, 0.5, 0.25])
    assert seen.factor == 0.1


def test_a_network_that_weighs_frames_does_so_in_any_unit() -> None:
    seen, warnings = choose(stack(), Convention(Unit.DISPARITY_PX))
    assert seen.unit is Unit.DIOPTRE
    np.testing.assert_allclose(seen.told, seen.blur)
    assert "trained on focus positions in disparity_px" in warnings[0]
    assert "disparity_scale_m_px, which is unknown" in warnings[0]


def test_infinity_is_told_in_dioptres() -> None:
    seen, warnings = choose(stack((0.5, 1.0, np.inf)), Convention(Unit.METRE))
    np.testing.assert_allclose(seen.told, [2, 1, 0])
    assert "focused at infinity" in warnings[0]


def test_a_network_that_regresses_needs_the_unit() -> None:
    with pytest.raises(UnitError, match=r"net gives depth in disparity_px.*disparity_scale_m_px") as caught:
        choose(stack(), Convention(Unit.DISPARITY_PX), weighs=False)
    assert "--optics" in caught.value.hint
    with pytest.raises(UnitError, match="focused at infinity"):
        choose(stack((0.5, 1.0, np.inf)), Convention(Unit.METRE), weighs=False)


@pytest.mark.parametrize(
    ("form", "told"), [(FocusForm.OVER_LAST, [0.125, 0.25, 0.5, 1]), (FocusForm.UNIT_RANGE, [0, 1 / 7, 3 / 7, 1])]
)
def test_forms_of_positions(form: FocusForm, told: list[float]) -> None:
    seen, _ = choose(stack(), Convention(Unit.METRE, focus=form, depth_factor=3), weighs=False)
    np.testing.assert_allclose(seen.told, told)
    back = (0.5, 3.5) if form is FocusForm.UNIT_RANGE else (0, 3)
    assert (seen.offset, seen.factor) == back


@pytest.mark.parametrize("unit", [Unit.METRE, Unit.DIOPTRE])
@pytest.mark.parametrize("order", FrameOrder)
@pytest.mark.parametrize("turned", [False, True])
def test_frames_come_in_the_order_of_the_weights(unit: Unit, order: FrameOrder, turned: bool) -> None:
    """In metres the frames run near to far here, in dioptres far to near."""
    given = stack(METRES[::-1] if turned else METRES, unit)
    seen, warnings = choose(given, Convention(unit, order=order))
    near_first = (unit is Unit.METRE) is not turned
    wanted = near_first if order is FrameOrder.ANY else order is FrameOrder.NEAR_FIRST
    assert bool(seen.index[0] == 0) == (wanted == near_first)
    np.testing.assert_allclose(seen.positions, given.axis.values[seen.index.astype(int)])
    assert not warnings


def test_an_unknown_direction_is_said() -> None:
    given = stack((0, 1, 2), Unit.MICROMETRE)
    seen, warnings = choose(given, Convention(Unit.MICROMETRE, order=FrameOrder.NEAR_FIRST))
    assert seen.index.tolist() == [0, 1, 2]
    assert "give --reverse" in warnings[0]


def test_fewer_frames_are_those_nearest_to_even_steps() -> None:
    given = stack((0.0, 0.9, 2.1, 2.4, 3.2, 4.0), Unit.DIOPTRE)
    seen, warnings = choose(given, Convention(Unit.DIOPTRE), Limits(1, min_frames=3, max_frames=3))
    assert seen.index.tolist() == [0, 2, 5]
    assert "takes 3 frames, the stack has 6: it saw those nearest to even steps, number 1, 3, 6." in warnings[0]
    crowded = stack((0.0, 3.7, 3.8, 3.9, 4.0), Unit.DIOPTRE)
    assert choose(crowded, Convention(Unit.DIOPTRE), Limits(1, 1, 4, 4))[0].index.tolist() == [0, 1, 3, 4]


def test_missing_frames_are_mixed() -> None:
    seen, warnings = choose(stack((0, 1, 4), Unit.DIOPTRE), Convention(Unit.DIOPTRE), Limits(1, 1, 5, 5))
    np.testing.assert_allclose(seen.blur, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(seen.index, [0, 1, 4 / 3, 5 / 3, 2])
    assert not seen.whole
    (low, share), (high, rest) = seen.parts(2)
    assert (low, high) == (1, 2)
    assert (share, rest) == pytest.approx((2 / 3, 1 / 3))
    assert seen.parts(1) == [(1, 1.0)]
    assert "were mixed from their neighbours" in warnings[0]


def test_the_field_of_view_is_that_of_the_thin_lens() -> None:
    """A lens of 50 mm focused at 0.5 m has its sensor 55.6 mm behind it, at infinity 50 mm: there it shows more."""
    given = stack((0.5, np.inf), focal_length_m=0.05)
    seen, _ = choose(given, Convention(Unit.DIOPTRE))
    warnings: list[str] = []
    found = extra_inputs("dff-in-the-wild-e2e", given, seen, warnings.append)
    np.testing.assert_allclose(found["field_of_view"], [1, 1 / 0.9])
    assert not warnings
    unknown = replace(given, optics=Optics())
    assert extra_inputs("dff-in-the-wild-e2e", unknown, seen, warnings.append)["field_of_view"].tolist() == [1, 1]
    assert "focal_length_m, which is unknown" in warnings[0]
    assert extra_inputs("dfv", given, seen, warnings.append) == {}
