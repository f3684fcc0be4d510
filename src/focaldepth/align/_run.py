"""The entry for everything above: find an alignment by name, apply it, reuse one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from focaldepth.align._alignment import ALIGNERS, Alignment
from focaldepth.align._geometry import is_sane
from focaldepth.align._warp import INTERPOLATIONS, WarpedSource, Window, common_window
from focaldepth.core.errors import AlignmentError, SettingError
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack

UNALIGNED = ("drop", "keep", "error")
AREAS = ("mask", "crop")


def align(
    stack: FocalStack,
    name: str = "auto",
    *,
    settings: Mapping[str, Any] | None = None,
    run: Run = Run(),  # noqa: B008
) -> Alignment:
    """Find the alignment of a stack.

    Args:
        stack: the frames.
        name: a way to align; see ``ALIGNERS.names()``.
        settings: fields of that way.
        run: threads and progress; `run.warn` hears of every frame that could not be aligned.

    >>> frames = np.zeros((3, 8, 8), np.uint8)
    >>> align(FocalStack.from_arrays(frames), "none").moves
    False
    """
    try:
        aligner = ALIGNERS.get(name)(**dict(settings or {}))
    except TypeError as error:
        raise SettingError(str(error), where=f"align {name}", hint="See the settings of this aligner.") from error
    alignment = aligner(stack, run)
    for message in problems(stack, alignment):
        run.warn(message)
    return alignment


def problems(stack: FocalStack, alignment: Alignment) -> tuple[str, ...]:
    """Return one sentence for each frame that has a reason."""
    named = zip(stack.info.frame_names, alignment.reasons, strict=True)
    return tuple(f"{name}: {reason}." for name, reason in named if reason)


def apply(
    stack: FocalStack,
    alignment: Alignment,
    *,
    unaligned: str = "drop",
    area: str = "mask",
    interpolation: str = "cubic",
) -> FocalStack:
    """Return the stack in the geometry of the reference frame; frames are warped when read.

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
    if not alignment.moves and window == Window(0, 0, h, w):
        return stack
    return replace(stack, source=WarpedSource(stack.source, transforms, window, interpolation))


def _without_foreign(
    stack: FocalStack, alignment: Alignment, unaligned: str
) -> tuple[FocalStack, np.ndarray[Any, np.dtype[np.float64]]]:
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
