"""A result exists complete or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from focaldepth.core.errors import SettingError, WriteError
from focaldepth.io import _atomic
from focaldepth.io._atomic import RECORD, check_target, readable_bytes, staged_file, staged_folder, sweep_stale


def _record(text: str = "", **files: str) -> str:
    """A record as focaldepth writes it, as far as replacing goes."""
    facts = {n: {"bytes": len(t), "sha256": hashlib.sha256(t.encode()).hexdigest()} for n, t in files.items()}
    return json.dumps({"schema": "focaldepth.result/1", "text": text, "files": facts})


def _make(out: Path, text: str = "", overwrite: bool = False, **files: str) -> None:
    """A result of some files, named with _ for the dot."""
    files = {name.replace("_", "."): content for name, content in files.items()}
    with staged_folder(out, overwrite) as folder:
        for name, content in files.items():
            (folder / name).write_text(content)
        (folder / RECORD).write_text(_record(text, **files))


def _text(out: Path) -> str:
    return str(json.loads((out / RECORD).read_text())["text"])


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_good_run_leaves_exactly_the_folder(tmp_path):
    with staged_folder(tmp_path / "deep" / "out") as folder:
        assert not (tmp_path / "deep" / "out").exists()
        (folder / RECORD).write_text(_record())
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
    assert _text(tmp_path / "out") == "old"


def test_overwrite_swaps_and_a_failed_run_keeps_the_old_one(tmp_path):
    out = tmp_path / "out"
    _make(out, "old")

    def fail() -> None:
        with staged_folder(out, overwrite=True) as folder:
            (folder / RECORD).write_text("half")
            assert _text(out) == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _text(out) == "old"
    _make(out, "new", overwrite=True)
    assert _text(out) == "new"
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
    assert _text(out) == "old"
    assert _names(tmp_path) == ["out"]


def test_what_may_never_be_replaced(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"x")
    with pytest.raises(SettingError, match="not a focaldepth result"):
        check_target(photos, overwrite=True)
    for content in ("{}", "no json", '{"schema": "other.program/1"}', "[]"):
        (photos / RECORD).write_text(content)
        with pytest.raises(SettingError, match="not a focaldepth result"):
            check_target(photos, overwrite=True)
    (photos / RECORD).write_text(_record())
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
    for folder in (tmp_path, *(p for p in tmp_path.parents if p.name.startswith(("pytest-", "popen-")))):
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
    stray = tmp_path / f".out.old-{_atomic._host()}-{_dead()}-abcd"
    (tmp_path / "out").rename(stray)
    assert sweep_stale(tmp_path / "out") == []
    assert _text(tmp_path / "out") == "old"


def _dead() -> int:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    return dead.pid


def _foreign_things(out: Path) -> None:
    """What people put beside a result."""
    (out / "notes.txt").write_text("bee, left eye")
    (out / "mine").mkdir()
    (out / "mine" / "crop.png").write_text("crop")
    (out / "empty").mkdir()
    (out / "link").symlink_to("notes.txt")
    (out / "folder link").symlink_to("mine")


def _check_foreign_things(out: Path) -> None:
    assert (out / "notes.txt").read_text() == "bee, left eye"
    assert (out / "mine" / "crop.png").read_text() == "crop"
    assert (out / "empty").is_dir()
    assert (out / "link").readlink() == Path("notes.txt")
    assert (out / "folder link").readlink() == Path("mine")


@pytest.mark.parametrize("links", [True, False])
def test_overwrite_keeps_what_is_not_of_the_result(tmp_path, monkeypatch, links):
    """Ours go, everything else stays, also on disks that know no second names of a file."""
    if not links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    out = tmp_path / "out"
    _make(out, "old", depth_png="1", gone_txt="2")
    _foreign_things(out)
    for text in ("new", "newer"):
        _make(out, text, overwrite=True, depth_png="3")
        assert _names(out) == ["depth.png", "empty", "folder link", "link", "mine", "notes.txt", RECORD]
        assert (_text(out), (out / "depth.png").read_text()) == (text, "3")
        _check_foreign_things(out)
    assert _names(tmp_path) == ["out"]


def test_a_file_of_the_result_that_was_changed_is_kept_aside(tmp_path):
    """A retouched picture is work; the new one of that name does not replace it."""
    out = tmp_path / "out"
    _make(out, depth_png="1", note_txt="12")
    (out / "depth.png").write_text("9")
    (out / "note.txt").write_text("longer")
    for picture in ("2", "3"):
        _make(out, overwrite=True, depth_png=picture)
        assert (out / "depth.png").read_text() == picture
        assert (out / "depth.kept.png").read_text() == "9"
        assert (out / "note.txt").read_text() == "longer"
    (out / "depth.png").write_text("8")
    _make(out, overwrite=True, depth_png="4")
    kept = {n: (out / n).read_text() for n in _names(out) if "kept" in n}
    assert kept == {"depth.kept.png": "9", "depth.kept-2.png": "8"}


def test_what_comes_while_the_run_goes_on_is_kept(tmp_path):
    out = tmp_path / "out"
    _make(out, "old")
    with staged_folder(out, overwrite=True) as folder:
        (folder / RECORD).write_text(_record("new"))
        (out / "late.txt").write_text("late")
    assert (_text(out), (out / "late.txt").read_text()) == ("new", "late")


def test_a_failed_overwrite_leaves_foreign_files_where_they_are(tmp_path):
    out = tmp_path / "out"
    _make(out, "old")
    _foreign_things(out)

    def fail() -> None:
        with staged_folder(out, overwrite=True) as folder:
            (folder / RECORD).write_text(_record("new"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _text(out) == "old"
    _check_foreign_things(out)


@pytest.mark.parametrize("stopped", ["before the swap", "within the swap", "after the swap"])
def test_a_kill_at_any_moment_loses_no_foreign_file(tmp_path, stopped):
    """The three states that a kill can leave; the next run brings all of them in order."""
    out = tmp_path / "out"
    _make(out, "old", depth_png="1")
    _foreign_things(out)
    mark = f"-{_atomic._host()}-{_dead()}-abcd"
    old, partial = tmp_path / f".out.old{mark}", tmp_path / f".out.partial{mark}"
    if stopped == "before the swap":
        shutil.copytree(out, partial, symlinks=True)
    elif stopped == "within the swap":
        out.rename(old)
        _make(partial, "half")
    else:
        _make(tmp_path / "other", "new", depth_png="2")
        out.rename(old)
        (tmp_path / "other").rename(out)
    _make(out, "again", overwrite=True, depth_png="3")
    assert _text(out) == "again"
    _check_foreign_things(out)
    assert _names(tmp_path) == ["out"]


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
