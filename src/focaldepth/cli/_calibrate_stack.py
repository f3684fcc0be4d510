"""``focaldepth calibrate stack``: what a focus motor does wrong, from stacks of a circle grid."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_facts, print_table
from focaldepth.cli._session import current
from focaldepth.cli._types import grid


@click.command("stack", short_help="Zoom and shift that focusing leaves, from stacks of a circle grid.")
@click.argument("stacks", metavar="STACK...", nargs=-1, required=True)
@_options.output("OUT", "Folder for calibration.json, calibration.txt and calibration.png.")
@click.option("--grid", "size", type=grid, required=True, metavar="ROWSxCOLUMNS", help="Dots of the board: 7x5.")
@click.option(
    "--pattern",
    type=click.Choice(["symmetric", "asymmetric"]),
    default="symmetric",
    show_default=True,
    help="Straight rows, or every other row shifted by half a step.",
)
@click.option(
    "--dots",
    type=click.Choice(["dark", "bright"]),
    default="dark",
    show_default=True,
    help="Dark dots on a bright sheet, or bright ones on a dark sheet.",
)
@_options.reading_options
@_options.OVERWRITE
@_options.THREADS
@_options.printing
def stack(stacks: tuple[str, ...], output: str, **options: Any) -> None:
    """Measure the focus motor of a camera on stacks of a flat sheet with a grid of dots.

    Each STACK is one focus sweep with camera and sheet at rest, read as by `estimate`; take several, with the sheet at
    several distances. The field of view is corrected by the focus distances and the focal length; the zoom and the
    shifts that are left become the error ranges that `focaldepth simulate --calibration` puts on other pictures.
    """
    from focaldepth.io._atomic import check_target
    from focaldepth.io.calibration import RECORD
    from focaldepth.optics.calibration.dots import Board
    from focaldepth.optics.calibration.motion import stack_motion
    from focaldepth.optics.calibration.motor import calibrate
    from focaldepth.report.calibration import frame_rows, mean_rows, ranges, record, save_calibration

    check_target(output, options["overwrite"], inputs=stacks, record=RECORD)
    rows, columns = options["size"]
    board = Board(rows, columns, options["pattern"], options["dots"])
    measured, optics = [], []
    with _work.running({**options, "max_memory": None}) as run:
        for path in stacks:
            sample = _work.load([path], options)
            measured.append(stack_motion(sample.stack, board, run))
            optics.append(sample.stack.optics)
    found = calibrate(measured, optics[0])
    line = {"command": "focaldepth " + shlex.join(sys.argv[1:]), "inputs": [str(Path(p).absolute()) for p in stacks]}
    files = save_calibration(found, board, output, line, overwrite=options["overwrite"], inputs=stacks)
    current().written = output
    if options["as_json"]:
        head = {"command": "calibrate stack", "version": __version__, "output": output, "files": files}
        print_json(record(found, board, {}) | head)
        return
    if options["quiet"]:
        return
    print_table(mean_rows(found) if len(found.means) < len(frame_rows(found)) - 1 else frame_rows(found))
    print_facts(dict(ranges(found)))
    _show.warn(found.warnings)
    _show.written(files)
    _show.fact("use it", f"focaldepth simulate PICTURE --depth DEPTH -o STACK --calibration {shlex.quote(files[-1])}")
