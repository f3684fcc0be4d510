"""``focaldepth doctor``: is everything there, and does it work?"""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli._json import print_json
from focaldepth.cli._session import debug_option
from focaldepth.cli._types import size_text
from focaldepth.core.machine import memory
from focaldepth.core.progress import Run

REQUIRED = {
    "numpy": ("numpy", "arrays"),
    "scipy": ("scipy", "filters and fits"),
    "cv2": ("opencv-python-headless", "decoding, filters, alignment"),
    "tifffile": ("tifffile", "TIFF, OME-TIFF, ImageJ TIFF"),
    "imagecodecs": ("imagecodecs", "codecs of TIFF, JPEG, WebP, PNG"),
    "PIL": ("pillow", "EXIF, ICC, header checks"),
    "click": ("click", "this command line"),
    "rich": ("rich", "progress bars"),
    "jinja2": ("jinja2", "report.html"),
    "pydantic": ("pydantic", "checks of result.json"),
}
"""Module -> distribution, what it gives."""
OPTIONAL = {
    "rawpy": ("rawpy", "raw", "camera RAW files"),
    "av": ("av", "video", "video sweeps"),
    "h5py": ("h5py", "hdf5", "HDF5 stacks"),
    "zarr": ("zarr", "zarr", "zarr stacks"),
    "OpenEXR": ("OpenEXR", "exr", "depth as OpenEXR"),
    "trimesh": ("trimesh", "mesh", "3D surfaces: PLY, GLB, STL"),
    "torch": ("torch", "networks", "depth by networks"),
    "safetensors": ("safetensors", "networks", "weights of networks"),
    "onnxruntime": ("onnxruntime", "onnx", "networks for other programs"),
}
"""Module -> distribution, extra, what it gives."""
_COMPLETION = {
    "bash": 'eval "$(_FOCALDEPTH_COMPLETE=bash_source focaldepth)"',
    "zsh": 'eval "$(_FOCALDEPTH_COMPLETE=zsh_source focaldepth)"',
    "fish": "_FOCALDEPTH_COMPLETE=fish_source focaldepth | source",
}


@click.command("doctor", short_help="Check the installation: libraries, codecs, memory, disk.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check the installation: Python, libraries and extras, codecs, cores, memory, disk.

    Exits with 1 when something that focaldepth needs is missing or broken; a missing extra is no fault.
    """
    facts = examine()
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    if facts["broken"]:
        ctx.exit(1)


def examine() -> dict[str, Any]:
    """Return all facts; importing every library is the point here."""
    required = {m: {"distribution": d, "gives": g, **_library(m, d)} for m, (d, g) in REQUIRED.items()}
    optional = {m: {"distribution": d, "extra": e, "gives": g, **_library(m, d)} for m, (d, e, g) in OPTIONAL.items()}
    codecs = {suffix: _codec(suffix) for suffix in (".jpg", ".png", ".tiff", ".webp")}
    python_ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    broken = [m for m, f in required.items() if not f["works"]] + [s for s, e in codecs.items() if e]
    return {
        "focaldepth": __version__,
        "python": platform.python_version(),
        "python_supported": python_ok,
        "platform": platform.platform(),
        "required": required,
        "optional": optional,
        "programs": {"exiftool": shutil.which("exiftool") or ""},
        "codecs": {s: e or "works" for s, e in codecs.items()},
        "cores": Run().threads,
        "memory_bytes": memory(),
        "disk_free_bytes": {str(p): _free(p) for p in {Path.cwd(), Path(tempfile.gettempdir())}},
        "completion": _COMPLETION,
        "broken": broken + ([] if python_ok else ["python"]),
    }


def _library(module: str, distribution: str) -> dict[str, Any]:
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001 - a broken library may raise anything; that is what is reported
        missing = isinstance(error, ModuleNotFoundError) and error.name == module
        return {"works": False, "version": "", "problem": "not installed" if missing else f"broken: {error}"}
    try:
        return {"works": True, "version": version(distribution), "problem": ""}
    except PackageNotFoundError:
        return {"works": True, "version": "unknown", "problem": ""}


def _codec(suffix: str) -> str:
    """Write and read back a small picture; returns what went wrong, empty when it works."""
    try:
        import cv2
        import numpy as np

        done, data = cv2.imencode(suffix, np.full((8, 8, 3), 128, np.uint8))
        back = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if done else None
    except Exception as error:  # noqa: BLE001 - any failure of a codec is the finding
        return f"{error}".strip() or type(error).__name__
    return "" if back is not None and back.shape == (8, 8, 3) else "does not read back what it wrote"


def _free(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


def _mark(good: bool) -> str:
    return click.style("ok", fg="green") if good else click.style("!!", fg="red")


def _print(facts: dict[str, Any]) -> None:
    click.echo(f"focaldepth {facts['focaldepth']}, Python {facts['python']}, {facts['platform']}")
    click.echo("\nNeeded")
    for module, one in facts["required"].items():
        click.echo(f"  {_mark(one['works'])} {module:<12}{one['version'] or one['problem']:<14}{one['gives']}")
    click.echo("\nExtras")
    for module, one in facts["optional"].items():
        how = "" if one["works"] else f"  (pip install 'focaldepth[{one['extra']}]')"
        sign = _mark(True) if one["works"] else "--"
        click.echo(f"  {sign} {module:<12}{one['version'] or one['problem']:<14}{one['gives']}{how}")
    tool = facts["programs"]["exiftool"]
    found = tool or "not found"
    click.echo(f"  {_mark(True) if tool else '--'} {'exiftool':<12}{found:<14}focus distances in camera MakerNotes")
    click.echo("\nMachine")
    click.echo(f"  cores       {facts['cores']}")
    if facts["memory_bytes"]:
        total, free = (size_text(facts["memory_bytes"][k]) for k in ("total", "free"))
        click.echo(f"  memory      {total}, {free} free")
    for path, free in sorted(facts["disk_free_bytes"].items()):
        click.echo(f"  disk        {size_text(free)} free in {path}")
    click.echo(f"  codecs      {', '.join(f'{s} {e}' for s, e in facts['codecs'].items())}")
    click.echo("\nCompletion (put the line into the start file of your shell)")
    for shell, line in facts["completion"].items():
        click.echo(f"  {shell:<6}{line}")
    if facts["broken"]:
        click.echo(f"\nBroken: {', '.join(facts['broken'])}. Reinstall with: pip install --force-reinstall focaldepth")
    else:
        click.echo("\nAll that is needed works.")
