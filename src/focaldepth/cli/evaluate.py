"""``focaldepth evaluate``: how far a method is from the truth, by the protocol of a paper or our own."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from math import isnan
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.benchmark._evaluate import Evaluation
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_table
from focaldepth.cli._optics import parse_optics
from focaldepth.cli._session import current
from focaldepth.cli._types import mapping
from focaldepth.core.axis import Unit
from focaldepth.core.errors import SettingError, UnknownNameError
from focaldepth.core.sample import Item
from focaldepth.estimate import EstimateSettings

_FIXED = ("method", "unit", "fill", "area")
"""Settings of a run that the protocol decides."""
_FREE = tuple(f.name for f in fields(EstimateSettings) if f.name not in _FIXED)
_FITS = ("none", "scale", "affine", "median")


@click.command("evaluate", short_help="Errors of a method on stacks with truth, by a protocol.")
@click.argument("method", metavar="METHOD")
@click.argument("data", metavar="DATASET...", nargs=-1, required=True)
@click.option(
    "--protocol",
    help="Frames, mask, coordinate and metrics; see `focaldepth methods --protocols`.  "
    "[default: plain; of a data set by name the first of its own]",
)
@click.option("--root", metavar="DIR", help="Folder of the data set that DATASET names; see `focaldepth data`.")
@click.option(
    "--split", metavar="NAME", default="", help="Split of the named data set.  [default: as the protocol says]"
)
@click.option("--fit", type=click.Choice(_FITS), help="Fit of relative estimates; default as in the protocol.")
@_options.output(
    "OUT", "Folder for evaluation.json, images.csv and pictures.  [default: only the table]", required=False
)
@_options.settings(EstimateSettings, only=_FREE)
@_options.SET
@click.option("--focus-unit", metavar="UNIT", help="Unit of focus positions that state none: m, mm, um, dioptre, px.")
@_options.OPTICS
@_options.OVERWRITE
@_options.running
def command(method: str, data: tuple[str, ...], output: str | None, **options: Any) -> None:
    """Run METHOD on every stack of DATASET and compare with the truth.

    DATASET is npz or HDF5 files that carry their truth, folders of such files, folders of pictures with
    ground_truth_depth.npy (metres), ground_truth_frames.npy or truth.tiff beside them, or what `focaldepth scenes`
    writes; with --root the name of a data set such as fod500. Every stack goes through the same door as in `estimate`;
    unit and filling are the protocol's.
    """
    from focaldepth.benchmark._evaluate import evaluate
    from focaldepth.benchmark._protocol import PROTOCOLS
    from focaldepth.estimate import make_method
    from focaldepth.io._atomic import check_target
    from focaldepth.metrics._metric import metric
    from focaldepth.report.evaluation import RECORD, Extremes, record, save_evaluation

    settings = _work.settings_of(options, method=method)
    chosen = mapping(options["method_settings"], "--set")
    make_method(settings, chosen)
    stacks, usual = _stacks(data, options)
    name = options["protocol"] or usual
    protocol = PROTOCOLS.get(name)
    if options["fit"] is not None:
        protocol = replace(protocol, rules=replace(protocol.rules, fit=options["fit"]))
    out = None if output is None else Path(output)
    inputs = data if options["root"] is None else (options["root"],)
    if out is not None:
        check_target(out, options["overwrite"], inputs=inputs, record=RECORD)
    extremes = Extremes(metric(protocol.columns[0].metric).facts.better)
    with _work.running(options) as run:
        found = evaluate(stacks, settings, name, record=protocol, method_settings=chosen, run=run, watch=extremes.take)
    facts = {"command": "evaluate", "version": __version__, "settings": asdict(settings), "method_settings": chosen}
    facts["line"] = "focaldepth " + shlex.join(sys.argv[1:])
    files = []
    if out is not None:
        files = save_evaluation(found, extremes, out, facts, overwrite=options["overwrite"], inputs=inputs)
        current().written = str(out)
    if options["as_json"]:
        print_json(record(found, facts) | {"output": output, "files": files})
    else:
        _print(found, quiet=options["quiet"])
    if not options["quiet"]:
        _show.warn(found.warnings)
        _show.written(files)


def _stacks(data: tuple[str, ...], options: dict[str, Any]) -> tuple[list[Item], str]:
    """List the stacks of files and folders, or of a data set by name; the protocol that is meant for them."""
    from focaldepth.benchmark._protocol import PROTOCOLS
    from focaldepth.datasets._dataset import DATASETS, dataset
    from focaldepth.datasets.plain import stacks_of

    unit = {"focus_unit": options["focus_unit"]} if options["focus_unit"] else {}
    optics = parse_optics(mapping(options["optics"], "--optics"))
    if options["root"] is None:
        named = [text for text in data if text in DATASETS.names() and not Path(text).exists()]
        if named:
            raise SettingError(f"{named[0]} is the name of a data set.", hint="Say with --root where it lies.")
        near = [
            text for text in data if not Path(text).exists() and get_close_matches(text, DATASETS.names(), cutoff=0.7)
        ]
        if near:
            raise UnknownNameError("data set", near[0], DATASETS.names(), where="DATASET")
        if options["split"]:
            raise SettingError("files have no splits.", where="--split", hint="Name a data set, and give --root.")
        return stacks_of(data, optics=optics, **unit), "plain"
    if optics is not None:
        raise SettingError("data sets know their lens.", where="--optics", hint="Give it with files and folders.")
    if len(data) != 1:
        raise SettingError(f"--root belongs to one data set, {len(data)} are named.", hint="Run them one by one.")
    made = dataset(data[0], **(unit if data[0] == "plain" else {}))
    usual = next(iter(made.spec.protocols), "plain")
    record = PROTOCOLS.get(options["protocol"] or usual)
    return made.items(options["root"], options["split"] or record.split_of(made.spec.splits)), usual


def _print(found: Evaluation, *, quiet: bool) -> None:
    """Print the table of metrics on stdout; what a reader has to know on stderr."""
    from focaldepth.report.evaluation import rows

    record = found.record
    print_table(
        [
            ("metric", "mean of images", "all pixels", "images", "better"),
            *(
                (row["heading"], _number(row["mean"]), _number(row["pooled"]), str(row["images"]), row["better"])
                for row in rows(found)
            ),
        ]
    )
    if quiet:
        return
    fits = sorted({text.partition(":")[0] for text in found.filled.fits.values()} - {""})
    units = ", ".join(Unit(u).symbol for u in found.units)
    normalised = "" if record.rules.span == 1 else f", normalised by {record.rules.span:g}"
    _show.fact("protocol", f"{found.protocol}: {record.title} ({record.source})")
    _show.fact("errors in", f"{units}{normalised}{'; after ' + ', '.join(fits) if fits else ''}")
    _show.fact("images", f"{len(found.images)}, {found.seconds_per_image:.2f} s each")
    if record.note:
        _show.fact("note", record.note)


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.4g}"
