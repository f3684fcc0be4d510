"""What holds for every registered suite."""

from __future__ import annotations

import pytest

from focaldepth.align._alignment import ALIGNERS
from focaldepth.benchmark import _published as published
from focaldepth.benchmark._found import find_data
from focaldepth.benchmark._outcome import MISSING, PRINTED, blocks
from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.benchmark._run_suite import ready, tasks
from focaldepth.benchmark._suite import SUITES, Suite
from focaldepth.estimate import METHODS
from focaldepth.networks._spec import NETWORKS
from focaldepth.report._suite_figures import CAPTIONS, TITLES


@pytest.fixture(params=SUITES.names())
def suite(request: pytest.FixtureRequest) -> Suite:
    return SUITES.get(request.param)


def test_it_tells_what_it_is(suite: Suite) -> None:
    assert suite.title
    assert suite.question.endswith((".", "?"))
    assert suite.entries
    assert suite.wanted
    assert suite.tables
    assert set(suite.figures) <= set(TITLES) & set(CAPTIONS)
    assert bool(suite.arm_axis) == (len(suite.arms) > 1)


def test_its_names_are_known_and_unique(suite: Suite) -> None:
    assert {suite.protocol, *(w.protocol for w in suite.wanted)} <= set(PROTOCOLS.names())
    assert set(suite.tables) <= set(published.tables())
    for names in ([e.label for e in suite.entries], [a.label for a in suite.arms], list(suite.wanted)):
        assert len(names) == len(set(names))
    for entry in suite.entries:
        assert not entry.method or entry.method in METHODS.names()
        assert bool(entry.weights) == (entry.method in NETWORKS.names())
        assert set(entry.data) <= {w.dataset for w in suite.wanted}
    assert {a.align for a in suite.arms} <= {"", "none", *ALIGNERS.names()}


def test_its_published_numbers_exist_and_are_shown(suite: Suite) -> None:
    """Rows and arms that entries name; each is of a protocol that the suite asks for, so none is lost."""
    arms = {a.label for a in suite.arms} | {""}
    asked = {w.protocol for w in suite.wanted}
    for entry in suite.entries:
        for printed in entry.published:
            assert published.table(printed.table).row(printed.row).protocol in asked
            assert printed.arm in arms
            assert printed.table in suite.tables


def test_its_arms_choose_frames_in_order(suite: Suite) -> None:
    for arm in suite.arms:
        for n in range(2, 45) if arm.frames else ():
            chosen = arm.frames(n)
            assert chosen is None or (list(chosen) == sorted(set(chosen)) and chosen[0] >= 0 and chosen[-1] < n)
            assert chosen is None or len(chosen) >= 2


def test_without_data_it_shows_the_published_numbers(suite: Suite) -> None:
    """Nothing runs; every data set has the rows of its protocol, and each network says how to get its weights."""
    found = find_data(suite, None)
    entries = ready(suite, {})
    assert tasks(suite, found, entries) == []
    for entry in entries:
        assert bool(entry.missing) == bool(entry.entry.weights or not entry.entry.method)
        if entry.entry.weights:
            assert f"focaldepth import CHECKPOINT --as {entry.entry.method}" in entry.missing
    made = blocks(suite, found, entries, [])
    assert [b.found.protocol for b in made] == [w.protocol for w in suite.wanted]
    for block in made:
        shown = [line for line in block.lines if line.kind == PRINTED]
        rows = [row for _, row in published.printed_by(block.found.protocol)]
        assert len(shown) <= len(rows)
        assert bool(shown) == bool(rows)
        assert all(m.value == m.value for line in shown for m in line.marks.values())
        assert all(m.beside == m.beside for line in block.lines if line.kind == MISSING for m in line.marks.values())
