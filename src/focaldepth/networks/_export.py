"""A network as an ONNX file that other programs run: colours in 0..1 and focus positions in, depth out."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from focaldepth.core.errors import WriteError
from focaldepth.io._atomic import staged_file
from focaldepth.networks._loaded import Loaded
from focaldepth.networks._net import FocusNet
from focaldepth.networks._spec import NETWORKS, Colour, Convention, FocusForm

OPSET = 20
"""Version of the operators of ONNX: the first with sampling in volumes."""
TOLERANCE = 1e-3
"""Largest difference between ONNX Runtime and PyTorch, as a share of the largest number of an output."""
_ATTEMPTS = (("N", "H", "W"), ("H", "W"), ("N",), ())
"""What may vary, in the order in which it is tried: what a network computes from a size fixes that size."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        dynamic: which of N, H and W may vary.
        shape: (N, H, W) of those that may not.
        inputs, outputs: names in the file.
        difference: largest difference from PyTorch over the largest number, over all outputs and tried shapes.
    """

    path: Path
    dynamic: tuple[str, ...]
    shape: tuple[int, int, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float


class Whole(nn.Module):
    """A network with its convention: frames (1, N, 3, H, W) RGB in 0..1 and focus (1, N) in the convention's unit.

    Returns depth (1, 1, H, W) in that unit, then probability (1, N, H, W) and spread (1, 1, H, W) where there are any.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, net: FocusNet, convention: Convention) -> None:
        super().__init__()
        self.net, self.convention = net, convention
        mean, std = torch.tensor(convention.mean), torch.tensor(convention.std)
        self.register_buffer("scale", ((convention.white - convention.black) / std).view(1, 1, 3, 1, 1))
        self.register_buffer("shift", ((convention.black - mean) / std).view(1, 1, 3, 1, 1))

    def forward(self, frames: Tensor, focus: Tensor, field_of_view: Tensor | None = None) -> tuple[Tensor, ...]:
        """See the class; `field_of_view` (1, N) for the network that asks for it."""
        extra = {} if field_of_view is None else {"field_of_view": field_of_view}
        one = self.convention
        x = frames.flip(2) if one.colour is Colour.BGR else frames
        told, offset, factor = focus * one.focus_factor, torch.zeros(1), torch.full((1,), one.depth_factor)
        if one.focus is FocusForm.OVER_LAST:
            told = focus / focus[:, -1:]
        elif one.focus is FocusForm.UNIT_RANGE:
            ends = focus[:, [0, -1]]  # positions rise or fall
            offset = ends.amin(1, keepdim=True)
            factor = ends.amax(1, keepdim=True) - offset
            told = (focus - offset) / factor
        out = self.net(x * self.scale + self.shift, told, **extra)
        depth = offset.view(-1, 1, 1, 1) + factor.view(-1, 1, 1, 1) * out.depth
        if out.probability is None:
            return (depth,)
        off = depth - focus[:, :, None, None]
        return depth, out.probability, (out.probability * off * off).sum(1, keepdim=True).sqrt()


def export(loaded: Loaded, path: Path, shape: tuple[int, int, int], *, overwrite: bool = False) -> Exported:
    """Write a network as ONNX, and compare what ONNX Runtime makes of it with PyTorch.

    Args:
        loaded: the network in its reference form, on the processor.
        path: file to write.
        shape: (N, H, W) to write it with; counts where a size cannot vary.
        overwrite: replace an existing file.

    Raises:
        StackError: the network does not take the shape.
        WriteError: it cannot be written as ONNX, or ONNX Runtime computes something else.
    """
    limits = loaded.net.limits
    limits.check(shape[0], limits.channels, *shape[1:])
    whole = Whole(loaded.net, loaded.choice.convention).eval()
    names = ("frames", "focus", *NETWORKS.get(loaded.choice.network).inputs)
    problem = ""
    with staged_file(path, overwrite) as file:
        for dynamic in _ATTEMPTS:
            if "N" in dynamic and limits.fixed_frames:
                continue
            try:
                outputs = _write(whole, file, names, shape, dynamic, loaded.card)
                tried = {shape, _other(shape, dynamic, limits.stride)}
                difference = max(_difference(whole, file, names, one) for one in tried)
            except _RefusedError as error:
                problem = str(error)
                continue
            if difference > TOLERANCE:
                problem = f"ONNX Runtime differs from PyTorch by {difference:.2g}."
                continue
            return Exported(path, dynamic, shape, names, outputs, difference)
        raise WriteError(f"cannot be written as ONNX: {problem}", where=path)


class _RefusedError(Exception):
    """A size cannot vary, or something has no counterpart in ONNX."""


def _write(
    whole: Whole,
    file: Path,
    names: tuple[str, ...],
    shape: tuple[int, int, int],
    dynamic: tuple[str, ...],
    card: Mapping[str, Any],
) -> tuple[str, ...]:
    """Write the file; returns the names of the outputs."""
    shape = traceable(shape, dynamic, whole.net.limits.stride)
    given = example(names, shape)
    with torch.no_grad():
        outputs = ("depth", "probability", "spread")[: len(whole(**given))]
    try:
        with _silence(), torch.no_grad():
            program = captured(whole, names, shape, dynamic)
            made = torch.onnx.export(
                program, (), kwargs=given, dynamo=True, opset_version=OPSET, output_names=outputs, verbose=False
            )
    except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
        raise _RefusedError(str(error).splitlines()[0]) from error
    assert made is not None  # it returns a program when it writes no file itself
    made.model.metadata_props["focaldepth"] = json.dumps(dict(card), default=str)
    made.save(str(file), external_data=False)
    return outputs


def traceable(shape: tuple[int, int, int], dynamic: tuple[str, ...], stride: int) -> tuple[int, int, int]:
    """Return a size of which nothing that shall vary is one step: PyTorch's exporter takes that for a constant."""
    n, height, width = shape
    return (
        max(n, 2) if "N" in dynamic else n,
        max(height, 2 * stride) if "H" in dynamic else height,
        max(width, 2 * stride) if "W" in dynamic else width,
    )


def captured(
    whole: Whole, names: tuple[str, ...], shape: tuple[int, int, int], dynamic: tuple[str, ...]
) -> torch.export.ExportedProgram:
    """Return what PyTorch's exporter makes of a network; raises what it raises where a size cannot vary."""
    varying = _varying(whole.net, names, dynamic)
    with torch.no_grad():
        program = torch.export.export(whole, (), kwargs=example(names, shape), dynamic_shapes=varying, strict=False)
    _check_varying(program, dynamic)
    return program


def _varying(net: FocusNet, names: tuple[str, ...], dynamic: tuple[str, ...]) -> dict[str, dict[int, Any]]:
    """Return which axis of which input may vary; sides are multiples of the stride, which spares the proof of it."""
    dim, stride = torch.export.Dim, net.limits.stride
    n = {1: dim("N", min=2, max=4096)} if "N" in dynamic else {}
    sides = {axis: stride * dim(name, min=2, max=4096) for axis, name in ((3, "H"), (4, "W")) if name in dynamic}
    return {name: {**n, **(sides if name == "frames" else {})} for name in names}


def _check_varying(program: torch.export.ExportedProgram, dynamic: tuple[str, ...]) -> None:
    """Raise _RefusedError where an axis that shall vary became a number on the way."""
    inputs = {node.name: node.meta["val"].shape for node in program.graph.nodes if node.op == "placeholder"}
    for axis, name in ((1, "N"), (3, "H"), (4, "W")):
        if name in dynamic and isinstance(inputs["frames"][axis], int):
            raise _RefusedError(f"{name} cannot vary")


def example(names: tuple[str, ...], shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """Return pictures of noise, positions near to far in disparities, and ones for the rest."""
    n, height, width = shape
    random = torch.Generator().manual_seed(n * height + width)
    given = {name: torch.ones(1, n) for name in names}
    given["frames"] = torch.rand(1, n, 3, height, width, generator=random)
    given["focus"] = torch.linspace(0.3, 0.02, n)[None]
    return given


def _other(shape: tuple[int, int, int], dynamic: tuple[str, ...], stride: int) -> tuple[int, int, int]:
    """Return a larger shape, where it may vary."""
    n, height, width = shape
    more = stride if "H" in dynamic else 0
    return n + ("N" in dynamic), height + more, width + 2 * more


def _difference(whole: Whole, file: Path, names: tuple[str, ...], shape: tuple[int, int, int]) -> float:
    """Return the largest difference of an output from PyTorch over its largest number."""
    import onnxruntime

    given = example(names, shape)
    with torch.no_grad():
        wanted = [tensor.numpy() for tensor in whole(**given)]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        known = {one.name for one in session.get_inputs()}
        found = session.run(None, {name: tensor.numpy() for name, tensor in given.items() if name in known})
    except Exception as error:
        raise _RefusedError(str(error).splitlines()[0]) from error
    pairs = zip(found, wanted, strict=True)
    return max(float(np.abs(one - two).max() / max(np.abs(two).max(), 1e-9)) for one, two in pairs)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter from telling its story."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
