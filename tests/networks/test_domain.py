"""What weights were trained on, and stacks that differ from it."""

from pathlib import Path

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.stack import FocalStack
from focaldepth.networks._domain import domain_of, outside
from focaldepth.networks._frames import choose_frames
from focaldepth.networks._net import build
from focaldepth.networks._spec import NETWORKS, Convention, Limits
from focaldepth.networks._weights import save_weights

from . import toy


def stack(near: float, far: float, frames: int = 5, size: int = 8, **optics: float) -> FocalStack:
    axis = FocusAxis(np.linspace(near, far, frames), Unit.DIOPTRE)
    pictures = np.random.default_rng(0).integers(0, 256, (frames, size, size, 3), np.uint8)
    return FocalStack.from_arrays(pictures, axis, optics=Optics(**optics))  # type: ignore[arg-type]


def said(of: FocalStack, domain: dict[str, list[float]], unit: Unit = Unit.DIOPTRE) -> list[str]:
    seen = choose_frames(of, Limits(1), Convention(unit), "net", lambda text: None, weighs=True)
    return outside(domain, of, seen, unit)


def test_a_range_is_that_of_all_stacks() -> None:
    domain = domain_of([stack(4, 1, focal_length_m=0.05), stack(3, 0.5, 7, f_number=2.0)], Unit.DIOPTRE)
    assert domain == {"frames": [5, 7], "focus": [0.5, 4], "focal_length_m": [0.05, 0.05], "f_number": [2, 2]}
    assert domain_of([stack(4, 1)], Unit.METRE, (3, 5)) == {"frames": [3, 5], "focus": [0.25, 1]}
    assert domain_of([stack(4, 1)], Unit.DISPARITY_PX) == {"frames": [5, 5]}, "no law leads there"


def test_a_stack_inside_is_nothing_to_tell() -> None:
    whole = domain_of([stack(4, 1, focal_length_m=0.05)], Unit.DIOPTRE)
    assert said(stack(4, 1, focal_length_m=0.05), whole) == []
    assert said(stack(4.1, 0.95, focal_length_m=0.051), whole) == [], "by less than a twentieth"
    assert said(stack(9, 1, 30), {}) == [], "nothing is known"


def test_what_lies_outside_is_told_with_both_ranges() -> None:
    domain = {"focus": [1.0, 4.0], "frames": [5.0, 5.0], "focal_length_m": [0.004, 0.006], "f_number": [1.8, 1.8]}
    found = said(stack(8, 1, 10, focal_length_m=0.05, f_number=8.0), domain)
    assert found == [
        "focus positions from 1 to 4 dioptre, this stack has 1 to 8 dioptre",
        "5 frames, here it sees 10",
        "focal lengths from 4 to 6 mm, this stack has 50 mm",
        "f-numbers from 1.8, this stack has 8",
    ]
    assert said(stack(8, 1), {"focus": [1.0, 4.0]}, Unit.DISPARITY_PX) == [], "the weights' unit is out of reach"


@pytest.mark.parametrize(("far", "warns"), [(1.0, False), (0.1, True)])
def test_a_run_outside_of_the_training_is_warned_of(tmp_path: Path, far: float, warns: bool) -> None:
    with toy.registered() as cls:
        default = NETWORKS.get("toy").default
        file, convention = tmp_path / "toy.safetensors", Convention(Unit.DIOPTRE)
        save_weights(build("toy", default), "toy", file, tag="own", convention=convention, seen={"focus": [1.0, 4.0]})
        warnings: list[str] = []
        cls(weights=str(file), device="cpu")(stack(4, far, size=32), Run(warn=warnings.append, threads=1))
    told = [w for w in warnings if "toy.own was trained on focus positions from 1 to 4 dioptre" in w]
    assert bool(told) is warns
