"""Video of a focus sweep; a log of lens positions, interpolated at the frames' time stamps, gives the focus axis."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from focaldepth.core.axis import FocusAxis
from focaldepth.core.errors import AxisError, MissingExtraError, ReadError
from focaldepth.core.stack import Transfer
from focaldepth.io._reader import Container, ReadOptions
from focaldepth.io.readers._planes import PlaneSource, check_file
from focaldepth.io.readers._position_log import PositionLog, read_log
from focaldepth.io.readers._sweep import Sweep, choose, gaps
from focaldepth.io.readers._video_file import VideoFile

_SLACK_FRAMES, _SLACK = 4.0, 0.02
_SIDECARS = (".csv", ".json", ".txt")


@dataclass(frozen=True)
class Video:
    """Frames of a sweep by their time stamps."""

    title: str = "video of a focus sweep"
    suffixes: tuple[str, ...] = (
        ".mp4", ".mov", ".mkv", ".avi", ".m4v", ".webm", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".wmv", ".3gp",
    )  # fmt: skip
    extra: str = "video"
    takes_log: bool = True

    def accepts(self, path: Path) -> bool:
        """Every video file: `open` says what one without frames lacks."""
        return path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Container:
        """Decode once for the time stamps; frames are decoded again when asked for."""
        try:
            import av  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(self.title, self.extra, where=path) from error
        check_file(path)
        log, unread = _log(path, options)
        file = VideoFile(path)
        try:
            return _container(file, path, log, unread)
        except BaseException:
            file.close()
            raise


def _log(path: Path, options: ReadOptions) -> tuple[PositionLog | None, str]:
    """Return the log asked for or lying beside the video, and a warning about one that is no log."""
    if options.log is not None:
        return read_log(options.log), ""
    unread = ""
    for beside in (path.with_suffix(suffix) for suffix in _SIDECARS):
        if beside.is_file():
            try:
                return read_log(beside), ""
            except ReadError as error:
                unread = f"{beside.name} is not used as position log: {error.what}"
    return None, unread


def _container(file: VideoFile, path: Path, log: PositionLog | None, unread: str) -> Container:
    index = file.index
    sweep = choose(index.times, log) if log else None
    kept = sweep.kept if sweep else tuple(range(len(index.stamps)))
    source = PlaneSource(path, index.shape, np.dtype(np.uint8), 255.0, len(kept), lambda i: file.read(kept[i]))
    weakref.finalize(source, file.close)
    names = [f"{path.name} at {t:.3f} s" for t in index.times]
    return Container(
        source,
        _axis(sweep, log),
        f"position log {log.path.name}" if log else "none",
        transfer=Transfer.SRGB,
        frame_names=tuple(names[i] for i in kept),
        skipped={names[i]: why for i, why in sweep.reasons.items()} if sweep else {},
        warnings=tuple(w for w in (unread, gaps(index.times), sweep.note if sweep else "", *_quality(file)) if w),
        extra={"format": "video", "times_s": [round(float(index.times[i]), 6) for i in kept]},
    )


def _axis(sweep: Sweep | None, log: PositionLog | None) -> FocusAxis | None:
    if sweep is None or log is None:
        return None
    try:
        return FocusAxis(sweep.positions, log.unit)
    except AxisError as error:
        raise ReadError(error.what, where=log.path, hint=error.hint) from error


def _quality(file: VideoFile) -> tuple[str, ...]:
    faults = (
        f"{file.index.faults} frames or packets of the video are damaged and left out." if file.index.faults else ""
    )
    deep = "The video has more than 8 bits per colour; frames are read with 8." if file.index.deep else ""
    index, short = file.index, ""
    if index.announced is not None and len(index.times) > 1:
        last, usual = float(index.times[-1]), float(np.median(np.diff(index.times)))
        if index.announced - last > max(_SLACK_FRAMES * usual, _SLACK * index.announced):
            short = f"The video ends at {last:.3f} s but announces {index.announced:.3f} s: it is truncated."
    return faults, deep, short


READER = Video()
