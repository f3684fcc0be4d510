"""load_stack: inputs, order, where positions come from, lens facts."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL.TiffImagePlugin import IFDRational

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, ReadError, SettingError, StackError
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.stack import ArraySource, Transfer
from focaldepth.io import _inputs
from focaldepth.io._reader import READERS, Container
from focaldepth.io.hashes import hash_inputs
from focaldepth.io.load import load_stack

FOCAL, FNUMBER, DISTANCE = 0x920A, 0x829D, 0x9206
DISTANCES = (0.3, 0.4, 0.6, 0.9)


def names_of(stack) -> list[str]:
    return list(stack.info.frame_names)


def test_folder_pattern_list_and_zip_give_one_stack(folder, tmp_path, monkeypatch) -> None:
    path = folder(3)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in path.iterdir():
            archive.write(file, f"deep/{file.name}")
        archive.writestr("__MACOSX/deep/._img1.png", b"x")
    stacks = [load_stack(i) for i in (path, str(path / "*.png"), list(path.iterdir()), tmp_path / "s.zip", [path])]
    monkeypatch.chdir(path)
    stacks += [load_stack("."), load_stack("*.png")]
    for stack in stacks:
        np.testing.assert_array_equal(stack.read_all(), stacks[0].read_all())
        assert names_of(stack) == ["img1.png", "img2.png", "img3.png"]
        assert stack.info.name in ("stack", "s")
        assert stack.transfer is Transfer.SRGB
    assert stacks[3].info.files == (str(tmp_path / "s.zip"),)
    assert stacks[0].info.files[0] == str(path / "img1.png")


def test_no_positions_means_frames_and_says_so(folder) -> None:
    stack = load_stack(folder(3, names=["img10.png", "img1.png", "img2.png"]))
    assert names_of(stack) == ["img1.png", "img2.png", "img10.png"]
    assert stack.axis == FocusAxis.frames(3)
    assert stack.info.order_rule == "file name"
    assert stack.info.focus_origin == "none"
    assert any("no unit" in w for w in stack.info.warnings)


def test_three_sources_give_the_same_positions(folder) -> None:
    """R5: argument, sidecar and EXIF; EXIF counts from the sensor."""
    f = 0.05

    def exif(i: int) -> dict:
        s = DISTANCES[i]
        return {FOCAL: 50.0, DISTANCE: IFDRational(round((s + 1 / (1 / f - 1 / s)) * 1e9), 10**9)}

    path = folder(4, suffix=".jpg", exif=exif)
    from_exif = load_stack(path)
    from_argument = load_stack(path, focus="300,400,600,900", focus_unit="mm")
    (path / "focus.csv").write_text(
        "file,focus_m\n" + "".join(f"img{i + 1}.jpg,{d}\n" for i, d in enumerate(DISTANCES))
    )
    from_sidecar = load_stack(path)
    for stack in (from_exif, from_argument, from_sidecar):
        np.testing.assert_allclose(stack.axis.values, DISTANCES, rtol=1e-6)
        assert stack.axis.unit is Unit.METRE
        assert stack.info.order_rule == "focus distance"
    assert from_exif.info.focus_origin.startswith("EXIF SubjectDistance, from the sensor, converted")
    assert from_argument.info.focus_origin == "argument, mm"
    assert from_sidecar.info.focus_origin == "focus.csv, m"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(4)))
def test_a_shuffled_stack_with_distances_equals_the_sorted_one(folder, order) -> None:
    """R2, for a list in its own order and for a sidecar that names files."""
    path = folder(4)
    files = [path / f"img{i + 1}.png" for i in range(4)]
    (path / "focus.csv").unlink(missing_ok=True)
    wanted = load_stack(files, focus=DISTANCES)
    shuffled = load_stack([files[i] for i in order], focus=[DISTANCES[i] for i in order])
    (path / "focus.csv").write_text("file,focus_m\n" + "".join(f"img{i + 1}.png,{DISTANCES[i]}\n" for i in order))
    named = load_stack(path)
    for stack in (shuffled, named):
        descending = stack.axis.values[0] > stack.axis.values[-1]
        stack = stack.reversed() if descending else stack
        np.testing.assert_array_equal(stack.axis.values, wanted.axis.values)
        np.testing.assert_array_equal(stack.read_all(), wanted.read_all())


def test_a_list_expanded_by_a_shell_counts_in_natural_order(folder) -> None:
    path = folder(3, names=["img1.png", "img2.png", "img10.png"])
    stack = load_stack(sorted(path.iterdir()), focus="1,2,3")
    assert names_of(stack) == ["img1.png", "img2.png", "img10.png"]


def test_far_to_near_stays_far_to_near(folder) -> None:
    stack = load_stack(folder(3), focus="3,2,1")
    assert stack.axis.values.tolist() == [3, 2, 1]
    assert names_of(stack)[0] == "img1.png"


def test_unsorted_positions_sort_the_frames_and_say_so(folder) -> None:
    path = folder(3)
    (path / "focus_distance.txt").write_text("2\n1\n3\n")
    stack = load_stack(path)
    assert names_of(stack) == ["img2.png", "img1.png", "img3.png"]
    assert any("focus_distance.txt, m are out of order (first at img1.png)" in w for w in stack.info.warnings)


def test_reverse(folder) -> None:
    path = folder(3)
    assert names_of(load_stack(path, reverse=True)) == ["img3.png", "img2.png", "img1.png"]
    stack = load_stack(path, reverse=True, focus="1,2,3")
    assert (names_of(stack)[0], stack.axis.values.tolist()) == ("img3.png", [1, 2, 3])
    (path / "focus_m.txt").write_text("1\n2\n3\n")
    stack = load_stack(path, reverse=True)
    assert (names_of(stack)[0], stack.axis.values.tolist()) == ("img3.png", [3, 2, 1])


@pytest.mark.parametrize(
    ("focus", "unit", "values", "kind"),
    [
        ("0.1:0.3:3", None, (0.1, 0.2, 0.3), Unit.METRE),
        ("100:300:3 mm", None, (0.1, 0.2, 0.3), Unit.METRE),
        ("1;2;4", "dioptre", (1, 2, 4), Unit.DIOPTRE),
        ([-10, 0, 10], "um", (-10, 0, 10), Unit.MICROMETRE),
        (np.array([350, 400, 450]), "mm", (0.35, 0.4, 0.45), Unit.METRE),
        (FocusAxis([2.0, 1.0, 0.0], Unit.DIOPTRE), None, (2, 1, 0), Unit.DIOPTRE),
        ("1,2,inf", "m", (1, 2, np.inf), Unit.METRE),
        ("5,10,15", "nm", (0.005, 0.01, 0.015), Unit.MICROMETRE),
    ],
)
def test_positions_as_argument(focus, unit, values, kind, folder) -> None:
    stack = load_stack(folder(3), focus=focus, focus_unit=unit)
    np.testing.assert_allclose(stack.axis.values, values)
    assert stack.axis.unit is kind


def test_a_path_as_argument(folder, tmp_path) -> None:
    (tmp_path / "my.csv").write_text("file,focus_mm\nimg1.png,10\nimg2.png,20\nimg3.png,30\n")
    for focus in (tmp_path / "my.csv", str(tmp_path / "my.csv")):
        assert load_stack(folder(3), focus=focus).axis.values.tolist() == [0.01, 0.02, 0.03]


def test_units_not_stated_and_contradicted(folder) -> None:
    path = folder(2)
    (path / "focus.json").write_text('{"unit": "mm", "values": [1, 2]}')
    assert load_stack(path).axis.values.tolist() == [0.001, 0.002]
    stack = load_stack(path, focus_unit="um")
    assert stack.axis.unit is Unit.MICROMETRE
    assert any("states mm; taken as um" in w for w in stack.info.warnings)
    assert any("unit not stated, metres assumed" in w for w in load_stack(path, focus="1,2").info.warnings)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ("7223525.79 208.1 58.3 10.0", "7.22353e+06 m would be beyond what any lens tells from infinity"),
        ("350 400 450 500", "from 350 to 500 m all frames would look alike"),
        ("# unit: relative\n4 3 2 1", "their unit is stated as relative"),
        ("# unit: arbitrary\n-1 0 1 2", "their unit is stated as arbitrary"),
    ],
)
def test_numbers_that_cannot_be_metres_only_order_the_frames(folder, numbers, reason) -> None:
    """A depth in metres that nobody stated is worse than one in frames; the caller can say the unit."""
    path = folder(4)
    (path / "focus_distance.txt").write_text(numbers.replace(" ", "\n") if "#" not in numbers else numbers)
    stack = load_stack(path)
    assert stack.axis == FocusAxis.frames(4)
    assert stack.info.focus_origin == "focus_distance.txt (order only)"
    assert len(stack.info.extra["relative_positions"]) == 4
    [told] = [w for w in stack.info.warnings if reason in w]
    assert "the result is in frames" in told
    assert "say which with --focus-unit" in told
    assert load_stack(path, focus_unit="um").axis.unit is Unit.MICROMETRE


def test_a_focal_length_of_no_lens_tells_of_a_scale_of_its_own(folder) -> None:
    path = folder(3)
    (path / "focus_distance.txt").write_text("10\n12\n20")
    assert load_stack(path).axis.unit is Unit.METRE
    (path / "focal_length.txt").write_text("0.2")
    stack = load_stack(path)
    assert stack.axis.unit is Unit.INDEX
    assert any(
        "focal_length.txt beside them says 0.2, which is no focal length in mm" in w for w in stack.info.warnings
    )
    assert load_stack(path, focus_unit="m").axis.unit is Unit.METRE


def test_relative_on_request(folder) -> None:
    """Out of order they still sort; a number that is none is still refused."""
    path = folder(3)
    stack = load_stack(path, focus="1.5,0.2,0.9", focus_unit="relative")
    assert names_of(stack) == ["img2.png", "img3.png", "img1.png"]
    assert stack.axis == FocusAxis.frames(3)
    assert stack.info.extra["relative_positions"] == [0.2, 0.9, 1.5]
    (path / "focus.csv").write_text("file,focus_relative\nimg1.png,3\nimg2.png,2\nimg3.png,1\n")
    assert names_of(load_stack(path))[0] == "img1.png"
    assert load_stack(path).axis == FocusAxis.frames(3)
    with pytest.raises(AxisError, match="focus position is nan"):
        load_stack(path, focus="1,nan,2", focus_unit="relative")


@pytest.mark.parametrize(("unit", "told"), [("mm", 1), ("um", 1), ("m", 0)])
def test_a_unit_that_is_not_used_is_told_once(folder, unit, told) -> None:
    """EXIF states metres; without positions a unit means nothing."""
    path = folder(4, suffix=".jpg", exif=lambda i: {DISTANCE: sensor_distance(i), FOCAL: 50.0})
    stack = load_stack(path, focus_unit=unit)
    np.testing.assert_allclose(stack.axis.values, DISTANCES, rtol=1e-6)
    assert [w for w in stack.info.warnings if "focus unit" in w] == told * [
        f"The focus unit {unit} is not used: EXIF states m."
    ]
    for file in path.iterdir():
        file.unlink()
    warnings = load_stack(folder(3), focus_unit=unit).info.warnings
    assert [w for w in warnings if "focus unit" in w] == [
        f"The focus unit {unit} is not used: there are no focus positions that it could belong to."
    ]


def test_options_that_have_nothing_to_act_on_are_told(folder, tmp_path) -> None:
    path = folder(3)
    (tmp_path / "log.csv").write_text("time_s,position_um\n0,1\n1,2\n")
    stack = load_stack(path, axes="NHW", dataset="d", log=tmp_path / "log.csv")
    assert "Not used: log, dataset, axes; the input does not need it." in stack.info.warnings
    stack = load_stack(path, focus="1,2,3 m", name_pattern="img{focus}.png")
    assert "Not used: name pattern; positions are given." in stack.info.warnings
    np.save(tmp_path / "a.npy", np.zeros((3, 20, 30), np.uint8))
    stack = load_stack(tmp_path / "a.npy", axes="NHW", name_pattern="{focus}.npy")
    assert "Not used: name pattern; the input does not need it." in stack.info.warnings


def test_a_positional_sidecar_counts_all_pictures_of_the_folder(folder) -> None:
    """A chosen subset takes its own lines."""
    path = folder(4)
    (path / "focus_m.txt").write_text("1\n2\n3\n4\n")
    stack = load_stack([path / "img2.png", path / "img4.png"])
    assert stack.axis.values.tolist() == [2, 4]


def test_uncalibrated_phone_stays_relative_unless_forced(folder) -> None:
    path = folder(3)
    data = {"LENS_INFO_FOCUS_DISTANCE_CALIBRATION": "UNCALIBRATED", "LENS_FOCUS_DISTANCE": [3.0, 1.0, 2.0]}
    (path / "focus.json").write_text(json.dumps(data))
    stack = load_stack(path)
    assert stack.axis == FocusAxis.frames(3)
    assert names_of(stack) == ["img2.png", "img3.png", "img1.png"]
    assert stack.info.extra["relative_positions"] == [1, 2, 3]
    assert any("UNCALIBRATED" in w and "in frames" in w for w in stack.info.warnings)
    forced = load_stack(path, focus_unit="dioptre")
    assert forced.axis.unit is Unit.DIOPTRE
    assert any("on request" in w for w in forced.info.warnings)


def test_positions_in_names(folder) -> None:
    stack = load_stack(folder(3, names=["s_350mm.png", "s_1000mm.png", "s_450mm.png"]))
    assert stack.axis.values.tolist() == [0.35, 0.45, 1.0]
    assert stack.info.focus_origin == "number in file name, mm"


def test_positions_by_name_pattern(folder) -> None:
    path = folder(3, names=["image_1_0.25.png", "image_2_0.50.png", "image_3_0.75.png"])
    plain = load_stack(path)
    assert plain.axis.unit is Unit.INDEX
    assert any("name pattern" in w for w in plain.info.warnings)
    stack = load_stack(path, name_pattern="image_*_{focus}.png", focus_unit="m")
    assert stack.axis.values.tolist() == [0.25, 0.5, 0.75]


def sensor_distance(i: int, f: float = 0.05) -> IFDRational:
    """EXIF of a lens of focal length f focused at DISTANCES[i] from its principal plane."""
    s = DISTANCES[i]
    return IFDRational(round((s + 1 / (1 / f - 1 / s)) * 1e9), 10**9)


@pytest.mark.parametrize("source", ["argument", "focal_length.txt", "EXIF", "nothing"])
def test_exif_distances_are_converted_whoever_states_the_focal_length(folder, source) -> None:
    focal = {FOCAL: 50.0} if source == "EXIF" else {}
    path = folder(4, suffix=".jpg", exif=lambda i: {DISTANCE: sensor_distance(i), **focal})
    if source == "focal_length.txt":
        (path / "focal_length.txt").write_text("50")
    stack = load_stack(path, optics=Optics(focal_length_m=0.05) if source == "argument" else None)
    told = [w for w in stack.info.warnings if "count from the sensor" in w]
    if source == "nothing":
        assert (stack.axis.values > np.array(DISTANCES) + 0.05).all()
        assert "not converted: focal length unknown" in stack.info.focus_origin
        assert len(told) == 1
        assert "--optics focal_length=50mm" in told[0]
    else:
        np.testing.assert_allclose(stack.axis.values, DISTANCES, rtol=1e-6)
        assert "converted to the principal plane with f = 50 mm" in stack.info.focus_origin
        assert not told


def test_the_focal_length_of_the_caller_goes_before_exif(folder) -> None:
    path = folder(4, suffix=".jpg", exif=lambda i: {DISTANCE: sensor_distance(i), FOCAL: 20.0})
    np.testing.assert_allclose(load_stack(path, optics=Optics(focal_length_m=0.05)).axis.values, DISTANCES, rtol=1e-6)


def test_infinity_does_not_hide_what_was_done_with_the_others(folder) -> None:
    exif = {DISTANCE: IFDRational(4294967295, 1)}
    path = folder(4, suffix=".jpg", exif=lambda i: exif if i == 3 else {DISTANCE: sensor_distance(i)})
    stack = load_stack(path)
    assert np.isinf(stack.axis.values[-1])
    assert "not converted" in stack.info.focus_origin


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        (lambda i: 1.0, "all frames state the same distance; not used"),
        (lambda i: 1.0 + i // 2, "only 2 distances for 4 frames; not used"),
        (lambda i: float(i), "img1.jpg and 0 more state no distance"),
        (lambda i: (0.19, 0.21, 0.3, 0.4)[i], "only some distances could be converted"),
    ],
)
def test_exif_distances_that_do_not_tell(distance, message, folder) -> None:
    stack = load_stack(folder(4, suffix=".jpg", exif=lambda i: {FOCAL: 50.0, DISTANCE: distance(i)}))
    assert stack.axis.unit is Unit.INDEX
    assert any(message in w for w in stack.info.warnings)


def test_lens_facts_and_their_order(folder) -> None:
    path = folder(3, suffix=".jpg", exif=lambda i: {FOCAL: 35.0, FNUMBER: 4.0, 271: f"Maker {i}"})
    stack = load_stack(path)
    assert stack.optics.focal_length_m == pytest.approx(0.035)
    assert stack.optics.origin["f_number"] == "EXIF FNumber of img2.jpg"
    assert stack.info.reference == 1
    assert b"Maker 1" in stack.info.exif
    (path / "focal_length.txt").write_text("50.0\n")
    assert load_stack(path).optics.focal_length_m == 0.05
    given = Optics(focal_length_m=0.1, model=LensModel.TELECENTRIC)
    optics = load_stack(path, optics=given).optics
    assert (optics.focal_length_m, optics.f_number, optics.model) == (0.1, 4.0, LensModel.TELECENTRIC)
    assert optics.origin["focal_length_m"] == "argument"


@pytest.mark.parametrize(("text", "focal_m"), [("50", 0.05), ("0.05 m", 0.05), ("5 cm", 0.05), ("50\n50\n", 0.05)])
def test_focal_length_txt(text, focal_m, folder) -> None:
    path = folder(2)
    (path / "focal_length.txt").write_text(text)
    assert load_stack(path, focus="1,2 m").optics.focal_length_m == pytest.approx(focal_m)


@pytest.mark.parametrize("text", ["0.2", "1500", "50\n35"])
def test_implausible_focal_length_stays_unknown(text, folder) -> None:
    path = folder(2)
    (path / "focal_length.txt").write_text(text)
    stack = load_stack(path, focus="1,2", focus_unit="m")
    assert stack.optics.focal_length_m is None
    assert any("focal_length.txt" in w and "--optics focal_length_m=VALUE" in w for w in stack.info.warnings)


def test_zoomed_lens_is_told(folder) -> None:
    stack = load_stack(folder(3, suffix=".jpg", exif=lambda i: {FOCAL: 35.0 + i}))
    assert any("different focal lengths" in w for w in stack.info.warnings)


def test_files_beside_the_pictures_are_listed(folder, write, scene) -> None:
    path = folder(3)
    (path / "notes.md").write_text("hello")
    (path / ".hidden.png").write_text("hello")
    np.save(path / "ground_truth.npy", np.zeros((4, 4)))
    write(path / "depth.png", scene((5, 5)))
    (path / "result.json").write_text("{}")
    stack = load_stack(path)
    assert len(stack) == 3
    assert set(stack.info.extra["ignored"]) == {"notes.md", "ground_truth.npy", "depth.png", "result.json"}


def test_channel(folder) -> None:
    path = folder(2)
    colour = load_stack(path).read_all()
    for channel, index in (("green", 1), (2, 2), ("R", 0)):
        stack = load_stack(path, channel=channel)
        assert stack.shape == (12, 16, 1)
        np.testing.assert_array_equal(stack.read_all(), colour[..., index : index + 1])
        assert stack.source.preview(0, 4).shape == (3, 4, 1)
    with pytest.raises(SettingError, match=r"no channel 'DAPI'. Known: 0 red"):
        load_stack(path, channel="DAPI")


def test_channel_of_grey_pictures(folder) -> None:
    path = folder(2, shape=(12, 16, 1))
    assert load_stack(path, channel=0).shape == load_stack(path, channel="grey").shape == (12, 16, 1)
    with pytest.raises(SettingError, match=r"no channel 'green'. The pictures are grey"):
        load_stack(path, channel="green")


def test_dim_16_bit_frames_get_their_own_white(folder, scene, write) -> None:
    path = folder(3, suffix=".tif", dtype=np.uint8, shape=(20, 20, 1))
    for i in range(3):
        write(path / f"img{i + 1}.tif", scene((20, 20), np.uint16, seed=i) % 612)
    stack = load_stack(path)
    assert stack.source.white == 1023
    assert any("1023 is taken for full scale" in w for w in stack.info.warnings)
    assert stack.dtype == np.uint16
    np.testing.assert_array_equal(stack.source.read(0)[..., 0], scene((20, 20), np.uint16, seed=0) % 612)
    assert stack.source.preview(1, 4).shape == (5, 5, 1)
    assert stack.source.coverage(1) is None


def test_float_counts_get_their_own_white(folder, scene, write) -> None:
    path = folder(2, suffix=".tif", dtype=np.float32, shape=(20, 20, 1))
    assert load_stack(path).source.white == 1.0
    for i in (1, 2):
        write(path / f"img{i}.tif", scene((20, 20), seed=i).astype(np.float32) * 10)
    assert load_stack(path).source.white == 4095


def test_a_container_file_is_opened_by_its_reader(tmp_path, scene, monkeypatch) -> None:
    class Fake:
        title, suffixes, extra = "fake", (".fake", ".tif"), ""

        def accepts(self, path: Path) -> bool:
            return path.suffix == ".fake"

        def open(self, path, options) -> Container:
            self.options = options
            frames = [scene((8, 9), seed=i) for i in range(3)]
            axis = FocusAxis([1.0, 2.0, 3.0], Unit.MICROMETRE) if path.stem == "z" else None
            return Container(ArraySource.of(frames), axis, "fake z", warnings=("odd",), extra={"format": "fake"})

    fake = Fake()
    pictures = _inputs.Formats.all()
    monkeypatch.setattr(
        _inputs.Formats, "all", classmethod(lambda cls: cls(pictures.pictures, {".fake": [fake], ".tif": [fake]}))
    )
    (tmp_path / "z.fake").touch()
    stack = load_stack(tmp_path / "z.fake", channel=1, axes="NHW", dataset="d")
    assert (fake.options.channel, fake.options.axes, fake.options.dataset) == ("1", "NHW", "d")
    assert stack.axis.unit is Unit.MICROMETRE
    assert (stack.info.focus_origin, stack.info.order_rule, stack.info.name) == ("fake z", "focus distance", "z")
    assert "odd" in stack.info.warnings
    assert load_stack(tmp_path).axis == stack.axis
    again = load_stack(tmp_path, focus="3,1,2 um")
    assert again.axis.values.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(again.source.read(0), scene((8, 9, 1), seed=1).reshape(8, 9, 1))
    with pytest.raises(AxisError, match="3 frames but 2 focus positions"):
        load_stack(tmp_path, focus="1,2")
    (tmp_path / "plain.fake").touch()
    with pytest.raises(StackError, match=r"holds 2 stacks: plain.fake, z.fake. Name one"):
        load_stack(tmp_path)
    plain = load_stack(tmp_path / "plain.fake", reverse=True)
    assert (plain.axis, plain.info.order_rule) == (FocusAxis.frames(3), "plane index")
    assert any("no unit" in w for w in plain.info.warnings)
    np.testing.assert_array_equal(plain.source.read(2), scene((8, 9, 1), seed=0).reshape(8, 9, 1))


def test_the_files_of_one_ome_set_are_one_stack(tmp_path, scene, write, monkeypatch) -> None:
    class Fake:
        title, suffixes, extra = "OME", (".tif",), ""

        def accepts(self, path: Path) -> bool:
            return True

        def open(self, path, options) -> Container:
            return Container(ArraySource.of([scene((8, 9), seed=i) for i in range(3)]))

    pictures = _inputs.Formats.all().pictures
    monkeypatch.setattr(_inputs.Formats, "all", classmethod(lambda cls: cls(pictures, {".tif": [Fake()]})))
    files = [write(tmp_path / f"z{i}.ome.tif", scene((8, 9))) for i in range(3)]
    for inputs in (tmp_path, files, str(tmp_path / "*.tif")):
        stack = load_stack(inputs)
        assert len(stack) == 3
        assert stack.info.files == tuple(str(f) for f in files)
        assert stack.info.order_rule == "plane index"


def test_hashes_of_inputs(folder, tmp_path) -> None:
    path = folder(3)
    hashes = hash_inputs(load_stack(path))
    assert hashes == {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(path.iterdir())}
    shutil.make_archive(str(tmp_path / "s"), "zip", path)
    assert list(hash_inputs(load_stack(tmp_path / "s.zip"))) == [str(tmp_path / "s.zip")]
    stack = load_stack(path)
    shutil.rmtree(path)
    with pytest.raises(ReadError, match=r"cannot be hashed.*Was it moved"):
        hash_inputs(stack)


def test_readers_are_listed_without_third_party_imports() -> None:
    assert {"jpeg", "png", "webp", "tiff", "bmp", "raw"} <= set(READERS.names())


@pytest.mark.shared
def test_sample_stacks(shared) -> None:
    demo = load_stack(shared / "demo")
    assert demo.axis.unit is Unit.METRE
    assert demo.axis.values[[0, -1]].tolist() == [0.43, 2.3]
    assert demo.optics.focal_length_m == 0.05
    assert demo.optics.pixel_pitch_m == pytest.approx(36e-3 / 960)
    balls = load_stack(shared / "stacks" / "mobile_balls")
    assert balls.axis == FocusAxis.frames(10)
    assert balls.info.extra["relative_positions"][-1] == 10
    assert balls.optics.focal_length_m is None
    sheet = load_stack(shared / "stacks" / "lightsheet_16bit")
    assert (sheet.axis.unit, sheet.source.white) == (Unit.MICROMETRE, 1023)
    with pytest.raises(StackError, match=r"no pictures found. Sub-folders hold some: give .*slope"):
        load_stack(shared / "stacks" / "cou_generated")
    for name in ("pcb_oblique", "metal_clamp_gray", "cou_generated/slope"):
        stack = load_stack(shared / "stacks" / name)
        assert stack.source.read(0).shape == stack.shape
