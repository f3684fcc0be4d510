"""``focaldepth fuse``: the all-in-focus picture alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _summary, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._pictures import check_file, place_of, write_whole
from focaldepth.cli._session import current
from focaldepth.core.errors import SettingError
from focaldepth.estimate import EstimateSettings


@click.command("fuse", short_help="Only the all-in-focus picture.")
@_options.reading
@_options.output("PICTURE|FOLDER", "Picture to write (.tiff, .png, .jpg), or a folder for all_in_focus.*.")
@_options.settings(EstimateSettings, only=("align", "unaligned", "area", "fusion", "match_exposure"))
@_options.TRANSFORMS
@_options.OVERWRITE
@_options.running
def command(inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Fuse the stack into one picture that is sharp everywhere, in the input's bit depth, with EXIF and ICC kept."""
    from focaldepth.estimate import fuse

    if options["fusion"] == "none":
        raise SettingError("fusion none makes no picture.", where="--fusion", hint="Give multiband or colour.")
    if Path(output).suffix and not Path(output).is_dir():
        check_file(Path(output), overwrite=options["overwrite"])
    stack = _work.load(inputs, options).stack
    picture = place_of(Path(output), stack, "all_in_focus")
    check_file(picture, overwrite=options["overwrite"])
    settings = _work.settings_of(options)
    _work.check_memory(stack, settings, options)
    with _work.running(options) as run:
        transforms = _work.read_transforms(options["transforms"], stack)
        result = fuse(stack, settings, transforms=transforms, run=run)
        run.stage("write", 1)
        lost = write_whole(picture, result.all_in_focus, stack, overwrite=options["overwrite"])
        current().written = str(picture)
    warnings = [*result.provenance.warnings, *lost]
    if not options["quiet"]:
        _show.written([str(picture)])
        _show.warnings(warnings, stack.info.warnings)
    if options["as_json"]:
        print_json(
            {
                "command": "fuse",
                "version": __version__,
                "output": str(picture),
                "files": [str(picture)],
                "input": _summary.stack_facts(stack),
                "times_s": dict(result.provenance.times_s),
                "warnings": warnings,
            }
        )
