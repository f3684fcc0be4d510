"""What a network sees and is compared with, by hand, and that `estimate` shows it the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import SettingError, StackError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack
from focaldepth.datasets._dataset import dataset
from focaldepth.networks._frames import choose_frames
from focaldepth.networks._runner import as_trained
from focaldepth.networks._spec import NETWORKS
from focaldepth.training._batch import Fed, collate
from focaldepth.training._feed import feed
from focaldepth.training._keys import SCENES, group
from focaldepth.training._loader import Feeder, batches
from focaldepth.training._order import Order
from focaldepth.training._recipe import Stage, load_recipe, names
from focaldepth.training._source import source

LENS = Optics(focal_length_m=2.9e-3, f_number=1.0, pixel_pitch_m=1e-5)


def sample(focus: tuple[float, ...] = (0.1, 0.3, 1.5), truth: tuple[float, ...] = (0.3, 0.6, 1.5, 3.5)) -> Sample:
    """Four pixels beside each other, repeated to 32 x 32; frames differ in brightness."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (len(focus), 32, 32, 3), np.uint8)
    stack = FocalStack.from_arrays(pixels, FocusAxis(np.array(focus), Unit.METRE), optics=LENS)
    values = np.tile(np.array(truth, np.float32), (32, 8))
    valid = values > 0
    return Sample(stack, DepthMap(np.where(valid, values, np.nan), Unit.METRE, valid), pixels[0], None, "here")


def fed(stage: Stage, given: Sample | None = None) -> Fed:
    still = replace(stage.augment, crop=0, flip_rows=0, flip_columns=0, quarter_turns=False, contrast=0, brightness=0,
                    gamma=1, frames=0)  # fmt: skip
    inputs = NETWORKS.get(stage.settings.network).inputs
    return feed(given or sample(), stage, still, np.random.default_rng(0), inputs)


def test_dfv_scales_metres_and_counts_the_focus_range() -> None:
    made = fed(load_recipe("dfv-fod500", data="fod500").first)
    assert made.focus.tolist() == pytest.approx([0.02, 0.06, 0.3])
    assert made.truth[0, :4].tolist() == pytest.approx([0.06, 0.12, 0.3, 0.0])
    assert made.valid[0, :4].tolist() == [True, True, True, False]


def test_defocusnet_clips_depth_and_makes_circles_of_confusion() -> None:
    made = fed(load_recipe("defocusnet-fod500", data="fod500").stages[1], sample(truth=(0.3, 0.0, 1.5, 3.5)))
    assert made.focus.tolist() == pytest.approx([1 / 15, 0.2, 1.0])
    assert made.truth[0, :4].tolist() == pytest.approx([0.1, 0.0, 0.5, 1.0])
    assert made.valid[0, :4].tolist() == [True, False, True, True]
    f, d, focus = 2.9e-3, 1.5, 0.3
    wanted = abs(d - focus) / d * f**2 / (1.0 * (focus - f)) / 1e-4
    assert made.circles is not None
    assert made.circles[1, 0, [0, 2]].tolist() == pytest.approx([0.0, wanted], rel=1e-5, abs=1e-6)


def test_unit_range_runs_from_0_to_1_between_the_ends() -> None:
    stage = load_recipe("dff-in-the-wild-smartphone", data=SCENES).first
    made = fed(stage)
    assert made.focus[[0, -1]].tolist() == [0.0, 1.0]  # far first, in dioptres
    low, high = 1 / 1.5, 10.0
    assert made.truth[0, 1] == pytest.approx((1 / 0.6 - low) / (high - low), rel=1e-5)


def test_field_of_view_is_1_for_the_frame_that_shows_least() -> None:
    made = fed(load_recipe("dff-in-the-wild-e2e").stages[1])
    view = made.extra["field_of_view"]
    assert view[-1] == pytest.approx(1)
    assert (np.diff(view) < 0).all()  # far frames show more


@pytest.mark.parametrize("name", names())
def test_training_and_estimate_show_a_network_the_same(name: str) -> None:
    """One frame and the positions, as the loader and as the front door make them."""
    stage = load_recipe(name, data=SCENES).first
    given = sample()
    made = fed(stage, given)
    limits = replace(stage.options.limits, min_frames=1, max_frames=None)
    seen = choose_frames(given.stack, limits, stage.convention, name, lambda text: None, weighs=True)
    np.testing.assert_allclose(made.focus, seen.told, rtol=1e-5)
    first = given.stack.source.read(int(seen.index[0]))
    shown = np.moveaxis(as_trained(first, given.stack, None, stage.convention), -1, 0)
    np.testing.assert_allclose(made.frames[0], shown, atol=2e-4 * abs(stage.convention.white))
    truth = np.where(made.valid, seen.offset + seen.factor * made.truth.astype(np.float64), np.nan)
    wanted = given.truth.to(stage.convention.unit, LENS).values if given.truth else truth
    np.testing.assert_allclose(truth[made.valid], wanted[made.valid], rtol=1e-4)


def test_what_the_loss_needs_must_be_there() -> None:
    with pytest.raises(SettingError, match="all-in-focus"):
        fed(load_recipe("aifdepthnet-unsup-hci", data=SCENES).first, replace(sample(), all_in_focus=None))
    with pytest.raises(SettingError, match="needs truth"):
        fed(load_recipe("dfv-fod500", data=SCENES).first, replace(sample(), truth=None))


def test_circles_need_a_lens() -> None:
    given = sample()
    bare = FocalStack(given.stack.source, given.stack.axis)
    stage = load_recipe("defocusnet-fod500", data="fod500").first
    with pytest.raises(UnitError, match="focal_length_m"):
        fed(stage, replace(given, stack=bare))
    named = load_recipe("defocusnet-fod500", {"focal_length_m": "2.9e-3", "f_number": "1"}, data="fod500").first
    left, right = fed(named, replace(given, stack=bare)).circles, fed(stage, given).circles
    assert left is not None
    assert right is not None
    np.testing.assert_array_equal(left, right)


def test_short_stacks_are_filled_up_and_marked() -> None:
    stage = load_recipe("dfv-fod500", data=SCENES).first
    one, two = fed(stage), fed(stage, sample((0.1, 1.5)))
    batch = collate([one, two], stage.convention)
    assert batch.frames.shape[:2] == (2, 3)
    assert batch.frame_valid is not None
    assert batch.frame_valid.tolist() == [[True] * 3, [True, True, False]]
    assert torch.equal(batch.frames[1, 2], batch.frames[1, 1])


def test_pictures_of_two_sizes_make_no_batch() -> None:
    stage = load_recipe("dfv-fod500", data=SCENES).first
    one = fed(stage)
    two = replace(one, truth=one.truth[:16], frames=one.frames[..., :16, :])
    with pytest.raises(StackError, match="crop"):
        collate([one, two], stage.convention)


def test_a_batch_goes_back_to_light() -> None:
    stage = load_recipe("dfv-fod500", data=SCENES).first
    given = sample()
    batch = collate([fed(stage, given)], stage.convention)
    light = batch.as_light(batch.frames)[0, 0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(light, given.stack.source.read(0) / 255, atol=1e-5)


@pytest.mark.parametrize("name", names())
def test_every_recipe_fits_its_own_data_set(name: str, tmp_path: Path) -> None:
    """On the miniature of the data set, in the format on disk: split, unit, range, and what the loss needs."""
    recipe = load_recipe(name)
    inputs = NETWORKS.get(recipe.first.settings.network).inputs
    for part in recipe.first.parts.values():
        dataset(part.settings.data, **group(part.texts, "data_options")).fake(tmp_path)
    for stage, validation in ((stage, validation) for stage in recipe.stages for validation in (False, True)):
        found = source(stage, tmp_path, validation=validation)
        parts = [stage.judged] if validation else list(stage.parts.values())
        for index in {found.part(i): i for i in range(len(found))}.values():
            part = parts[found.part(index)]
            still = replace(part.augment, crop=0, known=0)
            made = feed(found.open(index), part, still, np.random.default_rng(0), inputs)
            assert made.valid.any()
            told = made.truth[made.valid]
            assert np.isfinite(told).all()
            if part.settings.in_focus_range:
                assert made.focus.min() <= told.min() <= told.max() <= made.focus.max()


def feeder(**changes: str) -> Feeder:
    """Scenes of 40 px."""
    small = {"height": "40", "width": "40", "samples": "4", "count": "3", "crop": "32", "batch": "2"}
    stage = load_recipe("dff-in-the-wild-ddff12", {**small, **changes}, data=SCENES).first
    found = source(stage, None)
    return Feeder(found, stage, Order(len(found), stage.settings.batch, 0))


def test_an_arbitrary_number_of_frames_is_one_per_batch() -> None:
    made = feeder(**{"data_options.frames": "6", "augment.frames": "6", "fewest": "2"})
    counts = []
    for parts in batches(made, 0, 6, workers=0):
        assert parts[0].frame_valid is None
        counts.append(parts[0].frames.shape[1])
    assert len(set(counts)) > 1
    assert 2 <= min(counts) <= max(counts) <= 6


def test_stacks_of_their_own_length_are_filled_up() -> None:
    parts = next(batches(feeder(**{"data_options.frames": "0", "seed": "1"}), 0, 1, workers=0))
    assert parts[0].frame_valid is not None


def test_misaligned_scenes_move_all_frames_but_the_one_that_shows_least() -> None:
    plain, moved = feeder(**{"data_options.frames": "4"}), feeder(**{"data_options.frames": "4", "misaligned": "true"})
    still, shaken = plain.source.open(0), moved.source.open(0)
    nearest = int(still.stack.axis.to(Unit.METRE, still.stack.optics).values.argmin())
    assert shaken.reference == nearest
    same = [np.array_equal(still.stack.source.read(k), shaken.stack.source.read(k)) for k in range(4)]
    assert same == [k == nearest for k in range(4)]
    assert still.truth is not None
    assert shaken.truth is not None
    np.testing.assert_array_equal(still.truth.values, shaken.truth.values)


def test_fixed_scenes_are_rendered_once_and_endless_ones_never_again() -> None:
    fixed, endless = feeder(endless="false").source, feeder().source
    assert fixed.open(1, epoch=0) is fixed.open(1, epoch=3)
    one, other = endless.open(1, epoch=0).truth, endless.open(1, epoch=1).truth
    assert one is not None
    assert other is not None
    assert not np.array_equal(one.values, other.values)
