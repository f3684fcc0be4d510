"""What a method states, and what it refuses on the strength of it."""

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import StackError, UnitError
from focaldepth.core.method import Access, Citation, Method, MethodSpec
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap, Estimate
from focaldepth.core.stack import FocalStack


def spec(**facts: object) -> MethodSpec:
    return MethodSpec("Title", Access.STREAM, "Good for tests.", **facts)


def stack(n: int, unit: Unit = Unit.METRE) -> FocalStack:
    axis = FocusAxis(np.arange(1.0, n + 1), unit)
    return FocalStack.from_arrays(np.zeros((n, 2, 2), np.uint8), axis, name="coin")


@pytest.mark.parametrize("n", [3, 4, 5])
def test_a_number_of_frames_within_the_limits_is_taken(n: int) -> None:
    spec(min_frames=3, max_frames=5).check(stack(n), "m")


def test_too_few_frames_name_method_limit_and_stack() -> None:
    with pytest.raises(StackError, match=r"coin: quick takes 3 or more frames, this stack has 2. Give another number"):
        spec(min_frames=3).check(stack(2), "quick")


def test_too_many_frames_name_both_limits() -> None:
    with pytest.raises(StackError, match=r"quick takes 2 to 4 frames, this stack has 5. .*--method"):
        spec(max_frames=4).check(stack(5), "quick")


def test_a_unit_that_is_not_understood_lists_those_that_are() -> None:
    with pytest.raises(UnitError, match=r"coin: quick does not understand a focus axis in index. It takes: metre, dio"):
        spec(units=(Unit.METRE, Unit.DIOPTRE)).check(stack(2, Unit.INDEX), "quick")


def test_every_unit_is_understood_by_default() -> None:
    for unit in Unit:
        spec().check(stack(2, unit), "m")


def test_facts_are_frozen_and_comparable() -> None:
    citation = Citation("key2020", "A. Author: Title. 2020.")
    assert spec(citations=(citation,)) == spec(citations=(Citation("key2020", "A. Author: Title. 2020."),))
    assert hash(spec()) == hash(spec())
    with pytest.raises(AttributeError):
        spec().title = "other"


def test_a_class_with_spec_and_call_is_a_method() -> None:
    class Flat:
        spec = spec()

        def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
            h, w, _ = stack.shape
            plane = np.zeros((h, w), np.float32)
            return Estimate(DepthMap(plane, stack.blur_axis.unit, plane == 0), plane)

    assert isinstance(Flat(), Method)
    assert not isinstance(object(), Method)
