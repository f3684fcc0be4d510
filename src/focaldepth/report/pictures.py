"""Large arrays to small pictures: reduction, brightness for the screen, data URIs."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.result import Mask
from focaldepth.core.stack import Frame, white_of
from focaldepth.report.colour import Picture


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


def for_screen(frame: Frame, long_side: int) -> tuple[Picture, bool]:
    """Return a reduced 8-bit RGB picture, and whether its brightness was stretched because it was dark.

    Twelve bits in a sixteen-bit file, or a faint microscope picture, would show black otherwise.
    """
    import cv2

    height, width = fit(frame.shape, long_side)
    picture = frame
    if (height, width) != frame.shape[:2]:
        stride = max(1, min(frame.shape[0] // height, frame.shape[1] // width) // 2)
        coarse = np.ascontiguousarray(frame[::stride, ::stride])
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, -1)
    white, stretched = white_of(frame.dtype), False
    if frame.dtype != np.uint8:
        top = float(np.percentile(picture[::2, ::2], 99.8))
        if 0 < top < 0.35 * white:
            white, stretched = top, True
        picture = np.clip(picture.astype(np.float32) * (255 / white) + 0.5, 0, 255).astype(np.uint8)
    if picture.shape[2] != 3:
        picture = np.repeat(picture[..., :1], 3, axis=2)
    return np.ascontiguousarray(picture), stretched


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
