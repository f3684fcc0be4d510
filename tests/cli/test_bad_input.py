"""Bad input: one clear message (what, where, what to do), the right exit code, nothing half-written (R4, R46)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

METHOD = ("--method", "naive")
Frames = tuple[np.ndarray, ...]


@pytest.fixture
def refused(cli, tmp_path: Path) -> Callable[..., str]:
    """Run estimate and check that it refuses well; returns the message."""

    def call(*args: object, code: int = 2) -> str:
        before = {p.name for p in tmp_path.iterdir()}
        out = cli("estimate", *args, "-o", tmp_path / "out", "--quiet", *METHOD)
        assert (out.code, out.out) == (code, ""), out
        assert out.err.startswith("focaldepth: ")
        assert out.err.count("\n") == 1, out.err
        assert {p.name for p in tmp_path.iterdir()} == before
        return out.err

    return call


@pytest.fixture
def accepted(cli, tmp_path: Path) -> Callable[..., str]:
    """Run estimate, check that it ends well; returns what it told."""

    def call(*args: object) -> str:
        out = cli("estimate", *args, "-o", tmp_path / "out", *METHOD)
        assert (out.code, out.out) == (0, ""), out
        assert (tmp_path / "out" / "result.json").is_file()
        return out.err

    return call


def test_missing_folder(refused, tmp_path: Path) -> None:
    assert "nowhere: does not exist" in refused(tmp_path / "nowhere")


def test_empty_folder(refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty: no pictures found" in refused(tmp_path / "empty")


def test_one_frame(refused, write, scene: Frames) -> None:
    said = refused(write(scene[:1]))
    assert "needs at least 2 frames, found 1" in said
    assert "Give a folder or several pictures" in said


def test_mixed_sizes(refused, accepted, write, scene: Frames, tmp_path: Path) -> None:
    """Refused with both sizes; with --skip-bad-frames the run goes on and says so in the report."""
    folder = write([*scene[:3], scene[3][:90], *scene[4:]])
    said = refused(folder)
    assert "img4.png: is 128 x 90 px" in said
    assert "128 x 96 px" in said
    assert "--skip-bad-frames" in said
    assert "img4.png" in accepted(folder, "--skip-bad-frames")
    assert "img4.png" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_mixed_bit_depth(refused, write, scene: Frames) -> None:
    said = refused(write([*scene[:3], scene[3].astype(np.uint16) * 257, *scene[4:]]))
    assert "img4.png: is 128 x 96 px, colour, 16 bit" in said
    assert "8 bit" in said


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp"])
def test_truncated_in_the_middle(refused, accepted, write, scene: Frames, suffix: str) -> None:
    """A file that ends too early is found before the run, in every format."""
    folder = write(scene, suffix)
    bad = folder / f"img4{suffix}"
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size // 2])
    assert f"img4{suffix}: " in refused(folder)
    assert f"img4{suffix}" in accepted(folder, "--skip-bad-frames")


def test_files_beside_the_pictures(accepted, write, scene: Frames) -> None:
    """Notes and thumbnails data bases do not disturb."""
    folder = write(scene)
    (folder / "notes.txt").write_text("bee, left eye")
    (folder / "Thumbs.db").write_bytes(b"\0\1\2")
    assert "8 frames" in accepted(folder)


def test_misnamed_files_and_many_bad_ones_are_told_in_one_line_each(accepted, write, scene: Frames) -> None:
    """PNG called JPEG is read as PNG; five empty files are one warning."""
    folder = write(scene)
    for path in folder.iterdir():
        path.rename(path.with_suffix(".jpg"))
    for i in range(5):
        (folder / f"img{20 + i}.jpg").write_bytes(b"")
    said = accepted(folder, "--skip-bad-frames")
    assert "img1.jpg, img2.jpg, img3.jpg and 5 more: PNG whatever the name says; read as what it is." in said
    assert said.count("Left out") == 1
    assert "Left out img20.jpg, img21.jpg, img22.jpg and 2 more: is truncated" in said


def test_text_with_a_picture_name(refused, write, scene: Frames) -> None:
    folder = write(scene)
    (folder / "img9.png").write_text("no picture")
    assert "img9.png: " in refused(folder)


@pytest.mark.parametrize(
    ("focus", "unit", "hint"),
    [
        ("1,2,3,3,5,6,7,8", "m", "frames 3 and 4 have the same focus position 3"),
        ("-1,2,3,4,5,6,7,8", "m", "focus position 1 is -1, which no lens can focus at"),
        ("0,2,3,4,5,6,7,8", "m", "focus position 1 is 0, which no lens can focus at"),
        ("1,2,3", "m", "8 frames but 3 focus positions"),
        ("1,2,nan,4,5,6,7,8", "m", "focus position is nan"),
        ("1,2,inf,4,5,6,7,8", "dioptre", "inf"),
        ("near to far", "m", "neither a list of numbers nor a file"),
        ("1,2,3,4,5,6,7,8", "furlong", "unknown unit 'furlong'"),
    ],
)
def test_focus_positions(refused, write, scene: Frames, focus: str, unit: str, hint: str) -> None:
    assert hint in refused(write(scene), f"--focus={focus}", "--focus-unit", unit)


def test_unsorted_focus_positions_are_sorted(accepted, write, scene: Frames) -> None:
    """Order comes from the positions, and the run says so."""
    assert "sorted by position" in accepted(write(scene), "--focus", "1,3,2,4,5,6,7,8", "--focus-unit", "m")


def test_unit_without_positions(refused, write, scene: Frames) -> None:
    """A distance is not invented."""
    said = refused(write(scene), "--unit", "m")
    assert "focus positions of this stack are unknown" in said
    assert "--focus" in said


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_a_number_in_float_frames(refused, write, scene: Frames, value: float) -> None:
    frames = [f.astype(np.float32) / 255 for f in scene]
    frames[2][5, 5] = value
    assert "img3.tiff: 3 values are NaN or infinite" in refused(write(frames, ".tiff"))


def test_constant_frames(accepted, write) -> None:
    """Nothing to see is told, not invented."""
    said = accepted(write([np.full((64, 64, 3), 99, np.uint8)] * 5))
    assert "All frames are constant" in said


def test_one_pixel_high(refused, write, scene: Frames) -> None:
    assert "frames are 128 x 1 px" in refused(write([f[:1] for f in scene]))


def test_8_bit_values_in_16_bit_files(accepted, write, scene: Frames) -> None:
    said = accepted(write([f.astype(np.uint16) for f in scene]))
    assert "8 bit in 16" in said
    assert "255 is taken for full scale" in said


def test_one_frame_brighter(accepted, write, scene: Frames) -> None:
    """A frame 1 EV brighter is corrected for the measure and named (R17)."""
    linear = (scene[2] / 255.0) ** 2.2 * 2
    brighter = (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    said = accepted(write([*scene[:2], brighter, *scene[3:]]))
    assert "EV" in said
    assert "img3.png" in said


def test_foreign_frame(accepted, write, scene: Frames) -> None:
    """A picture of something else is named and left out (R15)."""
    foreign = np.random.default_rng(0).integers(0, 256, scene[0].shape).astype(np.uint8)
    said = accepted(write([*scene[:2], foreign, *scene[3:]]))
    assert "img3.png" in said
    assert "left out" in said


def test_decompression_bomb(refused, tmp_path: Path) -> None:
    """A header that claims 3.6 gigapixels is refused without decoding."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "bombs").mkdir()
    for i in range(3):
        (tmp_path / "bombs" / f"{i}.png").write_bytes(bomb)
    assert "its header says 60000 x 60000 px, more than the limit" in refused(tmp_path / "bombs")


def test_pixel_limit_is_an_option(refused, write, scene: Frames) -> None:
    assert "128 x 96 px, more than the limit" in refused(write(scene), "--max-pixels", "1000")


def test_memory_limit_says_what_would_fit(refused, write, scene: Frames) -> None:
    said = refused(write(scene), "--max-memory", "1KiB")
    assert "the limit is 1 KiB" in said
    assert "--max-memory" in said.split("limit is")[1]


def test_little_free_memory_is_told(accepted, write, scene: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the start, because a killed process can tell nothing."""
    from focaldepth.cli import _work

    monkeypatch.setattr(_work, "memory", lambda: {"free": 1000, "total": 2000})
    said = accepted(write(scene))
    assert "only 1000 B are free" in said
    assert said.index("only 1000 B are free") < said.index("depth: ")


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("--set", "sgima=3"), "unknown setting 'sgima'. Did you mean sigma?"),
        (("--set", "sigma=wide"), "sigma is 'wide'"),
        (("--method", "naiv"), "unknown method 'naiv'. Did you mean naive?"),
        (("--align", "eccc"), "'eccc'. Did you mean ecc?"),
        (("--formats", "pgm"), "unknown format 'pgm'. Known: exr, gsf, imagej, imagej-tiff, npy, pfm, png, png16"),
        (("--3d", "pyl"), "Did you mean ply?"),
        (("--optics", "focal_length=50"), "Give a unit, such as focal_length=50mm"),
        (("--unit", "parsec"), "unknown unit 'parsec'"),
    ],
)
def test_wrong_names_and_values(cli, write, scene: Frames, tmp_path: Path, args: tuple[str, ...], hint: str) -> None:
    """Found before the run; the nearest name is suggested."""
    out = cli("estimate", write(scene), "-o", tmp_path / "out", *METHOD, *args)
    assert (out.code, out.out) == (2, "")
    assert hint in out.err
    assert not (tmp_path / "out").exists()


def test_existing_output(refused, cli, write, scene: Frames, tmp_path: Path) -> None:
    """Refused without --overwrite; what is no result is never replaced, nor is the input."""
    folder = write(scene)
    target = tmp_path / "out"
    target.mkdir()
    (target / "precious.txt").write_text("x")
    assert "out: exists already." in refused(folder)
    said = refused(folder, "--overwrite")
    assert "not a focaldepth result" in said
    assert "holds the input" in cli("estimate", folder, "-o", folder, "--overwrite").err


def test_output_that_cannot_be_made(cli, write, scene: Frames, tmp_path: Path) -> None:
    """Told before the run."""
    (tmp_path / "file").write_text("x")
    out = cli("estimate", write(scene), "-o", tmp_path / "file" / "out", *METHOD)
    assert (out.code, out.out) == (1, "")
    assert "is a file" in out.err
    assert "8 frames" not in out.err
