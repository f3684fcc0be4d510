"""Camera faults: the transforms are true, the reference stays, each law by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.errors import AxisError, SettingError
from focaldepth.optics.breathing import breathing_scale
from focaldepth.optics.faults._apply import Camera, apply
from focaldepth.optics.faults.geometry import MOTORS, Breathing, FocusMotor, HandShake, PrincipalShift
from focaldepth.optics.faults.tone import Flicker, Gamma, Jpeg, Quantisation, SensorNoise, Vignetting
from focaldepth.optics.thin_lens import image_distance

GEOMETRIC = [Breathing(), PrincipalShift(), HandShake(), *(FocusMotor(name) for name in MOTORS)]
TONAL = [Flicker(), Vignetting(), SensorNoise(), Gamma(), Quantisation(), Jpeg()]


def camera(n: int = 5, reference: int = 2, size: tuple[int, int] = (60, 80)) -> Camera:
    return Camera(tuple(np.linspace(0.2, 1.0, n)), 6.8e-3, size, reference)


def spots(n: int = 5, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Frames of three smooth spots."""
    y, x = np.mgrid[: size[0], : size[1]]
    frame = sum(np.exp(-((y - r) ** 2 + (x - c) ** 2) / 18) for r, c in ((30, 40), (20, 25), (42, 58)))
    return np.tile(frame.astype(np.float32)[None, ..., None], (n, 1, 1, 3))


def centre_of(frame: np.ndarray, near: tuple[float, float], reach: int = 8) -> tuple[float, float]:
    row, column = round(near[0]), round(near[1])
    part = frame[row - reach : row + reach + 1, column - reach : column + reach + 1, 0]
    y, x = np.mgrid[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return float((y * part).sum() / part.sum()), float((x * part).sum() / part.sum())


@pytest.mark.parametrize("fault", GEOMETRIC, ids=repr)
def test_the_transform_tells_where_a_point_went(fault) -> None:
    made, transforms = apply(spots(), camera(), [fault], seed=3)
    assert np.array_equal(transforms[2], np.eye(3))
    assert np.array_equal(made[2], spots()[2])
    for frame, matrix in zip(made, transforms, strict=True):
        for row, column in ((20, 25), (42, 58)):
            x, y, w = matrix @ np.array([column, row, 1.0])
            found = centre_of(frame, (y / w, x / w))
            assert np.allclose(found, (y / w, x / w), atol=0.25)


def test_several_faults_are_one_transform() -> None:
    first, second = Breathing(), FocusMotor("galaxy-s8+")
    _, together = apply(spots(), camera(), [first, second], seed=1)
    random = np.random.default_rng(1)
    parts = [f.transforms(camera(), random) for f in (first, second)]
    whole = parts[1] @ parts[0]
    assert np.allclose(together, whole @ np.linalg.inv(whole[2]))


def test_breathing_is_that_of_the_thin_lens() -> None:
    zoom = Breathing().transforms(camera(), np.random.default_rng(0))[:, 0, 0]
    wanted = [breathing_scale(f, camera().focus_m[2], 6.8e-3) for f in camera().focus_m]
    assert np.allclose(zoom, wanted)
    assert zoom[0] > 1 > zoom[-1]
    still = Breathing(strength=0.0).transforms(camera(), np.random.default_rng(0))
    assert np.allclose(still, np.eye(3))


def test_a_focus_motor_has_the_published_ranges() -> None:
    motor = MOTORS["pixel-6"]
    focus = np.array(camera().focus_m)
    image = image_distance(focus, 6.8e-3)
    view = image.max() / image + motor.slope / focus + motor.intercept
    draws = [FocusMotor("pixel-6").transforms(camera(), np.random.default_rng(s)) for s in range(400)]
    assert np.allclose(draws[0][:, 0, 0], view[2] / view)
    scale = 80 / 4080
    x, y = camera().middle
    right = np.array([d[:, 0, 2] - x * (1 - d[:, 0, 0]) for d in draws]) / scale
    down = np.array([d[:, 1, 2] - y * (1 - d[:, 1, 1]) for d in draws]) / scale
    assert np.isclose(right.mean(), 0.470281, atol=0.6)
    assert np.isclose(right.std(), 6.2634662, rtol=0.08)
    assert np.isclose(down.mean(), 2.69174424, atol=0.6)
    assert np.isclose(down.std(), 6.859772247, rtol=0.08)


@pytest.mark.parametrize("fault", [*GEOMETRIC, *TONAL], ids=repr)
def test_the_seed_decides(fault) -> None:
    once, again, other = (apply(spots(), camera(), [fault], seed=s)[0] for s in (5, 5, 6))
    assert np.array_equal(once, again)
    if isinstance(fault, Flicker | SensorNoise | PrincipalShift | HandShake | FocusMotor):
        assert not np.array_equal(once, other)


def test_flicker_is_a_gain_per_frame_and_colour_and_spares_the_reference() -> None:
    flat = np.full((5, 60, 80, 3), 0.5, np.float32)
    made, _ = apply(flat, camera(), [Flicker(exposure=0.2, balance=0.1)])
    assert np.array_equal(made[2], flat[2])
    assert np.ptp(made, axis=(1, 2)).max() == 0
    assert np.ptp(made[0, 0, 0]) > 0


def test_vignetting_is_cos4() -> None:
    made, _ = apply(np.ones((5, 60, 80, 3), np.float32), camera(), [Vignetting(strength=0.5)])
    assert np.isclose(made[0, 0, 0, 0], np.cos(np.arctan(0.5)) ** 4, rtol=1e-5)
    assert made[0, 29:31, 39:41].min() > 0.999


@given(st.floats(0.05, 1))
def test_noise_has_the_variance_it_says(light: float) -> None:
    flat = np.full((5, 60, 80, 3), light, np.float32)
    made, _ = apply(flat, camera(), [SensorNoise(shot=0.001, read=0.01)])
    assert np.isclose((made - flat).var(), 0.001 * light + 1e-4, rtol=0.05)


def test_codes_and_files() -> None:
    ramp = np.linspace(0, 1, 80, dtype=np.float32)[None, None, :, None] * np.ones((5, 60, 80, 3), np.float32)
    assert np.isclose(
        Gamma().change(np.float32([[[[0.0031308]]]]), camera(), None).item(), 12.92 * 0.0031308, rtol=1e-4
    )
    assert np.allclose(Gamma(power=2.0).change(ramp, camera(), None) ** 2, ramp, atol=1e-6)
    assert len(np.unique(apply(ramp, camera(), [Quantisation(bits=3)])[0])) == 8
    rough, fine = (apply(ramp, camera(), [Jpeg(quality=q)])[0] for q in (5, 98))
    assert np.abs(fine - ramp).mean() < 0.004 < np.abs(rough - ramp).max()
    assert cv2.__version__


def test_colours_keep_their_place_in_jpeg() -> None:
    red = np.zeros((5, 60, 80, 3), np.float32)
    red[..., 0] = 1
    made = apply(red, camera(), [Jpeg(quality=95)])[0]
    assert made[..., 0].min() > 0.9
    assert made[..., 2].max() < 0.1


def test_bad_cameras_and_frames_are_refused() -> None:
    with pytest.raises(AxisError, match="is not beyond the focal length"):
        Camera((0.005, 1.0), 6.8e-3, (4, 5))
    with pytest.raises(SettingError, match="reference 3 of 2 frames"):
        Camera((0.5, 1.0), 6.8e-3, (4, 5), 3)
    with pytest.raises(SettingError, match="frames are"):
        apply(spots(4), camera(), [])
    with pytest.raises(SettingError, match="phone is 'nokia'"):
        FocusMotor("nokia")
