"""The table of requirements names tests that exist, and names every requirement of this release."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "requirements.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
ROWS = dict(re.findall(r"^\| R(\d+) \|.*?\|(.*)\|$", TEXT, re.MULTILINE))
WANTED = [*range(1, 27), *range(29, 34), 38, *range(40, 43), *range(45, 49), *range(50, 56)]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    path = ROOT / file
    assert path.exists(), file
    assert re.search(rf"^\s*def {name}\(", path.read_text("utf-8"), re.MULTILINE), f"{file} has no {name}"


def test_every_requirement_of_the_release_has_a_row() -> None:
    assert [int(n) for n in ROWS] == WANTED


@pytest.mark.parametrize("number", WANTED)
def test_a_requirement_that_is_done_names_a_test(number: int) -> None:
    row = ROWS[str(number)]
    if row.lstrip().startswith("done"):
        assert "::test_" in row
    else:
        assert re.match(r"\s*(partly|open): ", row), "say what is missing"
