"""The scene generator: seeds, exact depth, the lens, textures, and the data set that it writes."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import focaldepth
from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError, SettingError
from focaldepth.core.progress import Run
from focaldepth.optics.aperture import Aperture
from focaldepth.scenes.lens import Layer, centre_view, sample_lens
from focaldepth.scenes.surfaces import Place, Stage, box, card, rotation, sphere
from focaldepth.scenes.textures import Photographs, texture
from focaldepth.scenes.world import SCALES, SceneSettings, encode, make_world, scenes
from focaldepth.scenes.write import Job, write_scenes

SMALL = SceneSettings(height=48, width=64, frames=3, samples=8)
ONE = Run(threads=1)


def flat(nearness: float, size=(48, 64), seed=0, alpha=None, slope=(0.0, 0.0)) -> Layer:
    """A textured plane; the background where it has no alpha."""
    colour = cv2.GaussianBlur(np.random.default_rng(seed).uniform(0, 1, (*size, 3)).astype(np.float32), (0, 0), 1.5)
    cover = np.ones(size, np.float32) if alpha is None else alpha
    content = np.dstack([colour * cover[..., None], cover])
    return Layer(content, (0, 0), (nearness, *slope), endless=alpha is None)


def test_numbers_decide_and_differ() -> None:
    once, again = (make_world(SMALL, 5).sample() for _ in range(2))
    assert np.array_equal(once.stack.read_all(), again.stack.read_all())
    assert np.array_equal(once.truth.values, again.truth.values)
    assert not np.array_equal(once.all_in_focus, make_world(SMALL, 6).sample().all_in_focus)
    assert not np.array_equal(once.all_in_focus, make_world(replace(SMALL, seed=1), 5).sample().all_in_focus)


@pytest.mark.parametrize("number", range(12))
def test_every_scene_is_whole(number: int) -> None:
    world = make_world(replace(SMALL, frames=0), number)
    sample = world.sample()
    n = len(sample.stack)
    assert 2 <= n <= 30
    assert sample.stack.axis.unit is Unit.METRE
    assert sample.stack.axis.near_to_far
    assert sample.truth.valid.all()
    assert (sample.truth.values > world.optics.focal_length_m).all()
    assert np.ptp(sample.all_in_focus) > 20
    farthest = world.axis.values.max()
    focal, stop, pitch = world.optics.focal_length_m, world.optics.f_number, world.optics.pixel_pitch_m
    wanted = focal / stop * (1 / (1 / focal - 1 / farthest)) / pitch / 2
    assert np.isclose(world.blur_scale, wanted, rtol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_has_its_distances(scale: str) -> None:
    depths = [make_world(replace(SMALL, scale=scale, samples=1), n).sample().truth.values for n in range(4)]
    low, high = {"room": (0.3, 30), "desk": (0.15, 6), "phone": (0.05, 5), "macro": (0.08, 0.6)}[scale]
    assert all(low < d.min() and d.max() < high for d in depths)


def test_blur_stays_below_what_is_asked() -> None:
    for number in range(6):
        world = make_world(replace(SMALL, blur=4.0), number)
        nearness = 1 / world.sample().truth.values
        focus = 1 / world.axis.values
        inside = (nearness > focus.min()) & (nearness < focus.max())
        if inside.any():
            assert world.blur_scale * np.abs(nearness[inside][:, None] - focus[None]).max() <= 4.0 + 1e-6


def test_a_plane_in_focus_is_its_picture_whatever_the_lens() -> None:
    layer = flat(2.0)
    sharp, nearness = centre_view([layer], (48, 64))
    frame = sample_lens([layer], (48, 64), np.array([2.0, 3.0]), 4.0, samples=32)[0]
    assert (nearness == 2.0).all()
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(frame - sharp)[inner].max() < 0.05
    assert np.abs(frame - layer.content[..., :3])[inner].mean() < 0.02


def test_a_plane_out_of_focus_is_its_picture_under_the_disc() -> None:
    layer = flat(2.0)
    frame = sample_lens([layer], (48, 64), np.array([3.0, 2.0]), 5.0, samples=1024)[0]
    wanted = cv2.filter2D(layer.content[..., :3], -1, Aperture().kernel(5.0))
    inner = (slice(12, -12), slice(12, -12))
    assert np.abs(frame - wanted)[inner].max() < 0.01


def test_every_frame_is_equally_sharp_where_it_is_in_focus() -> None:
    """Planes a third of a pixel of blur apart: none gains sharpness from where it lies in the range."""
    focus = np.array([1.0, 1.1, 1.5, 2.0])
    detail = []
    for n, position in enumerate(focus):
        frames = sample_lens([flat(float(position))], (48, 64), focus, 3.0, samples=128)
        energies = [float(np.square(cv2.Laplacian(f[8:-8, 8:-8], cv2.CV_32F)).sum()) for f in frames]
        assert int(np.argmax(energies)) == n
        detail.append(energies[n])
    assert max(detail) < 1.03 * min(detail)


def test_a_slanted_plane_is_sharp_along_the_line_in_focus() -> None:
    layer = flat(1.0, slope=(0.0, 2 / 64))
    frame = sample_lens([layer], (48, 64), np.array([2.0, 1.0]), 5.0, samples=256)[0]
    error = np.abs(frame - layer.content[..., :3]).mean((0, 2))
    assert 29 <= int(np.argmin(cv2.blur(error[None], (5, 1))[0])) <= 35
    for column in (12, 50):
        radius = 5.0 * (2.0 - (1 + 2 * column / 64))
        wanted = cv2.filter2D(layer.content[..., :3], -1, Aperture().kernel(radius))[12:-12, column]
        assert np.abs(frame[12:-12, column] - wanted).max() < 0.06


def test_relief_moves_like_the_plane_it_amounts_to() -> None:
    """A tilt given as relief renders as the same tilt given as plane."""
    tilted = flat(1.0, slope=(0.0, 0.6 / 64))
    ramp = np.tile(0.6 / 64 * np.arange(64, dtype=np.float32), (48, 1))
    bumpy = Layer(tilted.content, (0, 0), (1.0, 0.0, 0.0), ramp, endless=True)
    made = [sample_lens([one], (48, 64), np.array([1.0, 1.6]), 5.0, samples=64) for one in (tilted, bumpy)]
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert np.abs(made[0] - made[1])[inner].max() < 0.02
    assert np.allclose(tilted.nearness(), bumpy.nearness(), atol=1e-6)


def test_the_rim_of_the_lens_sees_behind_the_foreground() -> None:
    """Focus on the front: just beside it the background is blurred, with what the centre of the lens cannot see."""
    alpha = np.zeros((48, 64), np.float32)
    alpha[:, :32] = 1
    ground = np.zeros((48, 64, 3), np.float32)
    ground[:, :32] = 1  # bright, but only behind the front
    back = Layer(np.dstack([ground, np.ones((48, 64), np.float32)]), (0, 0), (1.0, 0.0, 0.0), endless=True)
    front = Layer(np.dstack([np.zeros((48, 64, 3), np.float32), alpha]), (0, 0), (3.0, 0.0, 0.0))
    frame = sample_lens([back, front], (48, 64), np.array([3.0, 1.0]), 4.0, samples=512)[0, 24, :, 0]
    sharp, _ = centre_view([back, front], (48, 64))
    assert sharp[24, 36, 0] == 0
    assert 0.2 < frame[34] < 0.5
    assert frame[20] == 0


def test_sixty_four_points_match_a_thousand() -> None:
    for number in (1, 4):
        world = make_world(replace(SMALL, samples=64), number)
        fine = encode(replace(world, samples=1024).light()).astype(float)
        error = ((encode(world.light()) - fine) ** 2).mean()
        assert 20 * np.log10(255 / np.sqrt(error)) > 40


def stage(seed: int = 0) -> Stage:
    return Stage((64, 80), 90.0, np.array([0.3, -0.3, -0.9]), np.random.default_rng(seed))


def test_things_have_the_depth_of_their_geometry() -> None:
    place = Place(32, 40, 2.0, 30, 30)
    for layer in card(stage(), place, slant=0.0):
        assert np.allclose(layer.nearness(), 2.0, rtol=0.05)
    (ball,) = sphere(stage(), place)
    middle = ball.nearness()[ball.nearness().shape[0] // 2, ball.nearness().shape[1] // 2]
    assert np.isclose(1 / middle, 0.5 - 15 / 90 / 2, rtol=0.02)
    faces = box(stage(3), place)
    assert 1 <= len(faces) <= 3
    assert np.allclose(rotation(0.3, -0.2, 0.5) @ rotation(0.3, -0.2, 0.5).T, np.eye(3))


def test_a_corner_between_two_faces_of_a_box_has_one_depth() -> None:
    """Planes of neighbouring faces meet where both are seen."""
    for seed in range(6):
        faces = box(stage(seed), Place(32, 40, 2.0, 30, 30))
        canvas = np.full((len(faces), 200, 240), np.nan)
        for k, f in enumerate(faces):
            y, x = f.corner[0] + 60, f.corner[1] + 80
            h, w = f.content.shape[:2]
            canvas[k, y : y + h, x : x + w] = np.where(f.content[..., 3] > 0.2, f.nearness(), np.nan)
        both = np.isfinite(canvas).sum(0) >= 2
        spread = np.nanmax(canvas[:, both], 0) - np.nanmin(canvas[:, both], 0)
        assert spread.size == 0 or np.median(spread) < 0.08


@pytest.mark.parametrize("seed", range(15))
def test_textures_are_light(seed: int) -> None:
    made = texture(40, 50, np.random.default_rng(seed))
    assert (made.shape, made.dtype) == ((40, 50, 3), np.float32)
    assert 0 < made.min() <= made.max() <= 1


def test_photographs_are_used_and_bad_ones_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    green = np.zeros((60, 70, 3), np.uint8)
    green[..., 1] = 200
    cv2.imwrite(str(tmp_path / "in" / "a.png"), green)
    found = Photographs.of(tmp_path)
    assert np.allclose(
        found.crop(20, 20, np.random.default_rng(0))[..., 1], ((200 / 255 + 0.055) / 1.055) ** 2.4, atol=0.01
    )
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(ReadError, match=r"b\.jpg: cannot be read as a picture"):
        Photographs.of(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="holds no pictures"):
        Photographs.of(tmp_path / "empty")


@pytest.mark.parametrize("number", [0, 3, 5])
def test_the_lens_on_tensors_draws_the_same(number: int) -> None:
    """Planes, reliefs and backgrounds; what a GPU is given, computed here."""
    lens_torch = pytest.importorskip("focaldepth.scenes.lens_torch")
    world = make_world(replace(SMALL, samples=16), number)
    focus = 1 / world.axis.values
    asked = {"samples": world.samples, "aperture": world.aperture, "seed": world.number}
    frames = lens_torch.sample_lens(world.layers, world.size, focus, world.blur_scale, **asked, device="cpu")
    assert np.abs(frames - world.light()).max() < 1e-4


def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with pytest.raises(SettingError, match="no device 'cuda:77'"):
        write_scenes(tmp_path / "out", Job(SMALL, 1, device="cuda:77"))


def test_the_stream_has_no_end_and_may_begin_anywhere() -> None:
    stream = scenes(SMALL, first=4)
    assert [next(stream).name for _ in range(2)] == ["000004", "000005"]


def test_a_data_set_in_the_form_of_fod500(tmp_path: Path) -> None:
    import OpenEXR
    import tifffile

    job = Job(SMALL, 3, "fod500", shard=2)
    assert write_scenes(tmp_path / "D", job, ONE) == ["scenes_000000", "scenes_000002"]
    folder = tmp_path / "D" / "scenes_000000"
    sample = make_world(SMALL, 1).sample()
    for i in range(3):
        assert np.array_equal(tifffile.imread(folder / f"000001_{i:02d}All.tif"), sample.stack.source.read(i))
    with OpenEXR.File(str(folder / "000001Dpt.exr")) as file:
        pixels = file.channels()["RGB"].pixels
    assert pixels.dtype == np.float16
    assert np.allclose(pixels[..., 0], sample.truth.values, rtol=1e-3)
    facts = json.loads((folder / "000001.json").read_text())
    assert np.allclose(facts["focus_m"], sample.stack.axis.values)


def test_a_data_set_in_hdf5_is_a_stack_with_its_focus(tmp_path: Path) -> None:
    write_scenes(tmp_path / "D", Job(SMALL, 2, "hdf5"), ONE)
    stack = focaldepth.load_stack(tmp_path / "D" / "scenes_000000.h5", dataset="000001/frames")
    sample = make_world(SMALL, 1).sample()
    assert np.array_equal(stack.read_all(), sample.stack.read_all())
    assert np.allclose(stack.axis.values, sample.stack.axis.values)
    assert stack.axis.unit is Unit.METRE


def test_a_run_goes_on_where_it_was_and_never_mixes(tmp_path: Path) -> None:
    write_scenes(tmp_path / "D", Job(SMALL, 2, "fod500", shard=2), ONE)
    stamp = (tmp_path / "D/scenes_000000/000000_00All.tif").stat().st_mtime_ns
    assert write_scenes(tmp_path / "D", Job(SMALL, 3, "fod500", shard=2), ONE) == ["scenes_000002"]
    assert (tmp_path / "D/scenes_000000/000000_00All.tif").stat().st_mtime_ns == stamp
    assert write_scenes(tmp_path / "D", Job(SMALL, 3, "fod500", shard=2), ONE) == []
    assert write_scenes(tmp_path / "D", Job(SMALL, 4, "fod500", shard=2), ONE) == ["scenes_000002"]
    with pytest.raises(SettingError, match="was begun with another settings"):
        write_scenes(tmp_path / "D", Job(replace(SMALL, seed=3), 3, "fod500", shard=2), ONE)
    (tmp_path / "E").mkdir()
    (tmp_path / "E" / "thesis.txt").write_text("x")
    with pytest.raises(SettingError, match="is not empty"):
        write_scenes(tmp_path / "E", Job(SMALL, 1), ONE)


def test_a_shard_that_breaks_leaves_no_trace(tmp_path: Path, monkeypatch) -> None:
    from focaldepth.scenes import write

    calls = []

    def breaking(folder: Path, world, sample) -> None:
        calls.append(sample.name)
        (folder / "half").write_text("x")
        if sample.name == "000003":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "_write_fod", breaking)
    with pytest.raises(OSError, match="disk is full"):
        write_scenes(tmp_path / "D", Job(SMALL, 6, "fod500", shard=2), ONE)
    assert sorted(p.name for p in (tmp_path / "D").iterdir()) == ["scenes.json", "scenes_000000"]


@pytest.mark.parametrize("bad", [{"format": "zip"}, {"count": 0}, {"shard": 0}])
def test_impossible_jobs_are_refused(bad: dict) -> None:
    with pytest.raises(SettingError):
        Job(**{"settings": SMALL, "count": 1, **bad})


def test_a_stack_has_two_frames() -> None:
    with pytest.raises(SettingError, match="frames is 1"):
        SceneSettings(frames=1)
