"""A stack goes into a network as its weights were trained, and depth of the whole stack comes out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import Cancelled, MemoryLimitError, SettingError, StackError
from focaldepth.core.progress import Run, Silent
from focaldepth.core.result import Estimate
from focaldepth.core.stack import FocalStack, SelectedSource, Transfer
from focaldepth.estimate import METHODS, estimate
from focaldepth.networks._finish import Canvas, Said
from focaldepth.networks._loaded import load
from focaldepth.networks._method import NetworkMethod
from focaldepth.networks._runner import as_recorded, as_trained
from focaldepth.networks._spec import Colour, Convention, FocusForm, FrameOrder, Padding
from focaldepth.networks._tiles import Tiling
from focaldepth.scenes.layers import LayeredScene, render

from . import toy
from .toy import ToyOptions

SCENE = render(LayeredScene(seed=3, frames=6, height=90, width=131, layers=0, contrast=1.0))
STACK = SCENE.stack
STEP = float(np.abs(np.diff(STACK.blur_axis.values)).mean())


@pytest.fixture
def method() -> Iterator[NetworkMethod]:
    with toy.registered() as cls:
        yield cls(weights="random", device="cpu")


def heard(method: NetworkMethod, stack: FocalStack = STACK, **run: Any) -> tuple[Estimate, list[str]]:
    warnings: list[str] = []
    load.cache_clear()
    return method(stack, Run(warn=warnings.append, threads=1, **run)), warnings


def errors(found: Estimate) -> NDArray[Any]:
    return np.abs(found.map.values - SCENE.truth.values)[found.map.valid]


def test_depth_index_sigma_and_picture_of_a_scene(method: NetworkMethod) -> None:
    found, _ = heard(method)
    assert found.map.valid.mean() > 0.99
    assert np.median(errors(found)) < 0.3 * STEP
    np.testing.assert_allclose(STACK.blur_axis.at(found.index), found.map.values, atol=1e-3 * STEP)
    assert found.map.sigma is not None
    assert 0 < np.median(found.map.sigma) < 2 * STEP
    assert found.all_in_focus is not None
    sharp = np.abs(found.all_in_focus.astype(float) - SCENE.all_in_focus).mean()
    assert sharp < 0.5 * np.abs(STACK.source.read(0).astype(float) - SCENE.all_in_focus).mean()
    assert found.filled is not None
    assert found.filled.valid.all()
    assert found.extras["curves"].shape == (6, 24, 32)
    np.testing.assert_allclose(found.extras["curves"].sum(0), 1, rtol=1e-5)


def test_random_weights_and_a_spread_that_is_none_are_said(method: NetworkMethod) -> None:
    found, warnings = heard(method)
    assert any(w.startswith("RANDOM WEIGHTS: toy was never trained") for w in warnings)
    assert any("sigma is the spread of toy's probability over the frames: it is not calibrated" in w for w in warnings)
    assert found.weights == {"name": "random", "seed": 0}


def test_the_front_door_keeps_the_weights_and_gives_every_unit() -> None:
    with toy.registered():
        result = estimate(STACK, method="toy", weights="random", device="cpu", unit="metre", align="none", fill=True)
    assert result.map.unit is Unit.METRE
    assert result.provenance.weights["name"] == "random"
    assert result.provenance.settings["method"]["weights"] == "random"
    assert "torch" in result.provenance.versions


def test_weights_and_device_are_for_networks() -> None:
    for option in ("weights", "device"):
        with pytest.raises(SettingError, match=f"naive is no network, it has no {option}"):
            estimate(STACK, method="naive", **{option: "random"})


def pixels(dtype: str, channels: int = 3) -> NDArray[Any]:
    values = np.array([0, 0.25, 0.5, 1])[None, :, None] * np.array([1, 0.5, 0.1])[:channels]
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    return (values * white).astype(dtype)


def stack_of(frame: NDArray[Any], **more: Any) -> FocalStack:
    return FocalStack.from_arrays([frame, frame], **more)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pixels_of_every_depth_become_the_same_numbers(dtype: str) -> None:
    frame = pixels(dtype)
    found = as_trained(frame, stack_of(frame), None, Convention(Unit.METRE))
    np.testing.assert_allclose(found, pixels("float32"), atol=0.005)
    assert found.dtype == np.float32


def test_the_white_of_twelve_bits_is_one() -> None:
    frame = np.full((2, 2, 3), 4095, np.uint16)
    assert (as_trained(frame, stack_of(frame, white=4095), None, Convention(Unit.METRE)) == 1).all()


def test_range_mean_deviation_and_order_of_colours() -> None:
    frame = pixels("float32")
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([1, 2, 4])
    convention = Convention(
        Unit.METRE, black=-1, white=3, mean=tuple(mean), std=tuple(std), colour=Colour.BGR  # type: ignore[arg-type]
    )  # fmt: skip
    wanted = ((frame[..., ::-1] * 4 - 1) - mean) / std
    np.testing.assert_allclose(as_trained(frame, stack_of(frame), None, convention), wanted, atol=1e-6)


def test_grey_becomes_three_channels() -> None:
    frame = pixels("uint8", 1)
    found = as_trained(frame, stack_of(frame), None, Convention(Unit.METRE))
    assert found.shape == (1, 4, 3)
    assert (found == found[..., :1]).all()


def test_linear_light_gets_the_curve_of_srgb() -> None:
    frame = np.array([0.0, 0.002, 0.2140411, 1.0], np.float32).reshape(1, 4, 1)
    found = as_trained(frame, stack_of(frame, transfer=Transfer.LINEAR), None, Convention(Unit.METRE))[0, :, 0]
    np.testing.assert_allclose(found, [0, 0.02584, 0.5, 1], atol=1e-4)


def test_gains_even_out_the_brightness() -> None:
    frame = pixels("float32")
    found = as_trained(frame, stack_of(frame), np.array([1, 2, 4], np.float32), Convention(Unit.METRE))
    np.testing.assert_allclose(found, frame * [1, 2, 4], rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("transfer", [Transfer.SRGB, Transfer.LINEAR])
def test_pixels_come_back(channels: int, transfer: Transfer) -> None:
    frame = pixels("uint16", channels)
    stack, gain = stack_of(frame, transfer=transfer), np.array([0.9, 1.1, 1.2], np.float32)[:channels]
    convention = Convention(Unit.METRE, black=-1, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), colour=Colour.BGR)
    back = as_recorded(as_trained(frame, stack, gain, convention), stack, gain, convention)
    np.testing.assert_allclose(back, frame, atol=2)


@pytest.mark.parametrize("colour", Colour)
@pytest.mark.parametrize("padding", Padding)
def test_conventions_do_not_change_what_a_fair_network_finds(colour: Colour, padding: Padding) -> None:
    """The toy adds the colours up and a Laplacian has no mean, so only a scale of the input would matter."""
    with toy.registered() as cls:
        wanted, _ = heard(cls(weights="random"))
    changed = Convention(Unit.DIOPTRE, mean=(0.5, 0.5, 0.5), colour=colour, padding=padding)
    with toy.registered(convention=changed) as cls:
        found, _ = heard(cls(weights="random"))
    inside = np.s_[8:80, 8:120]
    np.testing.assert_allclose(found.map.values[inside], wanted.map.values[inside], atol=1e-4)


@pytest.mark.parametrize("order", FrameOrder)
@pytest.mark.parametrize("focus", [FocusForm.POSITIONS, FocusForm.UNIT_RANGE])
def test_order_and_form_of_positions_do_not_change_the_result(order: FrameOrder, focus: FocusForm) -> None:
    with toy.registered() as cls:
        wanted, _ = heard(cls(weights="random"))
    with toy.registered(convention=Convention(Unit.DIOPTRE, order=order, focus=focus)) as cls:
        for stack in (STACK, STACK.reversed()):
            found, _ = heard(cls(weights="random"), stack)
            np.testing.assert_allclose(found.map.values, wanted.map.values, atol=1e-4)
            np.testing.assert_allclose(found.map.sigma, wanted.map.sigma, atol=1e-3)


def test_sigma_is_on_the_blur_linear_axis_whatever_the_network_is_told() -> None:
    """sqrt(sum p (d - b)^2) with positions in dioptres; metres are told."""
    with toy.registered() as cls:
        told_dioptres, _ = heard(cls(weights="random"))
    with toy.registered(convention=Convention(Unit.METRE)) as cls:
        found, _ = heard(cls(weights="random"))
    assert found.map.unit is Unit.DIOPTRE
    assert found.map.sigma is not None
    ratio = found.map.sigma / told_dioptres.map.sigma  # type: ignore[operator]
    assert 0.9 < np.median(ratio) < 1.2


def test_a_network_of_fixed_frames_sees_so_many() -> None:
    for frames in (4, 9):
        with toy.registered(default=ToyOptions(frames=frames)) as cls:
            assert cls.spec.min_frames == (frames + 1) // 2
            found, warnings = heard(cls(weights="random"))
            assert any(f"toy takes {frames} frames, the stack has 6" in w for w in warnings)
            assert np.median(errors(found)) < 0.7 * STEP
            assert found.index.max() <= 5
            assert ("curves" in found.extras) is (frames == 4)


def test_a_stack_of_less_than_half_the_frames_is_refused() -> None:
    few = pytest.raises(StackError, match="toy takes 5 or more frames, this stack has 4")
    with toy.registered(default=ToyOptions(frames=9)) as cls, few:
        heard(cls(weights="random"), STACK.take(range(4)))


def test_a_network_that_regresses_has_no_sigma_but_a_picture() -> None:
    with toy.registered(default=ToyOptions(weighs=False), gives=()) as cls:
        assert "sigma" not in cls.spec.gives
        found, warnings = heard(cls(weights="random"))
        coloured, _ = heard(cls(weights="random", fusion="colour"))
    assert found.map.sigma is None
    assert found.all_in_focus is not None
    assert not any("sigma" in w for w in warnings)
    frames = STACK.read_all()
    nearest = np.take_along_axis(frames, np.rint(coloured.index).astype(int)[None, ..., None], 0)[0]
    np.testing.assert_array_equal(coloured.all_in_focus, nearest)


def test_depth_outside_of_the_focus_range_is_not_valid() -> None:
    beyond = Convention(Unit.DIOPTRE, depth_factor=float(STACK.blur_axis.values.max() / np.median(SCENE.truth.values)))
    with toy.registered(default=ToyOptions(weighs=False), gives=(), convention=beyond) as cls:
        found, _ = heard(cls(weights="random"))
    top = STACK.blur_axis.values.max()
    assert found.filled is not None
    np.testing.assert_array_equal(found.map.valid, found.filled.values <= top)
    assert 0.1 < found.map.valid.mean() < 0.9


@pytest.mark.parametrize("fusion", ["weights", "colour", "none"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_picture_has_the_type_of_the_frames(method: NetworkMethod, fusion: str, dtype: type) -> None:
    frames = STACK.read_all()
    frames = frames if dtype is np.uint8 else frames.astype(np.uint16) * 257 if dtype is np.uint16 else frames / 255
    given = FocalStack.from_arrays(frames.astype(dtype)[..., :1], STACK.axis)
    found, _ = heard(replace(method, fusion=fusion), given)
    if fusion == "none":
        assert found.all_in_focus is None
    else:
        assert found.all_in_focus is not None
        assert (found.all_in_focus.dtype, found.all_in_focus.shape) == (dtype, (90, 131, 1))


def test_tiles_find_what_the_whole_finds(method: NetworkMethod) -> None:
    """The toy sees 7 pixels far, less than the quarter of the overlap that does not count."""
    whole, _ = heard(method)
    tiled, _ = heard(replace(method, tile=64, overlap=32))
    for one, two in ((whole.map.values, tiled.map.values), (whole.map.sigma, tiled.map.sigma)):
        np.testing.assert_allclose(one, two, atol=1e-4)  # type: ignore[arg-type]
    np.testing.assert_allclose(whole.extras["curves"], tiled.extras["curves"], atol=1e-4)
    assert whole.all_in_focus is not None
    assert tiled.all_in_focus is not None
    assert np.abs(whole.all_in_focus.astype(int) - tiled.all_in_focus).max() <= 1


def test_tiles_that_disagree_leave_no_seam() -> None:
    """Every tile says another depth; the step between neighbouring pixels stays below what the fading allows."""
    tiling = Tiling(160, 300, (96, 128), (0, 64), (0, 96, 176), 32)
    canvas = Canvas(tiling, 3)
    for k, (y, x) in enumerate(tiling.corners):
        h, w = tiling.weight(y, x).shape
        canvas.add(y, x, Said(np.full((h, w), float(k % 2), np.float32), None, None, None))
    canvas.divide()
    assert np.ptp(canvas.depth) == 1
    for axis in (0, 1):
        assert np.abs(np.diff(canvas.depth, axis=axis)).max() <= 1 / 16 + 1e-6


def test_the_memory_limit_makes_tiles(method: NetworkMethod) -> None:
    large = FocalStack.from_arrays(np.tile(STACK.read_all(), (1, 5, 5, 1)), STACK.axis)
    free = method.working_memory(large, Run(threads=1))
    limit = round(0.4 * free.reading + 0.6 * free.finishing)
    run = Run(threads=1, max_memory=limit)
    assert method.working_memory(large, run).finishing <= limit
    whole, _ = heard(method, large)
    tiled, _ = heard(method, large, max_memory=limit)
    assert not np.array_equal(whole.map.values, tiled.map.values)
    np.testing.assert_allclose(whole.map.values, tiled.map.values, atol=1e-4)


def test_too_little_memory_says_how_much_it_takes(method: NetworkMethod) -> None:
    run = Run(threads=1, max_memory=2**20)
    assert method.working_memory(STACK, run).finishing > 2**20
    with pytest.raises(MemoryLimitError, match=r"needs about \d+ MiB for 6 frames of 131 x 90 px\. Raise the limit"):
        method(STACK, run)


def test_a_network_that_must_see_whole_pictures_gets_no_tiles() -> None:
    with toy.registered(default=ToyOptions(tiles=False)) as cls:
        with pytest.raises(MemoryLimitError):
            heard(cls(weights="random", tile=64, overlap=16))
        heard(cls(weights="random"))


def test_pictures_smaller_than_a_step_are_refused(method: NetworkMethod) -> None:
    tiny = FocalStack.from_arrays(np.zeros((3, 7, 40, 3), np.uint8))
    with pytest.raises(StackError, match=r"40 x 7 px are less than one step of toy, which is 8 px"):
        method(tiny)
    with pytest.raises(StackError, match="less than one step"):
        method.working_memory(tiny, Run())


class Partial(SelectedSource):
    """Frame 2 shows black at the left eighth, and says so."""

    def read(self, i: int) -> NDArray[Any]:
        frame = super().read(i).copy()
        if i == 2:
            frame[:, :16] = 0
        return frame

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        covered = np.ones(self.shape[:2], bool)
        covered[:, :16] = False
        return covered if i == 2 else None


def test_what_a_frame_does_not_show_is_not_valid_and_makes_no_edge(method: NetworkMethod) -> None:
    found, _ = heard(method, replace(STACK, source=Partial(STACK.source, tuple(range(6)))))
    wanted, _ = heard(method)
    assert not found.map.valid[:, :16].any()
    assert found.map.valid[:, 16:].mean() > 0.99
    np.testing.assert_allclose(found.map.values[:, 32:], wanted.map.values[:, 32:], atol=1e-4)
    beside = np.abs(found.map.values - wanted.map.values)[:, 16:24]
    assert np.median(beside) < 0.5 * STEP


class Listener(Silent):
    def __init__(self, stop_after: int = -1) -> None:
        self.stages: list[list[Any]] = []
        self.notes: list[str] = []
        self._left = stop_after

    def stage(self, name: str, total: int) -> None:
        self.stages.append([name, total, 0])

    def advance(self, steps: int = 1) -> None:
        self.stages[-1][2] += steps
        self._left -= steps

    def note(self, message: str) -> None:
        self.notes.append(message)

    def cancelled(self) -> bool:
        return self._left == 0


def test_progress_and_cancellation(method: NetworkMethod) -> None:
    listener = Listener()
    tiled = replace(method, tile=64, overlap=16)
    heard(tiled, progress=listener)
    assert [name for name, _, _ in listener.stages] == ["read", "depth"]
    assert all(total == done > 0 for _, total, done in listener.stages)
    assert any("RANDOM WEIGHTS" in note for note in listener.notes)
    for after in (3, 8):
        with pytest.raises(Cancelled):
            heard(tiled, progress=Listener(after))


def test_numbers_that_are_none_are_left_out(method: NetworkMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "softmax_scale", broken(toy.softmax_scale))
    found, warnings = heard(replace(method, form="reference"))
    assert any("is no number; those pixels are not valid" in w for w in warnings)
    assert not found.map.valid[0].any()
    assert found.map.valid[1:].mean() > 0.99
    assert np.isfinite(found.index).all()


def broken(make: Any) -> Any:
    def call(*args: Any) -> Any:
        scale = make(*args)
        scale.depth[:, :, 0] = torch.nan
        return scale

    return call


def test_forms_and_precisions_agree(method: NetworkMethod) -> None:
    wanted, _ = heard(replace(method, form="reference"))
    fast, _ = heard(method)
    np.testing.assert_allclose(fast.map.values, wanted.map.values, atol=1e-4)
    for form in ("fast", "reference"):
        narrow, _ = heard(replace(method, form=form, precision="bfloat16"))
        assert np.median(np.abs(narrow.map.values - wanted.map.values)) < 0.1 * STEP
        assert not np.array_equal(narrow.map.values, wanted.map.values)


def test_the_compiled_form_is_what_torch_compiles(method: NetworkMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: asked.append(how))
    heard(replace(method, form="compiled"))
    assert asked == [{"dynamic": False}]


def test_a_slow_form_is_said(method: NetworkMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_place(*args: Any) -> Any:
        scale = original(*args)
        scale.depth.mul_(1.0)
        return scale

    original = toy.softmax_scale
    monkeypatch.setattr(toy, "softmax_scale", in_place)
    found, warnings = heard(method)
    assert any("ran in its slow form" in w for w in warnings)
    assert np.median(errors(found)) < 0.3 * STEP


@pytest.mark.parametrize("device", ["cuda:99", "toaster"])
def test_a_device_that_is_not_there(method: NetworkMethod, device: str) -> None:
    with pytest.raises(SettingError, match=rf"{device}.* cannot be used here\. Here are: auto, cpu"):
        heard(replace(method, device=device))


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_full_device_says_what_to_do(
    method: NetworkMethod, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, inputs: Any) -> None:
        raise error

    monkeypatch.setattr("focaldepth.networks._loaded.Loaded.__call__", full)
    with pytest.raises(MemoryLimitError, match=r"toy does not fit the memory of cpu\. Give --max-memory below"):
        heard(method)
    error.args = ("something else",)
    if not isinstance(error, torch.OutOfMemoryError):
        with pytest.raises(RuntimeError, match="something else"):
            heard(method)


def test_threads_are_those_of_the_run(method: NetworkMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    before, used = torch.get_num_threads(), []
    real = toy.Toy.compute

    def compute(self: Any, *args: Any, **extra: Any) -> Any:
        used.append(torch.get_num_threads())
        return real(self, *args, **extra)

    monkeypatch.setattr(toy.Toy, "compute", compute)
    load.cache_clear()
    replace(method, form="reference")(STACK, Run(threads=3))
    assert used == [3]
    assert torch.get_num_threads() == before


def test_a_method_can_be_sent_to_another_process(method: NetworkMethod, tmp_path: Path) -> None:
    import pickle

    one = METHODS.get("dfv")(weights="a.safetensors", tile=512)  # type: ignore[call-arg]
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert again.weights == str(Path("a.safetensors").absolute())
