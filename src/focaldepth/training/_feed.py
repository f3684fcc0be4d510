"""From a sample to what the network sees and what it is compared with, by the convention that its weights will have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focaldepth.core.axis import Unit, convert
from focaldepth.core.errors import SettingError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack
from focaldepth.networks._spec import Colour, Convention, FocusForm, FrameOrder
from focaldepth.optics.blur import coc_diameter
from focaldepth.optics.breathing import relative_field_of_view
from focaldepth.optics.thin_lens import image_distance
from focaldepth.training._batch import Fed, Plane
from focaldepth.training._example import Example
from focaldepth.training._recipe import Stage
from focaldepth.training._settings import TrainSettings

Numbers = NDArray[np.float64]


def feed(sample: Sample, stage: Stage, augment: Any, rng: Generator, inputs: tuple[str, ...] = ()) -> Fed:
    """Make a training example.

    Args:
        sample: stack, truth, and whatever else its data set knows.
        stage: says range, loss and convention.
        augment: random changes, an `Augmentation`.
        rng: what they are drawn from.
        inputs: further inputs of the network, by name.

    Raises:
        SettingError: the loss needs something that the sample does not have.
        StackError, UnitError: the sample does not fit the recipe.
    """
    convention, settings = stage.convention, stage.settings
    _check_needs(sample, stage)
    example = Example.of(sample, convention.unit)
    if _turned(sample.stack, convention.order):
        example = example.take(np.arange(len(example))[::-1])
    example = augment(example, rng)
    told, offset, factor = as_told(example.focus, convention)
    truth, valid = _truth(example, settings)
    lens = _lens(sample, settings)
    metres = _metres(example.focus, convention.unit, lens)
    circles = None
    if "circles" in stage.loss.needs:
        circles = _circles(example, metres, convention.unit, lens, settings)
    return Fed(
        frames=as_input(example.frames, convention),
        focus=told.astype(np.float32),
        truth=np.where(valid, (truth - offset) / factor, 0).astype(np.float32),
        valid=valid,
        confidence=example.confidence,
        sharp=None if example.all_in_focus is None else as_input(example.all_in_focus, convention),
        circles=circles,
        extra={name: _field_of_view(metres, lens).astype(np.float32) for name in inputs},
    )


def as_told(positions: Numbers, convention: Convention) -> tuple[Numbers, float, float]:
    """Return what the network is told of positions (N,), and offset and factor: depth = offset + factor * output."""
    if convention.focus is FocusForm.OVER_LAST:
        return positions / positions[-1], 0.0, convention.depth_factor
    if convention.focus is FocusForm.UNIT_RANGE:
        offset, factor = float(positions.min()), float(np.ptp(positions))
        return (positions - offset) / factor, offset, factor
    return positions * convention.focus_factor, 0.0, convention.depth_factor


def as_input(pictures: Plane, convention: Convention) -> Plane:
    """Bring RGB values from 0 to 1, (..., H, W, 3), to the network's numbers (..., 3, H, W)."""
    values = pictures[..., ::-1] if convention.colour is Colour.BGR else pictures
    mean, std = np.array(convention.mean), np.array(convention.std)
    scale, shift = (convention.white - convention.black) / std, (convention.black - mean) / std
    made = values * scale.astype(np.float32) + shift.astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(made, -1, -3))


def _truth(example: Example, settings: TrainSettings) -> tuple[Plane, NDArray[np.bool_]]:
    """Truth in the unit of the convention, and where it counts."""
    truth, valid = example.truth, example.mask
    if settings.clip_truth:
        truth = np.clip(truth, settings.low, settings.high).astype(np.float32)
    valid = valid & (truth >= settings.low) & (truth <= settings.high)
    if settings.in_focus_range:
        valid = valid & (truth >= example.focus.min()) & (truth <= example.focus.max())
    return truth, valid


def _turned(stack: FocalStack, order: FrameOrder) -> bool:
    """True where the network wants the last frame first."""
    near_first = stack.blur_axis.near_to_far
    return order is not FrameOrder.ANY and near_first is not None and near_first is not (order is FrameOrder.NEAR_FIRST)


def _check_needs(sample: Sample, stage: Stage) -> None:
    for need in stage.loss.needs:
        has = {"truth": sample.truth is not None, "all_in_focus": sample.all_in_focus is not None}
        if not has.get(need, True):
            raise SettingError(
                f"the loss {stage.settings.loss} needs {need.replace('_', '-')}, which the data do not have.",
                where=sample.name,
                hint="Train on other data (--data), or with another loss (--set loss=...).",
            )


def _lens(sample: Sample, settings: TrainSettings) -> Optics:
    """The lens of the stack, gaps filled from the recipe."""
    optics = sample.stack.optics
    return replace(
        optics,
        focal_length_m=optics.focal_length_m or settings.focal_length_m or None,
        f_number=optics.f_number or settings.f_number or None,
    )


def _metres(positions: Numbers, unit: Unit, optics: Optics) -> Numbers | None:
    """Positions as focus distances; None where no law leads there."""
    try:
        return convert(positions, unit, Unit.METRE, optics)
    except UnitError:
        return None


def _circles(example: Example, metres: Numbers | None, unit: Unit, lens: Optics, settings: TrainSettings) -> Plane:
    """Circles of confusion of every frame, (N, H, W), over the largest that counts; any number where truth is unknown.

    Maximov, Galim, Leal-Taixé, Focus on Defocus, CVPR 2020, equation 1.
    """
    purpose = "a loss of circles of confusion"
    if metres is None:
        raise SettingError(f"{purpose} needs focus distances.", where="recipe", hint="Give convention.unit=metre.")
    focal, f_number = lens.need("focal_length_m", purpose), lens.need("f_number", purpose)
    limit = settings.circle_limit * (lens.need("pixel_pitch_m", purpose) if settings.circle_unit == "px" else 1.0)
    depth = np.where(example.mask, example.truth, example.focus[0]).astype(np.float64)
    depth = convert(depth, unit, Unit.METRE, lens)
    found = [coc_diameter(depth, distance, focal, f_number) for distance in metres]
    return np.clip(np.stack(found) / limit, 0, 1).astype(np.float32)


def _field_of_view(metres: Numbers | None, lens: Optics) -> Numbers:
    """Field of view of every frame over the smallest one, (N,)."""
    if metres is None:
        raise SettingError(
            "the field of view of frames needs focus distances.", where="recipe", hint="Give convention.unit=dioptre."
        )
    image = image_distance(metres, lens.need("focal_length_m", "the field of view of the frames"))
    found: Numbers = relative_field_of_view(image, image.max())
    return found
