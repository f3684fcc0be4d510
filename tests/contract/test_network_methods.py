"""One contract for every network as a method: weights that mean nothing give maps that keep every promise but depth.

What a trained network must keep besides (laws, depth of a scene) is checked in `test_methods.py` for methods without
training, and for networks on a network that needs none (`tests/networks/toy.py`).
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import Cancelled, StackError, UnitError, WeightsError
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run, Silent
from focaldepth.core.result import Estimate
from focaldepth.core.stack import FocalStack, SelectedSource
from focaldepth.networks._catalogue import VARIABLE
from focaldepth.networks._loaded import load
from focaldepth.networks._method import NetworkMethod, method_class
from focaldepth.networks._spec import NETWORKS, FrameOrder
from focaldepth.scenes.layers import LayeredScene, render

OF_FRAMES = [name for name in NETWORKS.names() if not NETWORKS.get(name).views]
OF_VIEWS = [name for name in NETWORKS.names() if NETWORKS.get(name).views]


LENS = Optics(focal_length_m=0.004, disparity_scale_m_px=0.1)
"""Facts that every law between units needs."""


@cache
def stack_of(n: int = 3, height: int = 40, width: int = 35) -> FocalStack:
    scene = render(LayeredScene(seed=3, frames=n, height=height, width=width, contrast=1.0))
    return replace(scene.stack, optics=LENS)


FEW = 5
"""Frames of networks that fix their number; they see fewer, and more, in the tests."""


# Of the module, so that tests of one network follow each other and it is made once.
@pytest.fixture(scope="module", params=OF_FRAMES)
def method(request: pytest.FixtureRequest) -> Iterator[NetworkMethod]:
    name, known = str(request.param), NETWORKS.get(request.param)
    default: Any = known.default
    if default.limits.fixed_frames:
        known = replace(known, default=replace(default, frames=FEW))
    with pytest.MonkeyPatch.context() as patch:
        real = NETWORKS.get
        patch.setitem(NETWORKS.__dict__, "get", lambda asked: known if asked == name else real(asked))
        method_class.cache_clear()
        yield method_class(name)(weights="random", device="cpu")
    method_class.cache_clear()
    load.cache_clear()


def frames_that_fit(method: NetworkMethod, wanted: int) -> int:
    return max(wanted, method.spec.min_frames)


@pytest.fixture(scope="module")
def stack(method: NetworkMethod) -> FocalStack:
    return stack_of(frames_that_fit(method, 3))


@pytest.fixture(scope="module")
def estimate(method: NetworkMethod, stack: FocalStack) -> Estimate:
    return method(stack, Run(threads=1))


def assert_keeps_the_contract(found: Estimate, stack: FocalStack, method: NetworkMethod) -> None:
    shape, axis, gives = stack.shape[:2], stack.blur_axis, method.spec.gives
    assert found.map.shape == found.index.shape == shape
    assert (found.map.values.dtype, found.map.valid.dtype, found.index.dtype) == (np.float32, bool, np.float32)
    assert found.map.unit is axis.unit
    valid = found.map.valid
    np.testing.assert_array_equal(np.isnan(found.map.values), ~valid)
    inside = found.map.values[valid]
    slack = 1e-4 * float(np.ptp(axis.values))
    assert ((inside >= axis.values.min() - slack) & (inside <= axis.values.max() + slack)).all()
    assert np.isfinite(found.index).all()
    assert 0 <= found.index.min() <= found.index.max() <= len(stack) - 1
    np.testing.assert_allclose(axis.at(found.index[valid]), inside, atol=100 * slack)
    assert ("sigma" in gives) == (found.map.sigma is not None)
    if found.map.sigma is not None:
        assert (found.map.sigma[valid] > 0).all()
    assert found.all_in_focus is not None
    assert (found.all_in_focus.shape, found.all_in_focus.dtype) == (stack.shape, stack.dtype)
    assert found.filled is not None
    assert found.filled.valid.all()
    np.testing.assert_array_equal(found.filled.values[valid], inside)


def test_maps_keep_their_promises(method: NetworkMethod, stack: FocalStack, estimate: Estimate) -> None:
    assert_keeps_the_contract(estimate, stack, method)
    assert estimate.weights["name"] == "random"


def test_a_weighted_mean_of_positions_is_valid(method: NetworkMethod, estimate: Estimate) -> None:
    if "sigma" in method.spec.gives:
        assert estimate.map.valid.all()


def test_it_says_loudly_that_it_was_never_trained(method: NetworkMethod, stack: FocalStack) -> None:
    said: list[str] = []
    method(stack, Run(threads=1, warn=said.append))
    assert [line for line in said if "RANDOM WEIGHTS" in line and method.network in line]


def test_the_same_input_gives_the_same_numbers(method: NetworkMethod, stack: FocalStack, estimate: Estimate) -> None:
    again = method(stack, Run(threads=1))
    np.testing.assert_array_equal(again.map.values, estimate.map.values)
    np.testing.assert_array_equal(again.all_in_focus, estimate.all_in_focus)


def test_the_fast_form_gives_what_the_reference_gives(
    method: NetworkMethod, stack: FocalStack, estimate: Estimate
) -> None:
    plain = replace(method, form="reference")(stack, Run(threads=1))
    scale = np.abs(stack.blur_axis.values).max()
    np.testing.assert_allclose(plain.filled.values, estimate.filled.values, atol=1e-3 * scale, rtol=1e-3)  # type: ignore[union-attr]


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint16, 1), (np.float32, 3)])
def test_types_of_pixels(
    method: NetworkMethod, stack: FocalStack, estimate: Estimate, dtype: type, channels: int
) -> None:
    frames = stack.read_all()[..., :channels]
    made = frames.astype(np.uint16) * 257 if dtype is np.uint16 else (frames / 255).astype(np.float32)
    other = FocalStack.from_arrays(made, stack.axis, optics=LENS)
    found = method(other, Run(threads=1))
    assert_keeps_the_contract(found, other, method)
    if channels == 3:
        wanted, scale = estimate.filled, np.abs(stack.blur_axis.values).max()
        np.testing.assert_allclose(found.filled.values, wanted.values, atol=1e-3 * scale, rtol=1e-3)  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", [(33, 47), (66, 32)])
def test_odd_sizes(method: NetworkMethod, shape: tuple[int, int]) -> None:
    one = stack_of(frames_that_fit(method, 2), *shape)
    assert_keeps_the_contract(method(one, Run(threads=1)), one, method)


@pytest.mark.parametrize("shape", [(2, 2), (5, 64), (64, 5)])
def test_pictures_smaller_than_a_step_are_refused(method: NetworkMethod, shape: tuple[int, int]) -> None:
    n = frames_that_fit(method, 4)
    tiny = FocalStack.from_arrays(np.zeros((n, *shape, 3), np.uint8), stack_of(n).axis, optics=LENS)
    with pytest.raises(StackError, match="are less than one step of"):
        method(tiny, Run(threads=1))


@pytest.mark.parametrize("n", [2, 6, 15])
def test_any_number_of_frames(method: NetworkMethod, n: int) -> None:
    one = stack_of(n, 32, 34)
    if n < method.spec.min_frames:
        with pytest.raises(StackError, match=rf"takes {method.spec.min_frames}.* frames, this stack has {n}"):
            method(one)
    else:
        assert_keeps_the_contract(method(one, Run(threads=1)), one, method)


@pytest.mark.parametrize("unit", [Unit.METRE, Unit.DIOPTRE, Unit.MICROMETRE, Unit.DISPARITY_PX, Unit.INDEX])
def test_every_unit_it_understands(method: NetworkMethod, unit: Unit) -> None:
    n = frames_that_fit(method, 2)
    axis = FocusAxis(np.linspace(1, 3, n) if unit is not Unit.INDEX else np.arange(float(n)), unit)
    one = FocalStack.from_arrays(stack_of(n, 32, 34).read_all(), axis, optics=LENS)
    if unit in method.spec.units:
        assert_keeps_the_contract(method(one, Run(threads=1)), one, method)
    else:
        with pytest.raises(UnitError, match="does not understand a focus axis"):
            method(one, Run(threads=1))


def test_the_order_of_frames_does_not_matter_where_claimed(method: NetworkMethod, stack: FocalStack) -> None:
    """Positions tell near from far, so a stack taken backwards is the same for a network that wants one order."""
    told = NETWORKS.get(method.network)
    if told.convention.order is FrameOrder.ANY and "frame order" not in told.invariances:
        pytest.skip("takes frames as they come, and their order counts")
    plain, back = (method(one, Run(threads=1)) for one in (stack, stack.reversed()))
    scale = np.abs(stack.blur_axis.values).max()
    np.testing.assert_allclose(back.filled.values, plain.filled.values, atol=1e-3 * scale, rtol=1e-3)  # type: ignore[union-attr]


class Partial(SelectedSource):
    """Frame 1 does not show the left eighth of the scene."""

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        covered = np.ones(self.shape[:2], bool)
        covered[:, : self.shape[1] // 8] = i != 1
        return covered


def test_what_a_frame_does_not_show_is_not_valid(method: NetworkMethod, stack: FocalStack, estimate: Estimate) -> None:
    source = Partial(stack.source, tuple(range(len(stack))))
    found = method(replace(stack, source=source), Run(threads=1))
    missing = ~source.coverage(1)  # type: ignore[operator]
    assert not found.map.valid[missing].any()
    assert found.map.valid.any() == estimate.map.valid[~missing].any()


class Listener(Silent):
    """Keeps what it hears; asks to stop after some steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stages: list[list[Any]] = []
        self._left = stop_after

    def stage(self, name: str, total: int) -> None:
        self.stages.append([name, total, 0])

    def advance(self, steps: int = 1) -> None:
        self.stages[-1][2] += steps
        if self._left is not None:
            self._left -= steps

    def cancelled(self) -> bool:
        return self._left is not None and self._left <= 0


def test_progress_and_cancel(method: NetworkMethod, stack: FocalStack) -> None:
    listener = Listener()
    method(stack, Run(listener, threads=1))
    assert [name for name, _, _ in listener.stages] == ["read", "depth"]
    assert all(done == total for _, total, done in listener.stages)
    for after in (0, 1, len(stack)):
        with pytest.raises(Cancelled):
            method(stack, Run(Listener(stop_after=after), threads=1))
    assert not [t for t in threading.enumerate() if t.name.startswith("focaldepth")]


def test_the_memory_that_it_tells_holds_its_frames_and_maps(method: NetworkMethod, stack: FocalStack) -> None:
    small, large = (method.working_memory(one, Run(threads=1)) for one in (stack, stack_of(len(stack), 320, 256)))
    assert small.reading < small.finishing < large.finishing


@pytest.mark.parametrize("name", OF_FRAMES)
def test_without_weights_it_says_how_to_get_some(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    one = method_class(name)(device="cpu")
    with pytest.raises(WeightsError, match=rf"{name} needs weights.*focaldepth import CHECKPOINT --as {name}"):
        one(stack_of(max(3, one.spec.min_frames)))


@pytest.mark.parametrize("name", OF_VIEWS)
def test_networks_of_light_fields_refuse_focal_stacks(name: str) -> None:
    one = method_class(name)(weights="random", device="cpu")
    for ask in (one, lambda stack: one.working_memory(stack, Run())):
        with pytest.raises(StackError, match=rf"{name} takes 11 views of a light field, this is a focal stack"):
            ask(stack_of(11, 32, 34))  # type: ignore[operator]
