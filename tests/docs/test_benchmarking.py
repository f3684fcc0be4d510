"""The method of docs/users/benchmarking.md gets into a table exactly as the page says."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

import focaldepth
from focaldepth.scenes.layers import LayeredScene, render

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/users/benchmarking.md").read_text("utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_your_method_stands_in_the_table(tmp_path: Path) -> None:
    """Its files as printed; what `pip install -e .` would write is written here, then the command of the page runs."""
    made = render(LayeredScene(height=48, width=64, frames=6, seed=1))
    axis = made.stack.axis
    truth = made.truth.to(axis.unit).values
    np.savez(tmp_path / "scene.npz", frames=made.stack.read_all(), focus=axis.values, focus_unit="metre", depth=truth)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = tmp_path / "my_method-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1\n")
    lines = [
        f"[{group}]\n{name} = {place}\n" for group, e in project["entry-points"].items() for name, place in e.items()
    ]
    (info / "entry_points.txt").write_text("".join(lines))
    command = re.search(r"two files above -->\n```sh\npip install -e \.\nfocaldepth (.*)\n```", PAGE)
    assert command
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(focaldepth.__file__).parents[1]), str(tmp_path)])}
    done = subprocess.run(
        [sys.executable, "-m", "focaldepth", *shlex.split(command[1])],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert {"naive", "local-variance"} <= set(rows)
    assert float(rows["local-variance"][0].rstrip("*")) < 1
    assert "local-variance" in (tmp_path / "mine" / "report.html").read_text("utf-8")
