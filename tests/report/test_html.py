import json
import re
import time
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.method import Citation
from focaldepth.core.optics import Optics
from focaldepth.core.result import DepthMap, Provenance
from focaldepth.core.stack import StackInfo
from focaldepth.report.html import render, write_report

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that every tag is closed in order; collects text, loads and views."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.loads, self.views, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self.loads += [names[k] for k in ("src", "href", "data", "poster", "srcset", "action") if names.get(k)]
        self.views += [names["data-view"]] if "data-view" in names else []
        self.ids += [names["id"]] if "id" in names else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S).group(1))


def test_page_is_well_formed_and_complete(make_result):
    page = Page(render(make_result()))
    assert page.views == ["photo", "depth", "sigma", "valid", "index"]
    assert len(page.ids) == len(set(page.ids))
    for word in (
        "plane",
        "8 frames",
        "90 × 60 px",
        "classical-fast",
        "Median sigma",
        "1.00 GiB",
        "3.00 s",
        "near",
        "far",
    ):
        assert word in page.text


def test_page_loads_nothing_from_outside(make_result):
    cited = [Citation("k", "A. Author, A title, 2020", "https://doi.org/10.1/2")]
    text = render(make_result(), citations=cited)
    assert all(load.startswith("data:image/jpeg;base64,") for load in Page(text).loads)
    assert not re.search(r"@import|url\(|<link|<iframe|\bfetch\(|XMLHttpRequest|new WebSocket|import\(", text)
    assert "default-src 'none'" in text
    assert "https://doi.org/10.1/2" in Page(text).text


def test_hostile_names_stay_text(make_result):
    evil = "</script><img src=x onerror=alert(1)>\"'&"
    result = make_result(
        n=2,
        info=StackInfo(evil, (evil, evil + "2"), skipped={evil: evil}, warnings=(evil,)),
        provenance=Provenance(
            evil,
            {evil: {evil: evil}},
            {evil: evil},
            {evil: evil},
            {evil: 1.0},
            warnings=(evil,),
            created=evil,
            command=evil,
            weights={evil: evil},
        ),
    )
    text = render(result, citations=[Citation(evil, evil, evil)])
    page = Page(text)
    assert "<img src=x" not in text
    assert page.text.count("onerror=alert(1)") > 8
    assert data_of(text)["frames"]["names"] == [evil, evil + "2"]
    assert text.count("<script") == text.count("</script>") == 3


def empty_map(shape=(60, 90), unit=Unit.METRE):
    nan = np.full(shape, np.nan, np.float32)
    return DepthMap(nan, unit, np.zeros(shape, bool), nan)


MISSING = {
    "no sigma": lambda r: replace(r, map=replace(r.map, sigma=None)),
    "no picture": lambda r: replace(r, all_in_focus=None),
    "no extras": lambda r: replace(r, extras={}),
    "no picture, no extras": lambda r: replace(r, all_in_focus=None, extras={}),
    "no transforms": lambda r: replace(r, transforms=None),
    "nothing valid": lambda r: replace(r, map=empty_map()),
    "all valid": lambda r: replace(r, map=DepthMap(np.ones((60, 90), np.float32), Unit.METRE, np.ones((60, 90), bool))),
    "grey 16 bit": lambda r: replace(r, all_in_focus=np.full((60, 90, 1), 900, np.uint16)),
    "float": lambda r: replace(r, all_in_focus=np.full((60, 90, 3), 0.5, np.float32)),
    "bare provenance": lambda r: replace(r, provenance=Provenance("x"), optics=Optics(), info=StackInfo()),
    "infinity in focus": lambda r: replace(r, axis=FocusAxis(np.r_[r.axis.values[:-1], np.inf], Unit.METRE)),
    "far to near": lambda r: replace(r, axis=FocusAxis(r.axis.values[::-1], Unit.METRE)),
    "foreign truth": lambda r: replace(r, extras={"truth": np.ones((3, 3), np.float32)}),
    "curves that do not fit": lambda r: replace(r, extras={**r.extras, "curve_rows": np.arange(2)}),
    "curves with NaN": lambda r: replace(r, extras={**r.extras, "curves": np.full_like(r.extras["curves"], np.nan)}),
    "grey thumbnails": lambda r: replace(r, extras={"thumbnails": r.extras["thumbnails"][..., :1]}),
    "thumbnails of other frames": lambda r: replace(r, extras={"thumbnails": r.extras["thumbnails"][:3]}),
    "index NaN": lambda r: replace(r, index=np.full_like(r.index, np.nan)),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
def test_page_does_without(make_result, name):
    page = Page(render(MISSING[name](make_result())))
    assert "depth" in page.views
    assert "nan" not in page.text.lower().split()


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("n", [2, 300])
def test_units_and_frame_counts(make_result, unit, n):
    text = render(make_result(n=n, unit=unit))
    page = Page(text)
    assert f"{n} frames" in page.text
    assert ("frame (no unit)" in page.text) is (unit is Unit.INDEX)
    assert ("Give them with --focus" in page.text) is (unit is Unit.INDEX)
    assert len(text) < 1_500_000


@pytest.mark.parametrize("shape", [(1, 90), (90, 1), (2, 2), (7, 1500)])
def test_odd_shapes(make_result, shape):
    result = make_result(shape=shape)
    assert Page(render(replace(result, extras={}))).views


def test_warnings_and_skipped_frames_stand_before_the_pictures(make_result):
    info = StackInfo("s", skipped={"IMG_7.jpg": "truncated"}, warnings=("Brightness drifts.",))
    text = render(make_result(info=info))
    assert text.index("Brightness drifts.") < text.index("1 frame was left out") < text.index('data-view="photo"')
    assert "truncated" in Page(text).text


def test_alignment_is_told(make_result):
    moved = np.stack([np.diag([1 + 0.01 * i, 1 + 0.01 * i, 1.0]) for i in range(8)])
    moved[2, 0, 2] = 3.0
    page = Page(render(make_result(transforms=moved)))
    assert "Alignment" in page.text
    assert "1.07000" in page.text
    assert "Alignment" not in Page(render(make_result())).text


def test_error_against_truth(make_result):
    result = make_result()
    truth = result.map.values - np.float32(0.005)
    page = Page(render(replace(result, extras={**result.extras, "truth": truth})))
    assert "error" in page.views
    assert "Mean absolute error 5.0 mm" in page.text
    assert "Bias +5.0 mm" in page.text
    assert "Within one sigma 100 %" in page.text


def test_command_line_is_there_or_composed(make_result):
    result = make_result()
    assert "focaldepth estimate plane -o result --method classical-fast --set window=9" in Page(render(result)).text
    said = replace(result, provenance=replace(result.provenance, command="focaldepth estimate x"))
    assert "focaldepth estimate x" in Page(render(said)).text


def test_probe_grids_hold_depth_and_sigma(make_result):
    result = make_result()
    grid = data_of(render(result))["grid"]
    code = np.frombuffer(b64decode(grid["depth"]["data"]), "<u2").reshape(grid["height"], grid["width"])
    part = grid["depth"]
    assert ((code > 0) == result.map.valid).all()
    depth = part["low"] + (code.astype(float) - 1) / 65534 * (part["high"] - part["low"])
    np.testing.assert_allclose(depth[code > 0], result.map.values[code > 0], atol=3e-5)
    assert len(b64decode(grid["sigma"]["data"])) == code.size


def test_large_results_stay_small_and_quick(make_result, tmp_path):
    base = make_result(n=30)
    rng = np.random.default_rng(1)
    shape = (4000, 6000)
    rows, cols = np.arange(20, 4000, 40), np.arange(20, 6000, 40)
    tile = rng.integers(0, 256, (400, 600, 3)).astype(np.uint8)
    values = rng.uniform(0.4, 2, shape).astype(np.float32)
    result = replace(
        base,
        map=DepthMap(values, Unit.METRE, rng.random(shape) > 0.3, np.full(shape, 0.01, np.float32)),
        index=values * 10,
        all_in_focus=np.tile(tile, (10, 10, 1)),
        extras={
            "curves": rng.random((30, 100, 150), np.float32),
            "curve_rows": rows,
            "curve_cols": cols,
            "thumbnails": rng.integers(0, 256, (30, 160, 240, 3)).astype(np.uint8),
        },
    )
    start = time.process_time()
    path = write_report(result, tmp_path / "report.html")
    assert time.process_time() - start < 4.0  # 0.4 s here; room for busy machines
    assert path.stat().st_size < 4_200_000


def test_headline_has_units_and_digits_that_the_range_needs(make_result):
    page = Page(render(make_result()))
    assert "Depth range 0.424 – 1.56 m 1st to 99th percentile" in page.text
    assert "Median sigma 20 mm 9 in 10 below 28 mm" in page.text
    flat = np.full((60, 90), 0.25, np.float32) + np.linspace(0, 0.004, 90, dtype=np.float32)
    close = DepthMap(flat, Unit.METRE, np.ones(flat.shape, bool), np.full(flat.shape, 7e-5, np.float32))
    text = Page(render(make_result(map=close))).text
    assert "250.00 – 254.00 mm" in text
    assert "Median sigma 70 µm 9 in 10 below 70 µm" in text
    assert "frame numbers from 0" in Page(render(make_result(unit=Unit.INDEX))).text


def test_spacing_of_colours_and_what_lies_beyond_are_said(make_result):
    result = make_result(shape=(200, 90))
    text = render(result)
    assert "even in dioptres" in text
    assert "Beyond the ends" not in text
    assert not re.search(r'class="ramp[^"]*open-', text)
    values = np.array(result.map.values)
    values[100, :40] = 0.1
    near = replace(result, map=DepthMap(values, Unit.METRE, result.map.valid))
    text = render(near)
    assert Page(text).text.count("Beyond the ends of the scale: ") == 2  # below the picture and below the histogram
    assert "0.8 % down to 0.100 m".replace(" ", "\u00a0") in text
    assert 'class="ramp open-low"' in text
    narrow = DepthMap(1 + result.map.values / 10, Unit.METRE, result.map.valid)
    assert "even in dioptres" not in render(replace(result, map=narrow))


def test_dark_picture_is_shown_with_its_black_and_white(make_result):
    dark = (np.random.default_rng(2).integers(81, 613, (60, 90, 1))).astype(np.uint16)
    text = Page(render(make_result(all_in_focus=dark))).text
    found = re.search(r"black is (\d+), white is (\d+) of 65535 in the file", text)
    assert 80 < int(found[1]) < 90
    assert 600 < int(found[2]) < 613
    assert "Brightness stretched" not in Page(render(make_result())).text


def test_unknown_focus_positions_are_told_once(make_result):
    told = "No focus positions found: the result is in frames. Give them with --focus."
    info = StackInfo("s", warnings=(told,))
    assert Page(render(make_result(unit=Unit.INDEX, info=info))).text.count("Give them with --focus") == 1
    assert Page(render(make_result(unit=Unit.INDEX))).text.count("Give them with --focus") == 1


def test_warnings_begin_like_sentences(make_result):
    info = StackInfo("s", warnings=("brightness drifts.", "a_b.txt: no unit.", "--focus is short."))
    text = Page(render(make_result(info=info))).text
    assert "Brightness drifts. a_b.txt: no unit. --focus is short." in text


def test_frames_are_told_in_the_words_of_their_columns(make_result):
    moved = np.stack([np.eye(3)] * 8)
    moved[1, 0, 2] = -1e-9
    moved[2, 1, 2] = -3.0
    text = Page(render(make_result(transforms=moved))).text
    assert "moved 0.0, −3.0 px scaled 1.0000×" in text
    assert "−0.0" not in text
    assert re.search(r"Tallest column: frame \d with \d+\.\d %", text)


def test_mask_says_how_many_pixels_carry_no_depth(make_result):
    assert "Magenta: 8.1 % of the pixels carry no depth." in Page(render(make_result())).text
    whole = DepthMap(np.ones((60, 90), np.float32), Unit.METRE, np.ones((60, 90), bool))
    assert "Every pixel carries depth." in Page(render(make_result(map=whole))).text
