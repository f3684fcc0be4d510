"""Scenes written as a data set: FoD500's files or HDF5, in shards that are there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth._version import __version__
from focaldepth.core.errors import MissingExtraError, ReadError, SettingError
from focaldepth.core.progress import Run
from focaldepth.core.sample import Sample
from focaldepth.scenes.textures import Photographs
from focaldepth.scenes.world import SceneSettings, World, make_world

RECORD = "scenes.json"
SCHEMA = "focaldepth.scenes/1"
FORMATS = ("fod500", "hdf5")
_WORTH_A_PROCESS = 4


@dataclass(frozen=True)
class Job:
    """What is written, and how.

    Attributes:
        settings: of the scenes.
        count: scenes.
        format: "fod500" (000000_00All.tif ... and 000000Dpt.exr with half-precision metres) or "hdf5" (one group per
            scene: frames, focus, depth, all_in_focus).
        shard: scenes per folder or file.
        photographs: folder of textures; empty = procedural ones only.
        device: that samples the lens: "cpu", or a device of torch; may differ from one part of a data set to the next.
    """

    settings: SceneSettings
    count: int
    format: str = "fod500"
    shard: int = 100
    photographs: str = ""
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise SettingError(f"format is {self.format!r}.", where="scenes", hint=f"Allowed: {', '.join(FORMATS)}.")
        if self.count < 1 or self.shard < 1:
            raise SettingError(
                f"{self.count} scenes in shards of {self.shard}.", where="scenes", hint="Give at least 1 of each."
            )

    def facts(self) -> dict[str, Any]:
        """What must be the same to go on with a data set: everything but the number of scenes."""
        return {
            "settings": asdict(self.settings),
            "format": self.format,
            "shard": self.shard,
            "photographs": self.photographs,
        }

    def shards(self) -> list[tuple[str, range]]:
        """Return name and scene numbers of every shard; FoD500's flat folder is one of a single name."""
        suffix = ".h5" if self.format == "hdf5" else ""
        begins = range(0, self.count, self.shard)
        return [(f"scenes_{b:06d}{suffix}", range(b, min(b + self.shard, self.count))) for b in begins]


def write_scenes(out: str | PathLike[str], job: Job, run: Run = Run()) -> list[str]:
    """Write a data set, or go on with one that was begun with the same settings; return the names of the shards made.

    A shard is rendered into a hidden neighbour and renamed when it is complete, so a run that is stopped, or a disk
    that is full, leaves whole shards only; the next run goes on behind them. More scenes can be asked for later: a last
    shard that was not full is made anew.

    Raises:
        SettingError: the folder holds something else, or was begun with other settings.
        ReadError: photographs that cannot be read.
        WriteError: the disk is full, or no permission.
        MissingExtraError: no OpenEXR (fod500) or h5py (hdf5).
    """
    _check_extra(job.format)
    folder = Path(out)
    if job.photographs:
        Photographs.of(job.photographs)
    known = _begin(folder, job)
    todo = [(name, numbers) for name, numbers in job.shards() if known.get(name) != [numbers.start, numbers.stop]]
    run.stage("scenes", sum(len(numbers) for _, numbers in todo))
    made = []
    with _Renders(job, run, sum(len(numbers) for _, numbers in todo)) as render:
        for name, numbers in todo:
            _write_shard(folder / name, job, render.samples(numbers), run)
            known[name] = [numbers.start, numbers.stop]
            _note(folder, job, known)
            made.append(name)
    return made


def _begin(folder: Path, job: Job) -> dict[str, list[int]]:
    """Make the folder, or read what is in it: shard -> first scene and the one behind the last."""
    from focaldepth.io._atomic import sweep_stale

    record = folder / RECORD
    if not folder.exists():
        folder.mkdir(parents=True)
    if not record.exists():
        if any(p for p in folder.iterdir() if not p.name.startswith(".")):
            raise SettingError("is not empty and holds no scenes of focaldepth.", where=folder, hint="Give another.")
        _note(folder, job, {})
        return {}
    try:
        found = json.loads(record.read_text("utf-8"))
        begun, shards = found["job"], dict(found["shards"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError("is no record of scenes.", where=record, hint="Give another folder.") from error
    if begun != json.loads(json.dumps(job.facts())):
        differing = [k for k in begun if begun[k] != job.facts().get(k)]
        raise SettingError(
            f"was begun with another {' and '.join(differing) or 'version'}.",
            where=folder,
            hint="Give the same settings to go on, or another folder.",
        )
    for name, _ in job.shards():
        sweep_stale(folder / name)
    return {name: numbers for name, numbers in shards.items() if (folder / name).exists()}


def _note(folder: Path, job: Job, shards: dict[str, list[int]]) -> None:
    """Write the record aside and rename it."""
    from focaldepth.io._atomic import staged_file

    scenes = sum(stop - start for start, stop in shards.values())
    record = {
        "schema": SCHEMA,
        "software": f"focaldepth {__version__}",
        "scenes": scenes,
        "job": job.facts(),
        "shards": shards,
        "files": {},
    }
    with staged_file(folder / RECORD, overwrite=True) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _write_shard(target: Path, job: Job, samples: Iterator[tuple[World, Sample]], run: Run) -> None:
    from focaldepth.io._atomic import staged_file, staged_folder

    if job.format == "hdf5":
        import h5py

        with staged_file(target, overwrite=True) as part, h5py.File(part, "w") as file:
            file.attrs["software"] = f"focaldepth {__version__}"
            for world, sample in samples:
                _add_group(file.create_group(sample.name), world, sample)
                run.advance()
        return
    with staged_folder(target, overwrite=target.exists(), record=RECORD) as part:
        for world, sample in samples:
            _write_fod(part, world, sample)
            run.advance()
        facts = {"schema": SCHEMA, "files": _listing(part)}
        (part / RECORD).write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _listing(folder: Path) -> dict[str, Any]:
    from focaldepth.io.result_folder import file_facts

    return {p.name: file_facts(p, "scene").model_dump() for p in sorted(folder.iterdir())}


def lens_facts(world: World) -> dict[str, Any]:
    """Return lens, focus and scale of a scene as plain values."""
    return {
        "scale": world.scale,
        "focus_m": world.axis.values.tolist(),
        **world.optics.facts(),
        "aperture": world.aperture.shape,
        "blur_radius_px_per_dioptre": world.blur_scale,
        "lens_samples": world.samples,
    }


def _add_group(group: Any, world: World, sample: Sample) -> None:
    """One scene in HDF5: `focaldepth estimate scenes_000000.h5 --dataset 000003/frames` reads it."""
    frames = sample.stack.read_all()
    data = group.create_dataset("frames", data=frames, chunks=(1, *frames.shape[1:]), compression="gzip", shuffle=True)
    data.attrs["axes"] = "NHWC"
    focus = group.create_dataset("focus", data=sample.stack.axis.values)
    focus.attrs["unit"] = "metre"
    truth = sample.truth.values if sample.truth is not None else np.zeros(frames.shape[1:3], np.float32)
    group.create_dataset("depth", data=truth, compression="gzip", shuffle=True).attrs["unit"] = "metre"
    if sample.all_in_focus is not None:
        group.create_dataset("all_in_focus", data=sample.all_in_focus, compression="gzip", shuffle=True)
    group.attrs["lens"] = json.dumps(lens_facts(world))


def _write_fod(folder: Path, world: World, sample: Sample) -> None:
    """One scene as FoD500 stores it, and its lens beside it, because here every scene has its own."""
    import tifffile

    from focaldepth.io._exr import write_plane

    for i, frame in enumerate(sample.stack.frames()):
        tifffile.imwrite(folder / f"{sample.name}_{i:02d}All.tif", frame, photometric="rgb", compression="zlib")
    if sample.all_in_focus is not None:
        tifffile.imwrite(folder / f"{sample.name}Aif.tif", sample.all_in_focus, photometric="rgb", compression="zlib")
    if sample.truth is not None:
        # Half precision, three equal channels in metres, as in the published set.
        half = np.nan_to_num(sample.truth.values, nan=0.0).astype(np.float16)
        write_plane(folder / f"{sample.name}Dpt.exr", half, "RGB")
    (folder / f"{sample.name}.json").write_text(json.dumps(lens_facts(world)) + "\n", encoding="utf-8")


def _check_extra(format: str) -> None:
    from importlib.util import find_spec

    module, extra = ("h5py", "hdf5") if format == "hdf5" else ("OpenEXR", "exr")
    if find_spec(module) is None:
        raise MissingExtraError(f"format {format}", extra)


class _Renders:
    """Renders scenes in order, in as many processes as the run has threads; a few scenes are not worth starting any."""

    def __init__(self, job: Job, run: Run, count: int) -> None:
        self._job = job
        self._workers = min(run.threads, count // _WORTH_A_PROCESS) if job.device == "cpu" else 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Renders:
        if self._workers > 1:
            context = get_context("spawn")  # forking a process that has threads can lock up
            self._pool = ProcessPoolExecutor(self._workers, context, _start_worker, (self._job,))
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def samples(self, numbers: range) -> Iterator[tuple[World, Sample]]:
        """Yield the scenes of a shard; a few are rendered ahead."""
        if self._pool is None:
            _start_worker(self._job)
            yield from map(_render, numbers)
            return
        yield from self._pool.map(_render, numbers)


_work: dict[str, Any] = {}


def _start_worker(job: Job) -> None:
    """Prepare a process: its settings, its photographs, one thread for OpenCV."""
    import cv2

    if os.environ.get("OMP_NUM_THREADS") is None:
        os.environ["OMP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
    _work["settings"] = job.settings
    _work["device"] = job.device
    _work["photographs"] = Photographs.of(job.photographs) if job.photographs else None


def _render(number: int) -> tuple[World, Sample]:
    world = make_world(_work["settings"], number, _work["photographs"])
    sample = world.sample(_work["device"])
    return _bare(world), sample


def _bare(world: World) -> World:
    """The world without its layers, which would be large to hand over."""
    return replace(world, layers=())
