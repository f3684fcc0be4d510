"""The focal stack: any number of readings, every depth of pixels, clear refusal."""

import pickle
import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import StackError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import (
    ArraySource,
    DerivedSource,
    FocalStack,
    SelectedSource,
    StackInfo,
    Transfer,
    reduce_frame,
    white_of,
)

DTYPES = [np.uint8, np.uint16, np.float32]


def frames(n: int = 4, dtype: type = np.uint8, channels: int = 3) -> NDArray[np.generic]:
    random = np.random.default_rng(0)
    scale = 1 if dtype is np.float32 else np.iinfo(dtype).max
    return (random.random((n, 5, 6, channels)) * scale).astype(dtype)


def stack(n: int = 4, **changes: object) -> FocalStack:
    axis = FocusAxis(np.arange(1.0, n + 1), Unit.METRE)
    return replace(FocalStack.from_arrays(frames(n), axis, name="bug"), **changes)


class Counting(ArraySource):
    """Counts reads, and can fail or wait."""

    def __init__(self, arrays: tuple[NDArray[np.generic], ...], fail_at: int | None = None) -> None:
        super().__init__(arrays, 255.0)
        object.__setattr__(self, "reads", [])
        object.__setattr__(self, "fail_at", fail_at)
        object.__setattr__(self, "lock", threading.Lock())

    def read(self, i: int) -> NDArray[np.generic]:
        with self.lock:
            self.reads.append(i)
        if i == self.fail_at:
            raise StackError("torn.", where=f"frame {i}")
        return super().read(i)


class TestFromArrays:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_pixels_keep_their_depth(self, dtype: type, channels: int) -> None:
        given_frames = frames(3, dtype, channels)
        made = FocalStack.from_arrays(given_frames)
        assert (len(made), made.shape, made.dtype) == (3, (5, 6, channels), np.dtype(dtype))
        np.testing.assert_array_equal(made.read_all(), given_frames)

    def test_grey_frames_get_one_channel(self) -> None:
        assert FocalStack.from_arrays(np.zeros((2, 3, 4), np.uint8)).shape == (3, 4, 1)
        assert FocalStack.from_arrays([np.zeros((3, 4), np.uint8)] * 2).shape == (3, 4, 1)

    def test_alpha_is_dropped(self) -> None:
        rgba = frames(2, channels=4)
        np.testing.assert_array_equal(FocalStack.from_arrays(rgba).read_all(), rgba[..., :3])

    @pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2"])
    def test_floats_become_float32(self, dtype: str) -> None:
        assert FocalStack.from_arrays(np.zeros((2, 3, 4), dtype)).dtype == np.float32

    def test_big_endian_pixels_become_native(self) -> None:
        made = FocalStack.from_arrays(np.full((2, 3, 4), 513, ">u2"))
        assert made.dtype == np.uint16
        assert made.dtype.isnative
        assert made.read_all().max() == 513

    def test_without_positions_the_axis_counts_frames(self) -> None:
        assert FocalStack.from_arrays(frames(3)).axis == FocusAxis.frames(3)

    @pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
    def test_full_scale_is_that_of_the_type(self, dtype: type, white: float) -> None:
        assert FocalStack.from_arrays(frames(2, dtype)).source.white == white == white_of(np.dtype(dtype))

    @pytest.mark.parametrize(("top", "white"), [(0.3, 1), (1.7, 1), (4.0, 1), (200, 255), (3000, 4095), (65535, 65535)])
    def test_full_scale_of_float_counts_is_inferred_and_told(self, top: float, white: float) -> None:
        made = FocalStack.from_arrays(frames(2, np.float32) * 0 + np.float32(top))
        assert made.source.white == white
        assert any(f"{white:g} is taken for full scale" in w for w in made.info.warnings) == (white != 1)
        assert FocalStack.from_arrays(frames(2, np.float32) * 0 + np.float32(top), white=top).info.warnings == ()

    def test_full_scale_may_be_given(self) -> None:
        assert FocalStack.from_arrays(frames(2, np.uint16), white=4095).source.white == 4095

    @pytest.mark.parametrize("shape", [(48, 64, 9), (48, 64, 9, 3), (20, 30, 2)])
    def test_frames_last_are_not_taken_for_rows(self, shape: tuple[int, ...]) -> None:
        pixels = np.zeros(shape, np.uint8)
        with pytest.raises(StackError, match=r"bug: an array of shape .* looks like \(H, W, N\).*moveaxis"):
            FocalStack.from_arrays(pixels, name="bug")
        assert len(FocalStack.from_arrays(np.moveaxis(pixels, 2, 0))) == shape[2]
        if len(shape) == 3 and shape[2] > 4:
            assert len(FocalStack.from_arrays(list(pixels))) == shape[0]

    @pytest.mark.parametrize("white", [0, -1, np.nan, np.inf])
    def test_an_impossible_full_scale_is_refused(self, white: float) -> None:
        with pytest.raises(StackError, match=r"array: full scale is .* Give the value of a saturated pixel"):
            FocalStack.from_arrays(frames(2), white=white)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ([], r"bug: no frames. Give at least 2 frames"),
            (np.zeros((1, 3, 4), np.uint8), r"bug: a focal stack needs at least 2 frames, found 1. Give a folder"),
            (np.zeros((2, 3), np.uint8), r"bug\[0\]: not a picture: shape \(3,\). Give \(H, W\)"),
            (np.zeros((2, 3, 4, 2), np.uint8), r"bug\[0\]: not a picture: shape \(3, 4, 2\)"),
            (np.zeros((2, 0, 4), np.uint8), r"not a picture: shape \(0, 4, 1\)"),
            (np.zeros((2, 3, 4), np.int16), r"bug\[0\]: pixels are int16. Give uint8, uint16 or float in \[0, 1\]"),
            (np.zeros((2, 3, 4), np.uint32), r"pixels are uint32"),
            (np.zeros((2, 3, 4), bool), r"pixels are bool"),
            (np.full((2, 3, 4), np.nan), r"bug\[0\]: 12 values are NaN or infinite. Replace them before stacking"),
            ([np.zeros((3, 4)), np.full((3, 4), np.inf)], r"bug\[1\]: 12 values are NaN or infinite"),
            ([np.zeros((3, 4), np.uint8), np.zeros((4, 4), np.uint8)],
             r"bug\[1\]: frame is 4 x 4 px, 1 channel, uint8, the first is 4 x 3 px, 1 channel, uint8. All frames"),
            ([np.zeros((3, 4), np.uint8), np.zeros((3, 4), np.uint16)], r"1 channel, uint16, the first is .* uint8"),
            ([np.zeros((3, 4), np.uint8), np.zeros((3, 4, 3), np.uint8)], r"3 channels, uint8, the first is"),
        ],
    )  # fmt: skip
    def test_what_makes_no_stack_is_refused(self, bad: object, message: str) -> None:
        with pytest.raises(StackError, match=message):
            FocalStack.from_arrays(bad, name="bug")

    def test_another_number_of_positions_is_refused(self) -> None:
        with pytest.raises(StackError, match=r"bug: 4 frames but 3 focus positions. Give one focus position per frame"):
            FocalStack.from_arrays(frames(4), FocusAxis.frames(3), name="bug")

    @pytest.mark.parametrize("shape", [(3, 3), (4, 1), (4,)])
    def test_another_number_of_gains_is_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(StackError, match=r"bug: gains are .*, the stack has 4 frames of 3 channels. Give one gain"):
            stack(gains=np.ones(shape, np.float32))


class TestFacts:
    def test_frames_get_names(self) -> None:
        assert stack(2).info.frame_names == ("frame 0", "frame 1")
        named = stack(2, info=StackInfo(frame_names=("a", "b")))
        assert named.info.frame_names == ("a", "b")

    def test_a_stack_is_frozen(self) -> None:
        with pytest.raises(AttributeError):
            stack().axis = FocusAxis.frames(4)

    def test_info_is_read_only(self) -> None:
        info = StackInfo(skipped={"a": "torn"}, extra={"x": 1})
        with pytest.raises(TypeError):
            info.skipped["b"] = ""
        with pytest.raises(TypeError):
            info.extra["b"] = ""

    def test_transfer_may_be_given_by_name(self) -> None:
        assert stack(transfer="srgb").transfer is Transfer.SRGB

    def test_blur_axis_follows_the_optics(self) -> None:
        assert stack().blur_axis.unit is Unit.DIOPTRE
        assert stack(optics=Optics(model="telecentric")).blur_axis.unit is Unit.METRE

    def test_stacks_are_compared_by_identity(self) -> None:
        a = stack()
        assert a == a
        assert a != stack()
        assert len({a, stack()}) == 2

    def test_a_stack_travels_to_other_processes(self) -> None:
        made = stack(info=StackInfo(name="bug", extra={"x": 1}, skipped={"a": "torn"}))
        back = pickle.loads(pickle.dumps(made))
        assert back.info == made.info
        assert back.axis == made.axis
        np.testing.assert_array_equal(back.read_all(), made.read_all())


class TestReading:
    @pytest.mark.parametrize("prefetch", [0, 1, 2, 3, 99])
    @pytest.mark.parametrize("threads", [0, 1, 2, 5])
    def test_every_frame_comes_once_and_in_order(self, prefetch: int, threads: int) -> None:
        source = Counting(tuple(frames(5)))
        made = FocalStack(source, FocusAxis.frames(5))
        for i, frame in enumerate(made.frames(prefetch, threads)):
            np.testing.assert_array_equal(frame, source.arrays[i])
        assert sorted(source.reads) == list(range(5))

    def test_a_stack_can_be_read_again(self) -> None:
        made = stack()
        np.testing.assert_array_equal(made.read_all(), made.read_all())

    @pytest.mark.parametrize("prefetch", [1, 2, 3])
    def test_no_more_than_prefetch_frames_are_read_ahead(self, prefetch: int) -> None:
        source = Counting(tuple(frames(9)))
        reading = FocalStack(source, FocusAxis.frames(9)).frames(prefetch, 3)
        next(reading)
        next(reading)
        reading.close()
        assert len(source.reads) <= 2 + prefetch - 1

    def test_an_error_of_a_frame_reaches_the_caller(self) -> None:
        source = Counting(tuple(frames(5)), fail_at=2)
        reading = FocalStack(source, FocusAxis.frames(5)).frames()
        next(reading)
        next(reading)
        with pytest.raises(StackError, match="frame 2: torn"):
            next(reading)

    def test_no_thread_is_left_behind(self) -> None:
        reading = stack().frames()
        next(reading)
        reading.close()
        assert not [t for t in threading.enumerate() if t.name.startswith("focaldepth-decode")]

    def test_read_all_is_an_own_array(self) -> None:
        made = stack()
        made.read_all()[:] = 0
        assert made.read_all().any()


class TestSelection:
    def test_reversed_reverses_everything(self) -> None:
        gains = np.arange(12, dtype=np.float32).reshape(4, 3)
        info = StackInfo(frame_names=tuple("abcd"), files=tuple("ABCD"), reference=1)
        made = stack(gains=gains, info=info)
        back = made.reversed()
        np.testing.assert_array_equal(back.read_all(), made.read_all()[::-1])
        np.testing.assert_array_equal(back.axis.values, made.axis.values[::-1])
        np.testing.assert_array_equal(back.gains, gains[::-1])
        assert back.info.frame_names == tuple("dcba")
        assert back.info.files == tuple("DCBA")
        assert back.info.reference == 2

    def test_reversing_twice_changes_nothing(self) -> None:
        made = stack()
        twice = made.reversed().reversed()
        np.testing.assert_array_equal(twice.read_all(), made.read_all())
        assert twice.axis == made.axis
        assert twice.info == made.info

    @given(st.lists(st.integers(0, 5), min_size=2, unique=True).map(sorted))
    def test_take_gives_the_frames_asked_for(self, chosen: list[int]) -> None:
        made = stack(6, gains=np.arange(18, dtype=np.float32).reshape(6, 3))
        part = made.take(chosen)
        np.testing.assert_array_equal(part.read_all(), made.read_all()[chosen])
        np.testing.assert_array_equal(part.axis.values, made.axis.values[chosen])
        np.testing.assert_array_equal(part.gains, made.gains[chosen])
        assert part.info.frame_names == tuple(f"frame {i}" for i in chosen)

    def test_files_of_one_container_stay(self) -> None:
        assert stack(4, info=StackInfo(files=("all.tif",))).take([1, 2]).info.files == ("all.tif",)

    @pytest.mark.parametrize("chosen", [[], [0]])
    def test_fewer_than_two_frames_are_refused(self, chosen: list[int]) -> None:
        with pytest.raises(StackError, match=rf"bug: a focal stack needs at least 2 frames, found {len(chosen)}"):
            stack().take(chosen)

    @pytest.mark.parametrize("chosen", [[0, 4], [-1, 0]])
    def test_frames_that_do_not_exist_are_refused(self, chosen: list[int]) -> None:
        with pytest.raises(StackError, match=r"bug: there is no frame (4|-1). Count from 0 to 3"):
            stack().take(chosen)

    def test_a_selection_reads_through(self) -> None:
        base = ArraySource.of(frames(4))
        part = SelectedSource(base, (3, 1))
        assert (len(part), part.shape, part.dtype, part.white) == (2, base.shape, base.dtype, base.white)
        np.testing.assert_array_equal(part.read(0), base.read(3))
        np.testing.assert_array_equal(part.preview(1, 2), base.preview(1, 2))
        assert part.coverage(0) is None

    def test_what_a_derived_source_does_not_say_is_as_in_its_base(self) -> None:
        class Masked(ArraySource):
            def coverage(self, i: int) -> NDArray[np.bool_]:
                return np.arange(30).reshape(5, 6) > i

        @dataclass(frozen=True)
        class Darker(DerivedSource):
            def read(self, i: int) -> NDArray[np.generic]:
                return super().read(i) // 2

        base = Masked(tuple(frames(3)), 200.0)
        made = Darker(base)
        assert (len(made), made.shape, made.dtype, made.white) == (3, base.shape, base.dtype, 200.0)
        np.testing.assert_array_equal(made.read(1), base.read(1) // 2)
        np.testing.assert_array_equal(made.preview(1, 2), base.preview(1, 2))
        np.testing.assert_array_equal(made.coverage(2), base.coverage(2))


class TestReduceFrame:
    @given(
        arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))),
        st.integers(1, 10),
        st.sampled_from(DTYPES),
    )
    def test_equals_block_means(self, small: NDArray[np.uint8], factor: int, dtype: type) -> None:
        frame = small.astype(dtype) if dtype is not np.uint16 else small.astype(np.uint16) * 257
        h, w, c = frame.shape
        out = reduce_frame(frame, factor)
        assert out.shape == (-(-h // factor), -(-w // factor), c)
        assert out.dtype == frame.dtype
        for y in range(out.shape[0]):
            for x in range(out.shape[1]):
                block = frame[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor].astype(float)
                mean = block.mean((0, 1))
                expected = mean if dtype is np.float32 else np.floor(mean + 0.5)
                np.testing.assert_allclose(out[y, x], expected, rtol=1e-6)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_flat_frame_stays_flat(self, dtype: type) -> None:
        top = white_of(np.dtype(dtype))
        for factor in (1, 2, 3, 7):
            assert (reduce_frame(np.full((10, 11, 3), top, dtype), factor) == top).all()

    def test_large_blocks_do_not_overflow(self) -> None:
        white = np.full((300, 300, 1), 65535, np.uint16)
        assert reduce_frame(white, 300).item() == 65535
