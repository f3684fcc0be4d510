"""Facts that stand in more than one place agree."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import focaldepth

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    assert f"\nversion: {focaldepth.__version__}\n" in text("CITATION.cff")
    assert f"## {focaldepth.__version__} " in text("CHANGELOG.md")


def test_the_licence_is_the_same_everywhere() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text("LICENSE")
    assert "license: Apache-2.0" in text("CITATION.cff")


def test_typed() -> None:
    assert (ROOT / "src/focaldepth/py.typed").exists()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_every_dependency_is_pinned_once() -> None:
    """Names in pyproject.toml stand in constraints.txt; a name stands twice only for different Pythons."""
    lines = [line for line in text("constraints.txt").splitlines() if line and not line.startswith("#")]
    names = [re.split(r"[=<> ;]", line)[0].lower().replace("_", "-") for line in lines]
    plain = [n for n, line in zip(names, lines, strict=True) if ";" not in line]
    assert len(plain) == len(set(plain))
    wanted = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    needed = {re.split(r"[\[=<>]", w)[0].lower().replace("_", "-") for w in wanted} - {"focaldepth"}
    assert needed <= set(names)


def test_extras_of_the_readme_exist() -> None:
    stated = re.search(r"extras: `([^`]+)`", text("README.md"))
    assert stated
    assert set(stated[1].split()) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("path", sorted(p.name for p in (ROOT / "changelog.d").glob("*.md") if p.name != "README.md"))
def test_a_fragment_is_written_for_users(path: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path)
    assert text(f"changelog.d/{path}").strip().endswith(".")


def test_make_has_the_targets_that_documents_name() -> None:
    targets = set(re.findall(r"^(\w+):", text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"^make (\w+)", text("README.md") + text("CONTRIBUTING.md"), re.MULTILINE))
    assert named <= targets
    assert {"setup", "demo", "test", "lint", "bench", "docs"} <= targets


def test_every_decision_is_listed() -> None:
    pages = {p.name for p in (ROOT / "docs/decisions").glob("0*.md")}
    for place in ("docs/decisions/index.md", "mkdocs.yml"):
        assert {name for name in pages if name in text(place)} == pages


def test_hooks_need_no_network() -> None:
    assert set(re.findall(r"repo: (\S+)", text(".pre-commit-config.yaml"))) == {"local"}


def test_documents_name_no_machine() -> None:
    """Paths are relative to the repository."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]
    absolute = [p.name for p in pages if re.search(r"(?<![\w.])/(home|work|root|Users|tmp)/", p.read_text("utf-8"))]
    assert absolute == []
