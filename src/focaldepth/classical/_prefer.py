"""All-in-focus pictures that take the nearer or the farther of two depths that are both sharp."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.classical._aggregate import Plane
from focaldepth.classical._fuse import FUSERS, Fuser
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.stack import FocalStack, Frame

PREFERENCES = ("none", "near", "far", "first", "last")
_MOST = 2.0
"""How much sharper than a frame at the disliked end a frame at the liked end counts."""
_TINY = np.float32(1e-6)


def make_fuser(stack: FocalStack, fusion: str, prefer: str, factor: int) -> Fuser | None:
    """Return what makes the all-in-focus picture of a stack; None where none is asked for.

    Args:
        stack: the frames.
        fusion: "multiband", "colour" or "none".
        prefer: one of PREFERENCES.
        factor: pixels per pixel of the scores.

    Raises:
        SettingError: near or far is preferred, but the focus positions are unknown.
    """
    if fusion == "none":
        return None
    fuser = FUSERS[fusion](stack.shape, stack.dtype, factor)
    return fuser if prefer == "none" else PreferringFuser(fuser, liking(stack.blur_axis, prefer))


def liking(axis: FocusAxis, prefer: str) -> NDArray[np.float32]:
    """Return the factor of each frame's score, (N,) from 1 to 2, even on the blur-linear axis.

    >>> liking(FocusAxis(np.array([1.0, 2.0, 3.0]), Unit.DIOPTRE), "near").tolist()
    [1.0, 1.5, 2.0]
    """
    values = axis.values
    if prefer in ("near", "far") and axis.unit is Unit.INDEX:
        raise SettingError(
            f"{prefer} frames are preferred, but the focus positions are unknown.",
            where="prefer",
            hint="Give them with --focus, or prefer first or last.",
        )
    if prefer in ("first", "last"):
        rising = (values[-1] > values[0]) == (prefer == "last")
    else:
        rising = axis.unit.larger_is_nearer == (prefer == "near")
    share = (values - values.min()) / np.ptp(values)
    factors: NDArray[np.float32] = (1 + (_MOST - 1) * (share if rising else 1 - share)).astype(np.float32)
    return factors


class PreferringFuser:
    """Hands frames on with weighted scores, and keeps which frame was the highest of them."""

    def __init__(self, fuser: Fuser, factors: NDArray[np.float32]) -> None:
        self._fuser, self._factors = fuser, factors
        self._top: Plane | None = None
        self._count = 0
        self.picked: NDArray[np.int16] | None = None

    def update(self, frame: Frame, score: Plane, higher: NDArray[np.uint8]) -> None:
        """Take the next frame."""
        liked = np.maximum(score, _TINY) * self._factors[self._count]
        if self._top is None or self.picked is None:
            self._top, self.picked = np.zeros_like(liked), np.zeros(liked.shape, np.int16)
        higher = cv2.compare(liked, self._top, cv2.CMP_GT)
        np.copyto(self.picked, np.int16(self._count), where=higher.view(bool))
        cv2.max(self._top, liked, dst=self._top)
        self._count += 1
        self._fuser.update(frame, liked, higher)

    def finish(self) -> Frame:
        """Return the picture."""
        return self._fuser.finish()
