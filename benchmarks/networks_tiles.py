"""How far tiles move the depth that a network finds in the whole picture, and where; with a picture to look for seams.

    python benchmarks/networks_tiles.py [--network NAME ...] [--picture FILE]

Every network runs on a real stack (mirrored to 640 x 960 px, five frames) as a whole and in tiles of 320 px, or the
least that its overlap allows, with weights that keep the size of what goes through the layers: He-uniform filters,
statistics of the batch norms measured on the stack itself, so that scores, and with them depth, depend on the picture
as in trained networks. `--picture` writes depth of whole, tiles and difference side by side. Writes
benchmarks/results/networks_tiles.json; rows of an earlier run stay.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from _record import DATA, RESULTS, record
from _stacks import SOURCE, mirrored

NETWORKS = ("dfv", "fv", "dff-in-the-wild", "aifdepthnet", "defocusnet-coc", "pspnet-dff", "ddffnet")
"""Those whose depth lies within the focus range, or is linear in dioptres; others have no bounds untrained."""
HEIGHT, WIDTH, FRAMES, TILE = 640, 960, 5, 320
POOLED = "averages over the whole picture, in tiles over the tile: no overlap changes that"
SEEN = {
    "dfv": POOLED,
    "fv": POOLED,
    "pspnet-dff": POOLED,
    "defocusnet-coc": "sight ends at 80 px",
}
FAR = "sees through its coarsest scale beyond the overlap, with little weight"


def stack() -> Any:
    """Return frames of a real stack with positions in dioptres."""
    from focaldepth.core.axis import FocusAxis, Unit
    from focaldepth.core.optics import Optics
    from focaldepth.core.stack import FocalStack

    files = sorted((DATA / SOURCE).glob("frame_*.jpg"))
    files = [files[i * (len(files) - 1) // (FRAMES - 1)] for i in range(FRAMES)]
    frames = [mirrored(cv2.imread(str(file)), HEIGHT, WIDTH)[..., ::-1] for file in files]
    axis = FocusAxis(np.linspace(10.0, 1.0, FRAMES), Unit.DIOPTRE)
    return FocalStack.from_arrays(frames, axis, optics=Optics(focal_length_m=0.004, disparity_scale_m_px=0.1))


def lively(name: str, given: Any) -> Any:
    """Return a network whose layers keep the size of what goes through them, on such pictures."""
    import torch
    from torch import nn

    from focaldepth.networks._net import build
    from focaldepth.networks._spec import NETWORKS as KNOWN

    default: Any = KNOWN.get(name).default
    torch.manual_seed(0)
    net = build(name, replace(default, frames=FRAMES) if default.limits.fixed_frames else default)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            nn.init.kaiming_uniform_(layer.weight)
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            layer.reset_parameters()
            layer.momentum = None  # the mean of what it sees
            layer.train()
    with torch.no_grad():
        net(**given)
    return net.eval()


def fed(name: str, frames: Any) -> dict[str, Any]:
    """Return inputs of a network as the runner makes them: a batch of two quarters of the pictures."""
    import torch

    from focaldepth.networks._runner import as_trained
    from focaldepth.networks._spec import NETWORKS as KNOWN

    convention = KNOWN.get(name).convention
    made = np.stack([as_trained(frame, frames, None, convention) for frame in frames.read_all()])
    down, across = HEIGHT // 2, WIDTH // 2
    quarters = np.stack([made[:, :down, :across], made[:, -down:, -across:]])
    focus = torch.linspace(10, 1, FRAMES).expand(2, -1)
    return {"frames": torch.from_numpy(quarters).permute(0, 1, 4, 2, 3), "focus": focus}


def compare(name: str, frames: Any) -> tuple[dict[str, object], list[Any]]:
    """Return a row, and the maps."""
    import tempfile

    from focaldepth.core.progress import Run
    from focaldepth.networks._method import method_class
    from focaldepth.networks._spec import NETWORKS as KNOWN
    from focaldepth.networks._weights import save_weights

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lively.safetensors"
        save_weights(lively(name, fed(name, frames)), name, file)
        method = method_class(name)(weights=str(file), device="cpu", fusion="none")
        maps = [
            one(frames, Run(max_memory=None)).filled.values
            for one in (method, replace(method, tile=TILE))  # type: ignore[union-attr]
        ]
    spread = float(np.ptp(np.percentile(maps[0], [1, 99])))
    moved = 100 * np.abs(maps[1] - maps[0]) / spread
    # Where two tiles meet: the step between neighbouring pixels in tiles, over that in the whole.
    steps = [np.abs(np.diff(one, axis=1)).mean() + np.abs(np.diff(one, axis=0)).mean() for one in maps]
    found: dict[str, object] = {
        "network": name, "overlap px": KNOWN.get(name).default.limits.overlap,
        "depth ranges over": f"{spread:.3g}", "moves, mean %": round(float(moved.mean()), 3),
        "99 of 100 pixels below %": round(float(np.percentile(moved, 99)), 2),
        "largest %": round(float(moved.max()), 2), "steps between pixels, x": round(float(steps[1] / steps[0]), 3),
        "because": SEEN.get(name, FAR),
    }  # fmt: skip
    return found, [*maps, np.abs(maps[1] - maps[0])]


def draw(maps: list[Any], file: Path) -> None:
    """Write whole, tiles and their difference (tenfold) side by side."""
    low, high = np.percentile(maps[0], [1, 99])
    shown = [np.clip((one - low) / (high - low), 0, 1) for one in maps[:2]] + [
        np.clip(10 * maps[2] / (high - low), 0, 1)
    ]
    cv2.imwrite(str(file), cv2.applyColorMap((255 * np.concatenate(shown, 1)).astype(np.uint8), cv2.COLORMAP_VIRIDIS))


def main() -> None:
    """One table, written after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", choices=NETWORKS, help="only this one; may be repeated")
    parser.add_argument("--picture", type=Path, help="folder for pictures of the maps")
    chosen = parser.parse_args()
    path, frames = RESULTS / "networks_tiles.json", stack()
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    note = (
        f"{FRAMES} frames of {WIDTH} x {HEIGHT} px, tiles of {TILE} px or the least that the overlap allows; % of the "
        "range of depth in the whole (1st to 99th percentile)."
    )
    for name in chosen.network or NETWORKS:
        found, maps = compare(name, frames)
        rows = [one for one in rows if one["network"] != name] + [found]
        rows.sort(key=lambda one: NETWORKS.index(str(one["network"])))
        record("networks_tiles", "Networks: tiles against the whole picture", rows, note)
        if chosen.picture:
            draw(maps, chosen.picture / f"tiles_{name}.png")


if __name__ == "__main__":
    main()
