"""The examples of CONTRIBUTING.md are complete: one file each, and the contract tests take them up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import focaldepth

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"<!-- executed: src/(\S+) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the example files in place, and nothing else changed."""
    src = tmp_path_factory.mktemp("house")
    ignored = shutil.ignore_patterns("__pycache__", "data")
    shutil.copytree(Path(focaldepth.__file__).parent, src / "focaldepth", ignore=ignored)
    for path, text in EXAMPLES.items():
        (src / path).write_text(text, "utf-8")
    return src


def run(house: Path, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(house)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=250
    )


def test_there_is_an_example_of_every_kind() -> None:
    assert [path.split("/")[1] for path in EXAMPLES] == ["classical", "measures", "metrics", "io", "datasets"]


def test_the_examples_keep_the_style_of_the_house(house: Path) -> None:
    files = [str(house / path) for path in EXAMPLES]
    config = ("--config", str(ROOT / "pyproject.toml"))
    for command in (("check", *config), ("format", "--check", *config)):
        done = run(house, "-m", "ruff", *command, *files)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_pass_the_type_checker(house: Path) -> None:
    files = [str(house / path) for path in EXAMPLES]
    done = run(house, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *files, cwd=house)
    wrong = [line for line in done.stdout.splitlines() if "error:" in line and any(p in line for p in EXAMPLES)]
    assert wrong == []


def test_the_contract_tests_take_them_up(house: Path) -> None:
    """The very tests of every other plug-in, over the new names."""
    tests = [f"tests/contract/test_{kind}.py" for kind in ("methods", "measures", "metrics", "datasets")]
    names = "centre-of-mass or absolute-gradient or largest-error or table-top"
    chosen = ("-k", names, "-p", "no:cacheprovider", "-q", "-rA")
    done = run(house, "-m", "pytest", *tests, *chosen)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "centre-of-mass" in done.stdout
    assert "absolute-gradient" in done.stdout
    assert "largest-error" in done.stdout
    assert "table-top" in done.stdout
    assert " failed" not in done.stdout


def test_the_method_is_listed_and_found_by_the_command_line(house: Path) -> None:
    done = run(house, "-m", "focaldepth", "methods", "centre-of-mass")
    assert done.returncode == 0, done.stderr
    assert "power" in done.stdout


def test_the_reader_reads_a_stack(house: Path, tmp_path: Path) -> None:
    for i in range(3):
        pixels = bytes(range(9 * i, 9 * i + 9))
        (tmp_path / f"a{i}.pgm").write_bytes(b"P5 3 3 255\n" + pixels)
    code = "import focaldepth, sys; s = focaldepth.load_stack(sys.argv[1])"
    code += "; print(len(s), s.shape, s.read_all()[2, 2, 2, 0])"
    done = run(house, "-c", code, str(tmp_path))
    assert done.stdout.split("\n")[0] == "3 (3, 3, 1) 26", done.stderr
