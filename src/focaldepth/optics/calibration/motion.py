"""What is left of the motion between frames of a circle grid once the field of view is corrected.

Won & Jeon 2022, Learning Depth from Focus in the Wild, section 3.1 and figure 4: photograph circles while the focus
changes, correct the field of view by the recorded focus distances (eq. 1), decompose what is left into a zoom and
shifts along x and y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import Unit
from focaldepth.core.errors import SettingError, StackError, UnitError
from focaldepth.core.optics import LensModel
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack, Frame, Transfer
from focaldepth.optics.breathing import breathing_scale
from focaldepth.optics.calibration.dots import Board, Points, centred, find_dots, matched, spacing
from focaldepth.optics.refocus._views import linear_light
from focaldepth.optics.thin_lens import check_focus

FEWEST_FRAMES = 3
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LOOSE = 0.05
"""A followed frame whose dots miss one zoom and shift by more than this share of their spacing is not trusted."""


@dataclass(frozen=True)
class Motion:
    """The motion of one frame against the target frame: p = c + z (1 + alpha) (p_target - c) + (beta, gamma).

    z is the zoom of the thin lens between the two focus distances, c the middle of the picture.

    Attributes:
        alpha: zoom that is left, as a share.
        beta, gamma: shift right and down in px of the frame.
        alpha_se, beta_se, gamma_se: their standard errors, from what the dots miss the fit by.
        rms_px: root mean square of the distance by which dots miss it.
        dots: number of dots.
    """

    alpha: float
    beta: float
    gamma: float
    alpha_se: float
    beta_se: float
    gamma_se: float
    rms_px: float
    dots: int


@dataclass(frozen=True)
class FrameMotion:
    """One frame of a stack.

    Attributes:
        name: of the frame.
        focus_m: its focus distance.
        how: "found" by the grid, "followed" from another frame where defocus hid the grid, or "missed".
        motion: None where the frame is missed.
    """

    name: str
    focus_m: float
    how: str
    motion: Motion | None


@dataclass(frozen=True)
class StackMotion:
    """The frames of one stack.

    Attributes:
        name: of the stack.
        focal_length_m: that the field of view was corrected with.
        size: (H, W) of the frames.
        target: the frame with the smallest field of view of those with dots, which the others are compared with.
        frames: in the order of the stack.
        spacing_px: of the dots in the target frame.
    """

    name: str
    focal_length_m: float
    size: tuple[int, int]
    target: int
    frames: tuple[FrameMotion, ...]
    spacing_px: float

    @property
    def used(self) -> tuple[FrameMotion, ...]:
        """The frames with dots."""
        return tuple(f for f in self.frames if f.motion is not None)


def fit_motion(target: Points, moved: Points, centre: NDArray[np.float64], zoom: float = 1.0) -> Motion:
    """Return the least-squares alpha, beta and gamma between two sets of dots.

    Args:
        target: (M, 2) dots (x, y) of the target frame.
        moved: (M, 2) the same dots of another frame.
        centre: (2,) middle of the picture.
        zoom: of the thin lens between the two.

    >>> square = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    >>> found = fit_motion(square, 5 + 1.02 * (square - 5) + [0.5, -0.25], np.array([5.0, 5.0]))
    >>> round(found.alpha, 9), round(found.beta, 9), round(found.gamma, 9)
    (0.02, 0.5, -0.25)
    """
    arm = zoom * (target - centre)
    design = np.zeros((2 * len(arm), 3))
    design[0::2, 0], design[1::2, 0] = arm[:, 0], arm[:, 1]
    design[0::2, 1] = design[1::2, 2] = 1
    left = (moved - centre - arm).ravel()
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ left
    missed = left - design @ found
    freedom = len(left) - 3
    errors = np.sqrt(np.diag(inverse) * float(missed @ missed) / freedom)
    alpha, beta, gamma = (float(v) for v in found)
    alpha_se, beta_se, gamma_se = (float(v) for v in errors)
    rms_px = float(np.sqrt(missed @ missed / len(arm)))
    return Motion(alpha, beta, gamma, alpha_se, beta_se, gamma_se, rms_px, len(arm))


def stack_motion(stack: FocalStack, board: Board, run: Run = Run()) -> StackMotion:
    """Measure every frame of a stack of a circle grid; each frame is read once, those without a grid again.

    Raises:
        UnitError: focus positions that carry no distance, or an unknown focal length.
        AxisError: a focus distance inside the focal length.
        SettingError: a lens whose field of view does not change.
        StackError: the grid is seen in no frame, or in too few; names the frames and says what to do.
    """
    if stack.optics.model is not LensModel.THIN_LENS:
        raise SettingError(
            f"a {stack.optics.model} lens has no focus breathing to calibrate.",
            where=stack.info.name,
            hint="Calibrate stacks of a lens that moves to focus.",
        )
    try:
        focal_m = stack.optics.need("focal_length_m", "correcting the field of view")
        focus = stack.axis.to(Unit.METRE, stack.optics).values
    except UnitError as error:
        raise UnitError(error.what, where=stack.info.name, hint=error.hint) from error
    names = stack.info.frame_names
    for name, distance in zip(names, focus, strict=True):
        check_focus(float(distance), focal_m, where=f"{stack.info.name}: {name}")
    run.stage("find dots", len(stack))
    found = []
    for frame in stack.frames(threads=run.threads):
        found.append(find_dots(_light(frame, stack), board))
        run.advance()
    seen = [i for i, points in enumerate(found) if points is not None]
    if not seen:
        raise _unseen(stack, board)
    target = min(seen, key=lambda i: focus[i])
    zoom = breathing_scale(focus, focus[target], focal_m)
    centre = np.array([(stack.shape[1] - 1) / 2, (stack.shape[0] - 1) / 2])
    points = _ordered(found, target, zoom, centre, names, stack.info.name)
    followed = _follow(stack, points, zoom, centre, board)
    frames = tuple(
        FrameMotion(
            names[i],
            float(focus[i]),
            "missed" if at is None else "followed" if i in followed else "found",
            None if at is None else fit_motion(_known(points[target]), at, centre, float(zoom[i])),
        )
        for i, at in enumerate(points)
    )
    h, w, _ = stack.shape
    made = StackMotion(stack.info.name, focal_m, (h, w), target, frames, spacing(_known(points[target])))
    if len(made.used) < FEWEST_FRAMES:
        raise _too_few(made, board)
    return made


def _light(frame: Frame, stack: FocalStack) -> NDArray[np.float32]:
    """Luminance (H, W); in linear light unless the values are of unknown kind, because blur adds light, not code."""
    shares = frame.astype(np.float32) / np.float32(stack.source.white)
    weights = _LUMINANCE if frame.shape[2] == 3 else np.ones(1, np.float32)
    return np.asarray((linear_light(shares) if stack.transfer is Transfer.SRGB else shares) @ weights, np.float32)


def _known(points: Points | None) -> Points:
    assert points is not None
    return points


def _ordered(
    found: list[Points | None],
    target: int,
    zoom: NDArray[np.float64],
    centre: NDArray[np.float64],
    names: tuple[str, ...],
    where: str,
) -> list[Points | None]:
    """Dots of all frames in the order of the target's; OpenCV may begin at any corner."""
    base = _known(found[target])
    out: list[Points | None] = []
    for i, points in enumerate(found):
        at = None if points is None else matched(points, centre + zoom[i] * (base - centre))
        if points is not None and at is None:
            raise StackError(
                f"the dots of {names[i]} lie more than half their spacing from those of {names[target]} after the "
                "field of view is corrected.",
                where=where,
                hint="Camera and board must stand still; check the focus distances, and that --grid counts all dots.",
            )
        out.append(at)
    return out


def _follow(
    stack: FocalStack,
    points: list[Points | None],
    zoom: NDArray[np.float64],
    centre: NDArray[np.float64],
    board: Board,
) -> set[int]:
    """Look for dots where a neighbouring frame has them, outwards from the frames with a grid; fills `points`."""
    followed: set[int] = set()
    n = len(points)
    for order in (range(1, n), range(n - 2, -1, -1)):
        step = 1 if order.step > 0 else -1
        for i in order:
            before = points[i - step]
            if points[i] is not None or before is None:
                continue
            ratio = float(zoom[i] / zoom[i - step])
            at = centred(_light(stack.source.read(i), stack), centre + ratio * (before - centre), board)
            if at is None:
                continue
            if fit_motion(before, at, centre, ratio).rms_px < _LOOSE * spacing(before):
                points[i] = at
                followed.add(i)
    return followed


def _unseen(stack: FocalStack, board: Board) -> StackError:
    names = stack.info.frame_names
    return StackError(
        f"no grid of {board.rows} x {board.columns} {board.dots} dots ({board.pattern}) is seen in any of its "
        f"{len(names)} frames ({names[0]} to {names[-1]}).",
        where=stack.info.name,
        hint="Check --grid (rows x columns), --pattern and --dots; the whole board with a margin must be in every "
        "frame, and sharp in one of them.",
    )


def _too_few(made: StackMotion, board: Board) -> StackError:
    where = ", ".join(f.name for f in made.used)
    return StackError(
        f"the dots are seen in {len(made.used)} of {len(made.frames)} frames only ({where}); "
        f"{FEWEST_FRAMES} are needed.",
        where=made.name,
        hint="Put the board where more frames show its dots apart, use larger dots, or take finer focus steps.",
    )
