"""``focaldepth calibrate rig``: depth of an RGB-D camera for the light fields taken with it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._session import current
from focaldepth.core.errors import StackError
from focaldepth.core.progress import Run
from focaldepth.io.rig import Recording
from focaldepth.optics.calibration.rig import LensletCamera, Stereo

_TOLERANCE_PX = 0.5


@click.command("rig", short_help="Light fields and depth frames of a rig, as a benchmark like DDFF 12-Scene.")
@click.argument("scenes", metavar="SCENE...", nargs=-1, required=True)
@_options.output("FOLDER", "Folder of the benchmark: LightField, DepthRegistered and the parameters of the cameras.")
@click.option(
    "--lens", type=click.Path(), required=True, metavar="FILE", help="IntParamLF.mat of the light-field camera."
)
@click.option("--stereo", type=click.Path(), required=True, metavar="FILE", help="stereoparams.yml of OpenCV.")
@click.option(
    "--pose",
    default="Rt",
    show_default=True,
    metavar="NAME",
    help="Matrix of --stereo that takes points of the depth camera to the light-field camera: Rt or Rtinv.",
)
@click.option(
    "--radius",
    type=click.FloatRange(0, min_open=True),
    default=7.0,
    show_default=True,
    help="Radius of a microlens on the sensor in px.",
)
@click.option(
    "--split", type=click.Choice(["train", "test"]), default="train", show_default=True, help="Part of the benchmark."
)
@_options.OVERWRITE
@_options.printing
def rig(scenes: tuple[str, ...], output: str, **options: Any) -> None:
    """Register the depth frames of an RGB-D camera with the centre views of light fields.

    Each SCENE is a folder with LF_0001.npy (U, V, H, W, C), LF_0002.npy ... and depth frames of each: DEPTH_0001.npy
    (N, h, w), a folder DEPTH_0001 of 16-bit PNGs, or one DEPTH_0001.png; whole numbers are millimetres. The median of
    the frames, zeros left out, is moved to the centre view; pixels that no measured point falls on stay 0.
    """
    from focaldepth.io._atomic import check_target, staged_folder
    from focaldepth.io.rig import RECORD, STEREO, read_lens_parameters, read_stereo, recordings, write_parameters

    inputs = (*scenes, options["lens"], options["stereo"])
    check_target(output, options["overwrite"], inputs=inputs, record=RECORD)
    lens = LensletCamera(**read_lens_parameters(options["lens"]))
    view = lens.sub_aperture(options["radius"])
    read = read_stereo(options["stereo"], options["pose"])
    stereo, notes = _stereo(read, view)
    taken = recordings(scenes)
    _check_sizes(taken)
    job = _Job(options["split"], stereo, Path(output))
    with _work.running({**options, "threads": None, "max_memory": None}) as run:
        needs = sum(r.views.stat().st_size for r in taken)
        with staged_folder(output, options["overwrite"], inputs=inputs, needs_bytes=needs, record=RECORD) as folder:
            write_parameters(folder, lens.parameters(), view, taken[0].size)
            shutil.copyfile(options["stereo"], folder / STEREO)
            rows = job.write(folder, taken, run)
            scale = lens.disparity_scale_m_px(options["radius"])
            facts = {"intrinsics": view.tolist(), "baseline_m": lens.baseline_m, "disparity_scale_m_px": scale}
            record = _record(folder, facts | {"depth": rows, "warnings": notes}, scenes)
            (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        current().written = output
    if not options["quiet"]:
        _tell(facts, rows, notes, job)
    if options["as_json"]:
        head = {"command": "calibrate rig", "version": __version__, "output": output}
        print_json(
            head | facts | {"depth": rows, "warnings": notes, "files": [str(job.out / n) for n in record["files"]]}
        )


@dataclass(frozen=True)
class _Job:
    """Where depth goes and how it gets there."""

    split: str
    stereo: Stereo
    out: Path

    def write(self, folder: Path, taken: list[Recording], run: Run) -> list[dict[str, Any]]:
        """Write light fields and registered depth; return the facts of each."""
        from focaldepth.io.rig import read_depth_frames, write_depth
        from focaldepth.optics.calibration.rig import median_depth, register_depth

        rows = []
        run.stage("register depth", len(taken))
        for one in taken:
            frames = read_depth_frames(one)
            depth = register_depth(median_depth(frames), self.stereo, one.size)
            name = f"DepthRegistered/{self.split}/{one.scene}/DEPTH_{one.number}.png"
            far = write_depth(folder / name, depth)
            views = folder / "LightField" / self.split / one.scene / one.views.name
            views.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one.views, views)
            known = depth[np.isfinite(depth)]
            ends = [float(v) for v in np.percentile(known, (1, 99))] if known.size else None
            row = {"file": name, "frames": len(frames), "known": known.size / depth.size, "depth_m": ends}
            rows.append(row | {"beyond_16_bit": far})
            run.advance()
        return rows


def _stereo(read: dict[str, Any], view: np.ndarray) -> tuple[Stereo, list[str]]:
    """The two cameras; the view as the stereo calibration has it, else as the light-field camera says."""
    inner = view if read["K_lf"] is None else read["K_lf"]
    distortion = np.zeros(5) if read["d_lf"] is None else read["d_lf"].ravel()
    stereo = Stereo(read["K_ir"], inner, read["pose"], distortion)
    off = float(np.abs(inner - view).max())
    notes = []
    if off > _TOLERANCE_PX:
        notes.append(f"K_lf of the stereo calibration is {off:.2f} px from the intrinsics of the lens; K_lf was used.")
    return stereo, notes


def _check_sizes(taken: list[Recording]) -> None:
    other = next((r for r in taken if r.size != taken[0].size), None)
    if other is not None:
        raise StackError(
            f"views of {other.size[1]} x {other.size[0]} px, those of {taken[0].views.name} have "
            f"{taken[0].size[1]} x {taken[0].size[0]} px.",
            where=other.views,
            hint="A benchmark has the views of one camera.",
        )


def _record(folder: Path, facts: dict[str, Any], scenes: tuple[str, ...]) -> dict[str, Any]:
    from focaldepth.io.result_folder import file_facts
    from focaldepth.io.rig import SCHEMA

    files = sorted(p for p in folder.rglob("*") if p.is_file())
    listed = {p.relative_to(folder).as_posix(): file_facts(p, p.suffix[1:]).model_dump() for p in files}
    command = "focaldepth " + shlex.join(sys.argv[1:])
    head = {"schema": SCHEMA, "software": f"focaldepth {__version__}", "command": command, "scenes": list(scenes)}
    return head | facts | {"files": listed}


def _tell(facts: dict[str, Any], rows: list[dict[str, Any]], notes: list[str], job: _Job) -> None:
    (f, _, cx), (_, _, cy), _ = facts["intrinsics"]
    _show.fact("views", f"f {f:.4f} px, centre {cx:.4f}, {cy:.4f} px, baseline {facts['baseline_m']:.4g} m/px")
    _show.fact("disparity", f"{facts['disparity_scale_m_px']:.6g} m px / depth")
    for row in rows:
        ends = "none" if row["depth_m"] is None else "{:.3g} to {:.3g} m".format(*row["depth_m"])
        _show.fact("depth", f"{row['file']}: median of {row['frames']}, {row['known']:.1%} known, {ends}")
    empty = [row["file"] for row in rows if row["depth_m"] is None]
    if empty:
        notes = [*notes, f"{', '.join(empty)}: no measured point falls on the view; is it Rt or Rtinv (--pose)?"]
    far = sum(row["beyond_16_bit"] for row in rows)
    if far:
        notes = [*notes, f"{far} pixels lie beyond 65.5 m, which 16 bits cannot hold; they are 0."]
    _show.warn(notes)
    _show.written([str(job.out)])
