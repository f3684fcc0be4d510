"""The public surface is one table: package, stub and docs/api.md say the same."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import focaldepth

ROOT = Path(__file__).parents[2]
NAMES = [n for n in focaldepth.__all__ if n != "__version__"]


def test_the_list_is_sorted_and_complete() -> None:
    assert focaldepth.__all__ == sorted(focaldepth.__all__)
    assert set(focaldepth.__all__) == {*focaldepth._SURFACE, "__version__"}
    assert dir(focaldepth) == sorted(focaldepth.__all__)


def test_the_stub_says_the_same() -> None:
    stub = ast.parse((ROOT / "src/focaldepth/__init__.pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    told = {alias.asname: node.module for node in imports for alias in node.names}
    assert told == {**focaldepth._SURFACE, "__version__": "focaldepth._version"}


def test_the_documentation_says_the_same() -> None:
    text = (ROOT / "docs/api.md").read_text("utf-8")
    assert re.findall(r"^### `(\w+)`", text, re.MULTILINE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_found_and_documented(name: str) -> None:
    thing = getattr(focaldepth, name)
    assert inspect.getdoc(thing)
    assert thing.__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'focaldepth' has no attribute 'nothing'"):
        focaldepth.nothing  # noqa: B018


@pytest.mark.parametrize(
    "first",
    ["import focaldepth.estimate", "from focaldepth.estimate import METHODS", "from focaldepth import estimate",
     "import focaldepth", "import focaldepth.cli.estimate"],
)  # fmt: skip
def test_estimate_is_the_function_whatever_was_imported_first(first: str) -> None:
    """A module of the same name exists; importing it must not hide the function."""
    code = (
        f"{first}\nimport focaldepth\nfrom focaldepth.estimate import METHODS\nassert callable(focaldepth.estimate)\n"
    )
    code += "from focaldepth import estimate\nassert estimate is focaldepth.estimate\nprint(estimate.__name__)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "estimate", done.stderr
