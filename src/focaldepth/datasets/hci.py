"""4D Light Field benchmark (HCI): folders of 9 x 9 views, or the stacks that papers make of them in HDF5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.method import Citation
from focaldepth.core.progress import Run
from focaldepth.core.registry import extra_for
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import check, setting
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.datasets._dataset import Dataset, DatasetSpec, Root, check_split, missing
from focaldepth.datasets._hci_fake import fake_folders
from focaldepth.datasets._pictures import read_picture
from focaldepth.datasets._refocusing import FOCUS_HELP, REFOCUSER_HELP, REFOCUSERS_KNOWN, disparity_axis, pictures
from focaldepth.datasets._stack_file import StackArray, count_stacks, key_of, no_key, opened, write_arrays
from focaldepth.io._hci import PARAMETERS, TRUTH, is_hci, read_parameters
from focaldepth.io.light_field import focused, load_light_field

FILE = "HCI_FS_trainval.h5"
CATEGORIES = {"additional": "train", "stratified": "train", "training": "val", "test": "test"}
_MASK = "valid_mask.png"
_FOCUS = "focus_position_disp"
_OFFICIAL = "-2.5:2.5:10"


@dataclass(frozen=True)
class Hci(Dataset):
    """Rendered light fields with signed disparity."""

    spec: ClassVar[DatasetSpec] = DatasetSpec(
        title="4D Light Field benchmark (HCI)",
        address="https://lightfield-analysis.uni-konstanz.de (full_data.zip, after registration)",
        licence="CC BY-NC-SA 4.0 stands in the tools of the benchmark; look at the terms of the data",
        citation=Citation(
            "honauer2016dataset",
            "K. Honauer, O. Johannsen, D. Kondermann, B. Goldluecke. A dataset and evaluation methodology for depth "
            "estimation on 4D light fields. ACCV 2016.",
            "https://doi.org/10.1007/978-3-319-54187-7_2",
        ),
        summary="28 rendered light fields of 9 x 9 views with exact disparity; refocused they are focal stacks.",
        unit=Unit.DISPARITY_PX,
        focus="-2.5 ... 2.5 px, far to near",
        frames="10 (any, of the views)",
        axis=disparity_axis(_OFFICIAL),
        splits=("train", "val", "test"),
        split_rule="16 additional and 4 stratified scenes to train, the 4 training ones to validate; no truth for test",
        protocols=("hci-aif", "hci-wild", "hci-ddff"),
        layout=(
            "{additional,stratified,training,test}/SCENE/: input_Cam000.png ... input_Cam080.png, parameters.cfg, "
            "gt_disp_lowres.pfm [, valid_mask.png]",
            f"or {FILE}: stack_train, stack_val (n, 10, 512, 512, 3) RGB 0 ... 255; disp_*, AiF_*, name_*, {_FOCUS}",
        ),
        notes=(
            "Disparity is signed and passes 0: relative errors take its absolute value and become huge.",
            "The refocused range ends at 2.5 px; some truth lies beyond it.",
            "The papers' order of validation is sideboard, dino, cotton, boxes: go by names.",
        ),
    )

    form: str = setting(
        "auto", f"what is read: {FILE} where it is there, else folders of views", choices=("auto", "h5", "views")
    )
    focus: str = setting(_OFFICIAL, f"of folders of views: {FOCUS_HELP}")
    refocuser: str = setting("ddff", f"of folders of views: {REFOCUSER_HELP}", choices=REFOCUSERS_KNOWN)

    def __post_init__(self) -> None:
        check(self)
        disparity_axis(self.focus)

    def items(self, root: Root, split: str = "") -> list[Item]:
        """List scenes by name; views are refocused when frames are read."""
        check_split(split, self.spec)
        place = Path(root)
        file = place if place.is_file() else place / FILE
        if self.form == "h5" or (self.form == "auto" and file.is_file()):
            return self._of_file(file, split)
        found = [(folder, s) for folder, s in scenes(place) if split in ("", s)]
        if not found:
            category = next((c for c, s in CATEGORIES.items() if s == split), "additional")
            raise missing(f"{FILE}, and {category}/SCENE/input_Cam000.png ...,", root, self.spec)
        return [Item(folder.name, partial(self._of_views, folder, s), s) for folder, s in found]

    def _of_views(self, folder: Path, split: str) -> Sample:
        views = load_light_field(folder)
        if views.truth is None and split != "test":
            raise ReadError(
                "not found.", where=folder / TRUTH, hint="Unpack the archive again; only test has no truth."
            )
        sample = focused(views, disparity_axis(self.focus), refocuser=self.refocuser)
        truth = sample.truth
        if truth is not None and (folder / _MASK).is_file():
            truth = DepthMap(truth.values, truth.unit, truth.valid & (read_picture(folder / _MASK)[..., 0] > 0))
        return replace(sample, truth=truth, name=folder.name, split=split)

    def _of_file(self, path: Path, split: str) -> list[Item]:
        if not path.is_file():
            raise missing(FILE, path, self.spec)
        wanted = [split] if split else list(self.spec.splits)
        found: list[Item] = []
        with opened(path) as file:
            axis = _axis_of(file)
            for s in wanted:
                stacks = key_of(file, (f"stack_{s}",))
                if stacks:
                    array = StackArray(path, stacks, key_of(file, (f"disp_{s}",)), key_of(file, (f"AiF_{s}",)))
                    names = _names(file, s, count_stacks(file, path, stacks))
                    found += [Item(n, partial(_of_array, array, i, n, s, axis), s) for i, n in enumerate(names)]
            if not found:
                raise no_key(file, path, [f"stack_{s}" for s in wanted])
        return found

    def prepare(self, root: Root, out: Root, run: Run = Run()) -> None:
        """Write HCI_FS_trainval.h5 as AiFDepthNet does: train and val, last name first, values 0 ... 255 in float32.

        Raises:
            ReadError: no scenes, or views and truth that cannot be read.
        """
        found = [(folder, split) for folder, split in scenes(Path(root)) if split != "test"]
        if not found:
            raise missing("additional/SCENE/input_Cam000.png ...", root, self.spec)
        with extra_for("preparing HDF5"):
            import h5py
        axis = disparity_axis(self.focus)
        target = Path(out)
        target.mkdir(parents=True, exist_ok=True)
        run.stage("refocus", len(found))
        with h5py.File(target / FILE, "w") as file:
            file[_FOCUS] = axis.values[None].astype(np.float32)
            for split in ("train", "val"):
                folders = sorted(
                    (f for f, s in found if s == split), key=lambda f: (f.parent.name, f.name), reverse=True
                )
                for i, folder in enumerate(folders):
                    _add(file, split, i, len(folders), folder, axis, self, run)
                    run.advance()

    def fake(self, out: Root, seed: int = 0) -> None:
        """One scene of 16 px per category, and an HDF5 file of two scenes to train and one to validate."""
        folder, rng = Path(out), np.random.default_rng(seed)
        folder.mkdir(parents=True, exist_ok=True)
        fake_folders(folder, list(CATEGORIES), rng)
        arrays: dict[str, Any] = {_FOCUS: np.linspace(-2.5, 2.5, 10, dtype=np.float32)[None]}
        for split, names in (("train", ["tower", "dots"]), ("val", ["sideboard"])):
            n = len(names)
            arrays[f"stack_{split}"] = rng.integers(0, 256, (n, 10, 16, 16, 3)).astype(np.float32)
            arrays[f"AiF_{split}"] = rng.integers(0, 256, (n, 16, 16, 3)).astype(np.float32)
            arrays[f"disp_{split}"] = rng.uniform(-3.5, 3.5, (n, 16, 16)).astype(np.float32)
            arrays[f"name_{split}"] = np.array([[f"full_data/{name}".encode()] for name in names], object)
        write_arrays(folder / FILE, arrays)


def scenes(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders of scenes with their split, category by category."""
    for category, split in CATEGORIES.items():
        folder = root / category
        for scene in sorted(folder.iterdir()) if folder.is_dir() else ():
            if is_hci(scene):
                yield scene, split


def _axis_of(file: Any) -> FocusAxis:
    values = np.asarray(file[_FOCUS], np.float64).ravel() if _FOCUS in file else disparity_axis(_OFFICIAL).values
    return FocusAxis(values, Unit.DISPARITY_PX)


def _names(file: Any, split: str, count: int) -> list[str]:
    """Names of scenes; h5py gives them as bytes, with or without the path that they were read from."""
    key = f"name_{split}"
    stored = np.asarray(file[key]).ravel().tolist() if key in file else []
    texts = [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in stored]
    names = [text.rstrip("/").rpartition("/")[2] for text in texts]
    good = len(names) == count == len(set(names)) and all(names)
    return names if good else [f"{split}_{i:03d}" for i in range(count)]


def _of_array(array: StackArray, i: int, name: str, split: str, axis: FocusAxis) -> Sample:
    frames, white = array.frames(i)
    stack = FocalStack.from_arrays(frames, axis, transfer=Transfer.SRGB, white=white, name=name)
    info = replace(
        stack.info,
        files=(str(array.path),),
        focus_origin=_FOCUS,
        order_rule="focus distance",
        extra={"dataset": f"{array.stacks}[{i}]"},
    )
    values = array.plane(i)
    truth = None if values is None else DepthMap(values, Unit.DISPARITY_PX, np.isfinite(values))
    return Sample(replace(stack, info=info), truth, array.sharp_picture(i, white), name=name, split=split)


def _add(file: Any, split: str, i: int, count: int, folder: Path, axis: FocusAxis, made: Hci, run: Run) -> None:
    """Put scene i of a split into the file; the first one makes the arrays."""
    views = load_light_field(folder)
    if views.truth is None:
        raise ReadError("not found.", where=folder / TRUTH, hint="Unpack the archive again.")
    facts = read_parameters(folder / PARAMETERS)
    known = {name: float(facts.get(name, "nan")) for name in ("focal_length_mm", "baseline_mm", "fstop")}
    aperture = 8 * known["baseline_mm"] + known["focal_length_mm"] / known["fstop"]
    values: dict[str, Any] = {
        "stack": pictures(views, axis, made.refocuser, run),
        "AiF": views.view(*views.centre),
        "disp": views.truth.values,
        "focal_length_mm": [known["focal_length_mm"]],
        "baseline_mm": [known["baseline_mm"]],
        "syn_aperture": [aperture],
    }
    for key, value in values.items():
        name = f"{key}_{split}"
        data = file.require_dataset(name, (count, *np.shape(value)), np.float32)
        data[i] = value
    import h5py

    names = file.require_dataset(f"name_{split}", (count, 1), h5py.string_dtype())
    names[i] = f"{folder.parent.name}/{folder.name}"


DATASET = Hci
