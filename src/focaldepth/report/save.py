"""A result into a folder: data files, coloured depth, page and 3D models, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from focaldepth.core.result import DepthResult
from focaldepth.report.figures import write_depth_png
from focaldepth.report.html import write_report
from focaldepth.report.mesh import check_formats, write_mesh


def save(
    result: DepthResult,
    folder: str | PathLike[str],
    *,
    overwrite: bool = False,
    formats: Iterable[str] = (),
    mesh: Iterable[str] = (),
    report: bool = True,
) -> Path:
    """Write everything of a result into a new folder; the folder appears only once it is complete.

    Args:
        result: what to write.
        folder: where; must not exist unless `overwrite`.
        overwrite: replace an existing folder.
        formats: further formats of the depth map, see focaldepth.io.result_folder.
        mesh: 3D formats, of "ply", "glb", "stl".
        report: write report.html, too.

    Returns:
        The folder.

    Raises:
        WriteError: the folder exists or cannot be written.
        UnknownNameError, MissingExtraError: for a 3D format, before anything is written.
    """
    from focaldepth.io._atomic import staged_folder
    from focaldepth.io.result_folder import Beside, write_files

    folder, mesh = Path(folder), tuple(mesh)
    check_formats(mesh)
    beside: list[Beside] = [lambda into: [write_report(result, into / "report.html")]] if report else []
    beside.append(lambda into: [write_depth_png(result, into / "depth.png")])
    if mesh:
        beside.append(lambda into: write_mesh(result, into, mesh))
    with staged_folder(folder, overwrite, inputs=result.info.files) as staged:
        write_files(result, staged, formats=tuple(formats), beside=beside)
    return folder
