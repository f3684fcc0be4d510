"""A network written down as steps: what it does with inputs of one shape, without its Python.

The reference runs once on tensors without numbers (device "meta"), and every operation that it calls is noted. What is
noted can then be changed as a whole (`_folding`) and be done again with numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


class UntraceableError(Exception):
    """The network does something that cannot be written down: it looks at numbers, or makes tensors out of nothing."""


@dataclass(eq=False)
class Value:
    """A tensor of the tape; compared by identity.

    Attributes:
        shape, dtype: of the tensor.
        source: name of the input or weight that it is; empty for what steps make.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    source: str = ""

    @property
    def bytes(self) -> int:
        """Size in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(eq=False)
class Step:
    """One operation.

    Attributes:
        op: what is called: an operator of PyTorch, or what a pass put in its place.
        args, kwargs: for the call; a `Value` stands for its tensor, also inside lists.
        outs: what it makes; None for what nobody reads.
        several: it returns a sequence, one entry per `outs`.
        inside: bytes that it takes while it is done, beside what it reads and makes.
        frees: values that nobody reads after it.
    """

    op: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: tuple[Value | None, ...]
    several: bool = False
    inside: int = 0
    frees: tuple[Value, ...] = ()

    @property
    def reads(self) -> list[Value]:
        """Values that it takes."""
        return list(_values((self.args, self.kwargs)))

    @property
    def out(self) -> Value:
        """The first value that it makes."""
        value = self.outs[0]
        assert value is not None  # asked of operations that make tensors
        return value


@dataclass
class Tape:
    """Steps in the order of doing.

    Attributes:
        inputs: name -> value.
        weights: name -> value, as the network names its parameters and buffers.
        steps: what is done.
        outputs: name -> value.
        constants: values that depend on nothing but the shape, with their tensors.
    """

    inputs: dict[str, Value]
    weights: dict[str, Value]
    steps: list[Step] = field(default_factory=list)
    outputs: dict[Any, Value] = field(default_factory=dict)
    constants: dict[Value, Tensor] = field(default_factory=dict)

    def users(self) -> dict[Value, list[Step]]:
        """Value -> steps that read it, in order, each as often as it reads it."""
        found: dict[Value, list[Step]] = {}
        for step in self.steps:
            for value in step.reads:
                found.setdefault(value, []).append(step)
        return found

    def makers(self) -> dict[Value, Step]:
        """Value -> step that makes it."""
        return {value: step for step in self.steps for value in step.outs if value is not None}

    def replace(self, old: Value, new: Value) -> None:
        """Let everything that reads `old` read `new`."""
        for step in self.steps:
            step.args, step.kwargs = swapped(step.args, {old: new}), swapped(step.kwargs, {old: new})
        self.outputs = {key: new if value is old else value for key, value in self.outputs.items()}

    def drop_unread(self) -> None:
        """Take out steps of which nobody reads anything."""
        read = set(self.outputs.values())
        kept = []
        for step in reversed(self.steps):
            if read & {out for out in step.outs if out is not None}:
                kept.append(step)
                read |= set(step.reads)
        self.steps = kept[::-1]
        self.constants = {value: tensor for value, tensor in self.constants.items() if value in read}

    def roots(self) -> dict[Value, Value]:
        """Value -> value whose memory it shows; itself unless a step only makes a view."""
        root = {value: value for value in [*self.inputs.values(), *self.weights.values(), *self.constants]}
        for step in self.steps:
            seen = step.reads[0] if is_view(step.op) and step.reads else None
            for out in step.outs:
                if out is not None:
                    root[out] = root[seen] if seen is not None else out
        return root

    def plan(self) -> int:
        """Note at every step what can be freed after it; returns the most bytes that steps hold at once."""
        root = self.roots()
        kept = {root[v] for v in [*self.outputs.values(), *self.inputs.values(), *self.weights.values()]}
        kept |= set(self.constants)
        last: dict[Value, Step] = {}
        for step in self.steps:
            for value in [*step.reads, *(v for v in step.outs if v is not None)]:
                last[root[value]] = step
        shown: dict[Value, list[Value]] = {}
        for value, its in root.items():
            shown.setdefault(its, []).append(value)
        held = peak = 0
        for step in self.steps:
            held += sum(v.bytes for v in step.outs if v is not None and root[v] is v)
            peak = max(peak, held + step.inside)
            done = [r for r in {root[v] for v in [*step.reads, *(o for o in step.outs if o)]} if last[r] is step]
            done = [r for r in done if r not in kept]
            held -= sum(r.bytes for r in done)
            step.frees = tuple(v for r in done for v in shown[r])
        return peak

    def run(self, inputs: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[Any, Tensor]:
        """Do all steps; `plan` says when memory is given back."""
        known: dict[Value, Tensor] = dict(self.constants)
        known |= {value: inputs[name] for name, value in self.inputs.items()}
        found = ((value, weights.get(name)) for name, value in self.weights.items())
        known |= {value: tensor for value, tensor in found if tensor is not None}
        for step in self.steps:
            made = step.op(*filled(step.args, known), **filled(step.kwargs, known))
            for out, tensor in zip(step.outs, made if step.several else (made,), strict=True):
                if out is not None:
                    known[out] = tensor
            for value in step.frees:
                known.pop(value, None)
        return {key: known[value] for key, value in self.outputs.items()}


def is_view(op: Any) -> bool:
    """True where what an operation makes may share the memory of what it reads."""
    if not isinstance(op, torch._ops.OpOverload):
        return bool(getattr(op, "view", False))
    return any(one.alias_info is not None for one in op._schema.returns)


def swapped(args: Any, new: Mapping[Value, Any]) -> Any:
    """Put other values into arguments; lists and dictionaries are gone through."""
    if isinstance(args, Value):
        return new.get(args, args)
    if isinstance(args, list | tuple):
        return type(args)(swapped(a, new) for a in args)
    return {k: swapped(a, new) for k, a in args.items()} if isinstance(args, dict) else args


def filled(args: Any, known: Mapping[Value, Tensor]) -> Any:
    """Put tensors in the place of values."""
    if isinstance(args, Value):
        return known[args]
    if isinstance(args, list | tuple):
        return type(args)(filled(a, known) for a in args)
    return {k: filled(a, known) for k, a in args.items()} if isinstance(args, dict) else args


def _values(args: Any) -> Iterable[Value]:
    if isinstance(args, Value):
        yield args
    elif isinstance(args, list | tuple | dict):
        for one in args.values() if isinstance(args, dict) else args:
            yield from _values(one)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation on tensors that it knows."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tape = tape
        self._known: dict[int, Value] = {}
        self._alive: list[Tensor] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; the wrapper that it would get takes longer than the network on "meta"."""
        return False

    def add(self, tensor: Tensor, source: str = "") -> Value:
        """Know a tensor from now on; it is kept, so that its identity stays its own."""
        self._alive.append(tensor)
        value = self._known[id(tensor)] = Value(tuple(tensor.shape), tensor.dtype, source)
        return value

    def value(self, tensor: Tensor) -> Value:
        """Return the value of a tensor; raises UntraceableError where nobody knows how it came about."""
        if id(tensor) not in self._known:
            raise UntraceableError("a tensor that no noted step made")
        return self._known[id(tensor)]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.is_mutable:
            raise UntraceableError(f"{func} changes a tensor in place")
        made = func(*args, **(kwargs or {}))
        several = isinstance(made, list | tuple)
        if isinstance(made, Tensor) and id(made) in self._known:
            return made  # it had nothing to do and returned what it got
        if func is torch.ops.aten.detach.default:
            self._alive.append(made)
            self._known[id(made)] = self.value(args[0])
            return made
        noted = self._noted(args), self._noted(kwargs or {})  # before what it made is known: that may be what it got
        outs = [self.add(one) if isinstance(one, Tensor) else None for one in (made if several else (made,))]
        self.tape.steps.append(Step(func, *noted, tuple(outs), several))
        return made

    def _noted(self, args: Any) -> Any:
        if isinstance(args, Tensor):
            return self.value(args)
        if isinstance(args, list | tuple):
            return type(args)(self._noted(a) for a in args)
        return {k: self._noted(a) for k, a in args.items()} if isinstance(args, dict) else args


def trace(
    net: nn.Module, inputs: Mapping[str, Tensor], flatten: Callable[[Any], Mapping[Any, Tensor | None]]
) -> tuple[Tape, Any]:
    """Write down what a network does.

    Args:
        net: the network; its numbers are not read.
        inputs: argument -> tensor; only shapes and types count.
        flatten: what the network returns -> named tensors.

    Returns:
        The tape, and what the network returned, with tensors without numbers.

    Raises:
        UntraceableError: the network cannot be written down.
    """

    def hollow(tensor: Tensor) -> Tensor:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")

    tape = Tape({}, {})
    recorder = _Recorder(tape)
    # In inference mode, and on tensors that were made in it, composite operations would arrive whole.
    with torch.inference_mode(False), torch.no_grad():
        state = {name: hollow(tensor) for name, tensor in [*net.named_parameters(), *net.named_buffers()]}
        given = {name: hollow(tensor) for name, tensor in inputs.items()}
        tape.inputs = {name: recorder.add(tensor, name) for name, tensor in given.items()}
        tape.weights = {name: recorder.add(tensor, name) for name, tensor in state.items()}
        try:
            with recorder:
                made = torch.func.functional_call(net, state, args=(), kwargs=given)
        except (RuntimeError, NotImplementedError, TypeError) as error:
            raise UntraceableError(str(error)) from error
    found = {key: tensor for key, tensor in flatten(made).items() if tensor is not None}
    tape.outputs = {key: recorder.value(tensor) for key, tensor in found.items()}
    tape.drop_unread()
    return tape, made
