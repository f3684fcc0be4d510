"""How well `--align auto` does: corner error where the truth is known, identity where nothing moved, seconds.

Run: ``python benchmarks/alignment.py [scene ...]``. Prints tables and writes benchmarks/results/alignment.json and
alignment_effect.json (what alignment does to picture and depth of the misaligned scenes).
"""

from __future__ import annotations

import json
import sys
import time

import cv2
import numpy as np
from _record import DATA, record

from focaldepth.align._geometry import corner_motion
from focaldepth.align._run import align, from_transforms
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate

ALIGNED = ("lytro_figure_shelf", "lightsheet_16bit", "slope", "cross", "peaks")


def scenes():
    """Name -> (frames, true transforms or None, whether the stack is registered)."""
    for path in sorted(DATA.glob("blender/*.npz")) + sorted(DATA.glob("middlebury/*.npz")):
        with np.load(path) as data:
            frames = np.ascontiguousarray(data["frames"])
            truth = json.loads(str(data["attrs"])).get("homography_ref_to_frame")
        yield path.stem, frames, truth if truth is None else np.array(truth), truth is None
    folders = sorted(DATA.glob("stacks/*")) + sorted(DATA.glob("stacks/cou_generated/*"))
    for folder in folders:
        files = sorted(p for p in folder.glob("*") if p.suffix in (".jpg", ".tif", ".tiff", ".png"))
        if files:
            frames = np.stack([cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in files])
            yield folder.name, frames, None, folder.name in ALIGNED


def measure(name, frames, truth, registered):
    stack = FocalStack.from_arrays(frames, name=name)
    shape, n = stack.shape[:2], len(stack)
    wall, cpu = time.perf_counter(), time.process_time()
    found = align(stack, "auto")
    row = {
        "scene": name,
        "size": f"{shape[1]}x{shape[0]}x{n}",
        "registered": registered,
        "untouched": not found.moves,
        "explained": round(found.evidence.get("explained", float("nan")), 3),
        "heldout_before_px": round(found.evidence.get("heldout_before_px", float("nan")), 3),
        "heldout_after_px": round(found.evidence.get("heldout_after_px", float("nan")), 3),
        "largest_motion_px": round(max(corner_motion(t, shape) for t in found.transforms), 2),
        "scale_last_over_first": round(scale(found.transforms[-1]) / scale(found.transforms[0]), 4),
        "rule": found.rule.split(":")[0],
        "wall_s_per_frame": round((time.perf_counter() - wall) / n, 3),
        "cpu_s_per_frame": round((time.process_time() - cpu) / n, 3),
    }
    if truth is not None:
        truth = truth @ np.linalg.inv(truth[found.reference])
        row["rms_corner_unaligned_px"] = rms([corner_motion(np.eye(3), shape, t) for t in truth])
        errors = [corner_motion(f, shape, t) for f, t in zip(found.transforms, truth, strict=True)]
        row["rms_corner_aligned_px"], row["worst_frame_px"] = rms(errors), round(max(errors), 3)
    return row


def effect(path):
    """PSNR and depth error without alignment, with what `auto` found and with the true homographies."""
    with np.load(path) as data:
        axis = FocusAxis(data["focus"].astype(float), Unit(str(data["focus_unit"])))
        stack = FocalStack.from_arrays(np.ascontiguousarray(data["frames"]), axis, name=path.stem)
        true = np.array(json.loads(str(data["attrs"]))["homography_ref_to_frame"])
        depth, sharp = data["depth"].astype(float), data["all_in_focus"]
    reference = int(np.argmin([np.abs(t - np.eye(3)).max() for t in true]))
    rows = {
        "none": estimate(stack, method="classical-fast", align="none", fill=True, unit="dioptre"),
        "auto": estimate(stack, method="classical-fast", align="auto", fill=True, unit="dioptre"),
        "truth": estimate(
            stack,
            method="classical-fast",
            transforms=from_transforms(stack, true, reference=reference, origin="truth"),
            fill=True,
            unit="dioptre",
        ),
    }
    inside = (depth >= axis.values.min()) & (depth <= axis.values.max())
    row = {"scene": path.stem}
    for name, found in rows.items():
        difference = found.all_in_focus.astype(float) - sharp
        row[f"{name} PSNR dB"] = round(float(10 * np.log10(255**2 / np.mean(difference**2))), 2)
    for name, found in rows.items():
        row[f"{name} error 1/m"] = round(float(np.abs(found.filled.values - 1 / depth)[inside].mean()), 4)
    return row


def scale(t):
    return float(np.sqrt(abs(np.linalg.det(t[:2, :2]))))


def rms(values):
    return round(float(np.sqrt(np.mean(np.square(values)))), 3)


def main(wanted):
    rows = []
    columns = f"{'corner RMS px':>15} {'held out px':>14} {'expl.':>6} {'zoom':>7} {'CPU s':>6}  result"
    print(f"{'scene':20} {'size':14} {columns}")
    for name, frames, truth, registered in scenes():
        if wanted and name not in wanted:
            continue
        r = measure(name, frames, truth, registered)
        rows.append(r)
        corner = (
            f"{r['rms_corner_unaligned_px']:.2f} -> {r['rms_corner_aligned_px']:.2f}"
            if truth is not None
            else f"{r['largest_motion_px']:.2f} moved"
        )
        held = f"{r['heldout_before_px']:.2f} -> {r['heldout_after_px']:.2f}"
        good = r["untouched"] == registered
        print(
            f"{name:20} {r['size']:14} {corner:>15} {held:>14} {r['explained']:6.2f} {r['scale_last_over_first']:7.4f} "
            f"{r['cpu_s_per_frame']:6.3f}  {r['rule']}{'' if good else '  <- WRONG'}",
            flush=True,
        )
    if not wanted:
        record("alignment", "Alignment with --align auto", rows, "Corner errors against the true homographies.")
        effects = [effect(path) for path in sorted(DATA.glob("blender/handheld_*.npz"))]
        note = "Registered stacks are exactly untouched (table above), so nothing changes there."
        record("alignment_effect", "What alignment does to misaligned stacks", effects, note)


if __name__ == "__main__":
    main(sys.argv[1:])
