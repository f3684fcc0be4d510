"""Calibration of a focus motor: dots are found where they were drawn, known zooms and shifts come back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, SettingError, StackError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.stack import FocalStack
from focaldepth.optics.breathing import breathing_scale
from focaldepth.optics.calibration.dots import Board, centred, find_dots, matched, spacing
from focaldepth.optics.calibration.motion import FrameMotion, Motion, StackMotion, fit_motion, stack_motion
from focaldepth.optics.calibration.motor import calibrate
from focaldepth.optics.faults._apply import Camera, apply
from focaldepth.optics.faults.geometry import MOTORS, Motor

SIZE = (200, 260)
MIDDLE = np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
STEP = 30.0
FOCAL_M = 6.8e-3
FOCUS_M = 1 / np.linspace(10, 1, 5)
BOARD = Board(5, 7)
OPTICS = Optics(focal_length_m=FOCAL_M, f_number=1.9, pixel_pitch_m=2e-5)


def places(board: Board = BOARD) -> np.ndarray:
    """Dots of a board in the middle of the picture."""
    row, column = (n.ravel() for n in np.mgrid[: board.rows, : board.columns])
    if board.pattern == "asymmetric":
        at = np.stack([2 * column + row % 2, row], 1) * 20.0
    else:
        at = np.stack([column, row], 1) * STEP
    return at - at.mean(0) + MIDDLE + (0.3, -0.2)


def picture(at: np.ndarray, radius: float = 7.5, blur: float = 0.0, noise: float = 0.0, dots: str = "dark"):
    """(H, W, 3) uint8, coded like a photograph: discs where they are asked for, seen through a disc of defocus."""
    fine, reach = 5, np.arange(-round(radius) * 5 - 10, round(radius) * 5 + 11)
    light = np.full((SIZE[0] * fine, SIZE[1] * fine), 0.8, np.float32)
    for px, py in (at + 0.5) * fine - 0.5:
        x, y = round(px) + reach, round(py) + reach[:, None]
        light[y, x] -= 0.7 * np.clip(radius * fine + 0.5 - np.hypot(x - px, y - py), 0, 1)
    light = cv2.resize(light, SIZE[::-1], interpolation=cv2.INTER_AREA)
    light = light if dots == "dark" else 0.9 - light
    if blur:
        reach = np.arange(-np.ceil(blur) - 1, np.ceil(blur) + 2)
        disc = np.clip(blur + 0.5 - np.hypot(reach[:, None], reach[None]), 0, 1).astype(np.float32)
        light = cv2.filter2D(light, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    light = light + noise * np.random.default_rng(0).standard_normal(SIZE)
    return np.repeat(np.rint(encoded(light) * 255).astype(np.uint8)[..., None], 3, 2)


def encoded(light: np.ndarray) -> np.ndarray:
    """The sRGB curve."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def moved(at: np.ndarray, zoom: float, shift: tuple[float, float]) -> np.ndarray:
    return MIDDLE + zoom * (at - MIDDLE) + shift


def stack_of(frames: list[np.ndarray], focus: np.ndarray = FOCUS_M, optics: Optics = OPTICS) -> FocalStack:
    return FocalStack.from_arrays(frames, FocusAxis(focus, Unit.METRE), optics=optics, transfer="srgb", name="sweep")


ALPHAS = np.array([0.0, -0.004, 0.003, -0.011, -0.02])
SHIFTS = np.array([[0.0, 0.0], [1.3, -0.7], [-2.2, 0.4], [0.25, 3.1], [-0.6, -1.9]])


def known_stack(blurs: tuple[float, ...] = (0.0,) * 5, noise: float = 0.0, board: Board = BOARD) -> FocalStack:
    """Frames with the zooms of the lens times (1 + ALPHAS), and SHIFTS; the first is the target."""
    zooms = breathing_scale(FOCUS_M, FOCUS_M[0], FOCAL_M) * (1 + ALPHAS)
    return stack_of(
        [
            picture(moved(places(board), z, s), 6.5 if board.pattern == "asymmetric" else 7.5, b, noise, board.dots)
            for z, s, b in zip(zooms, SHIFTS, blurs, strict=True)
        ]
    )


def misses(found: StackMotion) -> tuple[np.ndarray, np.ndarray]:
    """Relative error of the zoom and error of the shift of every frame with dots."""
    motions = [f.motion for f in found.frames]
    assert all(motions)
    zooms = np.array([(1 + m.alpha) / (1 + a) - 1 for m, a in zip(motions, ALPHAS, strict=True)])
    return zooms, np.array([(m.beta, m.gamma) for m in motions]) - SHIFTS


@pytest.mark.parametrize(
    "board",
    [BOARD, Board(5, 7, dots="bright"), Board(8, 4, "asymmetric"), Board(8, 4, "asymmetric", "bright")],
    ids=lambda b: f"{b.pattern}-{b.dots}",
)
def test_known_zooms_and_shifts_come_back(board: Board) -> None:
    """1e-4 of the zoom and 0.05 px of the shift on clean frames."""
    zooms, shifts = misses(stack_motion(known_stack(board=board), board))
    assert np.abs(zooms).max() < 1e-4
    assert np.abs(shifts).max() < 0.05


def test_defocus_does_not_move_dots() -> None:
    """Up to blurred discs that overlap, which alone would draw the rim inwards by 2e-3."""
    found = stack_motion(known_stack((0, 3, 6, 9, 11)), BOARD)
    zooms, shifts = misses(found)
    assert np.abs(zooms[:3]).max() < 1e-4
    assert np.abs(zooms).max() < 3e-4
    assert np.abs(shifts).max() < 0.05
    assert {f.how for f in found.frames} == {"found"}


def test_noise_is_told_by_the_standard_error() -> None:
    """A deviation of 3 % of full scale: 1e-3 of the zoom, 0.1 px, and about what the standard errors say."""
    found = stack_motion(known_stack(noise=0.03), BOARD)
    zooms, shifts = misses(found)
    assert np.abs(zooms).max() < 1e-3
    assert np.abs(shifts).max() < 0.1
    told = np.array([f.motion.alpha_se for f in found.frames[1:]])
    assert 0.2 < np.sqrt(np.mean((zooms[1:] / told) ** 2)) < 4


def test_a_frame_too_blurred_for_the_grid_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    from focaldepth.optics.calibration import motion

    seen: list[int] = []

    def blind(grey, board):
        seen.append(1)
        return None if len(seen) in (1, 4, 5) else find_dots(grey, board)

    monkeypatch.setattr(motion, "find_dots", blind)
    found = stack_motion(known_stack((6, 0, 0, 6, 9)), BOARD)
    assert [f.how for f in found.frames] == ["followed", "found", "found", "followed", "followed"]
    assert found.target == 1
    ratio = (1 + ALPHAS) / (1 + ALPHAS[1])
    assert np.allclose([1 + f.motion.alpha for f in found.frames], ratio, rtol=3e-4)
    told = calibrate([found], OPTICS).warnings
    assert any("dots followed from the next frame: frame 0, frame 3, frame 4" in t for t in told)


def test_frames_without_dots_are_left_out_and_named() -> None:
    stack = known_stack()
    frames = [*stack.read_all()]
    frames[3] = np.full_like(frames[3], 120)
    found = stack_motion(stack_of(frames), BOARD)
    assert [f.how for f in found.frames] == ["found", "found", "found", "missed", "found"]
    assert "sweep: no dots in 1 of 5 frames (frame 3)." in calibrate([found], OPTICS).warnings


@given(st.floats(-0.05, 0.05), st.floats(-5, 5), st.floats(-5, 5), st.floats(0.9, 1.1))
def test_three_numbers_are_what_they_were(alpha: float, beta: float, gamma: float, zoom: float) -> None:
    at = places()
    found = fit_motion(at, moved(at, zoom * (1 + alpha), (beta, gamma)), MIDDLE, zoom)
    assert np.allclose((found.alpha, found.beta, found.gamma), (alpha, beta, gamma), atol=1e-9)
    assert found.rms_px < 1e-9
    assert found.dots == 35


def test_standard_errors_are_those_of_least_squares() -> None:
    """Over many draws of noise on the dots, the estimates spread as they say."""
    at, random = places(), np.random.default_rng(1)
    draws = [fit_motion(at, at + 0.1 * random.standard_normal(at.shape), MIDDLE) for _ in range(400)]
    for name in ("alpha", "beta", "gamma"):
        spread = np.std([getattr(d, name) for d in draws])
        assert np.isclose(np.mean([getattr(d, f"{name}_se") for d in draws]), spread, rtol=0.1)
    assert np.isclose(np.mean([d.rms_px for d in draws]), 0.1 * np.sqrt(2), rtol=0.1)


def exact(motor: Motor, seed: int, focus: np.ndarray = FOCUS_M) -> StackMotion:
    """What perfect dots would tell of frames taken with a motor."""
    camera = Camera(tuple(focus), FOCAL_M, SIZE, 0)
    transforms = motor.transforms(camera, np.random.default_rng(seed))
    target = int(np.argmin(focus))
    relative = transforms @ np.linalg.inv(transforms[target])
    lens = breathing_scale(focus, focus[target], FOCAL_M)
    frames = []
    for i, (matrix, z) in enumerate(zip(relative, lens, strict=True)):
        shift = matrix[:2, 2] - MIDDLE * (1 - matrix[0, 0])
        found = Motion(matrix[0, 0] / z - 1, *map(float, shift), 1e-7, 1e-4, 1e-4, 1e-3, 35)
        frames.append(FrameMotion(f"f{i}", float(focus[i]), "found", found))
    return StackMotion("exact", FOCAL_M, SIZE, target, tuple(frames), STEP)


@given(st.floats(-0.006, 0.006), st.floats(-0.03, 0.03), st.sampled_from([FOCUS_M, FOCUS_M[::-1], FOCUS_M[1:]]))
def test_the_ranges_make_the_zooms_that_were_measured(slope: float, intercept: float, focus: np.ndarray) -> None:
    """Slope and intercept come back up to the factor that no picture shows: the zooms between frames are the same."""
    still = (0.0, 0.0)
    motor = Motor(FOCAL_M, 1.9, SIZE[1], slope, intercept, still, still)
    found = calibrate([exact(motor, 0, focus), exact(motor, 1)], OPTICS).motor
    camera = Camera(tuple(focus), FOCAL_M, SIZE, 1)
    assert found.nearest_m == FOCUS_M[0]
    assert np.isclose(found.slope / found.nearest_m + found.intercept, 0, atol=1e-12)
    # The lines of the two stacks are one only where both have the same nearest focus.
    tolerance = 1e-9 if len(focus) == len(FOCUS_M) else 2e-4
    wanted, got = (m.transforms(camera, np.random.default_rng(0)) for m in (motor, found))
    assert np.allclose(got, wanted, rtol=0, atol=tolerance * SIZE[1])


def test_the_ranges_of_a_published_phone_come_back() -> None:
    """Shifts of 40 stacks: deviations within four standard errors; the mean is that against the target frame."""
    motor = MOTORS["pixel-6"]
    found = calibrate([exact(motor, seed) for seed in range(40)], OPTICS)
    scale = SIZE[1] / motor.sensor_px
    for spread, published in ((found.right, motor.right), (found.down, motor.down)):
        assert abs(spread.deviation - published[1] * scale) < 4 * spread.deviation_se
        assert abs(spread.mean) < 4 * spread.mean_se
    assert found.zoom_scatter < 1e-9
    assert found.motor.f_number == 1.9
    assert len(found.means) == 5
    assert found.means[0].stacks == 40
    assert found.warnings == ()


def test_a_motor_on_drawn_frames_comes_back_through_the_pictures() -> None:
    """Frames moved by the faults of the simulator, dots found in them, error ranges of three stacks."""
    motor = Motor(FOCAL_M, 1.9, SIZE[1], -0.0043, 0.0033, (0.4, 1.0), (-0.3, 0.6))
    sharp = np.stack([picture(places())] * 5).astype(np.float32) / 255
    measured, wanted = [], []
    for seed in range(3):
        made, transforms = apply(sharp, Camera(tuple(FOCUS_M), FOCAL_M, SIZE, 2), [motor], seed)
        measured.append(stack_motion(stack_of([*np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8)]), BOARD))
        wanted.append(transforms @ np.linalg.inv(transforms[0]))
    lens = breathing_scale(FOCUS_M, FOCUS_M[0], FOCAL_M)
    for found, true in zip(measured, wanted, strict=True):
        for frame, matrix, z in zip(found.frames, true, lens, strict=True):
            assert np.isclose(z * (1 + frame.motion.alpha), matrix[0, 0], rtol=4e-4)
            shift = matrix[:2, 2] - MIDDLE * (1 - matrix[0, 0])
            assert np.allclose((frame.motion.beta, frame.motion.gamma), shift, atol=0.05)
    ranges = calibrate(measured, OPTICS)
    perfect = calibrate([exact(motor, seed) for seed in range(3)], OPTICS)
    assert abs(ranges.motor.slope - perfect.motor.slope) < 4 * ranges.slope_se
    assert 0 < ranges.slope_se < 5e-5
    assert np.isclose(ranges.right.deviation, perfect.right.deviation, atol=0.05)


def test_one_stack_says_what_it_cannot_tell_apart() -> None:
    told = calibrate([exact(MOTORS["pixel-6"], 0)], OPTICS).warnings
    assert len(told) == 1
    assert told[0].startswith("One stack only: ")
    assert "tripod or board that moved" in told[0]


def test_stacks_of_two_cameras_are_refused() -> None:
    first = exact(MOTORS["pixel-6"], 0)
    other = StackMotion("other", 5e-3, SIZE, first.target, first.frames, STEP)
    with pytest.raises(StackError, match=r"other: focal length 5 mm.* Calibrate one camera at a time"):
        calibrate([first, other], OPTICS)


def test_no_grid_in_any_frame_names_the_frames() -> None:
    blank = [np.full((*SIZE, 3), 128, np.uint8)] * 3
    with pytest.raises(StackError, match=r"no grid of 5 x 7 dark dots.*3 frames \(frame 0 to frame 2\).*--grid") as e:
        stack_motion(stack_of(blank, FOCUS_M[:3]), BOARD)
    assert e.value.where == "sweep"


def test_too_few_frames_with_dots_are_named() -> None:
    blank = np.full((*SIZE, 3), 128, np.uint8)
    frames = [picture(places()), blank, picture(places()), blank]
    with pytest.raises(StackError, match=r"seen in 2 of 4 frames only \(frame 0, frame 2\); 3 are needed.*larger dots"):
        stack_motion(stack_of(frames, FOCUS_M[:4]), BOARD)


def test_a_camera_that_moved_by_more_than_half_a_step_is_refused() -> None:
    board = Board(3, 5)
    frames = [picture(moved(places(board), 1, (s, 0))) for s in (0, 1, 18)]
    with pytest.raises(StackError, match="dots of frame 2 lie more than half their spacing from those of frame 0"):
        stack_motion(stack_of(frames, FOCUS_M[:3]), board)


@pytest.mark.parametrize(
    ("focus", "unit", "optics", "error", "message"),
    [
        (FOCUS_M, Unit.METRE, Optics(), UnitError, "sweep: correcting the field of view needs focal_length_m"),
        (FOCUS_M, Unit.METRE, Optics(focal_length_m=0.15), AxisError, "100 mm is not beyond the focal length 150 mm"),
        (np.arange(5.0), Unit.INDEX, OPTICS, UnitError, "sweep: no law leads from index to metre"),
        (FOCUS_M, Unit.METRE, Optics(focal_length_m=5e-3, model="telecentric"), SettingError, "no focus breathing"),
    ],
)
def test_missing_and_wrong_lens_facts_are_named(focus, unit, optics, error, message: str) -> None:
    stack = FocalStack.from_arrays([picture(places())] * 5, FocusAxis(focus, unit), optics=optics, name="sweep")
    with pytest.raises(error, match=message):
        stack_motion(stack, BOARD)


def test_dots_are_matched_by_place_whatever_their_order() -> None:
    at = places()
    shuffled = np.random.default_rng(0).permutation(at) + 3
    assert np.allclose(matched(shuffled, at), at + 3)
    assert matched(at + 0.6 * STEP, at) is None
    assert np.isclose(spacing(at), STEP)


def test_dots_that_are_not_there_are_not_invented() -> None:
    grey = picture(places())[..., 0].astype(np.float32)
    assert centred(grey, places() + 2, BOARD) is not None
    assert centred(np.full_like(grey, 99), places(), BOARD) is None
    assert centred(grey, moved(places(), 1.6, (0, 0)), BOARD) is None  # reaches beyond the picture
    assert centred(picture(places()[:-1])[..., 0].astype(np.float32), places(), BOARD) is None


def test_large_pictures_give_the_same_places() -> None:
    grey = cv2.resize(picture(places())[..., 0], None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    found = find_dots(grey, BOARD)
    assert found is not None
    assert np.allclose(matched((found + 0.5) / 6 - 0.5, places()), places(), atol=0.02)
