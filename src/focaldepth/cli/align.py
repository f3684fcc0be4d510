"""``focaldepth align``: frames in one geometry, for other tools, and the transforms to reuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.align._warp import Applied
from focaldepth.cli import _options, _show, _summary, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._pictures import suffix_of, tags_of
from focaldepth.cli._session import current
from focaldepth.core.alignment import Alignment
from focaldepth.core.axis import Unit
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import EstimateSettings

RECORD = "transforms.json"
"""The file that makes a folder an output of this command."""


@click.command("align", short_help="Frames brought into one geometry, for other tools.")
@_options.reading
@_options.output("FOLDER", "Folder for the aligned frames and transforms.json.")
@_options.settings(EstimateSettings, only=("align", "unaligned", "area"))
@_options.TRANSFORMS
@_options.OVERWRITE
@_options.running
def command(inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Write the frames in one geometry, in the input's bit depth with EXIF and ICC kept, and transforms.json.

    The file fits --transforms, so several stacks of one scene can share one alignment. Known focus positions are kept
    in focus.csv.
    """
    from focaldepth.align._warp import apply
    from focaldepth.estimate import find_alignment

    out = Path(output)
    check_output(out, inputs, overwrite=options["overwrite"])
    stack = _work.load(inputs, options).stack
    with _work.running(options) as run:
        given = _work.read_transforms(options["transforms"], stack)
        found = find_alignment(stack, _work.settings_of(options), given, run)
        applied = apply(stack, found, unaligned=options["unaligned"], area=options["area"])
        aligned = applied.stack
        files = write_frames(out, applied, found, run, overwrite=options["overwrite"])
        current().written = str(out)
    warnings = aligned.info.warnings
    _, kept = _summary.files_of(out, RECORD)
    if not options["quiet"]:
        _show.fact("aligned", f"{found.rule}; reference {stack.info.frame_names[found.reference]}")
        _show.written([*files[:3], f"... {len(files) - 4} more", files[-1]] if len(files) > 6 else files)
        _show.kept(kept)
        _show.warnings(warnings, stack.info.warnings)
    if options["as_json"]:
        print_json(
            {
                "command": "align",
                "version": __version__,
                "output": str(out),
                "files": files,
                "kept": kept,
                "input": _summary.stack_facts(stack),
                **alignment_facts(stack, found),
                "warnings": list(warnings),
            }
        )


def check_output(out: Path, inputs: tuple[str, ...], *, overwrite: bool) -> None:
    """Raise before any work when the folder may not be written; one with foreign transforms is never replaced."""
    from focaldepth.io._atomic import check_target
    from focaldepth.io.transforms import read_transforms

    check_target(out, overwrite, inputs=inputs, record=RECORD)
    if (out / RECORD).is_file():
        read_transforms(out / RECORD)


def alignment_facts(stack: FocalStack, found: Alignment) -> dict[str, Any]:
    """What was found, as plain values."""
    bad = {stack.info.frame_names[i]: found.reasons[i] for i in range(len(stack)) if not found.aligned[i]}
    return {
        "rule": found.rule,
        "moved": found.moves,
        "reference": stack.info.frame_names[found.reference],
        "unaligned": bad,
    }


def write_frames(out: Path, applied: Applied, found: Alignment, run: Run, *, overwrite: bool) -> list[str]:
    """Write all frames and the transforms into a new folder, all or nothing; return the paths."""
    from focaldepth.io._atomic import staged_folder
    from focaldepth.io.picture import write_picture
    from focaldepth.io.result_folder import file_facts
    from focaldepth.io.stack_folder import POSITIONS, positions
    from focaldepth.io.transforms import TransformFile, write_transforms

    stack = applied.stack
    suffix = suffix_of(stack)
    names = [f"{n}{suffix}" for n in stems(stack)]
    run.stage("write frames", len(stack))
    with staged_folder(out, overwrite, inputs=stack.info.files, record=RECORD) as folder:
        for i, frame in enumerate(stack.frames(threads=run.threads)):
            exif, icc = tags_of(stack, i)
            write_picture(folder / names[i], frame, exif=exif, icc=icc)
            run.advance()
        if stack.axis.unit is not Unit.INDEX:
            (folder / POSITIONS).write_text(positions(stack.axis, names), encoding="utf-8")
            names.append(POSITIONS)
        facts = {n: file_facts(folder / n, "focus positions" if n == POSITIONS else "aligned frame") for n in names}
        write_transforms(folder / RECORD, TransformFile.of_alignment(found, stack.shape[:2], applied.transforms), facts)
    return [str(out / n) for n in [*names, RECORD]]


def stems(stack: FocalStack) -> list[str]:
    """Return one file stem per frame: its name, numbered where names repeat or are no file names."""
    names = [Path(n).stem for n in stack.info.frame_names]
    plain = all(re.fullmatch(r"[\w+-][\w .+-]*", n) for n in names)
    if plain and len(set(names)) == len(names):
        return names
    return [f"frame_{i:0{len(str(len(names) - 1))}d}" for i in range(len(names))]
