"""Video sweeps: time stamps, position logs, plateaus, movement, gaps, random access."""

from __future__ import annotations

import json

import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.stack import Transfer
from focaldepth.io.readers import _video_file
from focaldepth.io.readers._position_log import PositionLog, read_log
from focaldepth.io.readers._sweep import MOVING, OUTSIDE, REPEATED, RETURN, choose, gaps

from .conftest import make_frames, open_container, read_all, write_video

FRAMES = make_frames("uint8", True, 50, 32, 48)
TIMES = [i / 25 for i in range(50)]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A lossless video of 50 frames, 25 a second, with a key frame every four frames."""
    path = tmp_path_factory.mktemp("video") / "sweep.mkv"
    write_video(path, FRAMES, TIMES)
    return path


def log_of(tmp_path, text, name="log.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


class TestFrames:
    def test_without_a_log_the_focus_is_unknown(self, sweep):
        container = open_container("video", sweep)
        np.testing.assert_array_equal(read_all(container), FRAMES)
        assert container.axis is None
        assert container.transfer is Transfer.SRGB
        np.testing.assert_allclose(container.extra["times_s"], TIMES)

    def test_reading_in_order_decodes_every_frame_once(self, sweep, monkeypatch):
        source = open_container("video", sweep).source
        starts, frames = [], _video_file.VideoFile._frames
        monkeypatch.setattr(_video_file.VideoFile, "_frames", lambda self: (starts.append(1), frames(self))[1])
        for i in (0, 1, 2, 3, 3, 7, 8, 30, 31):
            source.read(i)
        assert len(starts) == 2

    @pytest.mark.parametrize(
        ("suffix", "codec", "options"),
        [
            (".mp4", "mpeg4", {"bf": "2"}),
            (".avi", "mpeg4", {"bf": "2"}),
            (".mov", "mpeg4", {}),
            (".ts", "mpeg2video", {}),
        ],
    )
    def test_random_access_equals_reading_in_order(self, tmp_path, suffix, codec, options):
        path = tmp_path / f"a{suffix}"
        smooth = np.repeat(np.repeat(FRAMES[:25, ::8, ::8], 8, 1), 8, 2)
        write_video(path, smooth, TIMES[:25], codec, **options)
        container = open_container("video", path)
        source = container.source
        assert container.extra["times_s"][0] in (0.0, 0.04)
        frames = np.stack([source.read(i) for i in range(len(source))])
        assert len(frames) >= 24
        assert np.abs(smooth.astype(float) - frames[12]).mean((1, 2, 3)).min() < 30
        for i in np.random.default_rng(0).integers(0, len(frames), 40):
            np.testing.assert_array_equal(source.read(int(i)), frames[i])

    def test_dropped_frames_are_found_by_their_time(self, tmp_path):
        kept = [i for i in range(30) if i not in (10, 11, 20)]
        write_video(tmp_path / "a.mkv", FRAMES[kept], [TIMES[i] for i in kept])
        container = open_container("video", tmp_path / "a.mkv")
        assert len(container.source) == 27
        assert container.warnings[0].startswith("3 frames are missing in the video: 2 between 0.360 and 0.480 s, 1")

    def test_truncated_video_is_said(self, tmp_path, sweep):
        data = sweep.read_bytes()
        (tmp_path / "a.mkv").write_bytes(data[: len(data) // 2])
        container = open_container("video", tmp_path / "a.mkv")
        np.testing.assert_array_equal(read_all(container), FRAMES[: len(container.source)])
        assert any("it is truncated" in w for w in container.warnings)

    def test_a_playlist_in_disguise_is_refused(self, tmp_path):
        (tmp_path / "a.mp4").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n")
        with pytest.raises(ReadError, match=r"a\.mp4"):
            open_container("video", tmp_path / "a.mp4")


class TestLog:
    def test_ramp_is_interpolated_at_the_time_stamps(self, sweep, tmp_path):
        rows = "".join(f"{t:.2f},{10 + 100 * t}\n" for t in np.arange(0.2, 1.65, 0.11))
        log = log_of(tmp_path, f"time_s,position_um\n{rows}")
        container = open_container("video", sweep, log=log)
        times = np.array(container.extra["times_s"])
        np.testing.assert_allclose(container.axis.values, 10 + 100 * times)
        assert container.axis.unit is Unit.MICROMETRE
        assert container.focus_origin == "position log log.csv"
        assert set(container.skipped.values()) == {OUTSIDE}
        assert len(container.skipped) + len(container.source) == 50
        assert "outside the time range of the log" in container.warnings[0]
        first = round(times[0] * 25)
        np.testing.assert_array_equal(container.source.read(0), FRAMES[first])

    def test_state_column_and_middle_of_the_plateau(self, sweep, tmp_path):
        rows = "".join(f"{0.4 * k},{k},moving\n{0.4 * k + 0.1},{k},stationary\n" for k in range(5))
        container = open_container(
            "video", sweep, log=log_of(tmp_path, f"timestamp_s,focus_dioptre,state\n{rows}9,4,moving")
        )
        np.testing.assert_allclose(container.axis.values, [0, 1, 2, 3, 4])
        assert container.axis.unit is Unit.DIOPTRE
        times = np.array(container.extra["times_s"])
        assert np.all(np.abs(times % 0.4 - 0.25) <= 0.05)
        assert set(container.skipped.values()) == {MOVING, REPEATED}

    def test_sidecar_with_the_name_of_the_video(self, tmp_path):
        write_video(tmp_path / "a.mkv", FRAMES[:6], TIMES[:6])
        log_of(tmp_path, json.dumps([{"t": 0.0, "z_mm": 1.0}, {"t": 0.2, "z_mm": 2.0}]), "a.json")
        container = open_container("video", tmp_path / "a.mkv")
        np.testing.assert_allclose(container.axis.values, np.linspace(1000, 2000, 6))

    def test_a_sidecar_that_is_no_log_is_said_and_a_given_one_is_an_error(self, tmp_path):
        write_video(tmp_path / "a.mkv", FRAMES[:6], TIMES[:6])
        notes = log_of(tmp_path, "taken on\na Monday, rain\n", "a.txt")
        container = open_container("video", tmp_path / "a.mkv")
        assert container.axis is None
        assert container.warnings[0].startswith("a.txt is not used as position log")
        with pytest.raises(ReadError, match=r"a\.txt"):
            open_container("video", tmp_path / "a.mkv", log=notes)

    def test_clocks_that_do_not_meet(self, sweep, tmp_path):
        log = log_of(tmp_path, "time_s,position_um\n100,0\n200,5\n")
        with pytest.raises(ReadError, match=r"video runs from 0\.000 to 1\.960 s, the log from 100\.000 to 200\.000"):
            open_container("video", sweep, log=log)

    @pytest.mark.parametrize(
        "text",
        [
            "time_s,position_um\n0,1\n1,3\n",
            "Time (s); Position [um]\n0; 1\n1; 3\n",
            "t\tstage_position_mm\n0\t0.001\n1\t0.003\n",
            "# timestamp_ms position_um\n0 1\n1000 3\n",
            "time_ns,state,z_nm\n0,moving,1000\n1000000000,stationary,3000\n",
        ],
    )
    def test_ways_to_write_a_log(self, tmp_path, text):
        log = read_log(log_of(tmp_path, text))
        np.testing.assert_allclose(log.times, [0, 1])
        np.testing.assert_allclose(log.positions, [1, 3])
        assert log.unit is Unit.MICROMETRE

    @pytest.mark.parametrize(
        "data",
        [
            [{"time": 0, "position_um": 1}, {"time": 1, "position_um": 3}],
            {"unit": "um", "samples": [{"time": 0, "position": 1}, {"time": 1, "position": 3}]},
            {"unit": "um", "time_s": [0, 1], "position": [1, 3]},
        ],
    )
    def test_ways_to_write_json(self, tmp_path, data):
        log = read_log(log_of(tmp_path, json.dumps(data), "log.json"))
        np.testing.assert_allclose(log.positions, [1, 3])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("time_s,position\n0,1\n1,2\n", "'position' has no known unit"),
            ("position_um\n0\n1\n", "no time column among: position_um"),
            ("time_s,position_um\n0,1\n1,nan\n", "entry 2 of column 'position_um' is 'nan'"),
            ("time_s,position_um\n0,1\n1\n", "row 2 has 1 columns"),
            ("time_s,position_um\n", "no entries"),
            ("time_s,position_um\n0,1\n", "too few"),
        ],
    )
    def test_logs_that_cannot_be_used(self, tmp_path, text, message):
        with pytest.raises(ReadError, match=message):
            read_log(log_of(tmp_path, text))


class TestChoice:
    def log(self, times, positions, moving=None):
        from pathlib import Path

        state = None if moving is None else np.array(moving)
        return PositionLog(Path("log"), np.array(times, float), np.array(positions, float), state, Unit.MICROMETRE)

    def test_stepwise_log_without_a_state(self):
        """Moves last 0.1 s of every 0.4 s; the log is sampled every 20 ms."""
        t = np.arange(0, 2, 0.02)
        step = 5 * np.floor(t / 0.4 + 1e-9) + 5 * np.clip((t % 0.4 - 0.3) / 0.1, 0, 1)
        sweep = choose(np.arange(50) / 25, self.log(t, step))
        np.testing.assert_allclose(sweep.positions, [0, 5, 10, 15, 20])
        assert {MOVING, REPEATED} <= set(sweep.reasons.values())
        moved = [i for i, why in sweep.reasons.items() if why == MOVING]
        assert all((i / 25) % 0.4 + 1e-9 >= 0.3 for i in moved)

    def test_a_ramp_with_rests_at_its_ends_is_no_stepwise_log(self):
        t = np.arange(0, 4, 0.02)
        sweep = choose(np.arange(100) / 25, self.log(t, np.clip(t - 1.5, 0, 1)))
        assert len(sweep.kept) >= 24
        assert MOVING not in sweep.reasons.values()
        assert np.all(np.diff(sweep.positions) > 0)

    def test_the_way_back_is_left_out(self):
        t = np.arange(0, 3.01, 0.1)
        sweep = choose(np.arange(75) / 25, self.log(t, np.where(t < 2, t, 4 - t)))
        assert np.all(np.diff(sweep.positions) > 0)
        assert RETURN in sweep.reasons.values()
        assert sweep.positions[-1] == pytest.approx(2, abs=0.05)

    def test_even_time_stamps_have_no_gaps(self):
        assert gaps(np.arange(20) / 30) == ""
        assert gaps(np.array([0.0, 1.0])) == ""
