"""Large arrays to small pictures: reduction, brightness for the screen, data URIs."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.result import Mask
from focaldepth.core.stack import Frame, white_of
from focaldepth.report.colour import Picture
from focaldepth.report.scale import significant

_LITTLE = 1 / 3
"""Pictures that use less than this share of the range of their data type are stretched for the screen."""
_TAIL = 0.2


@dataclass(frozen=True)
class Stretch:
    """Pixel values that are shown as black and as white.

    Attributes:
        black, white: pixel values.
        full: value of full scale of the data type.
    """

    black: float
    white: float
    full: float

    def __str__(self) -> str:
        """Say it to people."""
        black, white, full = (significant(v, 3, pad=False) if self.full == 1 else f"{v:.0f}" for v in self.ends())
        return f"Brightness stretched for the screen: black is {black}, white is {white} of {full} in the file."

    def ends(self) -> tuple[float, float, float]:
        """Return black, white, full scale."""
        return self.black, self.white, self.full

    def apply(self, picture: Frame) -> Picture:
        """Return the picture in 8 bits."""
        level = (picture.astype(np.float32) - np.float32(self.black)) * np.float32(255 / (self.white - self.black))
        shown: Picture = np.clip(level + np.float32(0.5), 0, 255).astype(np.uint8)
        return shown


def stretch_for(picture: Frame) -> Stretch | None:
    """Return black and white for a picture (any shape) that uses less than a third of its range; None for others.

    Twelve bits in a sixteen-bit file, a faint microscope picture or a lamp that was too weak would show one grey
    otherwise. Both ends leave out 0.2 % of the pixels; all channels are stretched alike, so colours keep their hue.
    """
    full = white_of(picture.dtype)
    black, white = (float(v) for v in np.percentile(picture, (_TAIL, 100 - _TAIL)))
    return Stretch(black, white, full) if 0 < white - black < _LITTLE * full else None


def fit(shape: tuple[int, ...], long_side: int) -> tuple[int, int]:
    """Return (H, W) reduced so that the long side is at most `long_side`; never enlarged, never below 1."""
    height, width = shape[:2]
    factor = min(1.0, long_side / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def shrink(values: NDArray[Any], valid: Mask, long_side: int) -> tuple[NDArray[np.float32], Mask]:
    """Reduce a map with holes: means over the valid pixels only; valid where at least half of the area is."""
    import cv2

    height, width = fit(values.shape, long_side)
    if (height, width) == values.shape:
        return values.astype(np.float32, copy=False), valid
    # Whole strides first: the area mean of the rest then costs little, at 24 megapixels too.
    stride = max(1, min(values.shape[0] // height, values.shape[1] // width))
    values, valid = values[::stride, ::stride], valid[::stride, ::stride]
    weight = valid.astype(np.float32)
    filled = np.where(valid, values, np.float32(0)).astype(np.float32, copy=False)
    total = cv2.resize(filled, (width, height), interpolation=cv2.INTER_AREA)
    area = cv2.resize(weight, (width, height), interpolation=cv2.INTER_AREA)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (total / area).astype(np.float32, copy=False), area >= 0.5


def pick(array: NDArray[Any], long_side: int) -> NDArray[Any]:
    """Reduce a map by taking pixels at block centres: every number is one that the map holds."""
    height, width = fit(array.shape, long_side)
    rows = ((np.arange(height) + 0.5) * array.shape[0] / height).astype(int)
    cols = ((np.arange(width) + 0.5) * array.shape[1] / width).astype(int)
    picked: NDArray[Any] = array[rows[:, None], cols[None, :]]
    return picked


def enlarge(picture: NDArray[Any], at_least: int) -> NDArray[Any]:
    """Repeat the pixels of a small map (H, W) or picture (H, W, 3) until its long side has about `at_least` pixels."""
    factor = max(1, at_least // max(picture.shape[:2]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def for_screen(frame: Frame, long_side: int) -> tuple[Picture, Stretch | None]:
    """Return a reduced 8-bit RGB picture, and how its brightness was stretched where it uses little of its range."""
    picture = reduced(frame, long_side)
    every = max(1, max(picture.shape) // 500)
    stretch = stretch_for(picture[::every, ::every])
    return as_rgb(picture, stretch), stretch


def reduced(frame: Frame, long_side: int) -> Frame:
    """Return a picture (H, W, C) reduced so that its long side is at most `long_side`, in its data type."""
    import cv2

    height, width = fit(frame.shape, long_side)
    if (height, width) == frame.shape[:2]:
        return frame
    stride = max(1, min(frame.shape[0] // height, frame.shape[1] // width) // 2)
    coarse = np.ascontiguousarray(frame[::stride, ::stride])
    small: Frame = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, -1)
    return small


def as_rgb(picture: Frame, stretch: Stretch | None = None) -> Picture:
    """Return a picture (H, W, C) as 8-bit RGB."""
    full = white_of(picture.dtype)
    if stretch is not None or picture.dtype != np.uint8:
        picture = (stretch or Stretch(0.0, full, full)).apply(picture)
    if picture.shape[2] != 3:
        picture = np.repeat(picture[..., :1], 3, axis=2)
    return np.ascontiguousarray(picture)


def jpeg_uri(picture: Picture, quality: int = 86, limit: int | None = None) -> str:
    """Return a picture as a JPEG data URI; with `limit` the quality falls until the file has at most so many bytes."""
    import cv2

    bgr = np.ascontiguousarray(picture[..., ::-1])
    data = b""
    for q in (quality, 74, 60, 45, 30):
        flags = [cv2.IMWRITE_JPEG_QUALITY, q]
        if q > 80:
            flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        data = cv2.imencode(".jpg", bgr, flags)[1].tobytes()
        if limit is None or len(data) <= limit:
            break
    return "data:image/jpeg;base64," + b64encode(data).decode()
