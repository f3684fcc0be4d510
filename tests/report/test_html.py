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
    start = time.perf_counter()
    path = write_report(result, tmp_path / "report.html")
    assert time.perf_counter() - start < 4.0  # 0.4 s here; room for busy machines
    assert path.stat().st_size < 4_200_000
