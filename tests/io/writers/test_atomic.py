"""A result exists complete or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from focaldepth.core.errors import SettingError, WriteError
from focaldepth.io import _atomic
from focaldepth.io._atomic import RECORD, check_target, readable_bytes, staged_file, staged_folder, sweep_stale


def _make(out: Path, text: str = "{}", overwrite: bool = False) -> None:
    with staged_folder(out, overwrite) as folder:
        (folder / RECORD).write_text(text)


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_good_run_leaves_exactly_the_folder(tmp_path):
    with staged_folder(tmp_path / "deep" / "out") as folder:
        assert not (tmp_path / "deep" / "out").exists()
        (folder / RECORD).write_text("{}")
        (folder / "sub").mkdir()
    assert _names(tmp_path / "deep") == ["out"]
    assert _names(tmp_path / "deep" / "out") == [RECORD, "sub"]


@pytest.mark.parametrize("error", [RuntimeError("in the middle"), KeyboardInterrupt()])
def test_any_exception_leaves_nothing(tmp_path, error):
    def fail() -> None:
        with staged_folder(tmp_path / "new" / "out") as folder:
            (folder / "depth.tiff").write_bytes(b"x" * 100)
            raise error

    with pytest.raises(type(error)):
        fail()
    assert _names(tmp_path) == []


def test_permissions_follow_the_umask(tmp_path):
    old = os.umask(0o022)
    try:
        _make(tmp_path / "out")
    finally:
        os.umask(old)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_an_existing_result_is_refused_and_untouched(tmp_path):
    _make(tmp_path / "out", "old")
    with pytest.raises(SettingError, match=r"exists already.*--overwrite") as caught:
        _make(tmp_path / "out", "new")
    assert caught.value.exit_code == 2
    assert (tmp_path / "out" / RECORD).read_text() == "old"


def test_overwrite_swaps_and_a_failed_run_keeps_the_old_one(tmp_path):
    out = tmp_path / "out"
    _make(out, "old")

    def fail() -> None:
        with staged_folder(out, overwrite=True) as folder:
            (folder / RECORD).write_text("half")
            assert (out / RECORD).read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (out / RECORD).read_text() == "old"
    _make(out, "new", overwrite=True)
    assert (out / RECORD).read_text() == "new"
    assert _names(tmp_path) == ["out"]


def test_a_failing_rename_puts_the_old_result_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    _make(out, "old")
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if "partial" in self.name:
            raise OSError(errno.EIO, "input/output error", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(WriteError, match="cannot be written"):
        _make(out, "new", overwrite=True)
    assert (out / RECORD).read_text() == "old"
    assert _names(tmp_path) == ["out"]


def test_what_may_never_be_replaced(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"x")
    with pytest.raises(SettingError, match="not a focaldepth result"):
        check_target(photos, overwrite=True)
    (photos / RECORD).write_text("{}")
    with pytest.raises(SettingError, match=r"holds the input a\.jpg"):
        check_target(photos, overwrite=True, inputs=[photos / "a.jpg"])
    with pytest.raises(SettingError, match="holds the input photos"):
        check_target(photos, overwrite=True, inputs=[photos])
    with pytest.raises(SettingError, match="is a file"):
        check_target(photos / "a.jpg", overwrite=True)
    with pytest.raises(SettingError, match="root"):
        check_target("/", overwrite=True)
    assert check_target(photos / "inside", inputs=[photos]) == photos / "inside"


def test_an_empty_folder_may_be_replaced_with_overwrite(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(SettingError, match="exists"):
        _make(tmp_path / "out")
    _make(tmp_path / "out", overwrite=True)


def test_no_permission_is_said_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(WriteError, match="no permission") as caught:
        check_target(tmp_path / "out")
    assert caught.value.exit_code == 1


_AS_NOBODY = """
import os, sys
from focaldepth.core.errors import WriteError
from focaldepth.io._atomic import check_target, staged_file
os.seteuid(65534)
for action in (check_target, lambda p: staged_file(p).__enter__()):
    try:
        action(sys.argv[1])
    except WriteError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize(("mode", "message"), [(0o700, "no permission to reach it"), (0o555, "no permission to write")])
def test_folders_of_other_users(tmp_path, mode, message):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / "theirs").chmod(mode)
    target = str(tmp_path / "theirs" / "out")
    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, target], check=True, capture_output=True, text=True)
    assert done.stdout.count(message) == 2
    assert done.stdout.count("Change the permissions") == 2


def test_a_file_in_the_way_of_a_parent(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="is a file"):
        check_target(tmp_path / "file" / "out")


def test_too_little_space_is_said_before_the_run(tmp_path):
    with pytest.raises(WriteError, match=r"disk is full: about 1e\+03 TB needed, .* free. Free some"):
        check_target(tmp_path / "out", needs_bytes=10**15)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), OSError("24000000 requested and 0 written")])
def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path, error):
    def fail() -> None:
        with staged_folder(tmp_path / "out") as folder:
            (folder / "depth.tiff").write_bytes(b"x" * 5000)
            raise error

    with pytest.raises(WriteError, match=r"disk is full: 5 kB written so far, .* free") as caught:
        fail()
    assert caught.value.where == str(tmp_path / "out")
    assert _names(tmp_path) == []


def test_other_read_errors_pass_unchanged(tmp_path):
    def fail() -> None:
        with staged_folder(tmp_path / "out"):
            raise FileNotFoundError(errno.ENOENT, "gone", "frame.jpg")

    with pytest.raises(FileNotFoundError):
        fail()


_CHILD = """
import os, sys, time
from focaldepth.io._atomic import staged_folder
with staged_folder(sys.argv[1], overwrite=True) as folder:
    (folder / "depth.tiff").write_bytes(b"x" * 1000)
    print(folder.name, flush=True)
    time.sleep(60)
"""


def test_kill_leaves_no_out_and_the_next_run_sweeps(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    assert sweep_stale(tmp_path / "out") == []
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert _names(tmp_path) == [name]
    _make(tmp_path / "out")
    assert _names(tmp_path) == ["out"]


def test_an_old_result_that_lost_its_successor_comes_back(tmp_path):
    _make(tmp_path / "out", "old")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stray = tmp_path / f".out.old-{_atomic._host()}-{dead.pid}-abcd"
    (tmp_path / "out").rename(stray)
    assert sweep_stale(tmp_path / "out") == []
    assert (tmp_path / "out" / RECORD).read_text() == "old"


def test_leftovers_of_other_machines_and_names_stay(tmp_path):
    names = [".out.partial-ffffff-1-ab", ".out2.partial-ffffff-1-ab", ".out.hidden"]
    for name in names:
        (tmp_path / name).mkdir()
    assert sweep_stale(tmp_path / "out") == []
    assert _names(tmp_path) == sorted(names)


def test_staged_file(tmp_path):
    path = tmp_path / "a" / "depth.pfm"
    with staged_file(path) as partial:
        assert partial.suffix == ".pfm"
        partial.write_text("1")
    with pytest.raises(SettingError, match="exists already"), staged_file(path):
        pass
    with staged_file(path, overwrite=True) as partial:
        partial.write_text("2")
    assert path.read_text() == "2"
    with staged_file(path, overwrite=True) as partial:
        partial.write_text("3")
        partial.with_name(partial.name + ".json").write_text("{}")
    assert path.read_text() == "3"
    assert _names(path.parent) == ["depth.pfm", "depth.pfm.json"]


def test_staged_file_fails_clean(tmp_path):
    def fail() -> None:
        with staged_file(tmp_path / "a" / "b.txt") as partial:
            partial.write_text("half")
            partial.with_name(partial.name + ".json").write_text("{}")
            raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(WriteError, match="disk is full"):
        fail()
    assert _names(tmp_path) == []
    with pytest.raises(SettingError, match="is a folder"), staged_file(tmp_path):
        pass


def test_readable_bytes():
    assert [readable_bytes(n) for n in (5, 1500, 2**31)] == ["5 B", "1.5 kB", "2.15 GB"]
