"""The fast inference form of any network: the same numbers in fewer and faster operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from focaldepth.networks._chunks import in_chunks
from focaldepth.networks._folding import bind, heads_in_float32, optimise
from focaldepth.networks._most_held import most_held
from focaldepth.networks._net import FocusNet, NetOutput, Scale
from focaldepth.networks._tape import Tape, UntraceableError, trace

Key = tuple[int | str, str]
"""(scale, its field), or ("", field of the output), or ("extras", name)."""


def flatten(out: NetOutput) -> dict[Key, Tensor | None]:
    """Return the tensors of an output by name."""
    found: dict[Key, Tensor | None] = {("", "all_in_focus"): out.all_in_focus}
    found |= {("extras", name): tensor for name, tensor in out.extras.items()}
    return found | {(i, f.name): getattr(s, f.name) for i, s in enumerate(out.scales) for f in fields(Scale)}


def assemble(found: Mapping[Key, Tensor]) -> NetOutput:
    """Go back from `flatten`."""
    count = 1 + max(key[0] for key in found if isinstance(key[0], int))
    scales = (Scale(**{name: t for (i, name), t in found.items() if i == k}) for k in range(count))
    extras = {name: tensor for (kind, name), tensor in found.items() if kind == "extras"}
    return NetOutput(tuple(scales), found.get(("", "all_in_focus")), extras)


def frames_of(inputs: Mapping[str, Tensor]) -> int:
    """Return how many frames there are in a batch."""
    batch, frames = inputs["frames"].shape[:2]
    return batch * frames


class Fast(FocusNet):
    """A network for inference alone, made from a reference module, which is left without its weights.

    For every shape of input the reference is written down once (`_tape`), without computing, and changed by passes
    that leave the result as it is (`_folding`): batch norm goes into the convolution before it, sums and activations
    are done while its result is at hand, convolutions and poolings within frames run in 2D, everything lies channels
    last, constants are computed once, what nobody asked for is not computed, memory is given back or written over as
    soon as nobody reads it, and what is done to every frame alike is done for some frames at a time (`_chunks`). A
    network that has a form of its own for processors (`FocusNet.fast_form`) runs as that.

    Args:
        net: the reference, in evaluation mode.
        bfloat16: compute convolutions, and what lies between them, in bfloat16; what follows the last of them (scores
            to probabilities, probabilities to depth) stays in float32.
        wanted: names of fields of `Scale`, of `NetOutput` or of extras that shall be computed; depth always is. None =
            all. A form of its own computes all.
        device: what it will run on; empty = where the network is.

    Attributes:
        plain_because: why the network runs as the reference after all: it cannot be written down. Empty otherwise.
    """

    def __init__(
        self, net: FocusNet, *, bfloat16: bool = False, wanted: tuple[str, ...] | None = None, device: str = ""
    ) -> None:
        super().__init__(net.options)
        self.eval()
        self.wanted = None if wanted is None else {"depth", *wanted}
        self.plain_because = ""
        self._dtype = torch.bfloat16 if bfloat16 else torch.float32
        self._tensors = {name: tensor.detach() for name, tensor in [*net.named_parameters(), *net.named_buffers()]}
        self._device = next(iter(self._tensors.values())).device
        on_processor = torch.device(device or self._device).type == "cpu"
        own = net.fast_form(bfloat16=bfloat16) if on_processor else None
        self.__dict__["_own"] = own
        self._tensors = self._tensors if own is None else {}
        self._tapes: dict[Any, Tape] = {}
        self._layers: dict[Any, Any] = {}
        self._one = Lock()
        self.__dict__["_hollow"] = net.to_empty(device="meta")

    def compute(self, frames: Tensor, focus: Tensor, frame_valid: Tensor | None, **extra: Tensor) -> NetOutput:
        """See `FocusNet.forward`; without gradients."""
        own: FocusNet | None = self.__dict__["_own"]
        if own is not None:
            own.every_scale = self.every_scale
            return own.compute(frames, focus, frame_valid, **extra)
        inputs = {"frames": frames, "focus": focus, **extra}
        inputs |= {} if frame_valid is None else {"frame_valid": frame_valid}
        with torch.inference_mode():
            try:
                found = self.tape(inputs).run(inputs, self._tensors)
                return assemble({k: t.float() if t.dtype is torch.bfloat16 else t for k, t in found.items()})
            except UntraceableError as error:
                self.plain_because = str(error)
                hollow: FocusNet = self.__dict__["_hollow"]
                made: NetOutput = torch.func.functional_call(hollow, self._tensors, args=(), kwargs=inputs)
                return made

    def tape(self, inputs: Mapping[str, Tensor]) -> Tape:
        """Return the steps for inputs of these shapes, ready to run; raises UntraceableError where there are none."""
        key = (self.every_scale, *((name, t.shape, t.dtype) for name, t in inputs.items()))
        with self._one:
            if key not in self._tapes:
                self._tapes[key] = self._derived(inputs)
            return self._tapes[key]

    def peak_bytes(self, inputs: Mapping[str, Tensor], *, merged: bool = True) -> int:
        """Return the most memory that inputs of these shapes take beside themselves and the weights.

        Found without computing; the libraries' own buffers are not in it. Not `merged`: as the reference takes it.
        """
        net: FocusNet = self.__dict__["_hollow"]
        if merged and self.__dict__["_own"] is not None:
            own = net.fast_form(bfloat16=self._dtype is torch.bfloat16)
            assert own is not None  # as it was with numbers
            net = own
        if net is not self.__dict__["_hollow"] or not merged:
            net.every_scale = self.every_scale
            hollow = {name: torch.empty_like(tensor, device="meta") for name, tensor in inputs.items()}
            with torch.inference_mode():
                return most_held(lambda: net(**hollow))
        tape = self._optimised(inputs)
        in_chunks(tape, frames_of(inputs))
        return tape.plan()

    def _traced(self, inputs: Mapping[str, Tensor]) -> Tape:
        hollow: FocusNet = self.__dict__["_hollow"]
        hollow.every_scale = self.every_scale
        return trace(hollow, inputs, self._flatten)[0]

    def _optimised(self, inputs: Mapping[str, Tensor]) -> Tape:
        tape = self._traced(inputs)
        optimise(tape, self._device)
        if self._dtype is torch.bfloat16:
            heads_in_float32(tape)
        return tape

    def _derived(self, inputs: Mapping[str, Tensor]) -> Tape:
        tape = self._optimised(inputs)
        with torch.inference_mode():
            bind(tape, self._tensors, self._layers, self._dtype)
        in_chunks(tape, frames_of(inputs))
        tape.plan()
        return tape

    def _flatten(self, out: NetOutput) -> dict[Key, Tensor | None]:
        wanted = self.wanted
        return {key: tensor for key, tensor in flatten(out).items() if wanted is None or key[1] in wanted}
