"""Plug-ins by name: listing imports nothing, wrong names suggest, missing extras name the command."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from focaldepth.core import registry
from focaldepth.core.errors import MissingExtraError, UnknownNameError
from focaldepth.core.registry import Registry


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty plug-in folder ``toys`` inside the package."""
    import focaldepth

    toys = tmp_path / "toys"
    toys.mkdir()
    (toys / "__init__.py").touch()
    monkeypatch.setattr(registry, "_ROOT", tmp_path)
    monkeypatch.setattr(focaldepth, "__path__", [*focaldepth.__path__, str(tmp_path)])
    yield toys
    for name in [n for n in sys.modules if n.startswith("focaldepth.toys")]:
        del sys.modules[name]


def toys() -> Registry[str]:
    return Registry("toy", ("toys",), "TOY", aliases=(("best", "red-ball"),))


def test_a_file_is_a_plug_in_named_by_its_stem(folder: Path) -> None:
    (folder / "red_ball.py").write_text("TOY = 'ball'\n")
    (folder / "_engine.py").write_text("raise RuntimeError\n")
    assert toys().where() == {"red-ball": "focaldepth.toys.red_ball"}
    assert toys().get("red-ball") == "ball"


def test_listing_imports_nothing(folder: Path) -> None:
    (folder / "bomb.py").write_text("raise RuntimeError('imported')\n")
    assert toys().names() == ["bomb"]
    assert "focaldepth.toys.bomb" not in sys.modules
    with pytest.raises(RuntimeError, match="imported"):
        toys().get("bomb")


def test_where_is_a_copy(folder: Path) -> None:
    (folder / "red_ball.py").touch()
    found = toys()
    found.where().clear()
    assert found.names() == ["red-ball"]


def test_aliases_lead_to_plug_ins_and_are_not_listed(folder: Path) -> None:
    (folder / "red_ball.py").write_text("TOY = 'ball'\n")
    assert toys().names() == ["red-ball"]
    assert toys().resolve("best") == "red-ball"
    assert toys().get("best") == "ball"


def test_an_unknown_name_suggests_the_nearest(folder: Path) -> None:
    (folder / "red_ball.py").touch()
    with pytest.raises(UnknownNameError, match=r"unknown toy 'red-bal'. Did you mean red-ball\?"):
        toys().get("red-bal")


def test_a_name_far_from_all_lists_them(folder: Path) -> None:
    (folder / "red_ball.py").touch()
    with pytest.raises(UnknownNameError, match=r"unknown toy 'zzz'. Known: best, red-ball\."):
        toys().resolve("zzz")


@pytest.mark.parametrize(("package", "extra"), registry.EXTRAS.items())
def test_a_missing_extra_names_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    (folder / "kite.py").write_text(f"import {package}\nTOY = 1\n")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"toy kite needs the extra '{extra}'. .*'focaldepth\[{extra}\]'"):
        toys().get("kite")


def test_another_missing_module_is_not_hidden(folder: Path) -> None:
    (folder / "kite.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        toys().get("kite")


def test_entry_points_of_other_packages_are_plug_ins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "red_ball.py").write_text("TOY = 'ball'\n")
    entries = [
        EntryPoint("kite", "textwrap:dedent", "focaldepth.toys"),
        EntryPoint("red-ball", "x:y", "focaldepth.toys"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == "focaldepth.toys" else [])
    import textwrap

    assert toys().names() == ["kite", "red-ball"]
    assert toys().get("kite") is textwrap.dedent
    assert toys().get("red-ball") == "ball", "what the package brings itself goes first"


def test_extras_are_those_of_the_package() -> None:
    from importlib.metadata import metadata

    assert set(registry.EXTRAS.values()) <= set(metadata("focaldepth").get_all("Provides-Extra") or [])
