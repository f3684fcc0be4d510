"""Every command and every Python block of the documents runs, page by page, on small sample data."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import focaldepth

ROOT = Path(__file__).parents[2]
PACKAGE = Path(focaldepth.__file__).parent
PAGES = [
    "README.md",
    "docs/api.md",
    "docs/networks.md",
    *(f"docs/users/{p.name}" for p in sorted((ROOT / "docs/users").glob("*.md"))),
]
ENV = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIOPTRES = np.linspace(1 / 0.43, 1 / 2.3, 12)


@dataclass(frozen=True)
class Step:
    """One command line, or one block of Python, and the exit code it must have."""

    kind: str
    text: str
    code: int = 0


def steps(page: str) -> list[Step]:
    """Commands that begin with ``$ focaldepth`` and Python blocks, in the order of the page.

    A comment ``# exit code N`` after a command states another exit code than 0.
    """
    found = []
    for kind, body in BLOCK.findall((ROOT / page).read_text("utf-8")):
        if kind == "python":
            found.append(Step("python", body))
            continue
        for line in body.splitlines():
            if line.startswith("$ focaldepth "):
                stated = re.search(r"# exit code (\d+)", line)
                found.append(Step("console", line[2:], int(stated[1]) if stated else 0))
    return found


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**ENV, "FOCALDEPTH_WEIGHTS": str(cwd / "weights")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def demo_frames() -> list[NDArray[np.uint8]]:
    """The bundled stack at a quarter of its size, BGR."""
    files = sorted((PACKAGE / "data" / "demo").glob("stack_*.jpg"))
    return [cv2.resize(cv2.imread(str(f)), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for f in files]


def write_pictures(folder: Path, frames: list[NDArray[np.uint8]], name: str) -> None:
    folder.mkdir()
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / name.format(i)), frame)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages say lies in the working folder."""
    import tifffile

    frames = demo_frames()
    if not frames:
        pytest.skip("the demo stack is not in this version of the package")
    here = tmp_path_factory.mktemp("samples")
    write_pictures(here / "insect", frames, "IMG_{:04d}.jpg")
    write_pictures(here / "beetle", frames, "IMG_{:04d}.jpg")
    write_pictures(here / "beetle-flash", [cv2.convertScaleAbs(f, alpha=0.8) for f in frames], "IMG_{:04d}.jpg")
    write_pictures(here / "sweep", frames, "f{:02d}.jpg")
    rows = [f"f{i:02d}.jpg,{d:.4f}" for i, d in enumerate(DIOPTRES)]
    (here / "lens.csv").write_text("\n".join(["file,focus_dioptre", *rows]) + "\n")
    grey = [cv2.cvtColor(f, cv2.COLOR_BGR2GRAY) for f in frames]
    write_pictures(here / "edge", grey, "e{:02d}.tif")
    write_pictures(here / "planes", [f.astype(np.uint16) * 16 for f in grey], "plane{:02d}.tif")
    planes = np.stack([np.stack([f, 255 - f]) for f in grey]).astype(np.uint16) * 16
    scale = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.2, "PhysicalSizeZ": 0.5}
    units = {f"{k}Unit": "µm" for k in scale}
    tifffile.imwrite(here / "field.ome.tif", planes, ome=True, metadata={"axes": "ZCYX", **scale, **units})
    truth = np.load(PACKAGE / "data" / "demo" / "ground_truth_depth.npy").astype(np.float32)
    size = frames[0].shape[1::-1]
    np.savez(
        here / "scene.npz",
        frames=np.stack([f[..., ::-1] for f in frames]),
        focus=(1 / DIOPTRES).astype(np.float32),
        focus_unit="metre",
        depth=cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST),
    )
    write_checkpoint(here / "check_point.pth")
    return here


def write_checkpoint(path: Path) -> None:
    """What the authors' training script of "in the wild" writes; never trained."""
    import torch

    from focaldepth.networks._net import build

    torch.manual_seed(0)
    torch.save({f"module.{key}": value for key, value in build("dff-in-the-wild").state_dict().items()}, path)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_something_to_run(page: str) -> None:
    assert steps(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_page_runs(page: str, samples: Path, tmp_path: Path) -> None:
    for thing in samples.iterdir():
        (tmp_path / thing.name).symlink_to(thing)
    done = ""
    for step in steps(page):
        if step.kind == "console":
            words = shlex.split(step.text, comments=True)[1:]
            result = run("-m", "focaldepth", *words, cwd=tmp_path)
            assert result.returncode == step.code, f"{step.text}\n{result.stdout}\n{result.stderr}"
            assert "Traceback" not in result.stderr
        else:
            done += step.text
            result = run("-W", "error::DeprecationWarning:focaldepth", "-c", done, cwd=tmp_path)
            assert result.returncode == 0, f"{step.text}\n{result.stderr}"


def test_words_of_the_command_line_in_the_pages_exist() -> None:
    """Verbs and options that the prose names in backticks are those of the program."""
    verbs = set()
    for page in [*PAGES, "docs/index.md", "CONTRIBUTING.md"]:
        verbs |= set(
            re.findall(r"`?\$? ?\bfocaldepth ([a-z]+)\b", (ROOT / page).read_text("utf-8").replace("\n", "  "))
        )
    result = run("-m", "focaldepth", "--help", cwd=ROOT)
    known = set(re.findall(r"^  ([a-z]+)  ", result.stdout, re.MULTILINE))
    assert known
    assert {
        v for v in verbs if v in {"estimate", "align", "fuse", "demo", "methods", "cite", "doctor", "rerun"}
    } <= known


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []
