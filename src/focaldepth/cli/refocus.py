"""``focaldepth refocus``: a focal stack out of a light field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _summary, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._optics import parse_optics
from focaldepth.cli._session import current
from focaldepth.cli._types import grid, mapping, pair
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.light_field import REFOCUSERS, LightField, Refocuser
from focaldepth.core.sample import Sample
from focaldepth.core.settings import parse


@click.command("refocus", short_help="A focal stack out of a light field.")
@_options.INPUTS
@_options.output("FOLDER", "Folder for the frames, focus.csv, the centre view and the truth, if it is known.")
@click.option(
    "--disparities", metavar="NUMBERS", help="Disparities to focus at, in px: 0.28,0.15,0.02 or start:stop:count."
)
@click.option("--depths", metavar="NUMBERS", help="Depths to focus at, in metres or with a unit: '350:900:10 mm'.")
@click.option(
    "--refocuser",
    type=click.Choice(REFOCUSERS.names()),
    default="phase",
    show_default=True,
    help="How views are shifted: phases in Fourier space, interpolation, or exactly as the published DDFF stacks.",
)
@click.option(
    "--set",
    "settings",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Setting of the refocuser: border=extend|wrap and light=coded|linear (phase), kernel=cubic|linear.",
)
@click.option(
    "--grid", type=grid, metavar="ROWSxCOLUMNS", help="Views of a folder whose names do not tell their place."
)
@click.option(
    "--optics",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Fact of the camera: disparity_scale=0.141 (baseline x focal length in m px). Repeatable.",
)
@click.option("--bits", type=click.Choice(["8", "16"]), default="16", show_default=True, help="Bits per value.")
@_options.OVERWRITE
@_options.THREADS
@_options.printing
def command(inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Focus a light field at disparities or depths and write the frames as a focal stack.

    IN is a folder of the 4D Light Field benchmark, an array (U, V, H, W, C) as .npy (DDFF 12-Scene), or a folder of
    views. `focaldepth estimate` takes the output folder, and the first two kinds of light field themselves.
    """
    from focaldepth.io._atomic import check_target
    from focaldepth.io.light_field import focused, load_light_field
    from focaldepth.io.stack_folder import RECORD, write_stack

    out = Path(output)
    check_target(out, options["overwrite"], inputs=inputs, record=RECORD)
    refocuser = _refocuser(options["refocuser"], mapping(options["settings"], "--set"))
    axis = _axis(options["disparities"], options["depths"])
    optics = parse_optics(mapping(options["optics"], "--optics"))
    views = load_light_field(list(inputs), grid=options["grid"], optics=optics)
    with _work.running({**options, "max_memory": None}) as run:
        sample = focused(views, axis, refocuser=refocuser, threads=run.threads)
        if not options["quiet"]:
            show(views, sample, refocuser)
        made = {"refocuser": repr(refocuser), "views": list(views.grid), "centre": list(views.centre)}
        names = write_stack(
            out, sample, made, bits=int(options["bits"]), overwrite=options["overwrite"], inputs=views.files, run=run
        )
        current().written = str(out)
    files = [str(out / name) for name in names]
    if not options["quiet"]:
        _show.written([*files[:2], f"... {len(files) - 4} more", *files[-2:]] if len(files) > 5 else files)
    if options["as_json"]:
        stack = _summary.stack_facts(sample.stack)
        print_json({"command": "refocus", "version": __version__, "output": str(out), "files": files, "input": stack})


def show(views: LightField, sample: Sample, refocuser: Refocuser) -> None:
    """Print what was read and what is made of it."""
    h, w, _ = views.shape
    rows, columns = views.grid
    _show.fact("light field", f"{views.name}: {rows} x {columns} views of {w} x {h} px")
    span = views.disparity_range
    if span is not None:
        _show.fact("disparity", f"{span[0]:g} to {span[1]:g} px in the scene")
    _show.fact("focus", f"{len(sample.stack)} frames, {_summary.axis_text(sample.stack.axis, refocuser.title)}")


def _axis(disparities: str | None, depths: str | None) -> FocusAxis | None:
    from focaldepth.io._focus import from_argument, locate_container

    if disparities is not None and depths is not None:
        raise click.UsageError("--disparities and --depths exclude each other.")
    text, option, unit = (disparities, "--disparities", "px") if depths is None else (depths, "--depths", "m")
    if text is None:
        return None
    given = from_argument(text)
    if given is None or given.names is not None:
        raise SettingError(f"{text!r} is no list of numbers.", where=option, hint="Give 0.1,0.2 or start:stop:count.")
    given = replace(given, where=option)
    found = locate_container(len(given.values), given, given.unit or unit, ())
    if found.values is None:
        raise SettingError(f"{text!r} holds no numbers.", where=option, hint="Give 0.1,0.2 or start:stop:count.")
    allowed = (Unit.DISPARITY_PX,) if depths is None else (Unit.METRE, Unit.DIOPTRE)
    if found.unit not in allowed:
        raise SettingError(f"{text!r} is in {found.unit.value}.", where=option, hint=f"Give {allowed[0].value}.")
    return FocusAxis(found.values, found.unit)


def _refocuser(name: str, settings: dict[str, str]) -> Refocuser:
    kind: type[Any] = type(REFOCUSERS.get(name))
    made: Refocuser = parse(kind, settings)
    return made
