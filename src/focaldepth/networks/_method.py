"""Every network as a method: facts and settings without torch; the runner is imported when one is called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError
from focaldepth.core.method import Access, MethodSpec, WorkingMemory
from focaldepth.core.progress import Run
from focaldepth.core.registry import extra_for
from focaldepth.core.result import Estimate
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack
from focaldepth.networks._spec import NETWORKS, FocusForm, NetworkSpec

RANDOM = "random"
"""Name of weights that mean nothing: those that a network is initialised with."""
_OPTICAL = (Unit.METRE, Unit.DIOPTRE, Unit.DISPARITY_PX)
_STAGE = (Unit.METRE, Unit.MICROMETRE, Unit.DIOPTRE)
_LAWS = {
    Unit.METRE: tuple(dict.fromkeys((*_OPTICAL, *_STAGE))),
    Unit.DIOPTRE: _OPTICAL,
    Unit.DISPARITY_PX: _OPTICAL,
    Unit.MICROMETRE: (Unit.MICROMETRE, Unit.METRE),
    Unit.INDEX: (Unit.INDEX,),
}
"""Unit of a network's depth -> units of stacks that depth can be brought to; some laws need facts of the lens."""


@dataclass(frozen=True)
class NetworkMethod:
    """Depth by a trained network; `method_class` makes one such class per network."""

    spec: ClassVar[MethodSpec]
    network: ClassVar[str]

    weights: str = setting("", "file of weights, their name as `focaldepth weights` lists it, or random")
    device: str = setting("auto", "what it runs on: auto (a GPU where there is one), cpu, cuda, cuda:1 ...")
    precision: str = setting(
        "float32", "of the convolutions: bfloat16 is faster where the processor has it", choices=("float32", "bfloat16")
    )
    form: str = setting(
        "fast",
        "fast (derived from the reference, same numbers), reference, or compiled (by torch.compile)",
        choices=("fast", "reference", "compiled"),
    )
    fusion: str = setting(
        "weights",
        "all-in-focus picture: weights (those of the network, or of the two frames next to the depth), colour (every "
        "value comes from an input) or none",
        choices=("weights", "colour", "none"),
    )
    tile: int = setting(0, "side of the tiles; 0 = as large as the memory allows", unit="px", low=0)
    overlap: int = setting(0, "of neighbouring tiles; 0 = what the network needs", unit="px", low=0)

    def __post_init__(self) -> None:
        check(self)
        if self.weights.endswith(".safetensors"):
            # A run can be repeated from another folder.
            object.__setattr__(self, "weights", str(Path(self.weights).absolute()))

    def working_memory(self, stack: FocalStack, run: Run) -> WorkingMemory:
        """Return what a run takes: no more than its limit where tiles can be made to fit; raises what the run would."""
        check_stack(self, stack)
        with extra_for(f"method {self.network}"):
            from focaldepth.networks._plan import working_memory
        return working_memory(self, stack, run)

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        """Estimate depth; see `focaldepth.networks._runner`.

        Raises:
            StackError, UnitError: the network cannot take the stack.
            WeightsError, ReadError, UnknownNameError: there are no weights, or not those.
            MemoryLimitError: not even the smallest tile fits `run.max_memory`.
            MissingExtraError: torch is not installed.
        """
        check_stack(self, stack)
        with extra_for(f"method {self.network}"):
            from focaldepth.networks._runner import estimate_by_network
        return estimate_by_network(self, stack, run)


def check_stack(method: NetworkMethod, stack: FocalStack) -> None:
    """Raise StackError or UnitError for a stack that the network of a method cannot take."""
    method.spec.check(stack, method.network)
    views = len(NETWORKS.get(method.network).views)
    if views:
        raise StackError(
            f"{method.network} takes {views} views of a light field, this is a focal stack.",
            where=stack.info.name,
            hint="Choose another method; in Python, focaldepth.networks._net.build makes the network.",
        )


def names() -> list[str]:
    """Return the names of all networks."""
    return NETWORKS.names()


@cache
def method_class(name: str) -> type[NetworkMethod]:
    """Return the method of a network."""
    facts = {"spec": _method_spec(NETWORKS.get(name)), "network": name, "__module__": __name__, "__qualname__": name}
    return type(name, (NetworkMethod,), facts)


def __getattr__(name: str) -> type[NetworkMethod]:
    # The registry of methods and pickle find the class of a network under its name here.
    if name not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return method_class(name)


def _method_spec(spec: NetworkSpec) -> MethodSpec:
    limits = spec.default.limits
    weighs = "probability" in spec.gives
    free = weighs or spec.convention.focus is FocusForm.UNIT_RANGE
    fixed = limits.fixed_frames
    return MethodSpec(
        title=spec.title,
        access=Access.WHOLE,
        summary=spec.summary,
        min_frames=max(2, (fixed + 1) // 2 if fixed else limits.min_frames),
        units=tuple(Unit) if free else _LAWS[spec.convention.unit],
        gives=(*(("sigma",) if weighs else ()), "index", "all_in_focus", "filled"),
        extra="networks",
        citations=spec.citations,
        invariances=spec.invariances,
        aligns="field_of_view" in spec.inputs,
    )
