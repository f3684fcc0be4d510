"""The only place where a focal stack becomes a tensor, and where what a network says becomes depth again.

Frames are held as they were read. Tile by tile they get the form that the weights were trained on, the network runs,
and what it says is brought to the blur-linear coordinate, where tiles are blended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from focaldepth.core.axis import convert
from focaldepth.core.errors import MemoryLimitError
from focaldepth.core.progress import Run
from focaldepth.core.result import Estimate
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.networks._domain import outside
from focaldepth.networks._fast import Fast
from focaldepth.networks._finish import Canvas, Said, finish
from focaldepth.networks._frames import Seen, choose_frames, extra_inputs
from focaldepth.networks._held import Held, hold
from focaldepth.networks._loaded import Choice, Loaded, choose, load
from focaldepth.networks._method import RANDOM, NetworkMethod
from focaldepth.networks._net import NetOutput
from focaldepth.networks._plan import check_size, plan
from focaldepth.networks._spec import NETWORKS, Colour, Convention
from focaldepth.networks._tiles import Tiling, cut

Plane = NDArray[np.float32]


def estimate_by_network(method: NetworkMethod, stack: FocalStack, run: Run) -> Estimate:
    """Estimate depth with a network; see `NetworkMethod`."""
    choice = choose(method)
    limits = choice.options.limits
    check_size(stack, limits, method.network)
    weighs = "probability" in NETWORKS.get(method.network).gives
    seen = choose_frames(stack, limits, choice.convention, method.network, run.warn, weighs=weighs)
    tiling = plan(method, choice, stack, run)
    if method.weights == RANDOM:
        loud = f"RANDOM WEIGHTS: {method.network} was never trained. The depth of this run means nothing."
        run.warn(loud)
        run.progress.note(loud)
    loaded = load(choice)
    for sentence in outside(loaded.card.get("seen", {}), stack, seen, choice.convention.unit):
        run.warn(f"{loaded.card['name']} was trained on {sentence}: what it says of it is a guess.")
    run.check()
    held = hold(stack, run)
    extra = extra_inputs(method.network, stack, seen, run.warn)
    sight = _Sight(loaded, stack, seen, held, extra, method.fusion)
    canvas = Canvas(tiling, stack.shape[2])
    run.stage("depth", len(tiling))
    with _threads(run.threads), _memory_errors(choice):
        for y, x in tiling.corners:
            canvas.add(y, x, sight.look(y, x, tiling))
            run.advance()
    if isinstance(loaded.net, Fast) and loaded.net.plain_because:
        run.warn(f"{method.network} ran in its slow form, because its fast one could not be derived.")
    if canvas.spread is not None:
        run.warn(f"sigma is the spread of {method.network}'s probability over the frames: it is not calibrated.")
    return finish(canvas, stack, held, seen, method.fusion, dict(loaded.card), run)


@dataclass(frozen=True, eq=False)
class _Sight:
    """A network that looks at tiles of one stack."""

    loaded: Loaded
    stack: FocalStack
    seen: Seen
    held: Held
    extra: dict[str, NDArray[np.float64]]
    fusion: str

    def look(self, y: int, x: int, tiling: Tiling) -> Said:
        """Return what the network says of the tile at (y, x), of its part inside the picture."""
        inside = min(tiling.side[0], tiling.height - y), min(tiling.side[1], tiling.width - x)
        pixels = self._pixels(y, x, tiling.side)
        out = self.loaded(self._inputs(pixels))
        rows, columns = (slice(n) for n in inside)
        axis, seen = self.stack.blur_axis, self.seen
        depth = seen.offset + seen.factor * _numbers(out.depth[0, 0, rows, columns]).astype(np.float64)
        depth = convert(depth, seen.unit, axis.unit, self.stack.optics)
        spread = picture = probability = None
        if out.probability is not None:
            probability = _numbers(out.probability[0, :, rows, columns])
            spread = _spread(probability, seen.blur, depth)
            if self.fusion == "weights":
                weights = _weights_of_picture(out, probability, inside)
                picture = _weighted(weights, [p[rows, columns] for p in self._aligned(out, pixels)])
        return Said(depth.astype(np.float32), spread, picture, probability)

    def _pixels(self, y: int, x: int, side: tuple[int, int]) -> list[NDArray[Any]]:
        """Return the tile of every frame that the network sees, (h, w, C) in values of the input."""
        padding = self.loaded.choice.convention.padding
        found = []
        for k in range(len(self.seen.index)):
            parts = self.seen.parts(k)
            cuts = [cut(self.held.frames[i], y, x, side, padding) for i, _ in parts]
            shares = [share for _, share in parts]
            found.append(cuts[0] if len(cuts) == 1 else shares[0] * cuts[0] + shares[1] * cuts[1])
        return found

    def _inputs(self, pixels: list[NDArray[Any]]) -> dict[str, Tensor]:
        """Make the network's inputs; here pixels become a tensor."""
        convention, device = self.loaded.choice.convention, self.loaded.choice.device
        frames = np.empty((len(pixels), *pixels[0].shape[:2], 3), np.float32)
        for k, frame in enumerate(pixels):
            frames[k] = as_trained(frame, self.stack, self._gain(k), convention)
        # (M, h, w, 3) in memory is what channels-last layers read without copying.
        given = {"frames": torch.from_numpy(frames).permute(0, 3, 1, 2)[None]}
        given["focus"] = torch.from_numpy(self.seen.told.astype(np.float32))[None]
        for name, numbers in self.extra.items():
            given[name] = torch.from_numpy(numbers.astype(np.float32))[None]
        return {name: tensor.to(device) for name, tensor in given.items()}

    def _aligned(self, out: NetOutput, pixels: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the frames as the network aligned them; as they were cut where it does not."""
        moved = out.extras.get("aligned")
        if moved is None:
            return pixels
        frames = _numbers(moved[0].permute(0, 2, 3, 1))
        convention = self.loaded.choice.convention
        return [as_recorded(frame, self.stack, self._gain(k), convention) for k, frame in enumerate(frames)]

    def _gain(self, k: int) -> Plane | None:
        gains = self.stack.gains
        return None if gains is None else np.sum([share * gains[i] for i, share in self.seen.parts(k)], 0)


def as_trained(frame: NDArray[Any], stack: FocalStack, gain: Plane | None, convention: Convention) -> Plane:
    """Return a frame (h, w, C) as the network's numbers, (h, w, 3) float32.

    Grey becomes three equal channels; light that is stored linearly gets the curve of sRGB, as in the pictures that
    networks are trained on; brightness that drifts over the stack is evened out.
    """
    values = frame.astype(np.float32) / np.float32(stack.source.white)
    values = values if gain is None else values * gain.astype(np.float32)
    if stack.transfer is Transfer.LINEAR:
        values = _srgb(values)
    values = np.repeat(values, 3, -1) if values.shape[-1] == 1 else values
    values = values[..., ::-1] if convention.colour is Colour.BGR else values
    # ((v * (white - black) + black) - mean) / std, in one multiplication and one addition
    mean, std = np.array(convention.mean), np.array(convention.std)
    scale, shift = (convention.white - convention.black) / std, (convention.black - mean) / std
    trained: Plane = values * scale.astype(np.float32) + shift.astype(np.float32)
    return trained


def as_recorded(trained: Plane, stack: FocalStack, gain: Plane | None, convention: Convention) -> Plane:
    """Go back from `as_trained`: (h, w, 3) -> (h, w, C) in values of the input."""
    mean, std = np.array(convention.mean, np.float32), np.array(convention.std, np.float32)
    values = (trained * std + mean - convention.black) / (convention.white - convention.black)
    values = values[..., ::-1] if convention.colour is Colour.BGR else values
    values = values.mean(-1, keepdims=True) if stack.shape[2] == 1 else values
    values = _linear(values) if stack.transfer is Transfer.LINEAR else values
    recorded: Plane = (values if gain is None else values / gain) * np.float32(stack.source.white)
    return recorded


def _linear(srgb: Plane) -> Plane:
    """Return linear light of the sRGB curve."""
    value = np.maximum(srgb, 0)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** np.float32(2.4)).astype(np.float32)


def _srgb(linear: Plane) -> Plane:
    """Return the sRGB curve of linear light (IEC 61966-2-1)."""
    light = np.maximum(linear, 0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)


def _numbers(tensor: Tensor) -> Plane:
    numbers: Plane = tensor.float().cpu().numpy()
    return numbers


def _spread(probability: Plane, blur: NDArray[np.float64], depth: NDArray[np.float64]) -> Plane:
    """Return sqrt(sum p_i (depth - b_i)^2), (h, w), on the blur-linear axis (Yang, Huang and Zhou 2022)."""
    total = np.zeros(depth.shape, np.float32)
    for share, position in zip(probability, blur, strict=True):
        total += share * ((depth - position) ** 2).astype(np.float32)
    return np.sqrt(total)


def _weights_of_picture(out: NetOutput, probability: Plane, inside: tuple[int, int]) -> Plane:
    """Return the network's own weights for the picture, (M, h, w), where it has others than for depth."""
    own = out.extras.get("all_in_focus_probability")
    return probability if own is None else _numbers(own[0, :, : inside[0], : inside[1]])


def _weighted(weights: Plane, frames: list[NDArray[Any]]) -> Plane:
    total = np.zeros(frames[0].shape, np.float32)
    for share, frame in zip(weights, frames, strict=True):
        total += share[..., None] * frame
    return total


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let PyTorch use as many threads as the run may."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory_errors(choice: Choice) -> Iterator[None]:
    """Say in our words that the memory of the device is full."""
    try:
        yield
    except RuntimeError as error:
        # That of processors has no class of its own.
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise MemoryLimitError(
            f"{choice.network} does not fit the memory of {choice.device}.",
            where="device",
            hint="Give --max-memory below what is free there, or --set tile=512, so that it works in smaller tiles.",
        ) from error
