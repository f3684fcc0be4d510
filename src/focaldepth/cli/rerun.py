"""``focaldepth rerun``: the same run again, from the record in its result folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli.estimate import finish, prepare
from focaldepth.core.errors import StackError
from focaldepth.core.result import DepthResult, Provenance
from focaldepth.core.stack import FocalStack


@click.command("rerun", short_help="Repeat a run from its result folder.")
@click.argument("result", metavar="RESULT", type=click.Path(exists=True, file_okay=False))
@click.argument("inputs", metavar="[IN]...", nargs=-1)
@_options.output("OUT", "Folder for the new result.")
@click.option("--allow-changed", is_flag=True, help="Go on when the input files are not those of the first run.")
@_options.saving
@_options.running
def command(result: str, inputs: tuple[str, ...], output: str, allow_changed: bool, **options: Any) -> None:
    """Repeat the run that made the folder RESULT, with the settings in its result.json.

    IN names the input again where it has moved. Files whose content has changed since are refused, and at the end the
    new depth is compared with the first.
    """
    from focaldepth.io._atomic import check_target

    out = Path(output)
    check_target(out, options["overwrite"], inputs=[result])
    old = DepthResult.load(result)
    inputs, chosen = recorded(old, inputs)
    options = {**options, **chosen}
    started = prepare(inputs, options)
    if not allow_changed:
        check_same(old.provenance, started.stack, result)
    facts, new = finish(started, inputs, out, options, "rerun")
    facts["same"] = same(old, new)
    if not options["quiet"]:
        _show.fact("same", facts["same"]["text"])
    if options["as_json"]:
        print_json(facts)


def recorded(old: DepthResult, inputs: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return inputs and options of a recorded run; of one that was not started here, from its files and axis."""
    made = old.provenance
    front: Mapping[str, Any] = made.settings.get("front_door", {})
    method: Mapping[str, Any] = made.settings.get("method", {})
    read: Mapping[str, Any] = made.settings.get("read") or _from_files(old)
    options: dict[str, Any] = dict.fromkeys(_work.READ_OPTIONS)
    options |= {name: read[name] for name in _work.READ_OPTIONS if name in read}
    options |= {**front, "method": made.method, "transforms": read.get("transforms")}
    options["method_settings"] = [(name, str(value)) for name, value in method.items() if value is not None]
    options["optics"] = [(key, text) for key, text in read.get("optics", ())]
    return inputs or tuple(read["inputs"]), options


def _from_files(old: DepthResult) -> dict[str, Any]:
    optics = [(name, str(value)) for name, value in old.optics.facts().items()]
    read: dict[str, Any] = {"inputs": list(old.provenance.inputs), "optics": optics}
    if old.info.focus_origin != "none":
        read |= {"focus": [float(v) for v in old.axis.values], "focus_unit": old.axis.unit.value}
    return read


def check_same(made: Provenance, stack: FocalStack, folder: str) -> None:
    """Raise StackError when the files are not those of the first run; names and places do not count."""
    from focaldepth.io.hashes import hash_inputs

    before, now = sorted(made.inputs.values()), sorted(hash_inputs(stack).values())
    if before != now:
        known = sum(h in before for h in now)
        raise StackError(
            f"{known} of {len(now)} input files are those of the run in {folder} ({len(before)} files).",
            where=stack.info.name,
            hint="Give the input of that run, or --allow-changed.",
        )


def same(old: DepthResult, new: DepthResult) -> dict[str, Any]:
    """Compare two results."""
    before = old.provenance.versions.get("focaldepth", "unknown")
    version = (
        "" if before == __version__ else f" (the first run was made by focaldepth {before}, this is {__version__})"
    )
    if old.map.shape != new.map.shape or old.map.unit is not new.map.unit:
        return {"equal": False, "text": f"no: size or unit differ{version}"}
    pairs = [(old.map.values, new.map.values), (old.index, new.index)]
    if old.map.sigma is not None and new.map.sigma is not None:
        pairs.append((old.map.sigma, new.map.sigma))
    if all(np.array_equal(a, b, equal_nan=True) for a, b in pairs):
        return {"equal": True, "text": "depth, sigma and index equal the first run bit for bit"}
    return {"equal": False, "text": f"no: depth, sigma or index differ from the first run{version}"}
