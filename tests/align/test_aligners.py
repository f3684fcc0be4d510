"""What every aligner keeps: shapes, an aligned stack, bad frames; and what each finds."""

import json

import cv2
import numpy as np
import pytest

from focaldepth.align._alignment import ALIGNERS, MotionModel
from focaldepth.align._geometry import corner_motion
from focaldepth.align._run import align
from focaldepth.align._warp import apply
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, SettingError, UnitError, UnknownNameError
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.stack import FocalStack

from .conftest import frames_of, handheld, similarity, stack_of

NAMES = ALIGNERS.names()
MEASURING = ["auto", "ecc", "features"]
SHAPE = (240, 320)


def worst(found, truth, shape=SHAPE):
    return max(corner_motion(f, shape, t) for f, t in zip(found, truth, strict=True))


def with_lens(stack):
    axis = FocusAxis(np.linspace(2.0, 5.0, len(stack)), Unit.METRE)
    return FocalStack(stack.source, axis, Optics(focal_length_m=0.05), stack.transfer, stack.info)


def test_all_ways_are_registered():
    assert {"auto", "ecc", "features", "metadata", "none"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_contract(name, still):
    found = align(with_lens(still), name)
    n = len(still)
    assert found.transforms.shape == (n, 3, 3)
    assert found.transforms.dtype == np.float64
    assert np.isfinite(found.transforms).all()
    assert (found.transforms[found.reference] == np.eye(3)).all()
    assert found.aligned.all()
    assert found.reasons == ("",) * n
    assert found.rule


@pytest.mark.parametrize("name", MEASURING)
def test_aligned_stack_moves_less_than_a_tenth_of_a_pixel(name, still):
    assert worst(align(still, name).transforms, [np.eye(3)] * 7) < 0.1


@pytest.mark.parametrize("name", ["auto", "none"])
def test_aligned_stack_stays_bit_equal(name, still):
    found = align(still, name)
    assert not found.moves
    assert apply(still, found).stack is still


@pytest.mark.parametrize("name", MEASURING)
def test_known_similarity_under_changing_blur(name, moved):
    stack, truth = moved
    found = align(stack, name)
    assert found.moves
    assert found.reference == 3
    assert worst(found.transforms, truth) < 0.3
    assert np.nanmin(found.score) > 0.9


@pytest.mark.parametrize("model", ["translation", "affine", "homography"])
def test_known_motion_of_other_models(model):
    def one(k):
        if model == "translation":
            return similarity(1, 0, 1.7 * k, -0.8 * k)
        bend = np.eye(3)
        bend[0, 1], bend[1, 1] = 0.004 * k, 1 - 0.003 * k
        if model == "homography":
            bend[2, :2] = np.array([2e-5, -1e-5]) * k
        return bend

    transforms = [one(k) for k in (-2, -1, 0, 1, 2)]
    found = align(stack_of(frames_of(transforms)), "ecc", settings={"model": model})
    assert worst(found.transforms, transforms) < 0.3


def test_auto_takes_the_simplest_sufficient_model():
    shifts = [similarity(1, 0, 2 * k, k) for k in (-2, -1, 0, 1, 2)]
    assert "translation" in align(stack_of(frames_of(shifts)), "auto").rule
    assert "similarity" in align(stack_of(frames_of(handheld())), "auto").rule


def test_homography_is_recognised():
    keystone = []
    for k in (-2, -1, 0, 1, 2):
        t = np.eye(3)
        t[2, :2] = np.array([6e-5, 3e-5]) * k
        keystone.append(t)
    found = align(stack_of(frames_of(keystone)), "auto")
    assert "homography" in found.rule
    assert worst(found.transforms, keystone) < 0.3


@pytest.mark.parametrize("name", MEASURING)
def test_reversed_order_gives_the_same(name, moved):
    stack, _ = moved
    forth, back = align(stack, name), align(stack.reversed(), name)
    assert worst(back.transforms[::-1], forth.transforms) < 0.15


@pytest.mark.parametrize("name", ["auto", "features"])
def test_large_shift_and_rotation(name):
    transforms = [similarity(1, 0, 0, 0), similarity(1, 0, 0, 0), similarity(1.02, 14, 25, -20)]
    found = align(stack_of(frames_of(transforms, blur=2.0)), name)
    assert worst(found.transforms, transforms) < 0.5


def test_one_bump_in_a_still_stack():
    transforms = [np.eye(3)] * 4 + [similarity(1, 0.2, 3, -2)] * 3
    found = align(stack_of(frames_of(transforms)), "auto")
    assert found.moves
    assert worst(found.transforms, transforms) < 0.3


@pytest.mark.parametrize("name", MEASURING)
@pytest.mark.parametrize("kind", ["noise", "foreign"])
def test_frame_of_something_else_is_named_and_left_out(name, kind, moved):
    stack, truth = moved
    frames = stack.read_all()
    rng = np.random.default_rng(5)
    frames[2] = rng.integers(0, 256, frames[2].shape) if kind == "noise" else frames_of([np.eye(3)] * 2, seed=77)[0]
    found = align(stack_of(frames), name)
    assert found.aligned.tolist() == [True, True, False, True, True, True, True]
    assert "something else" in found.reasons[2]
    keep = found.aligned
    assert worst(found.transforms[keep], truth[keep]) < 0.3
    out = apply(stack_of(frames), found).stack
    assert len(out) == 6
    assert out.info.warnings == ("frame 2: shows something else than the other frames; left out.",)


@pytest.mark.parametrize("name", MEASURING)
@pytest.mark.parametrize("where", [0, 2, 6])
def test_flat_frame_is_kept_with_the_place_of_its_neighbours(name, where, moved):
    stack, truth = moved
    frames = stack.read_all()
    frames[where] = 90
    found = align(stack_of(frames), name)
    assert found.aligned.all()
    assert "flat" in found.reasons[where]
    assert worst(found.transforms[[where]], truth[[where]]) < 6


def test_far_out_of_focus_end_frames_belong_to_the_stack(moved):
    stack, _ = moved
    frames = stack.read_all()
    for i in (0, 6):
        frames[i] = cv2.GaussianBlur(frames[i], (0, 0), 25)
    found = align(stack_of(frames), "auto")
    assert found.aligned.all()


@pytest.mark.parametrize("name", MEASURING)
@pytest.mark.parametrize("kind", ["flat", "noise"])
def test_stack_without_any_content_is_left_alone(name, kind):
    rng = np.random.default_rng(0)
    frames = np.full((4, 100, 120), 7, np.uint8) if kind == "flat" else rng.integers(0, 256, (4, 100, 120), np.uint8)
    found = align(FocalStack.from_arrays(frames), name)
    assert not found.moves
    assert found.aligned.all()
    assert all("no detail" in r for r in found.reasons)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (3, 3), (20, 400), (70, 70)])
def test_small_and_odd_pictures(name, shape):
    rng = np.random.default_rng(0)
    stack = with_lens(FocalStack.from_arrays(rng.integers(0, 256, (3, *shape), np.uint8)))
    found = align(stack, name)
    assert apply(stack, found).stack.source.read(1).shape == (*shape, 1)


@pytest.mark.parametrize("kind", ["uint16", "float32", "grey", "dim"])
def test_depth_and_channels_do_not_matter(kind, moved):
    stack, truth = moved
    frames = stack.read_all()
    frames = {
        "uint16": lambda f: f.astype(np.uint16) * 257,
        "float32": lambda f: f.astype(np.float32) / 255,
        "grey": lambda f: f[..., :1],
        "dim": lambda f: f.astype(np.uint16),
    }[kind](frames)
    assert worst(align(stack_of(frames), "auto").transforms, truth) < 0.3


def test_metadata_scales_by_the_field_of_view(still):
    stack = with_lens(still)
    found = align(stack, "metadata")
    f, near, middle = 0.05, 2.0, 3.5
    expected = (near * f / (near - f)) / (middle * f / (middle - f))
    assert found.reference == 3
    assert np.isclose(found.transforms[0, 0, 0], expected)
    centre = np.array([159.5, 119.5, 1])
    np.testing.assert_allclose(found.transforms @ centre, np.tile(centre, (7, 1)))


def test_metadata_says_what_is_missing(still):
    with pytest.raises(UnitError, match="no law leads"):
        align(FocalStack(still.source, still.axis, Optics(focal_length_m=0.05)), "metadata")
    stack = with_lens(still)
    with pytest.raises(UnitError, match="focal_length_m"):
        align(FocalStack(stack.source, stack.axis), "metadata")
    inside = FocalStack(stack.source, stack.axis, Optics(focal_length_m=2.5))
    with pytest.raises(AxisError, match=r"frame 0: .*not beyond the focal length"):
        align(inside, "metadata")
    flat = FocalStack(stack.source, stack.axis, Optics(model=LensModel.TELECENTRIC))
    assert not align(flat, "metadata").moves


def test_unknown_names_and_settings(still):
    with pytest.raises(UnknownNameError, match="ecc"):
        align(still, "eccc")
    with pytest.raises(SettingError, match="modle"):
        align(still, "ecc", settings={"modle": "affine"})
    with pytest.raises(SettingError, match="translation, similarity"):
        align(still, "ecc", settings={"model": "elastic"})


def test_models_contain_each_other():
    assert [m.value for m in MotionModel] == ["translation", "similarity", "affine", "homography"]


@pytest.mark.shared
@pytest.mark.parametrize("number", [1, 2, 3])
def test_handheld_renders(number, shared):
    data = np.load(shared / f"data/blender/handheld_0{number}.npz")
    truth = np.array(json.loads(str(data["attrs"]))["homography_ref_to_frame"])
    stack = FocalStack.from_arrays(np.ascontiguousarray(data["frames"]))
    found = align(stack, "auto")
    shape = stack.shape[:2]
    truth = truth @ np.linalg.inv(truth[found.reference])
    errors = [corner_motion(t, shape, u) for t, u in zip(found.transforms, truth, strict=True)]
    assert np.sqrt(np.mean(np.square(errors))) < 0.4
    assert max(errors) < 0.7


@pytest.mark.shared
@pytest.mark.parametrize("name", ["phone_05", "dslr_04", "sweep_02", "macro_02"])
def test_registered_renders_stay_untouched(name, shared):
    frames = np.ascontiguousarray(np.load(shared / f"data/blender/{name}.npz")["frames"])
    assert not align(FocalStack.from_arrays(frames), "auto").moves
