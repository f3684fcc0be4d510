"""``focaldepth import``: a checkpoint of the authors' code becomes weights with a card."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _show
from focaldepth.cli._json import print_json
from focaldepth.cli._options import JSON, OVERWRITE, output
from focaldepth.cli._session import current, debug_option
from focaldepth.cli._types import mapping, pair
from focaldepth.core.errors import SettingError
from focaldepth.core.registry import extra_for


@click.command("import", short_help="Turn a checkpoint of the authors' code into weights.")
@click.argument("checkpoint", type=click.Path(dir_okay=False))
@click.option("--as", "network", required=True, metavar="NETWORK", help="Which network; see `focaldepth methods`.")
@output("FILE", "File to write.  [default: NETWORK.TAG.safetensors in the weights folder]", required=False)
@click.option("--tag", default="", help="Short name; weights are called NETWORK.TAG.  [default: from the file's name]")
@click.option(
    "--set",
    "options",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of the architecture that leaves no trace in the file. Repeatable.",
)
@click.option(
    "--convention",
    type=pair,
    metavar="KEY=VALUE",
    multiple=True,
    help="How the network was fed in training, where not as in the authors' code: unit=metre, colour=bgr, "
    "mean=0.5,0.5,0.5 ... (see docs/networks.md). Repeatable.",
)
@click.option("--trained-on", default="", help="What it was trained on, in words.")
@click.option(
    "--seen",
    type=pair,
    metavar="FACT=LOW:HIGH",
    multiple=True,
    help="What it was trained on, and runs are warned outside of: focus=0.1:1 (in the unit of its convention), "
    "frames=5:5, focal_length_m, f_number. Repeatable.",
)
@click.option("--licence", default="", help="Licence of the weights, in words.")
@OVERWRITE
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@JSON
@debug_option
def command(checkpoint: str, network: str, output: str | None, tag: str, **options: Any) -> None:
    """Read CHECKPOINT (.pth, .pt, .tar, .npz) without running code from it, check that every tensor of the network is
    there and none is left over, and write it as safetensors with a card beside it (JSON).
    """
    with extra_for("import"):
        from focaldepth.networks._weights import check_output, import_checkpoint
    from focaldepth.networks._catalogue import SUFFIX, folders
    from focaldepth.networks._spec import NETWORKS

    name, path = NETWORKS.resolve(network), Path(checkpoint)
    tag = plain(tag or path.stem)
    target = Path(output) if output else folders()[0] / f"{name}.{tag}{SUFFIX}"
    check_output(target, overwrite=options["overwrite"])
    card = import_checkpoint(
        path,
        name,
        target,
        options=mapping(options["options"], "--set"),
        convention=NETWORKS.get(name).convention.changed(mapping(options["convention"], "--convention")),
        overwrite=options["overwrite"],
        tag=tag,
        trained_on=options["trained_on"],
        seen=_ranges(mapping(options["seen"], "--seen")),
        licence=options["licence"],
    )
    current().written = str(target)
    known = target.parent.absolute() in [folder.absolute() for folder in folders()]
    called = card.name if known else str(target)
    if not options["quiet"]:
        _show.written([str(target), str(target.with_suffix(".json"))])
        _show.fact("weights", f"{card.name}, {card.parameters:,} numbers, options {dict(card.options)}")
        _show.fact("run", f"focaldepth estimate PICTURES/ -o RESULT --method {name} --weights {called}")
        if card.source["dropped"]:
            _show.warn([f"left out, because {name} does not have them: {', '.join(card.source['dropped'])}."])
    if options["as_json"]:
        facts = {"network": name, "weights": called, "options": dict(card.options), "sha256": card.sha256}
        print_json({"command": "import", "version": __version__, "output": str(target), **facts})


def _ranges(texts: dict[str, str]) -> dict[str, list[float]]:
    """Read what weights were trained on: fact -> least and largest value."""
    from focaldepth.networks._card import DOMAIN, is_domain

    found = {}
    for name, text in texts.items():
        low, _, high = text.partition(":")
        try:
            found[name] = [float(low), float(high or low)]
        except ValueError:
            found[name] = []
    if not is_domain(found):
        given = ", ".join(f"{k}={v}" for k, v in texts.items())
        raise SettingError(
            f"{given} is no range.", where="--seen", hint=f"Write FACT=LOW:HIGH with a fact of {', '.join(DOMAIN)}."
        )
    return found


def plain(text: str) -> str:
    """Return a tag: small letters, digits, hyphens.

    >>> plain("DFF-DFV.best (1)")
    'dff-dfv-best-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "imported"
