"""Figures: numbers stand where the axes say, every sign is drawn, and the file is well-formed."""

from __future__ import annotations

from math import inf, nan
from xml.etree import ElementTree

import pytest

from focaldepth.report.plot import Plot, Series, svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn(plot: Plot) -> ElementTree.Element:
    return ElementTree.fromstring(svg(plot))


def points(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    lines = [line.attrib["points"] for line in root.iter(f"{SVG}polyline")]
    return [[tuple(map(float, p.split(","))) for p in line.split()] for line in lines]  # type: ignore[misc]


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_a_line_goes_where_its_numbers_are() -> None:
    """x from left to right, y upwards, both in proportion; zero stands on the base line."""
    root = drawn(Plot("t", "x", "y", [Series("a", (2, 4, 10), (0, 1, 2), markers=False)]))
    (x0, y0), (x1, y1), (x2, y2) = points(root)[0]
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.25, abs=0.01)
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.5, abs=0.01)
    assert y2 < y1 < y0
    assert {str(n) for n in range(2, 11)} <= set(texts(root))


def test_a_logarithmic_axis_spaces_ratios_evenly() -> None:
    root = drawn(Plot("t", "x", "y", [Series("a", (0.01, 0.1, 1.0), (1, 1, 1))], log_x=True))
    places = [float(c.attrib["cx"]) for c in root.iter(f"{SVG}circle")][:3]
    assert places[2] - places[1] == pytest.approx(places[1] - places[0], abs=0.11)
    assert "0.1" in texts(root)


def test_what_is_not_known_leaves_a_gap() -> None:
    root = drawn(Plot("t", "x", "y", [Series("a", range(5), (1, 2, nan, 3, 4), markers=False)]))
    assert [len(line) for line in points(root)] == [2, 2]
    assert not points(drawn(Plot("t", "x", "y", [Series("a", range(3), (1, nan, inf), markers=False)])))


def test_names_stand_in_the_place_of_numbers() -> None:
    root = drawn(Plot("t", "x", "y", [Series("a", range(2), (1, 2))], names=("none", "features")))
    assert {"none", "features"} <= set(texts(root))


def test_long_names_slant_instead_of_running_into_one_another() -> None:
    names = [f"frames by chance, seed {i}" for i in range(7)]
    root = drawn(Plot("t", "x", "y", [Series("a", range(7), range(7))], names=names))
    slanted = [t for t in root.iter(f"{SVG}text") if "rotate(-30)" in t.attrib.get("transform", "")]
    assert [t.text for t in slanted] == names
    assert float(root.attrib["height"]) > float(drawn(Plot("t", "x", "y", [Series("a", (0,), (1,))])).attrib["height"])


def test_colours_follow_the_order_of_the_suite() -> None:
    """A method has the colour that it has in figures where others are drawn, too."""
    both = drawn(Plot("t", "x", "y", [Series("a", (1, 2), (1, 2)), Series("b", (1, 2), (2, 1))], order=("a", "b")))
    alone = drawn(Plot("t", "x", "y", [Series("b", (1, 2), (2, 1))], order=("a", "b")))
    colours = [line.attrib["stroke"] for line in both.iter(f"{SVG}polyline")]
    assert colours[0] != colours[1]
    assert [line.attrib["stroke"] for line in alone.iter(f"{SVG}polyline")] == colours[1:]


def test_dashed_lines_share_the_name_of_their_series() -> None:
    root = drawn(Plot("t", "x", "y", [Series("a", (1, 2), (1, 2)), Series("a", (1, 2), (2, 1), dashed=True)]))
    assert texts(root).count("a") == 1
    assert sum("stroke-dasharray" in line.attrib for line in root.iter(f"{SVG}polyline")) == 1


def test_texts_are_escaped_and_long_legends_wrap() -> None:
    names = [f"method <{i}> & more" for i in range(9)]
    root = drawn(Plot("a < b & c", "x", "y", [Series(n, (1,), (1,)) for n in names]))
    assert set(names) <= set(texts(root))
    width = float(root.attrib["width"])
    assert all(
        float(t.attrib["x"]) + 6 * len(t.text or "") < width + 30 for t in root.iter(f"{SVG}text") if "x" in t.attrib
    )
    assert float(root.attrib["height"]) > 320


@pytest.mark.parametrize("values", [(0.0, 0.0), (5.0, 5.0), (1e-9, 2e-9), (-3.0, 2.0)])
def test_odd_ranges_are_drawn_inside(values: tuple[float, float]) -> None:
    root = drawn(Plot("t", "x", "y", [Series("a", (1, 2), values, markers=False)]))
    assert all(30 < y < 230 for _, y in points(root)[0])
