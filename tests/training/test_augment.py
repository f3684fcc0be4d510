"""Augmentation: what moves moves together, tone touches no truth, frames keep their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, SettingError, StackError, UnitError
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack
from focaldepth.training._example import Example
from focaldepth.training.augment import Augmentation
from focaldepth.training.augment.crops import centre_crop, random_crop
from focaldepth.training.augment.subsets import SAMPLINGS, chosen
from focaldepth.training.augment.tone import change_tone

seeds = st.integers(0, 2**32 - 1)
EVERYTHING = Augmentation(
    frames=5, fewest=2, crop=8, known=0.5, flip_rows=0.5, flip_columns=0.5, quarter_turns=True,
    contrast=0.6, brightness=0.1, gamma=2,
)  # fmt: skip


def tagged(n: int = 7, h: int = 11, w: int = 13, *, seed: int = 0) -> Example:
    """An example whose every array tells the place that a pixel came from: place number / 1000."""
    place = (np.arange(h * w, dtype=np.float32) / 1000).reshape(h, w)
    frames = np.repeat(np.repeat(place[None, ..., None], 3, axis=3), n, axis=0)
    mask = np.random.default_rng(seed).random((h, w)) > 0.4
    sharp = frames[0].copy()
    return Example(frames, np.linspace(1, 3, n), np.where(mask, place, 0), mask, sharp, place)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class TestAugmentation:
    @given(seed=seeds)
    def test_everything_that_belongs_to_a_pixel_moves_with_it(self, seed: int) -> None:
        out = replace(EVERYTHING, contrast=0.0, brightness=0.0, gamma=1.0)(tagged(seed=seed % 7), rng(seed))
        assert out.all_in_focus is not None
        assert out.confidence is not None
        assert (out.frames == out.confidence[..., None]).all()
        assert (out.all_in_focus == out.confidence[..., None]).all()
        assert (out.truth == np.where(out.mask, out.confidence, 0)).all()

    @given(seed=seeds)
    def test_equal_seeds_give_equal_examples(self, seed: int) -> None:
        first, second = (EVERYTHING(tagged(), rng(seed)) for _ in range(2))
        for name in ("frames", "focus", "truth", "mask", "all_in_focus", "confidence"):
            assert np.array_equal(getattr(first, name), getattr(second, name))

    def test_the_default_changes_nothing(self) -> None:
        given_, out = tagged(), Augmentation()(tagged(), rng())
        assert np.array_equal(out.frames, given_.frames)
        assert np.array_equal(out.truth, given_.truth)

    def test_arrays_are_contiguous_and_of_their_type(self) -> None:
        out = EVERYTHING(tagged(), rng(3))
        for array, kind in ((out.frames, np.float32), (out.truth, np.float32), (out.mask, bool)):
            assert array.flags.c_contiguous
            assert array.dtype == kind
        assert out.focus.dtype == np.float64
        assert out.size == (8, 8)

    def test_the_input_is_left_alone(self) -> None:
        example = tagged()
        before = example.frames.copy()
        EVERYTHING(example, rng(1))
        assert np.array_equal(example.frames, before)

    def test_a_random_number_of_frames_reaches_both_ends(self) -> None:
        """Of "Random" in Fig. 12 of Learning Depth from Focus in the Wild."""
        draw = rng(0)
        numbers = {len(Augmentation(frames=5, fewest=2)(tagged(), draw)) for _ in range(60)}
        assert numbers == {2, 3, 4, 5}

    def test_a_fixed_number_stays(self) -> None:
        draw = rng(0)
        assert {len(Augmentation(frames=5)(tagged(), draw)) for _ in range(10)} == {5}

    @pytest.mark.parametrize("frames", [0, 7, 10])
    def test_a_random_number_is_at_most_what_there_is(self, frames: int) -> None:
        draw = rng(0)
        assert {len(Augmentation(fewest=6, frames=frames)(tagged(), draw)) for _ in range(30)} == {6, 7}

    @pytest.mark.parametrize(
        ("settings", "hint"), [({"crop": -1}, "Allowed"), ({"gamma": 0.5}, ">= 1"), ({"sampling": "some"}, "random")]
    )
    def test_settings_outside_their_range(self, settings: dict[str, object], hint: str) -> None:
        with pytest.raises(SettingError, match=hint):
            Augmentation(**settings)

    def test_too_many_frames_and_too_few_pixels(self) -> None:
        with pytest.raises(StackError, match=r"cannot take 9 of 7 frames. Give a number from 2 to 7"):
            Augmentation(frames=9)(tagged(), rng())
        with pytest.raises(StackError, match="13 x 11 px, smaller than the crop of 12"):
            Augmentation(crop=12)(tagged(), rng())


class TestSymmetries:
    @pytest.mark.parametrize("axis", [0, 1])
    def test_flipping_twice_is_nothing(self, axis: int) -> None:
        twice = tagged().flipped(axis).flipped(axis)
        assert np.array_equal(twice.frames, tagged().frames)
        assert np.array_equal(twice.truth, tagged().truth)

    def test_four_quarter_turns_are_nothing(self) -> None:
        example = tagged()
        once = example.turned(1)
        assert once.size == example.size[::-1]
        assert np.array_equal(once.turned(3).frames, example.frames)

    def test_certain_flips(self) -> None:
        out = Augmentation(flip_rows=1, flip_columns=1)(tagged(), rng())
        assert np.array_equal(out.truth, tagged().truth[::-1, ::-1])
        assert np.array_equal(out.frames, tagged().frames[:, ::-1, ::-1])

    def test_a_wide_picture_keeps_its_size(self) -> None:
        draw = rng()
        assert {Augmentation(quarter_turns=True)(tagged(), draw).size for _ in range(10)} == {(11, 13)}


class TestCrops:
    @given(seed=seeds, side=st.integers(1, 11))
    def test_a_random_crop_is_a_part_of_the_picture(self, seed: int, side: int) -> None:
        out = random_crop(tagged(), side, rng(seed))
        number = round(float(out.frames[0, 0, 0, 0]) * 1000)
        top, left = divmod(number, 13)
        assert np.array_equal(out.frames, tagged().frames[:, top : top + side, left : left + side])

    @given(seed=seeds, known=st.floats(0.05, 0.95))
    def test_enough_truth_is_known_or_nowhere_is_more(self, seed: int, known: float) -> None:
        example = tagged(seed=seed % 5)
        best = max(example.mask[t : t + 5, x : x + 5].mean() for t in range(7) for x in range(9))
        assert random_crop(example, 5, rng(seed), known).mask.mean() >= min(known, best) - 1e-12

    def test_every_place_can_be_drawn(self) -> None:
        draw, example = rng(), tagged()
        places = {float(random_crop(example, 10, draw).frames[0, 0, 0, 0]) for _ in range(80)}
        assert len(places) == 2 * 4

    def test_the_middle(self) -> None:
        assert np.array_equal(centre_crop(tagged(), 6).truth, tagged().truth[2:8, 3:9])
        assert np.array_equal(Augmentation(crop=6, centre=True)(tagged(), rng()).truth, tagged().truth[2:8, 3:9])


class TestTone:
    @given(seed=seeds)
    def test_truth_is_never_touched(self, seed: int) -> None:
        example = tagged()
        out = Augmentation(contrast=0.6, brightness=0.1, gamma=2)(example, rng(seed))
        assert np.array_equal(out.truth, example.truth)
        assert np.array_equal(out.mask, example.mask)
        assert np.array_equal(out.focus, example.focus)
        assert out.confidence is not None
        assert np.array_equal(out.confidence, example.confidence)

    @given(seed=seeds)
    def test_frames_and_sharp_picture_change_alike_and_stay_in_range(self, seed: int) -> None:
        out = Augmentation(contrast=0.6, brightness=0.1, gamma=2)(tagged(), rng(seed))
        assert (out.frames == out.all_in_focus).all()
        assert 0 <= out.frames.min() <= out.frames.max() <= 1

    def test_by_hand(self) -> None:
        """0.3: (0.3 - 0.5) x 0.5 + 0.5 + 0.1 = 0.5; 0.5^2 = 0.25."""
        assert change_tone(np.array([0.3], np.float32), 0.5, 0.1, 2.0)[0] == pytest.approx(0.25)

    def test_no_change_is_no_change(self) -> None:
        pixels = np.linspace(0, 1, 50, dtype=np.float32)
        assert change_tone(pixels) == pytest.approx(pixels, abs=1e-7)


class TestSubsets:
    @given(n=st.integers(2, 40), share=st.floats(0, 1), how=st.sampled_from(SAMPLINGS), ends=st.booleans(), seed=seeds)
    def test_frames_are_distinct_and_in_order(self, n: int, share: float, how: str, ends: bool, seed: int) -> None:
        count = 2 + round(share * (n - 2))
        focus = np.sort(rng(seed).random(n))[:: 1 if seed % 2 else -1]
        frames = chosen(focus, count, how, rng(seed), keep_ends=ends)
        assert len(frames) == count
        assert (np.diff(frames) > 0).all()
        assert frames[0] >= 0
        assert frames[-1] < n
        if how in ("even", "truncated", "focus") or (how == "random" and ends):
            assert (frames[0], frames[-1]) == (0, n - 1)

    def test_frames_and_positions_stay_together(self) -> None:
        n = 7
        frames = np.repeat(np.linspace(0, 1, n, dtype=np.float32)[:, None, None, None], 3, axis=3)
        example = Example(frames, np.linspace(0, 1, n), np.ones((1, 1), np.float32), np.ones((1, 1), bool))
        out = Augmentation(frames=4)(example, rng(5))
        assert out.frames[:, 0, 0, 0] == pytest.approx(out.focus)

    @pytest.mark.parametrize(
        ("n", "count", "how", "expected"),
        [
            (10, 5, "truncated", [0, 2, 4, 6, 9]),
            (49, 10, "even", [0, 5, 11, 16, 21, 27, 32, 37, 43, 48]),
            (25, 10, "stride", [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]),
        ],
    )
    def test_sets_of_the_papers(self, n: int, count: int, how: str, expected: list[int]) -> None:
        assert chosen(np.arange(float(n)), count, how, rng()).tolist() == expected

    def test_even_in_focus_is_not_even_in_number(self) -> None:
        """1/m of 1, 1.1, 1.25, 2, 4, 8 m: evenly spaced dioptres take the near frames."""
        dioptres = 1 / np.array([1, 1.1, 1.25, 2, 4, 8])
        assert chosen(dioptres, 3, "focus", rng()).tolist() == [0, 3, 5]
        assert chosen(dioptres, 3, "even", rng()).tolist() == [0, 2, 5]


class TestExample:
    def sample(self, dtype: type = np.uint8, channels: int = 3) -> Sample:
        white = 1 if dtype is np.float32 else np.iinfo(dtype).max
        pixels = (np.ones((3, 4, 5, channels)) * white).astype(dtype)
        stack = FocalStack.from_arrays(pixels, FocusAxis(np.array([0.5, 1, 2]), Unit.METRE))
        depth = np.full((4, 5), 2.0, np.float32)
        valid = np.ones((4, 5), bool)
        valid[0] = False
        return Sample(stack, DepthMap(depth, Unit.METRE, valid), all_in_focus=pixels[0], confidence=depth / 4)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_pictures_become_rgb_from_zero_to_one(self, dtype: type, channels: int) -> None:
        example = Example.of(self.sample(dtype, channels), Unit.DIOPTRE)
        assert example.all_in_focus is not None
        assert example.frames.shape == (3, 4, 5, 3)
        assert (example.frames == 1).all()
        assert (example.all_in_focus == 1).all()

    def test_focus_and_truth_have_one_unit(self) -> None:
        example = Example.of(self.sample(), Unit.DIOPTRE)
        assert example.focus.tolist() == [2, 1, 0.5]
        assert (example.truth[1:] == 0.5).all()
        assert (example.confidence == 0.5).all()

    def test_unknown_truth_is_zero_and_not_counted(self) -> None:
        example = Example.of(self.sample(), Unit.METRE)
        assert not example.mask[0].any()
        assert (example.truth[0] == 0).all()
        assert example.mask[1:].all()

    def test_no_truth_is_an_empty_mask(self) -> None:
        example = Example.of(replace(self.sample(), truth=None), Unit.METRE)
        assert not example.mask.any()

    def test_a_unit_without_a_law(self) -> None:
        with pytest.raises(UnitError, match="disparity"):
            Example.of(self.sample(), Unit.DISPARITY_PX)

    def test_infinity_needs_dioptres(self) -> None:
        far = FocalStack.from_arrays(np.zeros((2, 4, 5), np.uint8), FocusAxis(np.array([1, np.inf]), Unit.METRE))
        with pytest.raises(AxisError, match="Train in dioptres"):
            Example.of(Sample(far), Unit.METRE)
        assert Example.of(Sample(far), Unit.DIOPTRE).focus.tolist() == [1, 0]

    def test_arrays_that_do_not_fit(self) -> None:
        with pytest.raises(StackError, match=r"the truth is \(2, 2\), the frames are \(11, 13\)"):
            replace(tagged(), truth=np.zeros((2, 2), np.float32))
        with pytest.raises(StackError, match="focus positions"):
            replace(tagged(), focus=np.ones(2))


def test_a_confidence_of_another_size_is_refused() -> None:
    stack = FocalStack.from_arrays(np.zeros((2, 4, 5), np.uint8))
    with pytest.raises(StackError, match="the confidence is"):
        Sample(stack, confidence=np.ones((2, 2), np.float32))
