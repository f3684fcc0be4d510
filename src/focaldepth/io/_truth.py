"""truth.tiff: the known depth of a stack, beside its frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from focaldepth.core.errors import ReadError
from focaldepth.core.result import DepthMap
from focaldepth.io._map_facts import to_map
from focaldepth.io._reader import PictureFile
from focaldepth.io._writer import WriteContext
from focaldepth.io.writers.tiff import WRITER as TIFF
from focaldepth.io.writers.tiff import read_plane

TRUTH = "truth.tiff"
_FRAME = "reference frame "


def write_truth(folder: Path, truth: DepthMap, reference: int | None = None) -> Path:
    """Write the truth of a stack; `reference` is the frame whose geometry it has (None = frames are registered)."""
    title = "" if reference is None else f"{_FRAME}{reference}"
    TIFF.write(folder / TRUTH, truth, WriteContext(quantity="truth", title=title))
    return folder / TRUTH


def read_truth(beside: Sequence[PictureFile], shape: tuple[int, ...]) -> tuple[DepthMap | None, int | None]:
    """Return the truth among the files of a folder and the frame it belongs to; nothing where there is none.

    Raises:
        ReadError: a truth of another size than the frames.
    """
    file = next((f for f in beside if f.name == TRUTH and isinstance(f, Path)), None)
    if not isinstance(file, Path):
        return None, None
    values, facts = read_plane(file)
    truth = to_map(values, facts, None, file)
    if truth.shape != tuple(shape[:2]):
        raise ReadError(
            f"is {truth.shape[1]} x {truth.shape[0]} px, the frames are {shape[1]} x {shape[0]} px.",
            where=file,
            hint="Use the truth of these frames, or move it away.",
        )
    frame = str(facts.get("title", "")).removeprefix(_FRAME)
    return truth, int(frame) if frame.isdigit() else None
