"""The front door: a focal stack in, a complete result out; command line, pages and benchmarks all come through here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth._memory import memory_needed, run_of_method
from focaldepth._pick import PickFrames, check_like
from focaldepth._provenance import Recorder
from focaldepth.align._exposure import exposure_factor, find_gains, with_gains
from focaldepth.align._previews import RememberedPreviews
from focaldepth.align._run import align, from_transforms
from focaldepth.align._warp import apply
from focaldepth.core.alignment import Alignment
from focaldepth.core.axis import Unit, convert
from focaldepth.core.errors import MemoryLimitError, SettingError, UnitError
from focaldepth.core.method import Method
from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.core.result import DepthMap, DepthResult, Estimate, Provenance
from focaldepth.core.settings import check, facts, parse, setting
from focaldepth.core.stack import FocalStack

METHODS: Registry[type[Method]] = Registry(
    "method",
    ("classical",),
    "METHOD",
    aliases=(("auto", "classical"),),
    derived="focaldepth.networks._method",
)
"""All methods by name, every network among them; `auto` names the best there is."""
AnyMethod = str | type[Method] | Method
"""How a method may be given: its name, its class, or an object with its settings."""
_OF_SOME = {
    "prefer": ("does not take it.", "Leave --prefer away, or choose classical or classical-fast."),
    "curves": ("does not take it.", "Leave --curves away, or choose classical or classical-fast."),
    "weights": ("is no network, it has no weights.", "Leave it out, or name the network with --method."),
    "device": ("is no network, it has no device.", "Leave it out, or name the network with --method."),
}
"""Front-door choices that some methods take -> what is said, and the hint, where one does not."""
_THUMBNAIL = 200
_HARDLY_ANY = 0.02


@dataclass(frozen=True)
class EstimateSettings:
    """What one run does; fields become options of the command line of the same name."""

    method: str = setting("auto", "method that turns the stack into depth; see `focaldepth methods`")
    align: str = setting("auto", "how frames are brought into one geometry: none, metadata, ecc, features, auto")
    unaligned: str = setting(
        "drop", "what happens to a frame that cannot be aligned", choices=("drop", "keep", "error")
    )
    area: str = setting(
        "mask", "parts that not every frame shows: keep the size and mask them, or crop", choices=("mask", "crop")
    )
    unit: str = setting("", "unit of the depth map; empty = the unit of the focus positions")
    fill: bool = setting(False, "give every pixel a number (marked, with its larger sigma)")
    fusion: str = setting(
        "multiband",
        "all-in-focus picture: multi-band (fewest seams), colour (every value comes from an input) or none",
        choices=("multiband", "colour", "none"),
    )
    prefer: str = setting(
        "none",
        "which of two sharp depths the all-in-focus picture shows",
        choices=("none", "near", "far", "first", "last"),
    )
    curves: bool = setting(
        False, "focus curve of every pixel at reduced resolution: curves.tiff, and under the pointer"
    )
    match_exposure: bool = setting(False, "bring all frames to one brightness in the all-in-focus picture, too")
    weights: str = setting("", "weights of a network: a file, their name as `focaldepth weights` lists it, or random")
    device: str = setting("", "what a network runs on: cpu, cuda, cuda:1 ...; empty = a GPU where there is one")

    def __post_init__(self) -> None:
        check(self)


def estimate(
    stack: FocalStack,
    settings: EstimateSettings | None = None,
    *,
    method: AnyMethod | None = None,
    method_settings: Mapping[str, str] | None = None,
    transforms: Alignment | None = None,
    run: Run | None = None,
    **options: Any,
) -> DepthResult:
    """Estimate depth, error bar and all-in-focus picture of a focal stack.

    Args:
        stack: frames, focus positions, optics; see `load_stack` and `FocalStack.from_arrays`.
        settings: what to do; the defaults are meant to work. Alternatively give its fields as keyword arguments.
        method: in the place of that of the settings: a name, a class, or an object with its settings, which need not
            be registered.
        method_settings: settings of the method as texts, as ``--set key=value`` gives them; an object has its own.
        transforms: alignment to use instead of finding one, for instance that of another run (`result.alignment`).
        run: progress, cancellation, threads, memory limit.
        **options: fields of EstimateSettings.

    Returns:
        Depth, valid, sigma in the asked unit, with the all-in-focus picture and how it all came about.

    Raises:
        StackError, UnitError, SettingError, UnknownNameError: wrong input; before any long computation.
        AlignmentError: a frame cannot be aligned and ``unaligned="error"``.
        MemoryLimitError: the run does not fit `run.max_memory`.
        Cancelled: the caller asked to stop.

    >>> from focaldepth.scenes.layers import LayeredScene, render
    >>> result = estimate(render(LayeredScene(height=48, width=64, frames=4)).stack, align="none")
    >>> result.map.unit.value, result.map.shape, result.all_in_focus.shape
    ('dioptre', (48, 64), (48, 64, 3))
    """
    chosen = settings if settings is not None else EstimateSettings()
    chosen = replace(chosen, **options) if options else chosen
    if isinstance(method, str):
        chosen, method = replace(chosen, method=method), None
    run = run or Run()
    recorder = Recorder(run)
    run = recorder.run
    made = make_method(chosen, method_settings or {}, method)
    unit = Unit.parse(chosen.unit) if chosen.unit else stack.axis.unit
    _check_unit(stack, unit)
    _check_memory(stack, made, run, aligned=chosen.align != "none" or transforms is not None)
    for warning in stack.info.warnings:
        run.warn(warning)
    watched = RememberedPreviews.of(stack)
    by_itself = made.spec.aligns and chosen.align == "auto"
    with recorder.timed("align"):
        alignment = find_alignment(watched, replace(chosen, align="none") if by_itself else chosen, transforms, run)
        prepared, used = prepare(watched, alignment, chosen, run)
    with recorder.timed("depth"):
        found = made(prepared, run_of_method(stack, run))
    if found.map.valid.mean() < _HARDLY_ANY:
        run.warn("Hardly any pixel carries depth: the frames show no texture that comes into focus between the ends.")
    with recorder.timed("finish"):
        result = _finish(found, prepared, unit, chosen)
        result = replace(result, transforms=used, alignment=alignment)
    name = name_of(chosen.method if method is None else method)
    plain = {
        "front_door": asdict(chosen) | ({} if method is None else {"method": name}),
        "method": asdict(made),  # type: ignore[call-overload]
        "alignment": {"rule": alignment.rule, **alignment.evidence},
    }
    return replace(result, provenance=recorder.provenance(name, plain, stack, found.weights))


def fuse(
    stack: FocalStack,
    settings: EstimateSettings | None = None,
    *,
    like: DepthResult | None = None,
    transforms: Alignment | None = None,
    run: Run | None = None,
    **options: Any,
) -> DepthResult:
    """Make the all-in-focus picture: `estimate` with the fast method, for stacks of which only the picture counts.

    Args:
        stack: the frames.
        settings: as in `estimate`.
        like: a result of the same frames in another channel or light: its alignment and map are applied, no focus is
            measured, and every value comes unchanged from one frame. Its depth is passed through.
        transforms: as in `estimate`; not together with `like`.
        run: as in `estimate`.
        **options: fields of EstimateSettings; with `like` only ``match_exposure`` is left to choose.

    Raises:
        StackError: frames of another number or size than those of `like`.
        SettingError: no picture is asked for, or a choice that `like` has made already.
    """
    chosen = replace(settings or EstimateSettings(), **options)
    if chosen.fusion == "none":
        raise SettingError("fusion is 'none'.", where="fuse", hint="Choose multiband or colour.")
    if like is None:
        return estimate(stack, replace(chosen, method="classical-fast"), transforms=transforms, run=run)
    if replace(chosen, match_exposure=False) != EstimateSettings() or transforms is not None:
        hint = "Leave other settings away: alignment and map come from the result."
        raise SettingError("`like` allows match_exposure only.", where="fuse", hint=hint)
    return _fuse_like(stack, like, chosen, run or Run())


def _fuse_like(stack: FocalStack, like: DepthResult, chosen: EstimateSettings, run: Run) -> DepthResult:
    """Apply alignment and map of a result to other frames of its scene."""
    check_like(stack, like)
    recorder = Recorder(run)
    run, method = recorder.run, PickFrames(like.index, like.map)
    found = like.alignment or Alignment.untouched(len(stack), "none")
    made = like.transforms
    kept = made is not None and len(made) == len(stack)
    crop = found.size is not None and tuple(found.size) != like.map.shape
    chosen = replace(chosen, unaligned="keep" if kept else "drop", area="crop" if crop else "mask", fusion="colour")
    _check_memory(stack, method, run, aligned=found.moves)
    for warning in stack.info.warnings:
        run.warn(warning)
    with recorder.timed("align"):
        prepared, used = prepare(RememberedPreviews.of(stack), found, chosen, run)
    with recorder.timed("depth"):
        picture = method(prepared, run_of_method(stack, run)).all_in_focus
    plain = {"front_door": asdict(chosen), "alignment": {"rule": found.rule}, "like": like.info.name}
    result = replace(like, all_in_focus=picture, info=prepared.info, filled=None, transforms=used)
    return replace(result, extras={}, provenance=recorder.provenance("pick-frames", plain, stack, {}))


def make_method(
    settings: EstimateSettings, method_settings: Mapping[str, str], method: AnyMethod | None = None
) -> Method:
    """Return the method with its settings; front-door choices that it understands are passed on.

    Args:
        settings: of the run.
        method_settings: of the method, as texts.
        method: a name, a class or an object in the place of the name in the settings.

    Raises:
        UnknownNameError: no method, or no setting, of that name.
        SettingError: a choice that the method does not take, or an object that is no method.
    """
    chosen = settings.method if method is None else method
    given: Any = METHODS.get(chosen) if isinstance(chosen, str) else chosen
    complete = is_dataclass(given) and callable(given) and hasattr(given, "spec")
    if not complete:
        hint = "A method is a frozen dataclass with a `spec` and a call from stack to estimate."
        raise SettingError(f"{given!r} is no method.", where="method", hint=hint)
    own = {f.name: f for f in facts(given)}
    usual = EstimateSettings()
    for name, (what, hint) in _OF_SOME.items():
        if name not in own and getattr(settings, name) != getattr(usual, name):
            raise SettingError(f"{name_of(chosen)} {what}", where=name, hint=hint)
    choices = {name: getattr(settings, name) for name in ("fusion", *_OF_SOME) if name in own}
    if isinstance(given, type):
        passed = {name: str(value) for name, value in choices.items() if value != "" and own[name].accepts(value)}
        parsed: Method = parse(given, {**passed, **method_settings})
        return parsed
    if method_settings:
        key = next(iter(method_settings))
        raise SettingError(f"{name_of(given)} is an object with its settings.", where=key, hint="Set it in the object.")
    told = {
        name: value for name, value in choices.items() if value != getattr(usual, name) and own[name].accepts(value)
    }
    changed: Method = replace(given, **told)
    return changed


def name_of(method: AnyMethod) -> str:
    """Return the name of a method: the registered one, else that of its class.

    >>> from focaldepth.classical.naive import Naive
    >>> name_of("auto"), name_of(Naive), name_of(Naive(sigma=3.0))
    ('classical', 'naive', 'naive')
    """
    if isinstance(method, str):
        return METHODS.resolve(method)
    cls = method if isinstance(method, type) else type(method)
    stem = cls.__module__.rpartition(".")[2].replace("_", "-")
    return stem if stem in METHODS.names() and METHODS.get(stem) is cls else cls.__name__


def find_alignment(
    stack: FocalStack, settings: EstimateSettings, transforms: Alignment | None = None, run: Run | None = None
) -> Alignment:
    """Find how the frames lie, or check a given alignment against the stack."""
    if transforms is None:
        found = align(stack, settings.align, run=run or Run())
    else:
        given = transforms
        found = from_transforms(
            stack, given.transforms, aligned=given.aligned.tolist(), reference=given.reference, origin=given.rule
        )
    return replace(found, size=stack.shape[:2], frame_names=stack.info.frame_names)


def prepare(
    stack: FocalStack, alignment: Alignment, settings: EstimateSettings, run: Run
) -> tuple[FocalStack, NDArray[np.float64]]:
    """Apply alignment and exposure gains; return the stack that the method sees and the transforms of its frames."""
    known = len(stack.info.warnings)
    levelled = with_gains(stack, find_gains(stack, alignment, run), pixels=settings.match_exposure)
    applied = apply(levelled, alignment, unaligned=settings.unaligned, area=settings.area)
    for warning in applied.stack.info.warnings[known:]:
        run.warn(warning)
    return applied.stack, applied.transforms


def _check_memory(stack: FocalStack, method: Method, run: Run, *, aligned: bool) -> None:
    if run.max_memory is None:
        return
    need = memory_needed(stack, method, run, aligned=aligned)
    if need > run.max_memory:
        h, w, _ = stack.shape
        share = (run.max_memory / need) ** 0.5
        raise MemoryLimitError(
            f"{w} x {h} px need about {need / 2**20:.0f} MiB, the limit is {run.max_memory / 2**20:.0f} MiB.",
            where="max_memory",
            hint=f"Raise the limit, or reduce the pictures to {w * share:.0f} x {h * share:.0f} px.",
        )


def _check_unit(stack: FocalStack, unit: Unit) -> None:
    """Fail before the computation, not after it, when the result cannot be told in the asked unit."""
    if unit is Unit.INDEX:
        return
    if stack.axis.unit is Unit.INDEX:
        raise UnitError(
            f"the focus positions of this stack are unknown, so depth cannot be told in {unit}.",
            where=stack.info.name,
            hint="Give them with --focus, or leave --unit away to get frame numbers.",
        )
    # Values, not the axis: stage travel may be 0 or negative in metres, too.
    convert(stack.blur_axis.values, stack.blur_axis.unit, unit, stack.optics)


def _finish(found: Estimate, stack: FocalStack, unit: Unit, settings: EstimateSettings) -> DepthResult:
    """Bring an estimate to the asked unit."""
    moved = _in_unit(found.map, unit, stack)
    filled = None
    if settings.fill and found.filled is not None:
        filled = _in_unit(found.filled, unit, stack)
    return DepthResult(
        map=moved,
        axis=stack.axis,
        optics=stack.optics,
        index=found.index,
        provenance=Provenance(method=""),
        filled=filled,
        all_in_focus=found.all_in_focus,
        source_frame=found.source_frame,
        info=stack.info,
        extras={**found.extras, "thumbnails": _thumbnails(stack)},
    )


def _in_unit(depth: DepthMap, unit: Unit, stack: FocalStack) -> DepthMap:
    """Move a map; frame index is reached through the axis, because steps may be uneven."""
    if unit is not Unit.INDEX or depth.unit is Unit.INDEX:
        return depth.to(unit, stack.optics)
    axis = stack.blur_axis
    index = axis.index_of(depth.values)
    near = np.clip(np.nan_to_num(index).astype(int), 0, len(axis) - 2)
    step = np.abs(np.diff(axis.values))[near]
    sigma = None if depth.sigma is None else (depth.sigma / step).astype(np.float32)
    return DepthMap(index.astype(np.float32), Unit.INDEX, depth.valid, sigma)


def _thumbnails(stack: FocalStack) -> NDArray[np.uint8]:
    """Small 8-bit frames for people, (N, h, w, C); previews are remembered from alignment, so nothing is read twice."""
    factor = exposure_factor(stack)
    step = max(1, max(stack.shape[:2]) // factor // _THUMBNAIL)
    scale = np.float32(255 / stack.source.white)

    def thumbnail(i: int) -> NDArray[np.uint8]:
        small = stack.source.preview(i, factor)[::step, ::step] * scale
        return np.clip(np.rint(small), 0, 255).astype(np.uint8)

    return np.stack([thumbnail(i) for i in range(len(stack))])
