"""What the source looks like: imports per folder, sizes, names, registration lines. Read from the syntax tree."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "focaldepth"
FILES = sorted(SRC.rglob("*.py"))

ALLOWED = {
    "core": {"numpy"},
    "optics": {"numpy", "scipy", "cv2"},
    "io": {"numpy"},
    "measures": {"numpy", "scipy", "cv2"},
    "metrics": {"numpy", "scipy", "cv2"},
    "align": {"numpy", "scipy", "cv2"},
    "classical": {"numpy", "scipy", "cv2"},
    "networks": {"numpy", "torch"},
    "datasets": {"numpy"},
    "scenes": {"numpy", "scipy", "cv2"},
    "training": {"numpy", "torch"},
    "benchmark": {"numpy"},
    "report": {"numpy"},
    "cli": {"click", "numpy"},
    "web": set(),
    "batch": set(),
    ".": {"numpy"},
}
"""Folder -> third-party packages that its files may import at the top; "." is the package folder itself. Whatever else
they need, they import inside the function that needs it, so that listing plug-ins stays cheap."""

ALLOWED_IN_FILE = {
    "io/_result_schema.py": {"pydantic": "the schema is itself imported only when result.json is written or read"},
}

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
"""Path (and name) -> why it is longer than 400 lines, or 60 lines without its docstring."""

FORBIDDEN = {
    "fs": "stack, or frames", "foc_dist": "focus", "focus_dist": "focus", "focal_dist": "focus", "disp": "disparity",
    "conf": "sigma, valid, or settings", "aif": "all_in_focus", "edof": "all_in_focus", "zstack": "stack",
    "z_stack": "stack", "diopter": "dioptre", "diopters": "dioptre", "fnumber": "f_number", "f_num": "f_number",
    "depthmap": "DepthMap, depth_map", "focus_vol": "focus volume", "cfg": "settings", "meter": "metre",
}  # fmt: skip
"""Synonym -> word of docs/glossary.md."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def folder_of(path: Path) -> str:
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else "."


def third_party_at_top(module: ast.Module) -> set[str]:
    """Packages imported when the module is; imports under ``if TYPE_CHECKING:`` are not run."""
    found = set()
    for node in module.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"focaldepth"}


def functions(module: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not isinstance(node, ast.ClassDef):
                yield prefix + node.name, node
            yield from functions(node, f"{prefix}{node.name}.")


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - doc


def lines_of_code(path: Path) -> int:
    documented: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documented |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    return sum(1 for i, line in lines if i not in documented and line.strip() and not line.strip().startswith("#"))


def identifiers(module: ast.Module) -> set[str]:
    """Every name that the source binds: variables, arguments, functions, classes, attributes, imports."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found


def registries() -> list[tuple[str, str]]:
    """(folder, attribute) of every ``Registry(kind, folders, attribute)`` in the source."""
    found = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Registry":
                _, folders, attribute = (ast.literal_eval(a) for a in node.args[:3])
                found += [(folder, attribute) for folder in folders]
    return sorted(found)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_third_party_imports_at_the_top_are_those_declared(path: Path) -> None:
    allowed = ALLOWED[folder_of(path)] | set(ALLOWED_IN_FILE.get(name_of(path), {}))
    if path.stem.endswith("_torch"):
        allowed |= {"torch"}
    surplus = third_party_at_top(tree(path)) - allowed
    assert not surplus, f"{name_of(path)} imports {sorted(surplus)} at the top: import it where it is used"


def test_a_file_holds_at_most_400_lines() -> None:
    long = {name_of(p) for p in FILES if len(p.read_text("utf-8").splitlines()) > 400}
    assert long == set(LONG_FILES)


def test_a_function_holds_at_most_60_lines_of_code() -> None:
    long = {f"{name_of(p)}:{name}" for p in FILES for name, f in functions(tree(p)) if code_lines(f) > 60}
    assert long == set(LONG_FUNCTIONS)


def test_the_core_stays_small() -> None:
    """At most 1100 lines of code; docstrings, comments and empty lines do not count."""
    assert sum(map(lines_of_code, (SRC / "core").glob("*.py"))) <= 1100


def test_files_are_named_after_what_they_hold() -> None:
    nameless = {"utils", "util", "misc", "helpers", "helper", "common", "tools"}
    assert [name_of(p) for p in FILES if p.stem.strip("_") in nameless] == []


def test_no_synonym_of_a_glossary_word_is_a_name() -> None:
    used = {f"{name_of(p)}: {name}" for p in FILES for name in identifiers(tree(p)) & set(FORBIDDEN)}
    used |= {f"{name_of(p)}: the file" for p in FILES if p.stem.strip("_") in FORBIDDEN}
    assert used == set()


def test_bare_lengths_carry_their_unit() -> None:
    """`focal_length` alone would leave open whether metres or millimetres are meant."""
    bare = {"focal_length", "pixel_pitch", "pixel_size", "baseline", "aperture_diameter"}
    used = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.arg | ast.AnnAssign):
                name = node.arg if isinstance(node, ast.arg) else getattr(node.target, "id", "")
                annotation = ast.unparse(node.annotation) if node.annotation else ""
                if name in bare and "float" in annotation:
                    used.add(f"{name_of(path)}: {name}")
    assert used == set()


@pytest.mark.parametrize(("folder", "attribute"), registries())
def test_every_plug_in_ends_with_its_registration(folder: str, attribute: str) -> None:
    for path in (SRC / folder.replace(".", "/")).glob("[!_]*.py"):
        last = tree(path).body[-1]
        targets = last.targets if isinstance(last, ast.Assign) else []
        names = [getattr(t, "id", "") for t in targets]
        assert names == [attribute], f"the last line of {name_of(path)} must be {attribute} = ..."


def test_library_code_does_not_print() -> None:
    printing = {
        name_of(p)
        for p in FILES
        if folder_of(p) != "cli"
        for node in ast.walk(tree(p))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    }
    assert printing == set()


def test_user_input_is_not_checked_by_assert() -> None:
    """`assert` vanishes under ``python -O``; in the package it may only tell the type checker what is known."""
    found = [name_of(p) for p in FILES for node in ast.walk(tree(p)) if isinstance(node, ast.Assert)]
    assert len(found) <= 8, found


def test_every_issue_mark_names_its_issue() -> None:
    marks = [name_of(p) for p in FILES if re.search(r"\b(TODO|FIXME|XXX)\b(?!.*#\d)", p.read_text("utf-8"))]
    assert marks == []
