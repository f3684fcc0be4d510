"""An alignment applied to a stack: which frames stay, which area, and what becomes of their pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from focaldepth.align._warped import INTERPOLATIONS, WarpedSource, Window, common_window
from focaldepth.core.alignment import Alignment
from focaldepth.core.errors import AlignmentError, SettingError
from focaldepth.core.stack import FocalStack

UNALIGNED = ("drop", "keep", "error")
AREAS = ("mask", "crop")


@dataclass(frozen=True)
class Applied:
    """A stack in one geometry.

    Attributes:
        stack: the frames that stayed; what was done with others stands at the end of its warnings and in `skipped`.
        transforms: (N, 3, 3) float64 per frame of `stack`: frame pixel ~ transform @ pixel of `stack`.
    """

    stack: FocalStack
    transforms: NDArray[np.float64]


def apply(
    stack: FocalStack,
    alignment: Alignment,
    *,
    unaligned: str = "drop",
    area: str = "mask",
    interpolation: str = "cubic",
) -> Applied:
    """Bring a stack into the geometry of the reference frame; frames are warped when read.

    Args:
        stack: the frames that the alignment was found for.
        alignment: where each lies.
        unaligned: what to do with frames that show something else: "drop" leaves them out (they would be taken for
            depth), "keep" leaves them in unwarped, "error" refuses the stack. Frames that were only too blurred to be
            measured are not meant: they are warped like their neighbours.
        area: "mask" keeps the size of the reference (see `coverage` of the source), "crop" cuts to what all frames
            show.
        interpolation: "linear", "cubic" or "lanczos".

    Raises:
        SettingError: an unknown word.
        AlignmentError: with "error", or when cropping leaves nothing, or when the numbers of frames differ.
    """
    for what, value, known in (
        ("unaligned", unaligned, UNALIGNED),
        ("area", area, AREAS),
        ("interpolation", interpolation, tuple(INTERPOLATIONS)),
    ):
        if value not in known:
            raise SettingError(f"{what} is {value!r}.", where="align", hint=f"Allowed: {', '.join(known)}.")
    if len(stack) != len(alignment.transforms):
        raise AlignmentError(
            f"{len(stack)} frames but {len(alignment.transforms)} transforms.",
            where=stack.info.name,
            hint="Use transforms that were found for these frames.",
        )
    stack, transforms = _without_foreign(stack, alignment, unaligned)
    h, w, _ = stack.shape
    window = common_window(transforms, (h, w)) if area == "crop" else Window(0, 0, h, w)
    if np.allclose(transforms, np.eye(3), atol=1e-12) and window == Window(0, 0, h, w):
        return Applied(stack, transforms)
    source = WarpedSource(stack.source, transforms, window, interpolation)
    return Applied(replace(stack, source=source), transforms @ window.shift)


def _without_foreign(stack: FocalStack, alignment: Alignment, unaligned: str) -> tuple[FocalStack, NDArray[np.float64]]:
    """Apply the rule for frames that show something else; warnings go into the stack's info."""
    info, bad = stack.info, np.flatnonzero(~alignment.aligned)
    names = [info.frame_names[i] for i in bad]
    if bad.size and unaligned == "error":
        raise AlignmentError(
            f"{', '.join(names)}: {alignment.reasons[bad[0]] or 'cannot be aligned'}.",
            where=info.name,
            hint="Remove the frame, or allow it to be left out (unaligned=drop).",
        )
    drop = bad.size > 0 and unaligned == "drop" and len(stack) - bad.size >= 2
    done = "left out" if drop else "kept unwarped"
    notes = [
        f"{name}: {reason}." if ok else f"{name}: {reason or 'not aligned'}; {done}."
        for name, reason, ok in zip(info.frame_names, alignment.reasons, alignment.aligned, strict=True)
        if reason or not ok
    ]
    if notes:
        stack = replace(stack, info=replace(info, warnings=(*info.warnings, *notes)))
    if not drop:
        return stack, alignment.transforms
    kept = np.flatnonzero(alignment.aligned)
    skipped = {**info.skipped, **{info.frame_names[i]: alignment.reasons[i] for i in bad}}
    stack = stack.take(kept.tolist())
    return replace(stack, info=replace(stack.info, skipped=skipped)), alignment.transforms[kept]
