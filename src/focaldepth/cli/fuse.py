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
from focaldepth.core.result import DepthResult
from focaldepth.estimate import EstimateSettings


@click.command("fuse", short_help="Only the all-in-focus picture.")
@_options.reading
@_options.output("PICTURE|FOLDER", "Picture to write (.tiff, .png, .jpg), or a folder for all_in_focus.*.")
@_options.settings(EstimateSettings, only=("align", "unaligned", "area", "fusion", "match_exposure"))
@click.option(
    "--like",
    metavar="RESULT",
    type=click.Path(exists=True, file_okay=False),
    help="Apply alignment and depth of this result (of another channel or light) instead of measuring focus.",
)
@_options.TRANSFORMS
@_options.OVERWRITE
@_options.running
def command(inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Fuse the stack into one picture that is sharp everywhere, in the input's bit depth, with EXIF and ICC kept.

    With --like, the map that was found on one channel or light makes the picture of another.
    """
    from focaldepth._pick import PickFrames, check_like
    from focaldepth.estimate import fuse

    _check_like_alone(options["like"])
    if options["fusion"] == "none":
        raise SettingError("fusion none makes no picture.", where="--fusion", hint="Give multiband or colour.")
    if Path(output).suffix and not Path(output).is_dir():
        check_file(Path(output), overwrite=options["overwrite"])
    stack = _work.load(inputs, options).stack
    picture = place_of(Path(output), stack, "all_in_focus")
    check_file(picture, overwrite=options["overwrite"])
    settings = _work.settings_of(options)
    like = None if options["like"] is None else DepthResult.load(options["like"])
    if like is not None:
        check_like(stack, like)
    _work.check_memory(stack, settings, options, None if like is None else PickFrames(like.index, like.map))
    with _work.running(options) as run:
        transforms = _work.read_transforms(options["transforms"], stack)
        result = fuse(stack, settings, like=like, transforms=transforms, run=run)
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


def _check_like_alone(like: str | None) -> None:
    """Raise UsageError for an option that --like would make idle."""
    context = click.get_current_context()
    idle = ("align", "unaligned", "area", "fusion", "transforms")
    given = [n for n in idle if context.get_parameter_source(n) is click.core.ParameterSource.COMMANDLINE]
    if like is not None and given:
        raise click.UsageError(f"--{given[0]} has no effect with --like: alignment and map come from the result.")
