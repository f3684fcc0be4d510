"""Options that several commands share; those of settings come from the settings' own fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from focaldepth.cli._session import debug_option
from focaldepth.cli._types import memory_size, pair, words
from focaldepth.core.settings import SettingFact, facts

F = TypeVar("F", bound=Callable[..., Any])

INPUTS = click.argument("inputs", metavar="IN...", nargs=-1, required=True)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace an existing output.")

OPTICS = click.option(
    "--optics",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Fact of lens or sensor: focal_length=50mm, f_number=2.8, pixel_pitch=4um, model=microscope. Repeatable.",
)
_READING = (
    click.option(
        "--focus",
        metavar="NUMBERS|FILE",
        help="Focus position of every frame: 0.3,0.4,0.5 or start:stop:count or a file (txt, csv, yaml, json).",
    ),
    click.option(
        "--focus-unit", metavar="UNIT", help="Unit of the positions: m, cm, mm, um, dioptre, px, index, relative."
    ),
    click.option("--reverse", is_flag=True, help="Take the frames in reverse order."),
    OPTICS,
    click.option("--channel", help="Channel of a multi-channel stack to use: number from 0, or name."),
    click.option("--dataset", help="Name of the dataset in an HDF5 or zarr file."),
    click.option("--axes", help="Letters of the axes of an array, such as NHWC or ZYX."),
    click.option("--log", type=click.Path(exists=True, dir_okay=False), help="Position log of a video sweep."),
    click.option("--name-pattern", help="Where the position stands in the file names, such as 'image_*_{focus}.jpg'."),
    click.option(
        "--max-pixels", type=click.IntRange(min=1), help="Largest frame to decode.  [default: 500 megapixels]"
    ),
    click.option("--skip-bad-frames", is_flag=True, help="Go on without frames that cannot be read, and say so."),
)
THREADS = click.option("--threads", type=click.IntRange(min=1), help="Worker threads.  [default: all cores]")
_PRINTING = (click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."), JSON, debug_option)
_RUNNING = (
    THREADS,
    click.option(
        "--max-memory", type=memory_size, metavar="SIZE", help="Upper limit of memory, such as 2GiB.  [default: none]"
    ),
    *_PRINTING,
)
_SAVING = (
    click.option(
        "--formats",
        type=words,
        metavar="NAME,NAME",
        default="",
        help="Further depth files: pfm,png16,exr,npy,gsf,x3p,imagej.",
    ),
    click.option("--3d", "mesh", type=words, metavar="NAME,NAME", default="", help="3D surfaces: ply,glb,stl."),
    click.option("--report/--no-report", default=True, help="Write report.html.  [default: report]"),
    OVERWRITE,
)
TRANSFORMS = click.option(
    "--transforms",
    type=click.Path(exists=True, dir_okay=False),
    help="Use the alignment in this file (transforms.json of an earlier run) instead of finding one.",
)
SET = click.option(
    "--set",
    "method_settings",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Setting of the method; see `focaldepth methods NAME`. Repeatable.",
)


def output(metavar: str, help_text: str, *, required: bool = True) -> Callable[[F], F]:
    """Return the option ``-o/--output``."""
    return click.option("-o", "--output", metavar=metavar, required=required, type=click.Path(), help=help_text)


def reading(function: F) -> F:
    """Add the arguments and options that say what is read and how."""
    return INPUTS(reading_options(function))


def reading_options(function: F) -> F:
    """Add the options of `reading` without its argument, for commands that read several stacks."""
    return _all(_READING, function)


def running(function: F) -> F:
    """Add the options that say what a run may use and what it prints."""
    return _all(_RUNNING, function)


def printing(function: F) -> F:
    """Add the options that say what is printed, for commands that need little memory."""
    return _all(_PRINTING, function)


def saving(function: F) -> F:
    """Add the options of a result folder."""
    return _all(_SAVING, function)


def settings(cls: type[Any], *, only: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Return a decorator that adds one option per field of a settings class: name, type, help, default, range."""
    wanted = [f for f in facts(cls) if not only or f.name in only]
    return lambda function: _all(tuple(_option(f) for f in wanted), function)


def _all(options: tuple[Callable[[F], F], ...], function: F) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def _option(fact: SettingFact) -> Callable[[F], F]:
    flag = "--" + fact.name.replace("_", "-")
    text = fact.help[:1].upper() + fact.help[1:] + (f" ({fact.unit})" if fact.unit else "") + "."
    if fact.type is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", default=fact.default, show_default=True, help=text)
    complete = _names_of(fact.name)
    return click.option(
        flag,
        type=_type(fact),
        default=fact.default,
        show_default=fact.default != "",
        help=text,
        shell_complete=complete,
    )


def _type(fact: SettingFact) -> Any:
    if fact.choices:
        return click.Choice(fact.choices)
    if fact.type is int:
        low, high = (None if v is None else int(v) for v in (fact.low, fact.high))
        return click.IntRange(low, high)
    if fact.type is float:
        return click.FloatRange(fact.low, fact.high)
    return click.STRING


def _names_of(setting: str) -> Callable[..., list[Any]] | None:
    """Return the completion of settings that name a plug-in."""
    if setting not in ("method", "align"):
        return None

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(n) for n in _plugin_names(setting) if n.startswith(incomplete)]

    return complete


def _plugin_names(setting: str) -> list[str]:
    if setting == "align":
        from focaldepth.align._alignment import ALIGNERS

        return ALIGNERS.names()
    from focaldepth.estimate import METHODS

    return [*METHODS.names(), *dict(METHODS.aliases)]
