"""Rendered stacks on disk: one folder per stack, and a record of what they were made by at the top."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from focaldepth.core.errors import ReadError, SettingError
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.sample import Item, Sample
from focaldepth.datasets._pictures import read_picture
from focaldepth.io.load import load_sample
from focaldepth.io.stack_folder import ALL_IN_FOCUS, RECORD, write_stack

MADE = "dataset.json"
"""The record: name and settings of the data set, and its stacks."""


def write_items(items: Sequence[Item], out: Path, made: Mapping[str, Any], run: Run) -> None:
    """Write every stack into a folder of its own, in the format of ``focaldepth simulate``.

    Args:
        items: what is written, by name.
        out: folder that exists.
        made: name and settings of the data set; plain JSON values.
        run: counts stacks.
    """
    run.stage("render", len(items))
    inner = Run(threads=run.threads)
    for item in items:
        sample = item.open()
        write_stack(out / item.name, sample, dict(made), run=inner)
        run.advance()
    record = {**made, "stacks": {item.name: item.split for item in items}}
    (out / MADE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def prepared_items(root: Path, made: Mapping[str, Any]) -> list[Item] | None:
    """List stacks that `write_items` wrote; None where there is no record.

    Raises:
        ReadError: a damaged record.
        SettingError: they were made with other settings.
    """
    path = root / MADE
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        stacks = dict(record["stacks"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"is no record of stacks ({error}).", where=path, hint="Prepare the stacks again.") from error
    for key, value in made.items():
        if record.get(key) != value:
            raise SettingError(
                f"these stacks were made with {key} = {record.get(key)}, asked for is {value}.",
                where=path,
                hint=f"Say --set {key}={record.get(key)}, or prepare others.",
            )
    return [Item(name, partial(_open, root / name, name, split), split) for name, split in stacks.items()]


def _open(folder: Path, name: str, split: str) -> Sample:
    sample = load_sample(folder)
    try:
        facts = json.loads((folder / RECORD).read_text("utf-8"))["optics"]
    except (OSError, ValueError, KeyError) as error:
        raise ReadError(
            f"is no record of a stack ({error}).", where=folder / RECORD, hint="Prepare it again."
        ) from error
    optics = Optics(**facts, origin=dict.fromkeys(facts, RECORD))
    sharp = read_picture(folder / ALL_IN_FOCUS)
    return replace(sample, stack=replace(sample.stack, optics=optics), all_in_focus=sharp, name=name, split=split)
