"""The front door: a focal stack in, a complete result out; the command line, pages and benchmarks all come through here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from focaldepth.core.method import Method
from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.core.result import DepthResult
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack

METHODS: Registry[type[Method]] = Registry(
    "method",
    ("classical",),
    "METHOD",
    aliases=(("auto", "classical-fast"), ("classical", "classical-fast")),
)
"""All methods by name; `auto` and `classical` name the best there is."""


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
    match_exposure: bool = setting(False, "bring all frames to one brightness in the all-in-focus picture, too")

    def __post_init__(self) -> None:
        check(self)


def estimate(
    stack: FocalStack,
    settings: EstimateSettings = EstimateSettings(),
    *,
    method_settings: Mapping[str, str] | None = None,
    transforms: object = None,
    run: Run = Run(),
) -> DepthResult:
    """Estimate depth, error bar and all-in-focus picture of a stack."""
    raise SystemError
