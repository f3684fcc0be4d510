"""Folders of the 4D Light Field benchmark: input_Cam000 ..., parameters.cfg, gt_disp_lowres.pfm.

Honauer, Johannsen, Kondermann, Goldluecke 2016, A dataset and evaluation methodology for depth estimation on 4D light
fields. Views count row by row; disparity is positive for points nearer than the distance on which the cameras converge.
"""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import FocalDepthError, ReadError, StackError
from focaldepth.core.light_field import LightField
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.io._reader import MAX_PIXELS
from focaldepth.io._view_files import picture_views, pictures_in
from focaldepth.io.writers.pfm import WRITER as PFM

_VIEW = re.compile(r"input_Cam(\d+)$", re.I)
PARAMETERS = "parameters.cfg"
TRUTH = "gt_disp_lowres.pfm"
_SHOWN = 5


def is_hci(folder: Path) -> bool:
    """True for a folder that holds views of this benchmark."""
    if not folder.is_dir():
        return False
    return any(_VIEW.match(p.stem) and p.suffix.lower() != ".pfm" for p in folder.glob("[iI]nput_[cC]am*"))


def load_hci(folder: Path, max_pixels: int = MAX_PIXELS) -> LightField:
    """Open a folder of the benchmark.

    Raises:
        StackError: views are missing or of different sizes, or the truth is of another size.
        ReadError: parameters.cfg or the truth is damaged.
    """
    facts = read_parameters(folder / PARAMETERS)
    found = {int(m[1]): p for p in pictures_in(folder) if (m := _VIEW.match(p.stem))}
    grid = _grid(facts, found, folder)
    missing = [i for i in range(grid[0] * grid[1]) if i not in found]
    if missing:
        listed = ", ".join(f"input_Cam{i:03d}" for i in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise StackError(
            f"{len(missing)} of {grid[0] * grid[1]} views are missing: {listed}{more}.",
            where=folder,
            hint="Copy the folder again; a light field needs all its views.",
        )
    files = [found[i] for i in range(grid[0] * grid[1])]
    optics, converge = _geometry(facts, folder)
    made = picture_views(files, grid, folder.resolve().name, optics=optics, max_pixels=max_pixels)
    span = (_number(facts, "disp_min", folder), _number(facts, "disp_max", folder))
    return replace(
        made,
        zero_disparity_m=converge,
        disparity_range=(span[0], span[1]) if span[0] is not None and span[1] is not None else None,
        truth=_truth(folder / TRUTH, made.shape),
    )


def read_parameters(path: Path) -> dict[str, str]:
    """All entries of parameters.cfg by name; empty where the file is missing."""
    if not path.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text("utf-8-sig"))
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise ReadError(f"is no parameter file ({reason}).", where=path, hint="Copy it again.") from error
    return {key: value for section in parser.sections() for key, value in parser[section].items()}


def _number(facts: Mapping[str, str], name: str, folder: Path) -> float | None:
    text = facts.get(name)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError as error:
        where = folder / PARAMETERS
        raise ReadError(f"{name} is {text!r}, not a number.", where=where, hint="Correct it.") from error


def _grid(facts: Mapping[str, str], found: Mapping[int, Path], folder: Path) -> tuple[int, int]:
    """Rows and columns as stated, else the square that the highest number asks for."""
    columns, rows = (_number(facts, name, folder) for name in ("num_cams_x", "num_cams_y"))
    if rows and columns:
        return int(rows), int(columns)
    side = math.isqrt(max(found, default=0)) + 1
    return side, side


def _geometry(facts: Mapping[str, str], folder: Path) -> tuple[Optics, float]:
    """Scale between disparity and depth, and the depth of disparity 0; unknown facts stay unknown."""
    names = ("baseline_mm", "focal_length_mm", "sensor_size_mm", "focus_distance_m")
    baseline, focal, sensor, converge = (_number(facts, name, folder) for name in names)
    pixels = _number(facts, "original_image_resolution_x_px", folder) or _number(facts, "image_resolution_x_px", folder)
    if baseline is None or focal is None or sensor is None or pixels is None or converge is None:
        return Optics(), math.inf
    scale = baseline * 1e-3 * focal / sensor * pixels
    facts_known = {"focal_length_m": focal * 1e-3, "disparity_scale_m_px": scale}
    try:
        return Optics().with_facts(PARAMETERS, **facts_known), converge
    except FocalDepthError as error:
        raise ReadError(error.what, where=folder / PARAMETERS, hint="Correct it.") from error


def _truth(path: Path, shape: tuple[int, int, int]) -> DepthMap | None:
    if not path.is_file():
        return None
    truth = PFM.read(path, Unit.DISPARITY_PX)
    if truth.shape != shape[:2]:
        raise StackError(
            f"the truth is {truth.shape[1]} x {truth.shape[0]} px, the views are {shape[1]} x {shape[0]} px.",
            where=path,
            hint="Use the truth of the same resolution.",
        )
    return DepthMap(truth.values, truth.unit, np.isfinite(truth.values))
