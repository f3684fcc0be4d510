"""Focal stacks that AiFDepthNet blurs out of stereo data: frames named by the disparity in focus, AiF.png, disp.exr."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.method import Citation
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.datasets._pictures import picture_stack, read_picture
from focaldepth.io._exr import read_plane, write_plane
from focaldepth.io.picture import write_picture
from focaldepth.optics.render._renderer import fill_unknown
from focaldepth.optics.render.disparity_blur import DisparityBlur

SHARP, TRUTH = "AiF.png", "disp.exr"
BLUR_HELP = "radius of the blur of `prepare` per px of disparity out of focus; the published sets do not state theirs"
AIFDEPTHNET = Citation(
    "wang2021bridging",
    "N.-H. Wang, R. Wang, Y.-L. Liu, Y.-H. Huang, Y.-L. Chang, C.-P. Chen, K. Jou. Bridging Unsupervised and "
    "Supervised Depth from Focus via All-in-Focus Supervision. ICCV 2021.",
    "https://github.com/albert100121/AiFDepthNet",
)


def frame_name(disparity: float) -> str:
    """Return the name of a frame: the number as Python prints it.

    >>> frame_name(10), frame_name(16.428571428571427)
    ('10.0.png', '16.428571428571427.png')
    """
    return f"{float(disparity)!r}.png"


def frames_in(folder: Path, axis: FocusAxis) -> tuple[list[Path], FocusAxis]:
    """Return the frames of a folder by the number in their names, and these numbers as an axis.

    Raises:
        ReadError: no frames, or some of those that `axis` names are missing; names them.
    """
    found = sorted((number, p) for p in folder.glob("*.png") if (number := _number(p.stem)) is not None)
    values = np.array([number for number, _ in found])
    absent = [v for v in axis.values if not np.isclose(values, v, rtol=1e-6).any()]
    strange = [v for v in values if not np.isclose(axis.values, v, rtol=1e-6).any()]
    if len(found) < 2 or (absent and not strange):
        names = [frame_name(v) for v in absent]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        what = f"{', '.join(names[:3])}{more} missing."
        raise ReadError(what, where=folder, hint=f"Frames are named by their disparity, {len(axis)} in all.")
    return [p for _, p in found], FocusAxis(values, Unit.DISPARITY_PX)


def _number(stem: str) -> float | None:
    try:
        return float(stem)
    except ValueError:
        return None


def read_stack(folder: Path, axis: FocusAxis, name: str, split: str) -> Sample:
    """Open a folder as a stack; its truth is unknown where it is not positive and finite.

    Raises:
        ReadError: frames or the truth are missing or damaged.
        StackError: frames and truth of different sizes.
    """
    files, found = frames_in(folder, axis)
    stack = picture_stack(files, found, name=name, origin="names of the frames")
    values = read_plane(folder / TRUTH).astype(np.float32)
    truth = DepthMap(values, Unit.DISPARITY_PX, np.isfinite(values) & (values > 0))
    sharp = folder / SHARP
    return Sample(stack, truth, read_picture(sharp) if sharp.is_file() else None, name=name, split=split)


def blur_stack(
    folder: Path, picture: NDArray[np.uint8], disparities: NDArray[np.float32], axis: FocusAxis, blur: float,
    run: Run = Run(),
) -> None:  # fmt: skip
    """Blur a sharp picture slice by slice of disparity, and write the stack into a new folder.

    Args:
        folder: made here.
        picture: (H, W, 3) uint8; blurred in the values of the file.
        disparities: (H, W) px; unknown ones (not positive, infinite, NaN) are blurred like their nearest neighbour and
            stay as they are in the truth.
        axis: of the frames.
        blur: radius in px per px of disparity.
        run: threads, cancellation.
    """
    known = np.where(np.isfinite(disparities), disparities, np.float32(np.nan))
    scale = np.full(len(axis), blur)
    sharp = picture.astype(np.float32) / np.float32(255)
    made = DisparityBlur()(sharp, fill_unknown(known), axis.values, scale, Run(threads=run.threads))
    folder.mkdir(parents=True)
    for value, frame in zip(axis.values, made, strict=True):
        write_picture(folder / frame_name(value), np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8))
    write_picture(folder / SHARP, picture)
    write_plane(folder / TRUTH, disparities.astype(np.float32))


def fake_stack(folder: Path, axis: FocusAxis, shape: tuple[int, int], rng: np.random.Generator) -> None:
    """Write a stack of noise, its truth with an infinite and a negative pixel."""
    folder.mkdir(parents=True)
    for value in axis.values:
        write_picture(folder / frame_name(value), rng.integers(0, 256, (*shape, 3), np.uint8))
    write_picture(folder / SHARP, rng.integers(0, 256, (*shape, 3), np.uint8))
    truth = rng.uniform(axis.values.min(), axis.values.max(), shape).astype(np.float32)
    truth[0, :2] = np.inf, -1
    write_plane(folder / TRUTH, truth)


def write_pfm(path: Path, values: NDArray[np.float32]) -> None:
    """Write a map as stereo data sets have it: rows from bottom to top, no sidecar."""
    rows, columns = values.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    header = f"Pf\n{columns} {rows}\n-1.0\n".encode("ascii")
    path.write_bytes(header + np.ascontiguousarray(values[::-1], "<f4").tobytes())


def as_colour(picture: NDArray[np.generic], where: Path) -> NDArray[np.uint8]:
    """Return a picture as (H, W, 3) uint8.

    Raises:
        ReadError: it has more than 8 bits.
    """
    if picture.dtype != np.uint8:
        raise ReadError(f"holds {picture.dtype}.", where=where, hint="Expected 8 bits per channel.")
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
