"""``focaldepth export``: a network with its weights as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _show
from focaldepth.cli._json import print_json
from focaldepth.cli._options import JSON, OVERWRITE, output
from focaldepth.cli._session import current, debug_option
from focaldepth.core.errors import SettingError
from focaldepth.core.registry import extra_for
from focaldepth.networks._spec import NETWORKS


@click.command("export", short_help="A network and its weights as an ONNX file.")
@click.argument("method")
@output("FILE", "The .onnx file to write.")
@click.option("--weights", default="", help="As for `focaldepth estimate`: a file, a name, or random.")
@click.option("--frames", type=click.IntRange(min=1), help="N, where it cannot vary.  [default: 5, or the network's]")
@click.option("--height", type=click.IntRange(min=1), default=224, show_default=True, help="H, where it cannot vary.")
@click.option("--width", type=click.IntRange(min=1), default=224, show_default=True, help="W, where it cannot vary.")
@OVERWRITE
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@JSON
@debug_option
def command(method: str, output: str, weights: str, frames: int | None, **options: Any) -> None:
    """Write the network METHOD as ONNX and compare what ONNX Runtime makes of it with PyTorch.

    The file takes frames (1, N, 3, H, W) in RGB from 0 to 1 and focus positions (1, N) in the unit of the weights, and
    gives depth (1, 1, H, W) in that unit, with probability and spread over frames where the network has them. N, H and
    W may vary where the network allows it.
    """
    with extra_for("export"):
        import onnx  # noqa: F401 - asked for before the network is built
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401

        from focaldepth.networks._export import export
        from focaldepth.networks._loaded import choose, load
    from focaldepth.networks._method import method_class

    name = NETWORKS.resolve(method)
    if Path(output).suffix != ".onnx":
        raise SettingError("is no .onnx file.", where=output, hint="Give a name that ends so.")
    choice = choose(method_class(name)(weights=weights, device="cpu", form="reference"))
    limits = choice.options.limits
    shape = (frames or limits.fixed_frames or 5, options["height"], options["width"])
    limits.check(shape[0], limits.channels, *shape[1:])  # before the network is loaded
    made = export(load(choice), Path(output), shape, overwrite=options["overwrite"])
    current().written = output
    fixed = {axis: size for axis, size in zip("NHW", shape, strict=True) if axis not in made.dynamic}
    if not options["quiet"]:
        _show.written([output])
        _show.fact("varies", ", ".join(made.dynamic) or "nothing")
        _show.fact("fixed", ", ".join(f"{axis} = {size}" for axis, size in fixed.items()) or "nothing")
        _show.fact("outputs", ", ".join(made.outputs))
        _show.fact("checked", f"ONNX Runtime differs from PyTorch by {made.difference:.1e} of the largest number")
    if options["as_json"]:
        facts = {"dynamic": made.dynamic, "fixed": fixed, "inputs": made.inputs, "outputs": made.outputs}
        head = {"command": "export", "version": __version__, "output": output, "network": name}
        print_json({**head, **facts, "difference": made.difference})
