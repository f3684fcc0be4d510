"""Do the ideas of the papers help here, too? Small trainings on generated scenes, with and without each of them.

    python benchmarks/science.py [--epochs N] [--seeds N] [--question NAME ...] [--minutes N] [--table]

Every arm of a question sees crops of the same 128 scenes of 128 x 128 px in as many steps, and is judged on 24 others
through the front door: mean absolute error in dioptres, between the first and the last focus position. A seed draws
weights, order, crops and flips. Networks are as the papers have them but for what the question changes (AiFDepthNet in
2D); pictures, frames and steps are few. Methods without training, and one depth for all of a scene, are judged alike.
Each finished run is stored at once in benchmarks/results/science.json, and runs that are there are not repeated, so
questions can be asked side by side; --table only prints. The table also goes into docs/notes/training.md.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _record import RESULTS, ROOT, machine, markdown

PAGE = ROOT / "docs/notes/training.md"
MARKS = "<!-- science: written by benchmarks/science.py -->", "<!-- /science -->"
FILE = RESULTS / "science.json"
COMMON = {
    "height": "128", "width": "128", "samples": "16", "count": "128", "endless": "false", "validation": "24",
    "scale": "desk", "data_options.frames": "5", "augment.frames": "0", "crop": "64", "contrast": "0",
    "brightness": "0", "gamma": "1", "batch": "4", "precision": "bfloat16", "optimiser": "adam",
    "learning_rate": "1e-3", "beta2": "0.999", "schedule": "cosine", "warmup_steps": "20", "clip": "1",
    "in_focus_range": "true", "metric": "mae",
    "convention.focus": "unit range", "validate_epochs": "1000", "checkpoint_steps": "100000", "log_steps": "10",
}  # fmt: skip
NOTE = (
    "Mean and standard deviation over seeds of the mean absolute error on 24 scenes, between the first and the last "
    "focus position. All arms of a question make the same number of steps on the same 128 scenes of 128 x 128 px, cut "
    "to 64 x 64; the alignment network is trained on whole ones, for half as many. `python benchmarks/science.py`"
)
LOCK = Path(tempfile.gettempdir()) / "focaldepth_science.lock"
OTHERS = "The same scenes without training:"


@dataclass(frozen=True)
class Arm:
    """One way of training."""

    name: str
    recipe: str
    changes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is compared, and what the paper found: its figures in the order of the arms, less is better."""

    title: str
    paper: str
    arms: tuple[Arm, ...]


TWO_D = {"dims": "2"}
# Frames breathe about the middle of the whole picture, so these are not cut.
MOVED = {"misaligned": "true", "crop": "0", "convention.order": "far first"}
QUESTIONS = {
    "differential": Question(
        "Differences of frames (DFV) or the frames themselves (FV)",
        "DFV is the better of the two (Yang et al., CVPR 2022)",
        (Arm("frames (FV)", "fv-fod500"), Arm("differences (DFV)", "dfv-fod500")),
    ),
    "attention": Question(
        "Depth by attention over frames, or regressed directly (AiFDepthNet, 2D)",
        "MAE 0.1179 px direct, 0.1070 px by attention (Wang et al., ICCV 2021, supplement, table 3)",
        (
            Arm("direct", "aifdepthnet-fod500", {**TWO_D, "direct_frames": "5"}),
            Arm("attention", "aifdepthnet-fod500", TWO_D),
        ),
    ),
    "modules": Question(
        "Sharp region detector and effective downsampling, or plain blocks (in the wild)",
        "MAE 0.0421 m with either of the two replaced, 0.0403 m as proposed (Won and Jeon, ECCV 2022, table 5)",
        (
            Arm(
                "2D residual, max pooling",
                "dff-in-the-wild-fod500",
                {"detector": "resnet_2d", "downsampling": "max_pool"},
            ),
            Arm("SRD, EFD", "dff-in-the-wild-fod500"),
        ),
    ),
    "smoothness": Question(
        "Trained on all-in-focus pictures alone, without and with smoothness (AiFDepthNet, 2D)",
        "MAE 0.2425 px without, 0.1671 px with (Wang et al., ICCV 2021, supplement, table 4)",
        (
            Arm("without", "aifdepthnet-unsup-hci", {**TWO_D, "smooth": "0", "convention.order": "near first"}),
            Arm("with", "aifdepthnet-unsup-hci", {**TWO_D, "convention.order": "near first"}),
        ),
    ),
    "alignment": Question(
        "One network of depth, trained on registered frames, on those of a phone that breathes and shifts",
        "MAE 0.0247 m, 0.0165 m, 0.0151 m (Won and Jeon, ECCV 2022, table 4)",
        (
            Arm("as they are", "dff-in-the-wild-fod500"),
            Arm("zoomed by the field of view", "dff-in-the-wild-e2e", {"alignment": "field_of_view"}),
            Arm("aligned by a network", "dff-in-the-wild-e2e", {"alignment": "network"}),
        ),
    ),
}


def made(arm: Arm, seed: int, epochs: int, **more: str) -> Any:
    """The recipe of a run."""
    from focaldepth.training._recipe import load_recipe

    return load_recipe(
        arm.recipe, {**COMMON, "epochs": str(epochs), "seed": str(seed), **arm.changes, **more}, data="scenes"
    )


KEPT: dict[str, Any] = {}


def remembered(source: Any) -> Any:
    """Sources of the arms of a process share what they have rendered."""
    if getattr(source, "shares", False):
        return source

    def shared(stage: Any, root: Any, **more: Any) -> Any:
        found = source(stage, root, **more)
        return KEPT.setdefault(repr(found), found)

    shared.shares = True  # type: ignore[attr-defined]
    return shared


def without_training() -> list[dict[str, object]]:
    """What methods without training, and one depth for all of a scene, reach on the scenes of the validation."""
    import numpy as np

    import focaldepth as fd
    from focaldepth.training._source import source

    found: list[dict[str, object]] = []
    for title, name in (("registered", "differential"), ("of a phone that breathes and shifts", "alignment")):
        stage = made(QUESTIONS[name].arms[0], 0, 1, **(MOVED if name == "alignment" else {})).first
        scenes = source(stage, None, validation=True)
        samples = [scenes.open(i) for i in range(len(scenes))]
        items = [fd.Item(str(i), lambda sample=sample: sample) for i, sample in enumerate(samples)]  # type: ignore[misc]
        errors = []
        for sample in samples:
            ends = sample.stack.blur_axis.values
            depth = sample.truth.to(sample.stack.blur_axis.unit, sample.stack.optics).values  # type: ignore[union-attr]
            inside = depth[(depth >= ends.min()) & (depth <= ends.max())]
            errors.append(float(np.abs(inside - np.median(inside)).mean()))
        found.append({"frames": title, "how": "median of the truth", "MAE, dioptres": f"{np.mean(errors):.4f}"})
        for method in ("naive", "classical"):
            for align in ("none", "auto") if name == "alignment" else ("none",):
                said = fd.evaluate(items, fd.EstimateSettings(method=method, align=align), "plain")
                error = said.mean(said.record.columns[0])
                how = method + (", aligned" if align == "auto" else "")
                found.append({"frames": title, "how": how, "MAE, dioptres": f"{error:.4f}"})
    return found


def trained(recipe: Any, folder: Path) -> Any:
    """Train by a recipe on one thread."""
    import torch

    from focaldepth.core.progress import Run
    from focaldepth.training import _loop

    torch.set_num_threads(1)
    _loop.source = remembered(_loop.source)  # type: ignore[attr-defined]
    return _loop.train(recipe, folder, _loop.TrainOptions(device="cpu", events=False), Run(threads=1))


def run(name: str, seed: int, epochs: int) -> Iterator[tuple[str, float, int]]:
    """Train the arms of a question one by one: arm, error, steps."""
    for arm in QUESTIONS[name].arms:
        with tempfile.TemporaryDirectory() as folder:
            found = trained(made(arm, seed, epochs), Path(folder) / "run")
        yield arm.name, float("nan") if found.best is None else found.best, found.steps


def run_alignment(seed: int, epochs: int) -> Iterator[tuple[str, float, int]]:
    """Train a network of depth on registered frames, and one that aligns; judge them together: arm, error, steps."""
    from dataclasses import replace

    import torch

    from focaldepth.core.progress import Run
    from focaldepth.networks._net import build
    from focaldepth.networks._weights import load_weights, save_weights
    from focaldepth.training._processes import Processes
    from focaldepth.training._source import source
    from focaldepth.training._validate import Judge

    plain, *others = QUESTIONS["alignment"].arms
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        depth = trained(made(plain, seed, epochs, **{"convention.order": "far first"}), folder / "depth")
        # In float32: its 3D convolutions would be so anyway.
        ends = {**MOVED, "precision": "float32", "align.epochs": str(max(1, epochs // 2)), "align.metric": "loss"}
        ends |= {"depth.train": "DFF_net"}
        both = made(others[-1], seed, epochs, **ends)
        aligner = trained(replace(both, stages=both.stages[:1]), folder / "align")
        held = {**load_weights(aligner.weights)[0].state_dict(), **load_weights(depth.weights)[0].state_dict()}
        for arm in (plain, *others):
            stage = made(arm, seed, epochs, **MOVED, **({} if arm is plain else {"depth.train": "DFF_net"})).stages[-1]
            net = build(stage.settings.network, stage.options)
            net.load_state_dict({key: held[key] for key in net.state_dict()})
            file = folder / f"{arm.name}.safetensors"
            save_weights(net, stage.settings.network, file, convention=stage.convention)
            judge = Judge(stage, KEPT.setdefault("moved", source(stage, None, validation=True)))
            error = judge.value(net, file, Processes(0, 1, torch.device("cpu")), Run(threads=1))
            yield arm.name, error, depth.steps + (aligner.steps if arm is others[-1] else 0)


def stored() -> list[dict[str, Any]]:
    """The runs that are there."""
    runs: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))["runs"] if FILE.exists() else []
    return runs


def rows(runs: list[dict[str, Any]]) -> list[dict[str, object]]:
    """One row per arm: mean and spread over seeds, and against the first arm of its question.

    Runs of another length do not mix: of a question those count of which there are most, of several such the longest.
    """
    table: list[dict[str, object]] = []
    for name, question in QUESTIONS.items():
        lengths = [r["epochs"] for r in runs if r["question"] == name]
        length = max(lengths, key=lambda n: (lengths.count(n), n), default=0)
        asked = [r for r in runs if r["question"] == name and r["epochs"] == length]
        errors = {arm.name: {r["seed"]: r["mae"] for r in asked if r["arm"] == arm.name} for arm in question.arms}
        base = errors[question.arms[0].name]
        for arm in question.arms:
            own = errors[arm.name]
            if not own:
                continue
            both = [own[s] / base[s] - 1 for s in own if s in base]
            spread = f" ± {statistics.stdev(own.values()):.4f}" if len(own) > 1 else ""
            first = arm is question.arms[0]
            table.append(
                {
                    "question": question.title if first else "",
                    "arm": arm.name,
                    "MAE, dioptres": f"{statistics.mean(own.values()):.4f}{spread}",
                    "seeds": len(own),
                    "steps": next(r["steps"] for r in asked if r["arm"] == arm.name),
                    "against the first": "" if first or not both else f"{100 * statistics.mean(both):+.1f} %",
                    "better in": "" if first or not both else f"{sum(b < 0 for b in both)} of {len(both)}",
                    "paper": question.paper if first else "",
                }
            )
    return table


def write(runs: list[dict[str, Any]]) -> None:
    """Store the runs with their table, beside and renamed."""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"title": "Ideas of the papers in small trainings", "note": NOTE, "made": made, "machine": machine()}
    others = json.loads(FILE.read_text("utf-8")).get("without training") if FILE.exists() else None
    others = others or without_training()
    table = {**facts, "rows": rows(runs), "without training": others, "runs": runs}
    part = FILE.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    part.replace(FILE)
    if PAGE.exists():
        before, _, rest = PAGE.read_text("utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        both = f"{markdown(rows(runs))}\n\n{OTHERS}\n\n{markdown(others)}"
        PAGE.write_text(f"{before}{MARKS[0]}\n\n{both}\n\n{MARKS[1]}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--question", nargs="*", default=list(QUESTIONS), choices=list(QUESTIONS))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further run after so long")
    parser.add_argument("--table", action="store_true", help="print what is stored, and stop")
    asked = parser.parse_args()
    begin = time.monotonic()
    for seed in range(0 if asked.table else asked.seeds):
        for name in asked.question:
            key = {"question": name, "seed": seed, "epochs": asked.epochs}
            there = [r["arm"] for r in stored() if key.items() <= r.items()]
            if set(there) == {arm.name for arm in QUESTIONS[name].arms}:
                continue
            if time.monotonic() - begin > 60 * asked.minutes:
                break
            used = time.process_time()
            each = run_alignment(seed, asked.epochs) if name == "alignment" else run(name, seed, asked.epochs)
            for arm, error, steps in each:
                took = round(time.process_time() - used)
                found = {**key, "arm": arm, "mae": error, "steps": steps, "processor_seconds": took}
                with LOCK.open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)  # other questions may be asked beside this process
                    write([*(r for r in stored() if not {**key, "arm": arm}.items() <= r.items()), found])
                print(found, flush=True)
                used = time.process_time()
    print(markdown(rows(stored())))


if __name__ == "__main__":
    main()
