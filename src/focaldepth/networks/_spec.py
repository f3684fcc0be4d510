"""Facts of a network that can be listed without torch: limits, conventions, options, how to read a checkpoint.

A file of ``focaldepth/networks`` holds the facts of one network and ends with ``NETWORK = NetworkSpec(...)``; the
layers stand in ``focaldepth/networks/modules``, because a class of layers cannot be defined without importing torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Protocol

from focaldepth.core.axis import Unit
from focaldepth.core.errors import SettingError, StackError, UnknownNameError, WeightsError
from focaldepth.core.method import Citation
from focaldepth.core.registry import Registry

Shapes = Mapping[str, tuple[int, ...]]
"""Key of a state dict -> shape of its tensor."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Colour(StrEnum):
    """Order of the colour channels."""

    RGB = "rgb"
    BGR = "bgr"


class Padding(StrEnum):
    """What is put right and below when the sides are no multiples of the stride."""

    REFLECT = "reflect"
    BLACK = "black"


class FrameOrder(StrEnum):
    """Order in which a network wants the frames."""

    ANY = "any"
    NEAR_FIRST = "near first"
    FAR_FIRST = "far first"


class FocusForm(StrEnum):
    """What a network is told of the focus positions."""

    POSITIONS = "positions"
    """The numbers in the unit of the convention, times its `focus_factor`."""
    OVER_LAST = "over last"
    """Positions divided by that of the last frame."""
    UNIT_RANGE = "unit range"
    """Positions moved and scaled to 0..1."""
    UNUSED = "unused"
    """Nothing."""


@dataclass(frozen=True)
class Convention:
    """How pixels and focus positions become the numbers that a network was trained on; stored in the weights' card.

    Attributes:
        unit: of focus positions and depth.
        black, white: input value of black and of full scale, before mean and deviation.
        mean, std: per channel in the network's channel order; input = (value - mean) / std.
        colour: order of the channels.
        padding: how pictures grow to a multiple of the stride.
        order: of the frames.
        focus: what the network is told of focus positions.
        focus_factor: positions in `unit` times this are what the network sees.
        depth_factor: the network's depth times this is depth in `unit`.

    Raises:
        WeightsError: numbers that no network can have been trained with.
    """

    unit: Unit
    black: float = 0.0
    white: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    colour: Colour = Colour.RGB
    padding: Padding = Padding.REFLECT
    order: FrameOrder = FrameOrder.ANY
    focus: FocusForm = FocusForm.POSITIONS
    focus_factor: float = 1.0
    depth_factor: float = 1.0

    def __post_init__(self) -> None:
        for name, kind in _ENUMS.items():
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(v) for v in getattr(self, name)))
        wrong = self.white == self.black or not all(self.std) or not self.focus_factor or not self.depth_factor
        if wrong or len(self.mean) != 3 or len(self.std) != 3:
            raise WeightsError(f"{self} is no convention.", hint="Range, deviations and factors must not be zero.")

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def changed(self, texts: Mapping[str, str]) -> Convention:
        """Return the convention with fields given as texts; three numbers are separated by commas.

        Raises:
            UnknownNameError: there is no such field.
            SettingError: the text is no value of it.

        >>> Convention(Unit.METRE).changed({"std": "1,2,3", "unit": "dioptre"}).std
        (1.0, 2.0, 3.0)
        """
        values = self.as_dict()
        for key, text in texts.items():
            name = key.replace("-", "_")
            if name not in values:
                raise UnknownNameError("field", key, values, where="convention")
            old = values[name]
            try:
                numbers = [float(part) for part in text.split(",")] if not isinstance(old, str) else []
                values[name] = text if isinstance(old, str) else numbers if isinstance(old, list) else float(text)
            except ValueError as error:
                raise SettingError(f"{key} is {text!r}.", where="convention", hint="Give numbers.") from error
        return Convention.from_dict(values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Convention:
        """Read what `as_dict` gave; raises WeightsError for anything else."""
        known = {f.name for f in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != known:
            raise WeightsError("the convention is incomplete.", hint=f"It has the fields {', '.join(sorted(known))}.")
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise WeightsError(f"the convention is damaged: {error}.", hint="Import the weights again.") from error


_ENUMS: dict[str, type[StrEnum]] = {
    "unit": Unit, "colour": Colour, "padding": Padding, "order": FrameOrder, "focus": FocusForm,
}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What a network with given options can take.

    Attributes:
        stride: H and W must be multiples of it.
        min_side: smallest H and W.
        min_frames, max_frames: range of N; None = any; equal = N is fixed by a layer.
        channels: colour channels of a frame.
        tiles: a part of a picture may be given in the place of the whole; False where the network aligns frames, or
            knows in other ways where in the picture a pixel lies.
        overlap: of neighbouring tiles in pixels. A quarter of it does not count and the middle half fades, so what the
            network says half an overlap from an edge that is none should be near what it says in the whole picture
            (measured by `benchmarks/networks_tiles.py`).
    """

    stride: int
    min_side: int = 1
    min_frames: int = 1
    max_frames: int | None = None
    channels: int = 3
    tiles: bool = True
    overlap: int = 96

    @property
    def fixed_frames(self) -> int | None:
        """N where a layer fixes it, else None."""
        return self.max_frames if self.max_frames == self.min_frames else None

    def check(self, frames: int, channels: int, height: int, width: int) -> None:
        """Raise StackError for an input that the network cannot take."""
        if frames < self.min_frames or (self.max_frames is not None and frames > self.max_frames):
            wanted = f"{self.min_frames}" + ("" if self.fixed_frames else f" to {self.max_frames or 'any'}")
            raise StackError(f"{frames} frames, the network takes {wanted}.", hint="Select other frames.")
        if channels != self.channels:
            raise StackError(f"{channels} channels, the network takes {self.channels}.", hint="Give colour frames.")
        if height % self.stride or width % self.stride or min(height, width) < self.min_side:
            raise StackError(
                f"pictures of {width} x {height} px; it takes multiples of {self.stride} from {self.min_side} on.",
                hint="Pad the pictures.",
            )


class Options(Protocol):
    """Architecture options of a network: a frozen dataclass whose fields are declared with `setting`."""

    @property
    def limits(self) -> Limits:
        """What a network with these options can take."""


@dataclass(frozen=True)
class NetworkSpec:
    """Facts of a network.

    Attributes:
        title: one line for people.
        summary: what it is good for, two sentences.
        module: "module:class" of its FocusNet; the class takes the options.
        default: the options that are meant when nothing else is said; other options are made from it.
        read_options: (shapes, stated) -> options of a checkpoint, from the shapes of its tensors and, for what leaves
            no trace in them, from what else the file states (its outermost dictionary, without the tensors) and from
            options that the caller states as texts.
        signature: keys that every checkpoint of this network has; tells a wrong file from a damaged one.
        convention: of the official weights.
        gives: what NetOutput holds beside depth: "probability", "all_in_focus", names of extras.
        inputs: names of further tensors that `forward` takes by keyword ("field_of_view").
        views: (rows, columns) from the centre of the sub-aperture views of a light field that it takes, in this order,
            instead of frames; empty = frames of a focal stack.
        official: repository whose checkpoints load; empty where only a paper describes the network.
        ignored: parts of keys that old checkpoints carry and the network does not have; they are dropped and told.
        translate: brings the tensors of another framework to the network's keys; None = the keys are its own.
        citations: what to cite when using it.
        invariances: laws it claims and that tests check ("frame order").
    """

    title: str
    summary: str
    module: str
    default: Options
    read_options: Callable[[Shapes, Mapping[str, Any]], Options]
    signature: tuple[str, ...]
    convention: Convention
    gives: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    views: tuple[tuple[int, int], ...] = ()
    official: str = ""
    ignored: tuple[str, ...] = ()
    translate: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    citations: tuple[Citation, ...] = ()
    invariances: tuple[str, ...] = ()


NETWORKS: Registry[NetworkSpec] = Registry("network", ("networks",), "NETWORK")
"""All networks: files of ``focaldepth/networks`` and entry points ``focaldepth.networks``."""
