"""The focal stack: frames of one scene, each focused at another distance, and where they come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis
from focaldepth.core.errors import StackError
from focaldepth.core.frame import Frame, as_frame, describe, float_scale, frames_last, reduce_frame, white_of
from focaldepth.core.optics import Optics

__all__ = [
    "ArraySource",
    "DerivedSource",
    "FocalStack",
    "Frame",
    "FrameSource",
    "SelectedSource",
    "StackInfo",
    "Transfer",
    "reduce_frame",
    "white_of",
]


class Transfer(StrEnum):
    """How pixel values relate to light."""

    SRGB = "srgb"
    LINEAR = "linear"
    UNKNOWN = "unknown"


class FrameSource(Protocol):
    """Where frames come from; files, arrays, a light field, another source that is warped or cropped on reading.

    A source is read from several threads at once and any number of times.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8, uint16 or float32."""

    @property
    def white(self) -> float:
        """Value of full scale: 255, 65535 (or the bit depth that the file states), 1.0 for float."""

    def __len__(self) -> int:
        """Number of frames N."""

    def read(self, i: int) -> Frame:
        """Return frame i, (H, W, C) C-contiguous, at the depth of the file."""

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced by an integer factor, (ceil(H / factor), ceil(W / factor), C); cheaper than read."""

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        """Return (H, W) true where frame i shows the scene; None where it does everywhere."""


@dataclass(frozen=True)
class StackInfo:
    """What is known of a stack beside its pixels.

    Attributes:
        name: short name for captions.
        frame_names: (N) names of frames, for messages.
        files: files read, in frame order; empty for arrays. One container holds several frames.
        order_rule: how the frames were ordered ("focus distance", "plane index", "file name").
        focus_origin: where focus positions came from ("focus_distance.txt", "EXIF SubjectDistance", "none").
        exif: EXIF block of the reference frame as bytes, orientation already applied and reset; None when absent.
        icc: ICC profile of the reference frame; None when absent.
        reference: index of the frame that exif and icc were taken from.
        skipped: frames left out -> reason.
        warnings: sentences that belong into the result.
        extra: anything else a reader found worth keeping; plain JSON values.
    """

    name: str = "stack"
    frame_names: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    order_rule: str = "as given"
    focus_origin: str = "none"
    exif: bytes | None = None
    icc: bytes | None = None
    reference: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "skipped", MappingProxyType(dict(self.skipped)))
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    def __reduce__(self) -> tuple[type[StackInfo], tuple[Any, ...]]:
        # Read-only views of dictionaries cannot be pickled.
        values = (getattr(self, f.name) for f in fields(self))
        return StackInfo, tuple(dict(v) if isinstance(v, MappingProxyType) else v for v in values)


@dataclass(frozen=True, eq=False)
class FocalStack:
    """N frames of one scene with their focus positions; may be read any number of times.

    Attributes:
        source: gives the frames, on demand.
        axis: (N,) focus positions.
        optics: what is known of the lens.
        transfer: how pixel values relate to light.
        info: names, files, metadata, warnings.
        gains: (N, C) float32 factors that bring the pixel values of each frame to the common brightness; focus measures
            apply them, pixels stay as they are. None = no drift was found.

    Raises:
        StackError: fewer than two frames, or another number of focus positions or gains.
    """

    source: FrameSource
    axis: FocusAxis
    optics: Optics = field(default_factory=Optics)
    transfer: Transfer = Transfer.UNKNOWN
    info: StackInfo = field(default_factory=StackInfo)
    gains: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.source)
        _need_two(n, self.info.name)
        if n != len(self.axis):
            raise StackError(
                f"{n} frames but {len(self.axis)} focus positions.",
                where=self.info.name,
                hint="Give one focus position per frame.",
            )
        if self.gains is not None and self.gains.shape != (n, self.source.shape[2]):
            raise StackError(
                f"gains are {self.gains.shape}, the stack has {n} frames of {self.source.shape[2]} channels.",
                where=self.info.name,
                hint="Give one gain per frame and channel.",
            )
        object.__setattr__(self, "transfer", Transfer(self.transfer))
        if not self.info.frame_names:
            names = tuple(f"frame {i}" for i in range(n))
            object.__setattr__(self, "info", replace(self.info, frame_names=names))

    def __len__(self) -> int:
        return len(self.source)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of every frame."""
        return self.source.dtype

    @property
    def blur_axis(self) -> FocusAxis:
        """The axis on which blur is linear; see FocusAxis.blur_linear."""
        return self.axis.blur_linear(self.optics)

    @classmethod
    def from_arrays(
        cls,
        frames: Sequence[Frame] | Frame,
        focus: FocusAxis | None = None,
        *,
        optics: Optics | None = None,
        transfer: Transfer = Transfer.UNKNOWN,
        white: float | None = None,
        name: str = "array",
    ) -> FocalStack:
        """Make a stack from arrays in memory.

        Args:
            frames: (N, H, W), (N, H, W, C) or N frames (H, W) / (H, W, C); uint8, uint16 or float in [0, 1];
                C 1, 3 or 4 (alpha dropped).
            focus: one position per frame; frame indices when None.
            optics: what is known of the lens.
            transfer: how values relate to light.
            white: value of full scale, such as 4095 for 12 bits in uint16; when None that of the data type, and for
                float values far above 1 the next 2^k - 1 (see `float_scale`), which a warning of the stack tells.
            name: for messages and captions.

        >>> stack = FocalStack.from_arrays(np.zeros((3, 4, 5), np.uint8))
        >>> len(stack), stack.shape, stack.axis.unit.value
        (3, (4, 5, 1), 'index')
        """
        source = ArraySource.of(frames, name, white)
        axis = focus or FocusAxis.frames(len(source))
        inferred = white is None and source.white != white_of(source.dtype)
        warnings = (f"Float values reach beyond 1: {source.white:g} is taken for full scale.",) if inferred else ()
        return cls(source, axis, optics or Optics(), transfer, StackInfo(name=name, warnings=warnings))

    def frames(self, prefetch: int = 2, threads: int = 2) -> Iterator[Frame]:
        """Yield every frame once, in order; up to `prefetch` frames are decoded ahead in `threads` threads."""
        if prefetch < 1 or threads < 1:
            yield from (self.source.read(i) for i in range(len(self)))
            return
        with ThreadPoolExecutor(threads, thread_name_prefix="focaldepth-decode") as pool:
            waiting: deque[Future[Frame]] = deque()
            try:
                for i in range(len(self)):
                    while len(waiting) < min(prefetch, len(self) - i):
                        waiting.append(pool.submit(self.source.read, i + len(waiting)))
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def read_all(self) -> Frame:
        """Return all frames, (N, H, W, C): the only call that holds the whole stack in memory."""
        out = np.empty((len(self), *self.shape), self.dtype)
        for i, frame in enumerate(self.frames()):
            out[i] = frame
        return out

    def take(self, frames: Sequence[int]) -> FocalStack:
        """Return the stack of some frames only, in the given order; names, files, gains and reference go along."""
        chosen = tuple(int(i) for i in frames)
        missing = [i for i in chosen if not 0 <= i < len(self)]
        if missing:
            hint = f"Count from 0 to {len(self) - 1}."
            raise StackError(f"there is no frame {missing[0]}.", where=self.info.name, hint=hint)
        _need_two(len(chosen), self.info.name)
        files = self.info.files
        info = replace(
            self.info,
            frame_names=tuple(self.info.frame_names[i] for i in chosen),
            files=tuple(files[i] for i in chosen) if len(files) == len(self) else files,
            reference=chosen.index(self.info.reference) if self.info.reference in chosen else 0,
        )
        gains = None if self.gains is None else self.gains[list(chosen)]
        source = SelectedSource(self.source, chosen)
        return replace(self, source=source, axis=self.axis.take(chosen), info=info, gains=gains)

    def reversed(self) -> FocalStack:
        """Return the same stack, last frame first."""
        return self.take(range(len(self))[::-1])


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Frames held in memory, shared with the caller."""

    arrays: tuple[Frame, ...]
    white: float

    @classmethod
    def of(cls, frames: Sequence[Frame] | Frame, name: str = "array", white: float | None = None) -> ArraySource:
        """Check arrays and bring them to (H, W, C); see FocalStack.from_arrays."""
        if isinstance(frames, np.ndarray) and frames_last(frames.shape):
            raise StackError(
                f"an array of shape {frames.shape} looks like (H, W, N), not (N, H, W).",
                where=name,
                hint="Give np.moveaxis(frames, 2, 0), or list(frames) if the shape is meant so.",
            )
        arrays = tuple(as_frame(np.asarray(f), f"{name}[{i}]") for i, f in enumerate(frames))
        if not arrays:
            raise StackError("no frames.", where=name, hint="Give at least 2 frames.")
        for i, a in enumerate(arrays):
            if (a.shape, a.dtype) != (arrays[0].shape, arrays[0].dtype):
                raise StackError(
                    f"frame is {describe(a)}, the first is {describe(arrays[0])}.",
                    where=f"{name}[{i}]",
                    hint="All frames need one size, one number of channels and one bit depth.",
                )
        if white is None:
            counts = arrays[0].dtype.kind == "f"
            white = float_scale(max(float(a.max()) for a in arrays)) if counts else white_of(arrays[0].dtype)
        white = float(white)
        if not 0 < white < np.inf:
            raise StackError(f"full scale is {white:g}.", where=name, hint="Give the value of a saturated pixel.")
        return cls(arrays, white)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        h, w, c = self.arrays[0].shape
        return h, w, c

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of every frame."""
        return self.arrays[0].dtype

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def held_bytes(self) -> int:
        """Memory of all frames."""
        return sum(a.nbytes for a in self.arrays)

    def read(self, i: int) -> Frame:
        """Return frame i; shared, do not write into it."""
        return self.arrays[i]

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced by block means."""
        return reduce_frame(self.arrays[i], factor)

    def coverage(self, i: int) -> None:
        """Frames in memory show the scene everywhere."""


@dataclass(frozen=True)
class DerivedSource:
    """Frames made from those of another source; what a kind of it does not say itself is as in `base`."""

    base: FrameSource

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return self.base.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of every frame."""
        return self.base.dtype

    @property
    def white(self) -> float:
        """Value of full scale."""
        return self.base.white

    def __len__(self) -> int:
        return len(self.base)

    def read(self, i: int) -> Frame:
        """Return frame i."""
        return self.base.read(i)

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced."""
        return self.base.preview(i, factor)

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        """Return where frame i shows the scene."""
        return self.base.coverage(i)


@dataclass(frozen=True)
class SelectedSource(DerivedSource):
    """Some frames of another source; frame i is frame `chosen[i]` of `base`."""

    chosen: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.chosen)

    def read(self, i: int) -> Frame:
        """Return frame i."""
        return self.base.read(self.chosen[i])

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced."""
        return self.base.preview(self.chosen[i], factor)

    def coverage(self, i: int) -> NDArray[np.bool_] | None:
        """Return where frame i shows the scene."""
        return self.base.coverage(self.chosen[i])


def _need_two(n: int, where: str) -> None:
    if n < 2:
        what = f"a focal stack needs at least 2 frames, found {n}."
        hint = "Give a folder or several pictures of the same scene, each focused at another distance."
        raise StackError(what, where=where, hint=hint)
