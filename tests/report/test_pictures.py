from base64 import b64decode

import cv2
import numpy as np
import pytest

from focaldepth.core.stack import white_of
from focaldepth.report.pictures import Stretch, enlarge, fit, for_screen, jpeg_uri, pick, shrink


def test_fit_never_enlarges_and_never_vanishes():
    assert fit((4000, 6000), 1500) == (1000, 1500)
    assert fit((10, 20), 100) == (10, 20)
    assert fit((1, 9000), 300) == (1, 300)


def test_holes_do_not_bleed_into_means():
    values = np.full((100, 200), 3.0, np.float32)
    valid = np.ones(values.shape, bool)
    valid[:, 90:] = False
    values[~valid] = np.nan
    small, shown = shrink(values, valid, 50)
    assert small.shape == (25, 50)
    assert np.allclose(small[shown], 3.0)
    assert shown.mean() == pytest.approx(0.45, abs=0.03)


def test_pick_gives_numbers_of_the_map():
    values = np.arange(35.0).reshape(5, 7)
    assert set(pick(values, 3).ravel()) <= set(values.ravel())


@pytest.mark.parametrize(
    ("dtype", "low", "top", "stretched"),
    [
        (np.uint16, 0, 4095, True),
        (np.uint16, 40_000, 44_000, True),
        (np.uint16, 0, 65535, False),
        (np.uint8, 10, 50, True),
        (np.uint8, 0, 100, False),
        (np.float32, 0.0, 0.1, True),
    ],
)
def test_pictures_that_use_little_of_their_range_are_stretched_and_it_is_said(dtype, low, top, stretched):
    frame = np.linspace(low, top, 64 * 64).reshape(64, 64, 1).astype(dtype)
    picture, said = for_screen(frame, 32)
    assert picture.shape == (32, 32, 3)
    assert (said is not None) is stretched
    if said is None:
        assert picture.max() == pytest.approx(255 * top / white_of(frame.dtype), abs=2)
        return
    assert (picture.min(), picture.max()) == (0, 255)
    assert (said.black, said.white) == pytest.approx((low, top), abs=0.05 * (top - low))
    middle = (said.black + said.white) / 2
    assert said.apply(np.full((1, 1, 1), middle, np.float32)) == pytest.approx(127.5, abs=1)


def test_black_and_white_are_told_in_numbers_of_the_file():
    assert str(Stretch(81, 612, 65535)).endswith("black is 81, white is 612 of 65535 in the file.")
    assert str(Stretch(0.01234, 0.2, 1.0)).endswith("black is 0.0123, white is 0.2 of 1 in the file.")


def test_single_grey_is_shown_as_it_is():
    picture, said = for_screen(np.full((8, 8, 1), 30, np.uint8), 8)
    assert said is None
    assert (picture == 30).all()


def test_hot_pixels_do_not_hide_a_faint_picture():
    frame = np.linspace(100, 600, 200 * 200).reshape(200, 200, 1).astype(np.uint16)
    frame[::50, ::50] = 65535
    picture, said = for_screen(frame, 200)
    assert said is not None
    assert said.white < 700
    assert np.ptp(picture) == 255


def test_small_maps_are_enlarged_by_whole_pixels():
    small = np.arange(6).reshape(2, 3)
    large = enlarge(small, 10)
    assert large.shape == (6, 9)
    assert (large[::3, ::3] == small).all()
    assert enlarge(np.zeros((2, 900)), 800).shape == (2, 900)


def test_float_pictures():
    picture, _ = for_screen(np.linspace(0, 1, 300).reshape(10, 10, 3).astype(np.float32), 10)
    assert picture.max() == 255


def test_data_uri_obeys_its_limit_and_keeps_colour_order():
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    large, small = jpeg_uri(noise), jpeg_uri(noise, limit=60_000)
    assert len(small) < len(large)
    assert len(small) * 3 / 4 < 61_000
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    data = b64decode(jpeg_uri(red).removeprefix("data:image/jpeg;base64,"))
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert back[8, 8, 2] > 240 > 20 > back[8, 8, 0]
