"""The entry: find an alignment by name, or take one that was found before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from focaldepth.align._alignment import ALIGNERS
from focaldepth.align._geometry import is_sane
from focaldepth.core.alignment import Alignment
from focaldepth.core.errors import AlignmentError, SettingError
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack


def align(
    stack: FocalStack,
    name: str = "auto",
    *,
    settings: Mapping[str, Any] | None = None,
    run: Run = Run(),
) -> Alignment:
    """Find the alignment of a stack.

    Args:
        stack: the frames.
        name: a way to align; see ``ALIGNERS.names()``.
        settings: fields of that way.
        run: threads and progress.

    >>> frames = np.zeros((3, 8, 8), np.uint8)
    >>> align(FocalStack.from_arrays(frames), "none").moves
    False
    """
    try:
        aligner = ALIGNERS.get(name)(**dict(settings or {}))
    except TypeError as error:
        raise SettingError(str(error), where=f"align {name}", hint="See the settings of this aligner.") from error
    return aligner(stack, run)


def from_transforms(
    stack: FocalStack,
    transforms: ArrayLike,
    *,
    aligned: Sequence[bool] | None = None,
    reference: int | None = None,
    origin: str = "given",
) -> Alignment:
    """Return the alignment that earlier transforms stand for; no frame is read.

    Args:
        stack: the frames to apply it to.
        transforms: (N, 3, 3) reference pixels to frame pixels.
        aligned: (N,) false for frames to be treated as showing something else.
        reference: index of the reference frame; None = the first whose transform is the identity, else the middle.
        origin: where they came from, for the result.

    Raises:
        AlignmentError: another number of frames, or transforms that turn frames into nothing sensible.
    """
    given = np.array(transforms, np.float64)
    n = len(stack)
    if given.shape != (n, 3, 3):
        raise AlignmentError(
            f"{n} frames need transforms of shape ({n}, 3, 3), got {given.shape}.",
            where=origin,
            hint="Use transforms that were saved for a stack of as many frames.",
        )
    h, w, _ = stack.shape
    for i, t in enumerate(given):
        if not np.isfinite(t).all() or t[2, 2] == 0 or not is_sane(t / t[2, 2], (h, w)):
            raise AlignmentError(
                f"the transform of {stack.info.frame_names[i]} moves {w} x {h} px frames out of view or folds them.",
                where=origin,
                hint="Use transforms that were saved for frames of this size.",
            )
    given = given / given[:, 2:, 2:]
    if reference is None:
        same = np.flatnonzero([np.allclose(t, np.eye(3), atol=1e-9) for t in given])
        reference = int(min(same, key=lambda i: abs(i - n // 2))) if same.size else n // 2
    ok = np.ones(n, bool) if aligned is None else np.array(aligned, bool)
    reasons = tuple("" if a else "marked as not aligned" for a in ok)
    return Alignment(given, reference, ok, reasons, f"from {origin}", np.full(n, np.nan))
