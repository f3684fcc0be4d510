"""Frames of a video by time stamp, with random access."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import ReadError
from focaldepth.io.readers._planes import MAX_PIXELS, check_size, reading

_DAMAGED = "The video is damaged or truncated: copy it again, or extract its frames as pictures."
_BT709, _UNSPECIFIED = 1, 2
_HD_ROWS = 720
_NEAR = 8
"""Frames that are rather decoded than jumped over: a jump empties the decoder's threads."""
_INDIRECT = ("hls", "dash", "concat", "image2", "applehttp")
_CLOCKLESS = ("mpegts",)


@dataclass(frozen=True)
class VideoIndex:
    """What one pass over a video finds.

    Attributes:
        stamps: presentation time stamps in ticks of the stream, increasing.
        times: (F,) the same in seconds.
        keys: positions in `stamps` at which decoding can start.
        shape: (H, W, 3) of the pictures, rotation applied.
        faults: number of packets or frames that could not be used.
        deep: true for more than 8 bits per colour.
        announced: where the pictures should end, in seconds; None = not said.
    """

    stamps: tuple[int, ...]
    times: NDArray[np.float64]
    keys: tuple[int, ...]
    shape: tuple[int, int, int]
    faults: int
    deep: bool
    announced: float | None


class VideoFile:
    """One open video; keeps the position of its decoder, so that reading in order decodes every frame once."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._container, self._stream = _open(path)
        self._decoder: Iterator[Any] = iter(())
        self._at = -1
        self._frame: Any = None
        self._count_only = False
        self.faults = 0
        self.index = self._scan()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def read(self, number: int) -> NDArray[Any]:
        """Return frame `number` of the index, (H, W, 3) uint8 RGB."""
        with self._lock, reading(self._path, f"frame at {self.index.times[number]:.3f} s", _DAMAGED):
            # Converting the same frame in two threads hangs the scaler: it keeps its state on the frame.
            return _picture(self._decoded(number))

    def _decoded(self, number: int) -> Any:
        if number == self._at:
            return self._frame
        last, self._at = self._at, -1
        found = False
        if not self._count_only:
            found = self._by_stamp(number, last)
            self._count_only = not found
            last = -1
        if not found:
            found = self._by_count(number, last)
        if not found:
            raise ReadError(
                f"the frame at {self.index.times[number]:.3f} s cannot be found again.", where=self._path, hint=_DAMAGED
            )
        self._at = number
        return self._frame

    def _by_stamp(self, number: int, last: int) -> bool:
        """Decode from where the decoder stands or from the key frame before."""
        keys = self.index.keys
        before = max(bisect_right(keys, number) - 1, 0)
        near = number - last <= number - keys[before] + _NEAR
        if 0 <= last < number and near and self._advance(self.index.stamps[number]):
            return True
        for key in dict.fromkeys([before, max(before - 1, 0), 0]):
            start = self.index.stamps[keys[key]]
            self._container.seek(start, stream=self._stream, backward=True, any_frame=False)
            self._decoder = self._frames()
            if self._advance(self.index.stamps[number]):
                return True
        return False

    def _by_count(self, number: int, last: int) -> bool:
        """Count frames from the start: for files whose time stamps change after a jump (AVI with B-frames)."""
        if not 0 <= last < number:
            self._container.close()
            self._container, self._stream = _open(self._path)
            self._decoder, last = self._accepted(), -1
        for _ in range(number - last):
            self._frame = next(self._decoder, None)
        return self._frame is not None

    def _advance(self, stamp: int) -> bool:
        """Decode up to a time stamp; False when the decoder has passed it or the video ends."""
        for frame in self._decoder:
            if frame.pts is None or frame.pts < stamp:
                continue
            self._frame = frame
            return bool(frame.pts == stamp)
        return False

    def _accepted(self) -> Iterator[Any]:
        """Yield the frames that can be used: with a time stamp, later than the one before, undamaged, of one size."""
        size, stamp = None, None
        for frame in self._frames():
            size = size or (frame.height, frame.width)
            check_size((frame.height, frame.width), self._path)
            later = frame.pts is not None and (stamp is None or frame.pts > stamp)
            if later and (frame.height, frame.width) == size and not getattr(frame, "is_corrupt", False):
                stamp = frame.pts
                yield frame
            else:
                self.faults += 1

    def _frames(self) -> Iterator[Any]:
        """Yield decoded frames from where the file stands; packets that cannot be decoded are counted."""
        from av.error import FFmpegError

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self.faults += 1
                return
            try:
                yield from packet.decode()
            except FFmpegError:
                self.faults += 1

    def _scan(self) -> VideoIndex:
        """Decode once; only time stamps are kept."""
        stamps: list[int] = []
        keys = {0}
        shape, deep = (0, 0, 3), False
        for frame in self._accepted():
            if not stamps:
                shape = (frame.height, frame.width, 3)
                shape = (shape[1], shape[0], 3) if _rotation(frame) % 180 else shape
                deep = max(c.bits for c in frame.format.components) > 8
            if frame.key_frame:
                keys.add(len(stamps))
            stamps.append(frame.pts)
        if not stamps:
            raise ReadError("no frame with a time stamp can be decoded.", where=self._path, hint=_DAMAGED)
        tick = float(self._stream.time_base)
        start = stamps[0] if any(n in self._container.format.name for n in _CLOCKLESS) else 0
        times = np.array([(s - start) * tick for s in stamps])
        return VideoIndex(tuple(stamps), times, tuple(sorted(keys)), shape, self.faults, deep, self._announced(start))

    def _announced(self, start: int) -> float | None:
        """Return the end of the pictures in seconds as the header tells it; None where it does not."""
        stream, container = self._stream, self._container
        if stream.duration:
            return float(((stream.start_time or 0) - start + stream.duration) * stream.time_base)
        if container.duration and len(container.streams) == 1:
            return float((container.start_time or 0) + container.duration) / 1e6 - start * float(stream.time_base)
        return None


def _open(path: Path) -> tuple[Any, Any]:
    import av

    with reading(path, "video", _DAMAGED):
        # Playlists in disguise must not make the decoder open other files or addresses.
        container = av.open(str(path), options={"protocol_whitelist": "file"})
    try:
        if any(name in container.format.name for name in _INDIRECT):
            raise ReadError("it is a playlist, not a video.", where=path, hint="Give the video file itself.")
        if not container.streams.video:
            raise ReadError("it holds no pictures.", where=path, hint="Give a video of the focus sweep.")
        stream = container.streams.video[0]
        with reading(path, "video", _DAMAGED):
            context = stream.codec_context
            if context.width and context.height:
                check_size((context.height, context.width), path)
            context.options = {"max_pixels": str(MAX_PIXELS)}
            stream.thread_type = "AUTO"
    except BaseException:
        container.close()
        raise
    return container, stream


def _rotation(frame: Any) -> int:
    """Return the quarter turns (in degrees, counter-clockwise) that bring the picture upright."""
    return round(getattr(frame, "rotation", 0) / 90) * 90


def _picture(frame: Any) -> NDArray[Any]:
    # Without a statement, decoders take the matrix of small pictures; cameras mean BT.709 from 720 rows on.
    unstated = int(frame.colorspace) == _UNSPECIFIED and frame.height >= _HD_ROWS
    matrix = {"src_colorspace": _BT709} if unstated else {}
    array = frame.to_ndarray(format="rgb24", **matrix)
    turned: NDArray[Any] = np.rot90(array, _rotation(frame) // 90)
    return turned
