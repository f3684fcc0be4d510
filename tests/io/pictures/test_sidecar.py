"""Sidecars, positions in names and MakerNotes: what is understood, and what is said where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.errors import AxisError, ReadError, SettingError
from focaldepth.io import _makernote
from focaldepth.io._makernote import positions_from
from focaldepth.io._names import unambiguous, with_pattern
from focaldepth.io._sidecar import find_sidecar, read_sidecar
from focaldepth.io._yaml import parse_yaml

VALUES = (0.1, 0.2, 0.4)


def put(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "unit", "named"),
    [
        ("focus_distance.txt", "0.1\n0.2\n0.4\n", None, False),
        ("focus_distance.txt", "# distances in m\n0.1\n\n0.2  # second\n0.4", "m", False),
        ("focus_distance.txt", "0.1 m\n0.2 m\n0.4 m", "m", False),
        ("focus_distance.txt", "0.1, 0.2, 0.4", None, False),
        ("focus_distance.txt", "a.png 0.1\nb.png 0.2\nc.png 0.4", None, True),
        ("focus_um.txt", "0.1\n0.2\n0.4", "um", False),
        ("focus.csv", "file,focus_mm\na.png,0.1\nb.png,0.2\nc.png,0.4", "mm", True),
        ("focus.csv", "file;distance [m]\na.png;0,1\nb.png;0,2\nc.png;0,4", "m", True),
        ("focus.csv", "frame,exposure,focus_m\n2,9,0.2\n1,9,0.1\n3,9,0.4", "m", False),
        ("focus.csv", "distance_m\n0.1\n0.2\n0.4", "m", False),
        ("focus.csv", "a.png,0.1\nb.png,0.2\nc.png,0.4", None, True),
        ("focus.csv", '"file"\t"dioptre"\n"a.png"\t0.1\n"b.png"\t0.2\n"c.png"\t0.4', "dioptre", True),
        ("focus.yaml", "unit: metre\nvalues: [0.1, 0.2, 0.4]", "metre", False),
        ("focus.yaml", "unit: mm\nvalues:\n  - 0.1\n  - 0.2\n  - 0.4", "mm", False),
        ("focus.yml", "# lens\na.png: 0.1\nb.png: 0.2\nc.png: 0.4\nunit: m", "m", True),
        ("focus.yaml", "focus_mm:\n  a.png: 0.1\n  b.png: 0.2\n  'c.png': 0.4", "mm", True),
        ("focus.json", '{"unit": "m", "values": [0.1, 0.2, 0.4]}', "m", False),
        ("focus.json", '{"a.png": "0.1 m", "b.png": "0.2 m", "c.png": "0.4 m"}', "m", True),
        ("focus.json", "[0.1, 0.2, 0.4]", None, False),
        ("focus.json", '[{"file": "a", "mm": 0.1}, {"file": "b", "mm": 0.2}, {"file": "c", "mm": 0.4}]', "mm", True),
        ("focus.json", '{"LENS_FOCUS_DISTANCE": [0.1, 0.2, 0.4]}', "dioptre", False),
    ],
)  # fmt: skip
def test_layouts(name, text, unit, named, tmp_path) -> None:
    found = read_sidecar(put(tmp_path, name, text))
    assert found.values == VALUES
    assert found.unit == unit
    assert (found.names is not None) == named
    assert found.origin == name


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "focus_distance.txt",
            "0.1\nnear\n0.4",
            r"focus_distance.txt: line 2 is not a focus position: 'near'. Give one",
        ),
        ("focus_distance.txt", "0.1 m\n200 mm", "mixes units: m, mm. Use one unit"),
        ("focus_distance.txt", "", "holds no focus positions. Write one value per line"),
        (
            "focus.csv",
            "file,aperture,exposure\na.png,1,2",
            "no column is named focus.*Name the columns `file,focus_mm`",
        ),
        ("focus.csv", "file,focus_m\na.png,0.1\nb.png,", "line 3 has no focus position. Give one number per frame"),
        ("focus.csv", "frame,focus_m\n1,0.1\n3,0.2", "do not count from 0 or 1.*name the files"),
        ("focus.csv", "frame,focus_m\na.png,0.1", "'a.png' is no frame number. Name the column `file`"),
        ("focus.json", '{"values": [0.1, }', r"is not valid JSON \(line 1\)"),
        ("focus.json", '{"values": [0.1, null]}', "None is not a focus position. Give one number"),
        ("focus.json", '"hello"', "holds no list of focus positions"),
        ("focus.json", '[{"file": "a"}]', "a record lacks its focus position"),
        ("focus.yaml", "values: {a: 1}", "line 1 is not understood.*use focus.json"),
        ("focus.yaml", "unit: m\nnonsense", "line 2 is not understood"),
    ],
)
def test_errors_name_the_line_and_the_remedy(name, text, message, tmp_path) -> None:
    with pytest.raises((ReadError, AxisError), match=message):
        read_sidecar(put(tmp_path, name, text))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_tables_of_spreadsheets(encoding, tmp_path) -> None:
    """Code page, UTF-16 and decimal commas of a German Excel; umlauts in names."""
    (tmp_path / "focus.csv").write_bytes("file\tfocus_mm\r\nKäfer.png\t0,1\r\nb.png\t0,2\r\n".encode(encoding))
    found = read_sidecar(tmp_path / "focus.csv")
    assert found.values == (0.1, 0.2)
    assert found.names == ("Käfer.png", "b.png")
    assert found.unit == "mm"


def test_binary_sidecar(tmp_path) -> None:
    (tmp_path / "focus.txt").write_bytes(b"\x89\xff\x00\x01")
    with pytest.raises(ReadError, match=r"is not a text file. Save it as UTF-8 text"):
        read_sidecar(tmp_path / "focus.txt")


def test_uncalibrated_phones_only_order_frames(tmp_path) -> None:
    data = {"LENS_INFO_FOCUS_DISTANCE_CALIBRATION": "UNCALIBRATED", "frames": [
        {"file": "a", "LENS_FOCUS_DISTANCE": 1.0, "LENS_STATE": "MOVING"}, {"file": "b", "LENS_FOCUS_DISTANCE": 2.0},
    ]}  # fmt: skip
    found = read_sidecar(put(tmp_path, "focus.json", json.dumps(data)))
    assert "UNCALIBRATED" in found.relative
    assert found.unit == "dioptre"
    assert any("still moving in frame 0" in w for w in found.warnings)


def test_first_sidecar_counts_and_the_others_are_named(tmp_path) -> None:
    files = [put(tmp_path, n, "1") for n in ("focus.json", "focus_um.txt", "focus_distance.txt", "focus_group.txt")]
    found, unused = find_sidecar(files)
    assert found.name == "focus_distance.txt"
    assert unused == ["focus_um.txt", "focus.json"]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text) -> None:
    class File:
        def __init__(self, name):
            self.name, self.suffix = name, Path(name).suffix

        def open(self, mode):
            import io

            return io.BytesIO(text.encode("utf-8", "replace"))

        def __str__(self):
            return self.name

    for name in ("focus.csv", "focus.txt", "focus.json", "focus.yaml"):
        try:
            found = read_sidecar(File(name))
        except (ReadError, AxisError):
            continue
        assert found.values


def test_yaml_scalars() -> None:
    text = '---\na: 1\nb: "x: y"\nc: .inf\nd: text # no\ne: [a, "b"]\n'
    assert parse_yaml(text, "f") == {"a": 1, "b": "x: y", "c": float("inf"), "d": "text", "e": ["a", "b"]}
    assert parse_yaml("- 1\n- 2.5", "f") == [1, 2.5]


# Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "values", "unit"),
    [
        (["s_350mm.jpg", "s_400mm.jpg"], (350, 400), "mm"),
        (["image_2_0.50m.jpg", "image_3_0.75m.jpg"], (0.5, 0.75), "m"),
        (["lens50mm_z-10um.tif", "lens50mm_z0um.tif"], (-10, 0), "um"),
    ],
)
def test_numbers_with_units_in_names(names, values, unit) -> None:
    found, hint = unambiguous(names)
    assert (found.values, found.unit, hint) == (values, unit, "")


@pytest.mark.parametrize(
    "names",
    [
        ["img1.jpg", "img2.jpg"],
        ["IMG_0350.JPG", "IMG_0351.JPG"],
        ["lens50mm_1.jpg", "lens50mm_2.jpg"],
        ["a_100mm.jpg", "b.jpg"],
        ["scan2m_1.png", "scan3m_2.png"],
        ["-0.5_0.1_2.4_1.bmp", "-0.5_0.1_2.4_2.bmp"],
    ],
)
def test_counters_are_never_distances(names) -> None:
    assert unambiguous(names)[0] is None


def test_a_pattern_is_suggested_where_it_could_help() -> None:
    assert "image_*_{focus}.jpg" in unambiguous(["image_1_0.25.jpg", "image_2_0.50.jpg"])[1]
    assert "several numbers" in unambiguous(["10mm_5um.jpg", "11mm_6um.jpg"])[1]


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("image_*_{focus}.jpg", None),
        (r"image_\d+_(?P<focus>[\d.]+)", None),
        ("*_{focus}.*", None),
    ],
)
def test_patterns(pattern, unit) -> None:
    found = with_pattern(["image_1_0.25.jpg", "image_2_0.50.jpg"], pattern)
    assert (found.values, found.unit) == ((0.25, 0.5), unit)


def test_pattern_units() -> None:
    assert with_pattern(["z1um.tif", "z2um.tif"], "z{focus}{unit}.tif").unit == "um"
    assert with_pattern(["z1um.tif", "z2um.tif"], "z{focus}um.tif").unit == "um"


def test_wrong_patterns() -> None:
    with pytest.raises(AxisError, match=r"b.png: the name does not fit the pattern.*Write \{focus\}"):
        with_pattern(["z1.png", "b.png"], "z{focus}.png")
    with pytest.raises(SettingError, match=r"does not say where the focus position stands. Write \{focus\}"):
        with_pattern(["z1.png"], "z*.png")
    with pytest.raises(SettingError, match="is no pattern"):
        with_pattern(["z1.png"], "((")


# MakerNotes -------------------------------------------------------------------------------------------------------


CASES = {
    "single": ([{"FocusDistance": 0.5}, {"FocusDistance": 0.6}], (0.5, 0.6)),
    "grouped and with units": ([{"Nikon:FocusDistance": "0.50 m"}, {"Nikon:FocusDistance": "60 cm"}], (0.5, 0.6)),
    "range": (
        [{"FocusDistanceLower": 0.5, "FocusDistanceUpper": 1}, {"FocusDistanceLower": 1, "FocusDistanceUpper": 2}],
        (2 / 3, 4 / 3),
    ),
    "range swapped": (
        [{"FocusDistanceLower": 1, "FocusDistanceUpper": 0.5}, {"FocusDistanceLower": 2, "FocusDistanceUpper": 1}],
        (2 / 3, 4 / 3),
    ),
    "infinity": ([{"FocusDistance": "inf"}, {"FocusDistance": 3.0}], (float("inf"), 3.0)),
    "both ends at infinity": (
        [dict.fromkeys(("FocusDistanceLower", "FocusDistanceUpper"), d) for d in ("inf", 1)],
        (float("inf"), 1.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_makernote_distances(case) -> None:
    records, expected = CASES[case]
    found, warnings = positions_from(records, ["a", "b"])
    assert found.values == pytest.approx(expected)
    assert found.unit == "m"
    assert found.origin.startswith("MakerNote")
    assert not warnings


UNKNOWN = {
    "nothing": ([{}, {}], ""),
    "zero": ([{"FocusDistance": 0}, {"FocusDistance": 0}], ""),
    "words": ([{"FocusDistance": "near"}, {"FocusDistance": "far"}], ""),
    "equal": ([{"FocusDistance": 0.5}, {"FocusDistance": 0.5}], "all frames state the same distance"),
    "coarse": ([{"FocusDistance": d} for d in (0.5, 0.5, 0.6)], "only 2 distances for 3 frames"),
    "one missing": ([{"FocusDistance": 0.5}, {}], "no focus distance in b"),
    "wide range": ([{"FocusDistanceLower": 0.5, "FocusDistanceUpper": 5}] * 2, ""),
    "open range": ([{"FocusDistanceLower": 0.5, "FocusDistanceUpper": "inf"}] * 2, ""),
    "mixed tags": ([{"FocusDistance": 0.5}, {"ObjectDistance": 0.7}], "different tags"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_makernotes_that_do_not_tell(case) -> None:
    records, warning = UNKNOWN[case]
    found, warnings = positions_from(records, ["a", "b", "c"][: len(records)])
    assert found is None
    assert warning in " ".join(warnings)
    assert bool(warnings) == bool(warning)


def test_makernote_distance_counts_from_the_sensor() -> None:
    found, _ = positions_from([{"FocusDistance": d, "FocalLength": "50.0 mm"} for d in (1.0, 2.0)], ["a", "b"])
    assert found.values[0] == pytest.approx(0.9472136)
    assert "converted to the principal plane" in found.origin


def test_exiftool_output_is_matched_by_file(tmp_path, monkeypatch) -> None:
    files = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    output = json.dumps([{"SourceFile": str(f.resolve()), "FocusDistance": i} for i, f in enumerate(files)][::-1])

    class Done:
        stdout = output.encode()

    monkeypatch.setattr(_makernote.shutil, "which", lambda name: "/usr/bin/exiftool")
    monkeypatch.setattr(_makernote.subprocess, "run", lambda *a, **k: Done())
    assert [r["FocusDistance"] for r in _makernote.read_distances(files)] == [0, 1]
    monkeypatch.setattr(_makernote.shutil, "which", lambda name: None)
    assert _makernote.read_distances(files) is None
