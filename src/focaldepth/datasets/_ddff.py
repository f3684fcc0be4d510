"""What all forms of DDFF 12-Scene share: scenes, constants of the camera, focus axes, the conversion of depth.

Hazirbas, Soyer, Staab, Leal-Taixe, Cremers 2018, Deep Depth From Focus, with IntParamLF.mat of the data set.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError
from focaldepth.core.method import Citation
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.datasets._stack_file import StackArray

ADDRESS = "https://hazirbas.com/datasets/ddff12scene"
LICENCE = "CC BY 4.0"
CITATION = Citation(
    "hazirbas2018ddff",
    "C. Hazirbas, S. G. Soyer, M. C. Staab, L. Leal-Taixé, D. Cremers. Deep Depth From Focus. ACCV 2018.",
    "https://arxiv.org/abs/1704.01085",
)

TRAIN_SCENES = ("glassroom", "kitchen", "office41", "seminaroom", "socialcorner", "studentlab")
TEST_SCENES = ("lockeroom", "cafeteria", "library", "spencerlab", "office44", "magistrale")
"""In the order in which the official file holds them, 20 stacks each."""
STACKS_PER_TEST_SCENE = 20
DFV_VALIDATION_SCENES = ("glassroom", "office41")

BASELINE_M = 1982.0250823695178 / 7317.020641763665 * 1e-3
"""K2 / max(Fx, Fy) mm, per view."""
FOCAL_LENGTH_PX = 521.4052
SCALE_M_PX = BASELINE_M * FOCAL_LENGTH_PX
"""Disparity x depth = 0.14124 m px."""
OPTICS = Optics(disparity_scale_m_px=SCALE_M_PX, origin={"disparity_scale_m_px": "IntParamLF.mat"})

_AXES = {
    "exact": np.linspace(SCALE_M_PX / 0.5, SCALE_M_PX / 7, 10),
    "rounded": np.linspace(0.28, 0.02, 10),
}
AXES = tuple(_AXES)
AXIS_HELP = "focus positions: 0.5 m to 7 m as refocused (0.28248 ... 0.02018 px), or 0.28 ... 0.02 px as DFV reads them"
LEAK = (
    "Patches of the official validation come from the stacks of training: its numbers say nothing about other scenes "
    "and are not comparable with those of a split by scene."
)


def axis(name: str) -> FocusAxis:
    """Return one of the two named axes: ten disparities, near to far.

    >>> axis("exact").values[[0, -1]].round(5), axis("rounded").values[[0, -1]]
    (array([0.28248, 0.02018]), array([0.28, 0.02]))
    """
    if name not in _AXES:
        raise SettingError(f"axis is {name!r}.", where="DDFF", hint=f"Allowed: {', '.join(AXES)}.")
    return FocusAxis(_AXES[name], Unit.DISPARITY_PX)


def disparity_of(depth_mm: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return disparities in px of depths in millimetres, NaN for 0 (no measurement).

    >>> disparity_of(np.array([[500, 0]], np.uint16))
    array([[0.28247514,        nan]], dtype=float32)
    """
    metres = depth_mm.astype(np.float64) * 1e-3
    known = np.where(metres > 0, metres, np.nan)
    disparities: NDArray[np.float32] = (SCALE_M_PX / known).astype(np.float32)
    return disparities


def truth_of(disparities: NDArray[np.floating]) -> DepthMap:
    """Return disparities as a truth; 0, negative and infinite ones, and NaN, are unknown."""
    values = np.asarray(disparities, np.float32)
    return DepthMap(values, Unit.DISPARITY_PX, np.isfinite(values) & (values > 0))


def scene_name(folder: str) -> str:
    """Return a scene in the spelling of the files, which drop a letter of two names.

    >>> scene_name("Locker Room"), scene_name("seminarroom"), scene_name("kitchen")
    ('lockeroom', 'seminaroom', 'kitchen')
    """
    plain = re.sub(r"[\s_-]", "", folder).lower()
    return {"lockerroom": "lockeroom", "seminarroom": "seminaroom"}.get(plain, plain)


def place_of_test(number: int) -> tuple[str, int]:
    """Return scene and image number (from 1) of a stack of the official test file.

    >>> place_of_test(0), place_of_test(119)
    (('lockeroom', 1), ('magistrale', 20))
    """
    scene, image = divmod(number, STACKS_PER_TEST_SCENE)
    return TEST_SCENES[scene], image + 1


def sample(array: StackArray, i: int, name: str, split: str, axis_name: str, notes: tuple[str, ...] = ()) -> Sample:
    """Return stack i of an HDF5 form of the data set with its truth; `notes` go into the warnings of the stack."""
    frames, white = array.frames(i)
    stack = FocalStack.from_arrays(
        frames, axis(axis_name), optics=OPTICS, transfer=Transfer.SRGB, white=white, name=name
    )
    info = replace(
        stack.info,
        files=(str(array.path),),
        focus_origin=f"DDFF 12-Scene, {axis_name} axis",
        order_rule="focus distance",
        warnings=notes,
        extra={"dataset": f"{array.stacks}[{i}]"},
    )
    values = array.plane(i)
    truth = None if values is None else truth_of(values)
    return Sample(replace(stack, info=info), truth, array.sharp_picture(i, white), name=name, split=split)
