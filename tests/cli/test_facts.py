"""methods, cite, doctor: facts on stdout, as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest

from focaldepth.cli import doctor
from focaldepth.cli.cite import bibtex
from focaldepth.core.errors import MissingExtraError
from focaldepth.core.method import Access, Citation, MethodSpec
from focaldepth.core.settings import facts, setting
from focaldepth.estimate import METHODS
from focaldepth.measures._measure import MEASURES


@dataclass(frozen=True)
class Planted:
    """A method for the table."""

    spec: ClassVar = MethodSpec(
        "planted title",
        Access.STREAM,
        "Good for tests.",
        max_frames=9,
        extra="mesh",
        citations=(Citation("a2020", "A. Author, 2020.", "https://example.org", "@misc{a2020, title={T}}"),),
    )
    radius: float = setting(3.0, "radius of the window", unit="px", low=1)


def test_methods_table(cli) -> None:
    """Every method has a row, every alias a line."""
    out = cli("methods")
    assert (out.code, out.err) == (0, "")
    first = [line.split()[0] for line in out.out.splitlines() if line]
    assert set(METHODS.names()) <= set(first)
    assert all(f"{alias} stands for {target}." in out.out for alias, target in METHODS.aliases)


def test_methods_json(cli) -> None:
    found = json.loads(cli("methods", "--json").out)
    assert set(found["methods"]) == set(METHODS.names())
    assert found["aliases"] == dict(METHODS.aliases)


def test_one_method(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """All facts of one, with what --set takes."""
    monkeypatch.setattr(type(METHODS), "resolve", lambda self, name: "planted")
    monkeypatch.setattr(type(METHODS), "get", lambda self, name: Planted)
    out = cli("methods", "planted").out
    assert "planted: planted title\nGood for tests." in out
    assert "2 to 9" in out
    assert "radius = 3.0 px  radius of the window (float; >= 1)" in out
    one = json.loads(cli("methods", "planted", "--json").out)["methods"]["planted"]
    assert one["settings"][0]["name"] == facts(Planted)[0].name
    assert one["citations"] == ["a2020"]


def test_method_without_its_extra(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra costs one row, not the table."""

    def get(self: object, name: str) -> None:
        raise MissingExtraError("method planted", "mesh")

    monkeypatch.setattr(type(METHODS), "names", lambda self: ["planted"])
    monkeypatch.setattr(type(METHODS), "get", get)
    out = cli("methods")
    assert out.code == 0
    assert "pip install 'focaldepth[mesh]'" in out.out


def test_measures_table(cli) -> None:
    """Every focus measure has a row with its codes."""
    out = cli("methods", "--measures")
    assert (out.code, out.err) == (0, "")
    rows = {line.split()[0]: line for line in out.out.splitlines() if line}
    assert set(MEASURES.names()) <= set(rows)
    assert rows["tenengrad"].split() == [
        "tenengrad",
        "GRA6",
        "TENG",
        "gradient",
        "degree",
        "2",
        "ignored",
        "1",
        "Tenengrad",
    ]
    assert "no law" in rows["histogram-entropy"]


def test_one_measure_by_its_code(cli) -> None:
    """Formula, laws, source and settings of one."""
    out = cli("methods", "--measures", "STA3").out
    assert out.startswith("grey-level-variance: Grey-level variance\nMean of (I - m)^2 over a window, m its mean.\n")
    assert "gain          degree 2" in out
    assert "brightness    does not count" in out
    assert "Krotkov" in out
    assert "radius = 2 px" in out


def test_measures_json(cli) -> None:
    found = json.loads(cli("methods", "--measures", "--json").out)
    assert set(found["measures"]) == set(MEASURES.names())
    assert found["aliases"]["TENG"] == "tenengrad"
    assert found["measures"]["dct-energy-ratio"]["settings"][0]["name"] == "side"


def test_measure_without_its_extra(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra costs one row, not the table."""

    def get(self: object, name: str) -> None:
        raise MissingExtraError("measure planted", "mesh")

    monkeypatch.setattr(type(MEASURES), "get", get)
    for arguments in ((), ("TENG",)):
        out = cli("methods", "--measures", *arguments)
        assert out.code == 0
        assert "pip install 'focaldepth[mesh]'" in out.out


def test_unknown_measure_suggests(cli) -> None:
    out = cli("methods", "--measures", "tenegrad")
    assert (out.code, out.out) == (2, "")
    assert "unknown measure 'tenegrad'. Did you mean tenengrad" in out.err


@pytest.mark.parametrize("command", ["methods", "cite"])
def test_unknown_method_suggests(cli, command: str) -> None:
    out = cli(command, "classicl")
    assert (out.code, out.out) == (2, "")
    assert "unknown method 'classicl'. Did you mean classical" in out.err


def test_cite(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(METHODS), "resolve", lambda self, name: "planted")
    monkeypatch.setattr(type(METHODS), "get", lambda self, name: Planted)
    assert cli("cite", "planted").out == "A. Author, 2020.\nhttps://example.org\n\n@misc{a2020, title={T}}\n"
    found = json.loads(cli("cite", "planted", "--json").out)
    assert found["citations"][0]["key"] == "a2020"


def test_bibtex_of_a_bare_citation() -> None:
    assert bibtex(Citation("k", "T.")) == "@misc{k,\n  note = {T.}\n}"


def test_doctor(cli) -> None:
    """All is well here; every library, extra and codec is named."""
    out = cli("doctor")
    assert (out.code, out.err) == (0, "")
    assert "All that is needed works." in out.out
    assert all(name in out.out for name in (*doctor.REQUIRED, *doctor.OPTIONAL, ".jpg works", "bash_source"))


def test_doctor_json(cli) -> None:
    found = json.loads(cli("doctor", "--json").out)
    assert found["broken"] == []
    assert found["cores"] >= 1
    assert found["memory_bytes"]["total"] >= found["memory_bytes"]["free"] > 0


def test_doctor_names_what_is_broken(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing requirement and a broken one make exit code 1; a missing extra does not."""
    monkeypatch.setattr(doctor, "REQUIRED", {"no_such_module": ("no-such", "nothing"), "this_breaks": ("x", "y")})
    monkeypatch.setattr(doctor, "OPTIONAL", {"no_such_extra": ("no-such", "mesh", "3D")})
    real = doctor.import_module

    def broken(name: str) -> object:
        if name == "this_breaks":
            raise RuntimeError("ABI mismatch")
        return real(name)

    monkeypatch.setattr(doctor, "import_module", broken)
    out = cli("doctor")
    assert out.code == 1
    assert "Broken: no_such_module, this_breaks." in out.out
    assert "broken: ABI mismatch" in out.out
    assert "pip install 'focaldepth[mesh]'" in out.out


def test_doctor_requirements_are_those_of_the_project() -> None:
    """What doctor checks is what pyproject asks for."""
    import re
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[><=\[]", d)[0].lower() for d in project["dependencies"]}
    assert needed == {d.lower() for d, _ in doctor.REQUIRED.values()}
    extras = {(extra, re.split(r"[><=]", d)[0]) for extra, ds in project["optional-dependencies"].items() for d in ds}
    assert {(e, d) for d, e, _ in doctor.OPTIONAL.values()} <= extras
