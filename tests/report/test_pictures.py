from base64 import b64decode

import cv2
import numpy as np
import pytest

from focaldepth.report.pictures import fit, for_screen, jpeg_uri, pick, shrink


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
    ("dtype", "top", "stretched"), [(np.uint16, 4095, True), (np.uint16, 65535, False), (np.uint8, 40, False)]
)
def test_dark_sixteen_bit_pictures_are_stretched_and_it_is_said(dtype, top, stretched):
    frame = np.linspace(0, top, 64 * 64).reshape(64, 64, 1).astype(dtype)
    picture, said = for_screen(frame, 32)
    assert picture.shape == (32, 32, 3)
    assert said is stretched
    assert picture.max() == pytest.approx(40 if dtype == np.uint8 else 255, abs=6)


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
