"""One contract for every method: a new file in classical/ is checked on the day it lands.

Of networks, which are methods too but know nothing without weights, the facts are checked here and the rest in
`test_network_methods.py`.
"""

import threading
import tracemalloc
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import Cancelled, FocalDepthError, MissingExtraError, SettingError, StackError
from focaldepth.core.method import Access, Method
from focaldepth.core.progress import Run, Silent
from focaldepth.core.result import Estimate
from focaldepth.core.settings import facts
from focaldepth.core.stack import ArraySource, FocalStack, FrameSource
from focaldepth.estimate import METHODS
from focaldepth.networks._spec import NETWORKS
from focaldepth.scenes.layers import LayeredScene, Rendered, render

DTYPES = [np.uint8, np.uint16, np.float32]
RUN = Run(threads=2)


@pytest.fixture(params=[name for name in METHODS.names() if name not in NETWORKS.names()])
def method_class(request: pytest.FixtureRequest) -> type[Method]:
    try:
        return METHODS.get(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture
def method(method_class: type[Method]) -> Method:
    return method_class()


@cache
def scene(**settings: Any) -> Rendered:
    return render(LayeredScene(**{"seed": 3, "frames": 7, "height": 72, "width": 96, "contrast": 1.0, **settings}))


@cache
def estimated(name: str) -> Estimate:
    return METHODS.get(name)()(scene().stack, RUN)


@pytest.fixture
def estimate(request: pytest.FixtureRequest, method_class: type[Method]) -> Estimate:
    """The estimate of the scene, computed once per method."""
    return estimated(request.node.callspec.params["method_class"])


def as_type(frames: NDArray[Any], dtype: type) -> NDArray[Any]:
    if dtype is np.uint16:
        return frames.astype(np.uint16) * 257
    return frames if dtype is np.uint8 else (frames / 255).astype(np.float32)


def frames_that_fit(method: Method, wanted: int) -> int:
    most = method.spec.max_frames or wanted
    return min(max(wanted, method.spec.min_frames), most)


def step(stack: FocalStack) -> float:
    return float(np.abs(np.diff(stack.blur_axis.values)).mean())


def assert_same_map(a: Estimate, b: Estimate, stack: FocalStack, share: float = 0.995) -> None:
    """Depth and validity agree but for a few pixels that lie on a threshold."""
    assert np.mean(a.map.valid == b.map.valid) >= share
    both = a.map.valid & b.map.valid
    close = np.abs(a.map.values - b.map.values)[both] <= 0.02 * step(stack)
    assert close.mean() >= share


class Counted:
    """A source that counts what is read."""

    def __init__(self, base: FrameSource) -> None:
        self.base, self.reads, self._lock = base, Counter[int](), threading.Lock()
        self.shape, self.dtype, self.white = base.shape, base.dtype, base.white

    def __len__(self) -> int:
        return len(self.base)

    def read(self, i: int) -> NDArray[Any]:
        with self._lock:
            self.reads[i] += 1
        return self.base.read(i)

    def preview(self, i: int, factor: int) -> NDArray[Any]:
        return self.base.preview(i, factor)

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        return self.base.coverage(i)


class Partial(Counted):
    """Frame 2 does not show the left eighth of the scene."""

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        if i != 2:
            return None
        covered = np.ones(self.shape[:2], bool)
        covered[:, : self.shape[1] // 8] = False
        return covered


class Repeated(Counted):
    """The frames of a short stack over and over, so that N grows and nothing else does."""

    def __init__(self, base: FrameSource, n: int) -> None:
        super().__init__(base)
        self._n = n

    def __len__(self) -> int:
        return self._n

    def read(self, i: int) -> NDArray[Any]:
        return self.base.read(i % len(self.base)).copy()


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


@pytest.mark.parametrize("method", [METHODS.get(name)() for name in METHODS.names()], ids=METHODS.names())
class TestFacts:
    def test_a_method_is_its_own_configuration(self, method: Method) -> None:
        assert isinstance(method, Method)
        assert is_dataclass(method)
        assert hash(method) == hash(type(method)())
        with pytest.raises(AttributeError):
            setattr(method, fields(method)[0].name, None)

    def test_it_says_what_it_is_and_what_to_cite(self, method: Method) -> None:
        spec = method.spec
        assert spec.title
        assert spec.summary.endswith(".")
        assert spec.citations
        assert all(c.key and c.text and c.bibtex.startswith("@") and c.key in c.bibtex for c in spec.citations)
        assert set(spec.gives) <= {"sigma", "index", "all_in_focus", "filled"}
        assert set(spec.invariances) <= {"frame order", "gain", "offset"}
        assert spec.bytes_per_pixel > 0

    def test_every_setting_has_help(self, method: Method) -> None:
        assert {f.name for f in facts(method)} == {f.name for f in fields(method)}
        assert all(f.help for f in facts(method))

    def test_settings_out_of_range_are_refused(self, method: Method) -> None:
        for fact in facts(method):
            bad: list[Any] = ["no such choice"] if fact.choices else []
            bad += [fact.low - 1] if fact.low is not None else []
            bad += [fact.high + 1] if fact.high is not None else []
            bad += [float("nan")] if fact.type is float else []
            for value in bad:
                with pytest.raises(SettingError, match=rf"{fact.name} is .* Allowed: "):
                    replace(method, **{fact.name: value})


class TestEstimate:
    def test_maps_have_the_shape_of_a_frame_and_the_contract_s_types(self, estimate: Estimate) -> None:
        shape = scene().stack.shape[:2]
        assert estimate.map.shape == estimate.index.shape == shape
        assert (estimate.map.values.dtype, estimate.map.valid.dtype) == (np.float32, bool)
        assert estimate.index.dtype == np.float32

    def test_depth_is_in_the_blur_linear_unit(self, estimate: Estimate) -> None:
        axis = scene().stack.blur_axis
        assert estimate.map.unit is axis.unit
        inside = estimate.map.values[estimate.map.valid]
        assert inside.size
        assert (inside >= axis.values.min() - 1e-5).all()
        assert (inside <= axis.values.max() + 1e-5).all()

    def test_nan_is_exactly_where_depth_is_not_valid(self, estimate: Estimate) -> None:
        np.testing.assert_array_equal(np.isnan(estimate.map.values), ~estimate.map.valid)

    def test_index_is_a_frame_at_every_pixel(self, estimate: Estimate) -> None:
        assert np.isfinite(estimate.index).all()
        assert estimate.index.min() >= 0
        assert estimate.index.max() <= len(scene().stack) - 1

    def test_index_and_depth_tell_the_same(self, estimate: Estimate) -> None:
        valid, axis = estimate.map.valid, scene().stack.blur_axis
        np.testing.assert_allclose(
            axis.at(estimate.index[valid]), estimate.map.values[valid], atol=0.02 * step(scene().stack)
        )

    def test_it_gives_what_it_says(self, method: Method, estimate: Estimate) -> None:
        gives = method.spec.gives
        assert ("sigma" in gives) == (estimate.map.sigma is not None)
        if "all_in_focus" in gives:
            assert estimate.all_in_focus is not None
        if "filled" in gives:
            assert estimate.filled is not None

    def test_sigma_is_positive_where_depth_is_valid(self, estimate: Estimate) -> None:
        sigma = estimate.map.sigma
        if sigma is not None:
            assert sigma.dtype == np.float32
            assert np.isfinite(sigma[estimate.map.valid]).all()
            assert (sigma[estimate.map.valid] > 0).all()

    def test_all_in_focus_has_shape_and_type_of_the_frames(self, estimate: Estimate) -> None:
        if estimate.all_in_focus is not None:
            assert estimate.all_in_focus.shape == scene().stack.shape
            assert estimate.all_in_focus.dtype == scene().stack.dtype

    def test_filled_has_a_number_everywhere(self, estimate: Estimate) -> None:
        if estimate.filled is not None:
            assert estimate.filled.valid.all()
            assert estimate.filled.unit is estimate.map.unit
            valid = estimate.map.valid
            np.testing.assert_allclose(
                estimate.filled.values[valid], estimate.map.values[valid], atol=0.02 * step(scene().stack)
            )

    def test_depth_is_right_on_a_textured_plane(self, method: Method) -> None:
        """Half of all valid pixels within half a step; what is worse than this is not depth from focus."""
        plane = scene(seed=5, layers=0)
        found = method(plane.stack, RUN).map
        assert found.valid.mean() > 0.5
        assert np.median(np.abs(found.values - plane.truth.values)[found.valid]) < 0.5 * step(plane.stack)

    def test_the_same_input_gives_the_same_numbers(self, method: Method, estimate: Estimate) -> None:
        again = method(scene().stack, Run(threads=1))
        np.testing.assert_array_equal(again.map.values, estimate.map.values)
        np.testing.assert_array_equal(again.index, estimate.index)
        if estimate.all_in_focus is not None:
            np.testing.assert_array_equal(again.all_in_focus, estimate.all_in_focus)

    def test_frames_are_left_alone(self, method: Method) -> None:
        frames = scene().stack.read_all()
        method(FocalStack.from_arrays(frames, scene().stack.axis), RUN)
        np.testing.assert_array_equal(frames, scene().stack.read_all())


class TestInputs:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_every_type_of_pixel(self, method: Method, estimate: Estimate, dtype: type, channels: int) -> None:
        frames = as_type(scene().stack.read_all()[..., :channels], dtype)
        stack = FocalStack.from_arrays(frames, scene().stack.axis)
        found = method(stack, RUN)
        assert found.map.shape == stack.shape[:2]
        if found.all_in_focus is not None:
            assert (found.all_in_focus.shape, found.all_in_focus.dtype) == (stack.shape, stack.dtype)
        if channels == 3:
            assert_same_map(found, estimate, stack, 0.98)

    @pytest.mark.parametrize("shape", [(3, 3), (5, 64), (64, 5), (33, 47), (2, 2)])
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_odd_sizes(self, method: Method, shape: tuple[int, int], dtype: type) -> None:
        random = np.random.default_rng(0)
        n = frames_that_fit(method, 4)
        frames = as_type(random.integers(0, 256, (n, *shape, 3)).astype(np.uint8), dtype)
        assert method(FocalStack.from_arrays(frames), RUN).map.shape == shape

    def test_the_fewest_frames_it_takes(self, method: Method) -> None:
        n = method.spec.min_frames
        found = method(scene(frames=n).stack, RUN)
        assert found.map.shape == scene(frames=n).stack.shape[:2]
        assert found.index.max() <= n - 1

    @pytest.mark.parametrize("unit", [Unit.METRE, Unit.DIOPTRE, Unit.MICROMETRE, Unit.DISPARITY_PX, Unit.INDEX])
    def test_every_unit_it_understands(self, method: Method, unit: Unit) -> None:
        axis = FocusAxis(np.linspace(1, 3, 7) if unit is not Unit.INDEX else np.arange(7.0), unit)
        stack = FocalStack.from_arrays(scene().stack.read_all(), axis)
        if unit in method.spec.units:
            assert method(stack, RUN).map.unit is stack.blur_axis.unit
        else:
            with pytest.raises(FocalDepthError, match="does not understand a focus axis"):
                method(stack, RUN)

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_a_stack_without_texture_is_no_error(self, method: Method, level: int) -> None:
        n = frames_that_fit(method, 4)
        found = method(FocalStack.from_arrays(np.full((n, 40, 40, 3), level, np.uint8)), RUN)
        if "sigma" in method.spec.gives:
            assert not found.map.valid.any(), "nothing was seen, so nothing may be claimed"

    def test_what_a_frame_does_not_show_is_not_valid(self, method: Method) -> None:
        stack = replace(scene().stack, source=Partial(scene().stack.source))
        missing = ~stack.source.coverage(2)
        found = method(stack, RUN)
        assert not found.map.valid[missing].any()
        assert found.map.valid[~missing].mean() > 0.5

    def test_a_frame_has_no_say_where_it_shows_nothing(self, method: Method) -> None:
        """What stands in uncovered pixels is repeated edge; the picture must not be taken from it."""
        frames = scene().stack.read_all()
        source = Partial(ArraySource.of(frames))
        missing = ~source.coverage(2)
        noise = np.random.default_rng(0).integers(0, 256, frames[2].shape).astype(np.uint8)
        torn = frames.copy()
        torn[2][missing] = noise[missing]
        found = method(replace(scene().stack, source=Partial(ArraySource.of(torn))), RUN)
        if found.all_in_focus is None:
            pytest.skip("makes no picture")
        rms = np.sqrt(np.mean((found.all_in_focus[missing].astype(float) - frames[:, missing].mean(0)) ** 2))
        assert rms < 40, "noise alone would be 80 away"

    def test_too_few_and_too_many_frames_are_refused(self, method: Method) -> None:
        low, high = method.spec.min_frames, method.spec.max_frames
        bad = [n for n in (low - 1, high + 1 if high is not None else 0) if n >= 2]
        for n in bad:
            with pytest.raises(StackError, match=rf"takes {low}.* this stack has {n}"):
                method(FocalStack.from_arrays(np.zeros((n, 8, 8), np.uint8)), RUN)
        with pytest.raises(StackError, match="at least 2 frames, found 1"):
            FocalStack.from_arrays(np.zeros((1, 8, 8), np.uint8))


class TestLaws:
    def test_the_order_of_frames_does_not_matter(self, method: Method, estimate: Estimate) -> None:
        if "frame order" not in method.spec.invariances:
            pytest.skip("claims no invariance to frame order")
        back = method(scene().stack.reversed(), RUN)
        assert_same_map(back, estimate, scene().stack)
        close = np.abs((len(scene().stack) - 1 - back.index) - estimate.index)[estimate.map.valid] <= 0.02
        assert close.mean() >= 0.99

    @pytest.mark.parametrize("gain", [0.5, 0.9])
    def test_a_common_gain_does_not_matter(self, method: Method, gain: float) -> None:
        if "gain" not in method.spec.invariances:
            pytest.skip("claims no invariance to gain")
        frames = as_type(scene().stack.read_all(), np.float32) * np.float32(0.9)
        axis = scene().stack.axis
        full = method(FocalStack.from_arrays(frames, axis), RUN)
        dimmed = method(FocalStack.from_arrays(frames * np.float32(gain), axis), RUN)
        assert_same_map(dimmed, full, scene().stack, 0.98)

    def test_known_gains_undo_a_drift_of_exposure(self, method: Method) -> None:
        if "gain" not in method.spec.invariances:
            pytest.skip("claims no invariance to gain")
        frames = as_type(scene().stack.read_all(), np.float32) * np.float32(0.45)
        drift = np.geomspace(0.5, 2.0, len(frames)).astype(np.float32)[:, None, None, None]
        gains = np.repeat(1 / drift[:, 0, 0], 3, axis=1)
        even = FocalStack.from_arrays(frames, scene().stack.axis)
        drifting = replace(FocalStack.from_arrays(frames * drift, scene().stack.axis), gains=gains)
        assert_same_map(method(drifting, RUN), method(even, RUN), even, 0.97)


class TestResources:
    def test_a_stream_method_reads_every_frame_once(self, method: Method) -> None:
        source = Counted(scene().stack.source)
        method(replace(scene().stack, source=source), RUN)
        assert set(source.reads) == set(range(len(source)))
        if method.spec.access is Access.STREAM:
            assert set(source.reads.values()) == {1}

    def test_memory_of_a_stream_method_does_not_grow_with_n(self, method: Method) -> None:
        if method.spec.access is not Access.STREAM:
            pytest.skip(f"access is {method.spec.access}")
        peaks = [self._peak(method, n) for n in (8, 8, 32)]  # the first run warms caches
        assert peaks[2] <= 1.1 * peaks[1]

    @staticmethod
    def _peak(method: Method, n: int) -> int:
        source = Repeated(scene(height=256, width=320).stack.source, n)
        stack = FocalStack(source, FocusAxis.frames(n))
        tracemalloc.start()
        try:
            method(stack, Run(threads=1))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_cancel_stops_it(self, method: Method, after: int) -> None:
        with pytest.raises(Cancelled):
            method(scene().stack, Run(Listener(stop_after=after), threads=2))
        assert not [t for t in threading.enumerate() if t.name.startswith("focaldepth")]

    def test_progress_reaches_the_announced_total(self, method: Method) -> None:
        listener = Listener()
        method(scene().stack, Run(listener, threads=2))
        assert listener.stages
        assert all(done == total for _, total, done in listener.stages)

    def test_an_error_of_a_frame_reaches_the_caller(self, method: Method) -> None:
        class Torn(Counted):
            def read(self, i: int) -> NDArray[Any]:
                if i == 4:
                    raise StackError("torn.", where="frame 4")
                return super().read(i)

        with pytest.raises(StackError, match="frame 4: torn"):
            method(replace(scene().stack, source=Torn(scene().stack.source)), RUN)
        assert not [t for t in threading.enumerate() if t.name.startswith("focaldepth")]

    def test_two_stacks_can_run_at_once(self, method: Method, estimate: Estimate) -> None:
        """Nothing of a run lives on the method."""
        from concurrent.futures import ThreadPoolExecutor

        other = FocalStack.from_arrays(np.zeros((5, 20, 30, 3), np.uint8))
        with ThreadPoolExecutor(2) as pool:
            pool.submit(method, other, RUN)
            found = pool.submit(method, scene().stack, RUN).result()
        np.testing.assert_array_equal(found.map.values, estimate.map.values)


def test_aliases_lead_to_methods() -> None:
    assert {METHODS.resolve(alias) for alias in ("auto", "classical")} <= set(METHODS.names())


def test_array_sources_keep_the_contract_of_sources() -> None:
    """The stacks above are arrays in memory; they must offer what every source does."""
    source: FrameSource = ArraySource.of(scene().stack.read_all())
    assert source.shape == scene().stack.shape
