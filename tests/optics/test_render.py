"""Renderers: laws of blur and occlusion, exact cases, the tensor twin, clear errors."""

import numpy as np
import pytest
import torch

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, SettingError, UnitError
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.optics.aperture import Aperture
from focaldepth.optics.blur import coc_pixels
from focaldepth.optics.render import _layered_torch
from focaldepth.optics.render._renderer import RENDERERS, blur_scale, fill_unknown, nearness_of
from focaldepth.optics.render._surfaces import Surface, soft_edges, with_hidden
from focaldepth.optics.render.layered import Layered
from focaldepth.optics.render.per_pixel_disc import PerPixelDisc, whole_disc

NAMES = RENDERERS.names()
ONE = np.array([1.0])


def texture(size=(40, 48), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.9, (*size, 3)).astype(np.float32)


def half(near: float, far: float, size=(40, 48)) -> np.ndarray:
    """Near on the left, far on the right."""
    nearness = np.full(size, far, np.float32)
    nearness[:, : size[1] // 2] = near
    return nearness


def test_all_renderers_are_found_by_name() -> None:
    assert NAMES == ["disparity-blur", "gaussian", "layered", "per-pixel-disc"]
    assert all(RENDERERS.get(n).title for n in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_in_focus_stays_sharp(name: str) -> None:
    picture, nearness = texture(), np.full((40, 48), 2.0, np.float32)
    way = PerPixelDisc(floor=0) if name == "per-pixel-disc" else RENDERERS.get(name)
    assert np.allclose(way(picture, nearness, np.array([2.0]), np.array([5.0])), picture, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_one_colour_keeps_it_at_every_depth(name: str) -> None:
    """Occluders, edges and borders take no light away."""
    picture = np.full((40, 48, 3), 0.4, np.float32)
    random = np.random.default_rng(1)
    nearness = half(3, 1) + random.uniform(0, 0.5, (40, 48)).astype(np.float32)
    made = RENDERERS.get(name)(picture, nearness, np.array([1.0, 2.0, 3.5]), np.array([4.0, 3.0, 2.0]))
    assert made.shape == (3, 40, 48, 3)
    assert np.allclose(made, 0.4, atol=2e-3)


def test_a_plane_out_of_focus_is_the_picture_under_the_disc() -> None:
    import cv2

    picture, nearness = texture(), np.full((40, 48), 2.0, np.float32)
    made = Layered()(picture, nearness, np.array([0.5, 3.0]), np.array([2.0, 2.0]))
    for frame, radius in zip(made, (3.0, 2.0), strict=True):
        wanted = cv2.filter2D(picture, -1, Aperture().kernel(radius), borderType=cv2.BORDER_REFLECT)
        assert np.allclose(frame, wanted, atol=1e-5)


def test_a_slanted_plane_is_blurred_as_one_surface() -> None:
    """No seams between slices: everywhere close to the blur of its own radius."""
    import cv2

    picture = cv2.GaussianBlur(texture((60, 80)), (0, 0), 1.5)
    nearness = np.tile(np.linspace(1, 2, 80, dtype=np.float32), (60, 1))
    frame = Layered()(picture, nearness, np.array([1.0]), np.array([6.0]))[0]
    for column in (20, 40, 60):
        radius = 6.0 * (nearness[0, column] - 1)
        wanted = cv2.filter2D(picture, -1, Aperture().kernel(radius), borderType=cv2.BORDER_REFLECT)[:, column]
        assert np.abs(frame[:, column] - wanted).max() < 0.02


def test_a_sharp_foreground_has_no_halo_of_its_background() -> None:
    """Dark background, bright foreground in focus: right of the edge it stays dark, where a per-pixel disc bleeds."""
    picture = np.zeros((40, 48, 3), np.float32)
    picture[:, :24] = 1
    frame = Layered()(picture, half(3, 1), np.array([3.0]), np.array([3.0]))[0, 20, :, 0]
    bleeding = PerPixelDisc()(picture, half(3, 1), np.array([3.0]), np.array([3.0]))[0, 20, :, 0]
    assert np.allclose(frame[:24], 1, atol=1e-3)
    assert np.allclose(frame[24:], 0, atol=1e-3)
    assert bleeding[25] > 0.2


def test_a_blurred_foreground_spreads_over_a_sharp_background_half_and_half() -> None:
    picture = np.zeros((40, 48, 3), np.float32)
    picture[:, :24] = 1
    frame = Layered()(picture, half(3, 1), np.array([1.0]), np.array([3.0]))[0, 20, :, 0]
    assert np.allclose(frame[:17], 1, atol=0.01)
    assert np.allclose(frame[31:], 0, atol=0.01)
    assert np.isclose(frame[23:25].mean(), 0.5, atol=0.03)
    assert (np.diff(frame) <= 1e-4).all()


def test_one_sees_past_a_blurred_rod() -> None:
    """A rod thinner than its blur lets most of the background through: it darkens, never hides."""
    picture = np.ones((41, 61, 3), np.float32)
    picture[:, 30] = 0
    nearness = np.ones((41, 61), np.float32)
    nearness[:, 30] = 3
    frame = Layered()(picture, nearness, np.array([1.0]), np.array([4.0]))[0, 20, :, 0]
    # A line under a disc of radius 8: chord over area in the middle.
    assert np.isclose(1 - frame[30], 2 * 8 / (np.pi * 64), atol=0.01)
    assert np.isclose((1 - frame).sum(), 1, atol=0.02)


def test_layers_know_what_is_behind() -> None:
    """With the true background given, a blurred foreground shows it: exact by hand."""
    import cv2

    ground = texture(seed=3)
    alpha = np.zeros((40, 48), np.float32)
    alpha[10:30, 15:35] = 1
    front = Surface(np.full((40, 48, 3), 0.5, np.float32), alpha, np.full((40, 48), 3, np.float32))
    back = Surface(ground, np.ones((40, 48), np.float32), np.full((40, 48), 1, np.float32))
    frame = Layered().surfaces([front, back], ONE, np.array([2.0]))[0]
    soft = cv2.filter2D(alpha, -1, Aperture().kernel(4.0), borderType=cv2.BORDER_REFLECT)[..., None]
    assert np.allclose(frame, 0.5 * soft + (1 - soft) * ground, atol=1e-3)
    assert np.allclose(Layered().surfaces([back, front], ONE, np.array([2.0]))[0], frame, atol=1e-6)


def test_hidden_ground_begins_at_the_edge_and_keeps_its_depth() -> None:
    picture, nearness = texture(), half(3, 1)
    made = with_hidden(picture, nearness, 0.5, 6).hidden
    assert made is not None
    assert (made.alpha[:, 18:24] > 0).all()
    assert (made.alpha[:, 24:] == 0).all()
    assert (made.alpha[:, :17] == 0).all()
    assert (made.nearness[:, :24] == 1).all()
    assert with_hidden(picture, np.ones_like(nearness), 0.5, 6).hidden is None


def test_a_polygon_and_a_cat_eye_blur_a_point_into_their_shape() -> None:
    picture = np.zeros((61, 61, 1), np.float32)
    picture[30, 30] = picture[5, 5] = 1
    nearness = np.full((61, 61), 3, np.float32)
    for aperture in (Aperture("polygon", blades=3), Aperture("cat-eye", cut=1.0)):
        frame = Layered(aperture=aperture)(picture, nearness, ONE, np.array([3.0]))[0, ..., 0]
        middle = frame[20:41, 20:41]
        wanted = aperture.kernel(6.0)
        size = wanted.shape[0]
        at = (21 - size) // 2
        assert np.allclose(middle[at : at + size, at : at + size], wanted, atol=2e-3)


def test_threads_change_nothing_and_layers_frame_by_frame_neither() -> None:
    picture, nearness = texture(), half(3, 1)
    focus, scale = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    surfaces = [Surface(picture, np.ones_like(nearness), nearness)]
    together = Layered().surfaces(surfaces, focus, scale, Run(threads=2))
    alone = [Layered().surfaces(surfaces, focus[i : i + 1], scale[i : i + 1], Run(threads=1))[0] for i in range(3)]
    assert np.allclose(together, np.stack(alone), atol=1e-6)


def test_the_tensor_twin_gives_the_same() -> None:
    picture = texture()
    nearness = half(3, 1) + np.random.default_rng(0).uniform(0, 0.3, (40, 48)).astype(np.float32)
    focus, scale = np.array([1.0, 2.2]), np.array([2.0, 2.5])
    wanted = Layered()(picture, nearness, focus, scale)
    behind = with_hidden(picture, nearness, 1 / 2.5, int(np.ceil(2.5 * 2.3))).hidden
    assert behind is not None
    made = _layered_torch.render(
        torch.from_numpy(picture).permute(2, 0, 1)[None],
        torch.from_numpy(nearness)[None],
        torch.from_numpy(focus)[None],
        torch.from_numpy(scale)[None],
        hidden=(
            torch.from_numpy(behind.colour).permute(2, 0, 1)[None],
            torch.from_numpy(behind.alpha)[None],
            torch.from_numpy(behind.nearness)[None],
        ),
    )
    assert np.allclose(made[0].permute(0, 2, 3, 1).numpy(), wanted, atol=1e-4)


def test_the_tensor_twin_has_gradients_of_colour_and_depth() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 1, 8, 9, dtype=torch.float64, requires_grad=True)
    depth = (1.1 + 0.8 * torch.rand(1, 8, 9, dtype=torch.float64)).clone()
    depth[0, 0, 0], depth[0, 0, 1] = 1.0, 2.0  # fix the range, so that slices stay where they are
    depth.requires_grad_(True)
    focus, scale = torch.tensor([[0.9]]), torch.tensor([[1.7]])
    frame = _layered_torch.render(picture, depth, focus, scale).sum(dim=(0, 1, 2))
    weight = torch.rand(8, 9, dtype=torch.float64)
    (frame * weight).sum().backward()
    assert torch.isfinite(depth.grad).all()
    step = 1e-6
    for row, column in ((3, 4), (6, 2)):
        moved = depth.detach().clone()
        moved[0, row, column] += step
        more = (_layered_torch.render(picture, moved, focus, scale).sum(dim=(0, 1, 2)) * weight).sum()
        less = (frame * weight).sum()
        assert torch.isclose((more - less) / step, depth.grad[0, row, column], rtol=1e-3, atol=1e-6)


def test_the_simulator_is_its_published_algorithm() -> None:
    """Whole picture filtered per radius, every pixel takes its own; radii are whole and at least 1."""
    import cv2

    picture = texture()
    nearness = np.random.default_rng(2).uniform(1, 3, (40, 48)).astype(np.float32)
    focus, scale = 2.0, 3.0
    made = PerPixelDisc(planes=0)(picture, nearness, np.array([focus]), np.array([scale]))[0]
    radius = np.maximum(np.rint(scale * np.abs(nearness - focus)), 1)
    for r in np.unique(radius):
        whole = cv2.filter2D(picture, -1, whole_disc(int(r)))
        assert np.allclose(made[radius == r], whole[radius == r], atol=1e-6)
    assert whole_disc(1).tolist() == np.float32([[0, 0.2, 0], [0.2, 0.2, 0.2], [0, 0.2, 0]]).tolist()


def test_radii_come_from_the_lens() -> None:
    optics = Optics(focal_length_m=0.05, f_number=2.0, pixel_pitch_m=1e-5)
    axis = FocusAxis(np.array([1.0, 2.0]), Unit.METRE)
    focus, scale = blur_scale(axis, optics, registered=False)
    for i, metres in enumerate((1.0, 2.0)):
        diameter = coc_pixels(3.0, metres, 0.05, 2.0, 1e-5)
        assert np.isclose(2 * scale[i] * abs(1 / 3.0 - focus[i]), diameter)
    _, registered = blur_scale(axis, optics)
    assert registered[0] == registered[1] == scale[1]


def test_what_a_lens_cannot_do_is_refused() -> None:
    optics = Optics(focal_length_m=0.05, f_number=2.0, pixel_pitch_m=1e-5)
    with pytest.raises(AxisError, match="40 mm is not beyond the focal length 50 mm"):
        blur_scale(FocusAxis(np.array([0.04, 1.0]), Unit.METRE), optics)
    with pytest.raises(UnitError, match="needs pixel_pitch_m"):
        blur_scale(FocusAxis(np.array([1.0]), Unit.METRE), Optics(focal_length_m=0.05, f_number=2))
    with pytest.raises(AxisError, match="not focused at disparity_px"):
        blur_scale(FocusAxis(np.array([1.0]), Unit.DISPARITY_PX), optics)


@pytest.mark.parametrize("hole", [0.0, np.nan, -1.0])
def test_depth_with_holes_is_refused_until_it_is_filled(hole: float) -> None:
    depth = np.full((4, 5), 2.0, np.float32)
    depth[1, 2] = hole
    with pytest.raises(SettingError, match=r"depth of 1 pixels is not positive .*fill_unknown"):
        nearness_of(depth)
    assert (nearness_of(fill_unknown(depth)) == 0.5).all()
    with pytest.raises(SettingError, match="no pixel has a depth"):
        fill_unknown(np.zeros((3, 3)))


def test_infinite_depth_is_no_hole() -> None:
    assert nearness_of(np.array([[np.inf, 1.0]])).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("name", NAMES)
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    way = RENDERERS.get(name)
    with pytest.raises(SettingError, match=r"the picture is \(4, 5, 3\), the depth \(5, 4\)"):
        way(np.zeros((4, 5, 3), np.float32), np.ones((5, 4), np.float32), ONE, ONE)
    with pytest.raises(SettingError, match="depth of 20 pixels is unknown"):
        way(np.zeros((4, 5, 3), np.float32), np.full((4, 5), np.nan, np.float32), ONE, ONE)


def test_soft_edges_lie_on_both_sides() -> None:
    edges = soft_edges(half(3, 1), 0.5)
    assert edges[:, 23:25].all()
    assert edges.sum() == 80
