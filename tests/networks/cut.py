"""Make the small copy of the parity cases: `python -m tests.networks.cut FOLDER...` from the repository root.

Of every folder the smallest case stays, with its inputs whole; of outputs of the pictures' size every eighth row and
column. What belongs to the loss of a training script goes. Weights are made from the keys, so none are stored.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

from .official import claimed

EVERY = 8
LOSS = ("gt_", "loss_")
TARGET = Path(__file__).parent / "data"


def cut(folder: Path, target: Path) -> None:
    info = json.loads((folder / "keys.json").read_text("utf-8"))
    meta = info["meta"]
    inputs = claimed(meta["net"], meta["constructor"])[0].inputs
    smallest = min(meta["cases"], key=lambda case: math.prod(case["size"]))
    with np.load(folder / smallest["file"]) as arrays:
        case = {key: arrays[key] for key in arrays.files if not key.startswith(LOSS)}
    size = case[inputs[0]].shape[-2:]
    for key, array in case.items():
        if key not in inputs and array.shape[-2:] == size:
            case[key] = array[..., ::EVERY, ::EVERY]
    target.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target / "case0.npz", **case)
    kept = {name: meta[name] for name in ("net", "weights_seed", "checksum", "constructor")}
    keys = {key: {k: v for k, v in spec.items() if k != "dtype"} for key, spec in info["keys"].items()}
    small = {"meta": {**kept, "every": EVERY}, "keys": keys}
    (target / "keys.json").write_text(json.dumps(small, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        cut(Path(argument), TARGET / Path(argument).name)
