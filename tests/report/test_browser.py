"""The script of the page, run in a real browser."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.result import DepthMap
from focaldepth.report.html import write_report

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

TOUCH = """
<script>
const pic = document.querySelector(".view.on .pic"), box = pic.getBoundingClientRect();
const at = { clientX: box.left + box.width * 0.5, clientY: box.top + box.height * 0.75, bubbles: true };
pic.dispatchEvent(new PointerEvent("pointermove", at));
</script></body>
"""


def seen(path, folder, fragment="", width=1200):
    """Return the page as the browser has it after its script ran, and what the console said."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=2000"]
    flags += [f"--window-size={width},900"]
    line = [CHROMIUM, *flags, "--dump-dom", f"{path.as_uri()}{fragment}"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, said


def element(dom, name):
    inner = re.search(rf'id="{name}"[^>]*>(.*?)</(?:p|dd)>', dom, re.S).group(1)
    return re.sub(r"<[^>]+>", "", inner)


def test_probe_reads_the_pixel_named_in_the_address(make_result, tmp_path):
    result = make_result()
    path = write_report(result, tmp_path / "report.html")
    dom, said = seen(path, tmp_path, "#view=depth&at=45,40")
    assert said == []
    value, sigma = element(dom, "probe-depth").split(" ± ")
    assert float(value) == pytest.approx(float(result.map.values[40, 45]), abs=1e-3)
    assert float(sigma.split()[0]) == pytest.approx(float(result.map.sigma[40, 45]), rel=0.05)
    assert element(dom, "probe-claim") == "yes"
    assert f"frame {result.index[40, 45]:.1f}" in element(dom, "probe-frame")
    assert re.search(r'class="line" d="M0 ', dom)
    assert 'class="view on" data-view="depth"' in dom


def test_probe_follows_the_pointer_and_admits_missing_depth(make_result, tmp_path):
    path = write_report(make_result(), tmp_path / "report.html")
    path.write_text(path.read_text("utf-8").replace("</body>", TOUCH), "utf-8")
    dom, said = seen(path, tmp_path)
    assert said == []
    x, y = map(int, element(dom, "probe-pixel").split(","))
    assert (x, y) == (pytest.approx(45, abs=1), pytest.approx(45, abs=1))
    assert 'data-view="compare"' in dom
    path.write_text(path.read_text("utf-8").replace(TOUCH, "</body>"), "utf-8")
    dom, said = seen(path, tmp_path, "#at=2,2")
    assert said == []
    assert element(dom, "probe-depth") == "no depth"
    assert element(dom, "probe-claim") == "no"


def test_page_without_optional_parts_runs(make_result, tmp_path):
    bare = make_result(n=300, unit=Unit.INDEX)
    bare = replace(bare, all_in_focus=None, extras={}, map=replace(bare.map, sigma=None))
    dom, said = seen(write_report(bare, tmp_path / "report.html"), tmp_path)
    assert said == []
    assert "frames" in element(dom, "probe-depth")
    assert 'class="view on" data-view="depth"' in dom


OVERFLOW = """
<script>
const cells = ".headline > div, .headline dd, .card, .curve-head, .bar-words, figcaption";
const wrong = [...document.querySelectorAll(cells)]
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.trim().slice(0, 40));
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) wrong.push(`page ${page.scrollWidth} > ${page.clientWidth}`);
const boxes = [...document.querySelectorAll(".headline > div")].map((e) => e.getBoundingClientRect());
const meet = (a, b) => a.left < b.right - 2 && b.left < a.right - 2 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => { if (meet(a, b)) wrong.push("cells overlap"); }));
document.body.dataset.wrong = JSON.stringify(wrong);
</script></body>
"""


@pytest.mark.parametrize("width", [500, 820, 1440])
@pytest.mark.parametrize("unit", [Unit.METRE, Unit.INDEX, Unit.DISPARITY_PX])
def test_numbers_of_every_length_fit_their_cells(make_result, tmp_path, unit, width):
    result = make_result(n=300, unit=unit)
    long = result.map.values + np.float32(123_456 if unit is not Unit.METRE else 1e5)
    made = replace(result.provenance, times_s={"total": 86_399.0}, peak_memory_bytes=999 << 40)
    result = replace(result, map=DepthMap(long, unit, result.map.valid, result.map.sigma), provenance=made)
    path = write_report(result, tmp_path / "report.html")
    path.write_text(path.read_text("utf-8").replace("</body>", OVERFLOW), "utf-8")
    dom, said = seen(path, tmp_path, width=width)
    assert said == []
    assert re.search(r'data-wrong="([^"]*)"', dom)[1] == "[]"


def test_probe_of_a_large_map_names_the_pixel_that_it_reads(make_result, tmp_path):
    result = make_result(shape=(700, 1500))
    path = write_report(result, tmp_path / "report.html")
    dom, _ = seen(path, tmp_path, "#view=depth&at=700,601")
    x, y = map(int, element(dom, "probe-pixel").split(","))
    assert (x, y) == (pytest.approx(700, abs=2), pytest.approx(601, abs=2))
    value = float(element(dom, "probe-depth").split(" ± ")[0])
    assert value == pytest.approx(float(result.map.values[y, x]), abs=6e-4)
    again, _ = seen(path, tmp_path, f"#view=depth&at={x},{y}")
    assert element(again, "probe-pixel") == f"{x}, {y}"


def test_probe_and_card_say_the_same(make_result, tmp_path):
    path = write_report(make_result(shape=(700, 1500)), tmp_path / "report.html")
    dom, _ = seen(path, tmp_path)
    card = re.search(r'class="value">([^<]*)<', dom)[1]
    assert element(dom, "probe-depth") == card
