"""``focaldepth train``: a network by the recipe of a paper, on a data set or on rendered scenes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_table
from focaldepth.cli._session import current
from focaldepth.cli._types import mapping
from focaldepth.core.errors import Cancelled
from focaldepth.core.registry import extra_for

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """Read a length of time: 90s, 30m, 2h, 1.5d.

    >>> seconds("2h"), seconds("90")
    (7200.0, 90.0)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(s|m|min|h|d)?\s*", str(text).lower())
    if not match:
        raise click.BadParameter(f"{text!r} is no length of time. Write for example 90s, 30m, 2h or 1d.")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def change(text: str) -> tuple[str, str]:
    """Split KEY=VALUE at the first equals sign; the value may be empty, which takes a text away.

    >>> change("validation_split=")
    ('validation_split', '')
    """
    key, sign, value = str(text).partition("=")
    if not (key.strip() and sign):
        raise click.BadParameter(f"{text!r} is not key=value.")
    return key.strip(), value.strip()


def place(text: str) -> tuple[str, str]:
    """Split NAME=DIR; a folder alone is for all data sets that are not named.

    >>> place("fod500=data/fs_6"), place("data/a=b")
    (('fod500', 'data/fs_6'), ('', 'data/a=b'))
    """
    match = re.fullmatch(r"([\w-]+)=(.*)", str(text))
    if match is None or Path(text).exists():
        return "", str(text)
    if not match[2]:
        raise click.BadParameter(f"{text!r} names no folder.")
    return match[1], match[2]


@click.command("train", short_help="A network by the recipe of a paper.")
@click.argument("recipe", metavar="RECIPE", required=False)
@_options.output("FOLDER", "Folder for the loss curve, checkpoints and weights.", required=False)
@click.option("--data", default="", metavar="NAME", help="One data set in the place of the recipe's, or scenes.")
@click.option(
    "--root",
    "roots",
    type=place,
    metavar="[NAME=]DIR",
    multiple=True,
    help="Folder of the data set, or of all of a recipe; with NAME= of one of them. Repeatable.",
)
@click.option(
    "--set",
    "changes",
    type=change,
    metavar="KEY=VALUE",
    multiple=True,
    help="Setting of the recipe; --show lists them. Repeatable.",
)
@click.option("--init", type=click.Path(), metavar="FILE", help="Weights to begin with: of the network or its trunk.")
@click.option("--resume", is_flag=True, help="Go on with the training in FOLDER.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Steps of every stage.  [default: its epochs]")
@click.option("--max-time", type=seconds, metavar="TIME", help="Stop after 90s, 30m, 2h or 1d; --resume goes on.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes for batches; 0 renders scenes on the GPU.",
)
@click.option("--device", default="auto", show_default=True, help="What to compute on: auto, cpu, cuda, cuda:1 ...")
@click.option("--tensorboard/--no-tensorboard", default=True, help="Write event files.  [default: tensorboard]")
@click.option("--list", "listed", is_flag=True, help="List the recipes.")
@click.option("--show", is_flag=True, help="Print all settings of RECIPE and stop.")
@_options.running
def command(recipe: str | None, output: str | None, **options: Any) -> None:
    """Train a network by RECIPE, a name of --list or a file of settings (YAML, JSON).

    Without its data set a recipe runs on rendered scenes: --data scenes. The weights are used by `focaldepth estimate
    --method NETWORK --weights FOLDER/weights.safetensors`. Several GPUs or machines: torchrun --nproc-per-node 4 -m
    focaldepth train ...
    """
    if options["listed"]:
        _list()
        return
    with extra_for("training"):
        from focaldepth.training._folder import CHECKPOINT
        from focaldepth.training._loop import TrainOptions, train
        from focaldepth.training._recipe import load_recipe
    if recipe is None:
        raise click.UsageError("Give a RECIPE, or --list.")
    made = load_recipe(recipe, mapping(options["changes"], "--set"), data=options["data"])
    if options["show"]:
        print_table([("stage", "setting", "value"), *made.everything()])
        return
    if output is None:
        raise click.UsageError("Give a folder with -o.")
    out = Path(output)
    wishes = TrainOptions(
        root=_roots(options["roots"]),
        init=None if options["init"] is None else Path(options["init"]),
        resume=options["resume"],
        max_steps=options["max_steps"],
        max_s=options["max_time"],
        workers=options["workers"],
        threads=options["threads"],
        device=options["device"],
        events=options["tensorboard"],
    )
    with _work.running(options) as run:
        try:
            found = train(made, out, wishes, run)
        except (Cancelled, KeyboardInterrupt):
            current().kept = "--resume goes on from the last checkpoint" if (out / CHECKPOINT).exists() else ""
            raise
        current().written = str(out)
    if found.rank:
        return
    if not options["quiet"]:
        done = "all steps" if found.finished else "the time is over"
        _show.fact("trained", f"{found.steps} steps, {done}")
        _show.written([str(found.weights)])
    if options["as_json"]:
        facts = {"command": "train", "version": __version__, "output": output, "weights": str(found.weights)}
        numbers = {"finished": found.finished, "steps": found.steps, "loss": found.loss, "best": found.best}
        print_json({**facts, **numbers})


def _roots(given: tuple[tuple[str, str], ...]) -> dict[str, str] | None:
    """Folders by the names of data sets; None where nothing was given."""
    if sum(not name for name, _ in given) > 1:
        raise click.UsageError("--root is given twice. Say which data set is where: --root NAME=DIR.")
    return mapping(given, "--root") or None


def _list() -> None:
    from focaldepth.training._recipe import names, title_of

    print_table([("recipe", "network", "data", ""), *((name, *title_of(name)) for name in names())])
