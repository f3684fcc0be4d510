"""Tables of a suite: what compares stands together, what does not apart, and every heading is explained."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from focaldepth.benchmark._found import Found
from focaldepth.benchmark._outcome import (
    MEASURED,
    MISSING,
    POOLED,
    PRINTED,
    TIME,
    Block,
    Line,
    Mark,
    overview,
    reference,
)
from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.benchmark._suite import Arm, Suite, classical
from focaldepth.report._suite_figures import figures
from focaldepth.report._suite_tables import block_tables, legend, summary_table

SUITE = Suite("Toy", "Does it run?", classical("naive", "vdff"))
ARMS = replace(SUITE, arms=(Arm("N = 2", x=2), Arm("N = 3", x=3), Arm("N = 4", x=4)), figures=("arms",))


def line(label: str, mae: float, kind: str = MEASURED, **more: object) -> Line:
    arm = str(more.pop("arm", ""))
    return Line(label, arm, kind, {"MAE": Mark(mae), TIME: Mark(nan if kind == PRINTED else 2.0)}, **more)  # type: ignore[arg-type]


def block(*lines: Line, kin: str = "", name: str = "phone") -> Block:
    headings = {"MAE": "lower", POOLED: "lower", TIME: "lower"}
    return Block(Found(name, "plain"), PROTOCOLS.get("plain"), "1/m", headings, lines, kin)


def test_numbers_of_other_stacks_stand_in_a_table_of_their_own() -> None:
    """Those of the same data set stand below ours, in one table."""
    lines = (line("naive", 0.5), line("DDFT", 1.4, PRINTED))
    assert [len(t.rows) for t in block_tables(SUITE, block(*lines))] == [2]
    ours, theirs = block_tables(SUITE, block(*lines, kin="mid-wild"))
    assert [row.label for row in ours.rows] == ["naive"]
    assert [row.label for row in theirs.rows] == ["DDFT"]
    assert theirs.columns == ("MAE",)
    assert "by mid-wild, errors in px: not to be compared" in theirs.caption


def test_what_did_not_run_is_told_once_with_its_variations() -> None:
    """Of all methods together, below the first table."""
    short = [
        line(m, nan, arm=a, note="5 of 5 stacks not run: too few frames.")
        for m in ("naive", "vdff")
        for a in ("N = 3", "N = 4")
    ]
    errors, times = block_tables(ARMS, block(line("naive", 0.5, arm="N = 2"), *short))
    assert errors.notes == [("naive, vdff", "N = 3, N = 4: 5 of 5 stacks not run: too few frames.")]
    assert times.notes == []


def test_a_table_of_times_without_any_is_left_out() -> None:
    printed = Line("dfv", "N = 2", MISSING, {"MAE": Mark(beside=0.3)}, note="no weights")
    assert [t.caption for t in block_tables(ARMS, block(printed))] == ["MAE (1/m)"]


def test_every_heading_is_explained() -> None:
    made = block(line("naive", 0.5))
    told = dict(legend(SUITE, [made]))
    assert {h for t in block_tables(SUITE, made) for h in t.columns} <= set(told)
    assert "mean abs(e) (mae, in the unit of errors; lower is better)" in told["MAE"]
    assert told["Every number"].startswith("mean over images")
    assert legend(SUITE, []) == []


def test_the_settings_of_a_variant_are_told() -> None:
    """`MAE edge away` has the definition of its metric, but other pixels."""
    marks = {"MAE edge away": Mark(0.1), "coverage 2 (valid)": Mark(0.9)}
    made = replace(block(Line("naive", "", MEASURED, marks)), headings=dict.fromkeys(marks, "lower"))
    told = dict(legend(SUITE, [made]))
    assert "edge-error.away, where = away" in told["MAE edge away"]
    assert "ideal 0.954; only where the method claims" in told["coverage 2 (valid)"]


def test_the_reference_has_a_number_everywhere() -> None:
    """A first method that could not run on one data set is none; without any there is no such column."""
    first = block(line("a", nan), line("b", 2.0), line("c", 4.0))
    other = block(line("a", 1.0), line("b", 1.0), line("c", 4.0), name="macro")
    assert reference([first, other]) == "b"
    assert [ratio for _, _, ratio, *_ in overview([first, other])] == [
        pytest.approx(nan, nan_ok=True),
        1.0,
        pytest.approx(8**0.5),
    ]
    table = summary_table([first, other])
    assert table is not None
    assert table.columns[2:] == ("error / b", TIME)
    bare = summary_table([block(line("a", nan), line("b", 1.0)), block(line("a", 1.0), line("b", nan), name="macro")])
    assert bare is not None
    assert bare.columns[2:] == (TIME,)


def test_random_weights_are_told_in_summary_and_figures() -> None:
    blocks = [block(line("dfv", 0.5, random=True), line("naive", 0.2), name=n) for n in ("phone", "macro")]
    table = summary_table(blocks)
    assert table is not None
    assert [row.random for row in table.rows] == [True, False]
    assert "dfv (RANDOM WEIGHTS)" in table.markdown()
    drawn = figures(SUITE, blocks)["time"]
    assert {plot.title for plot in drawn.values()} == {f"{n}, RANDOM WEIGHTS among them" for n in ("phone", "macro")}
