"""A method over a data set by a protocol: the numbers are those of the pieces, put together by hand here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from focaldepth.benchmark._evaluate import evaluate
from focaldepth.benchmark._protocol import PROTOCOLS, Column, Protocol
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import Cancelled, ReadError, SettingError, StackError, UnitError
from focaldepth.core.method import Access, MethodSpec
from focaldepth.core.progress import Run, Silent
from focaldepth.core.result import DepthMap, Estimate
from focaldepth.core.sample import Item, Sample
from focaldepth.core.settings import setting
from focaldepth.core.stack import FocalStack
from focaldepth.datasets.plain import stacks_of
from focaldepth.estimate import EstimateSettings, estimate, make_method
from focaldepth.metrics._case import Rules
from focaldepth.scenes.layers import LayeredScene, render

NAIVE = EstimateSettings(method="naive", align="none")
PLAIN = PROTOCOLS.get("plain")


def sample(seed: int = 3, frames: int = 6) -> Sample:
    made = render(LayeredScene(height=48, width=64, frames=frames, seed=seed))
    return Sample(made.stack, made.truth, made.all_in_focus, name=f"scene{seed}")


def listed(*samples: Sample) -> list[Item]:
    return [Item(s.name, lambda s=s: s) for s in samples]


def write(path: Path, one: Sample, **more: object) -> Path:
    axis = one.stack.axis
    assert one.truth is not None
    depth = one.truth.to(axis.unit).values
    np.savez(
        path, frames=one.stack.read_all(), focus=axis.values, focus_unit=axis.unit.value, depth=depth,
        all_in_focus=one.all_in_focus, **more,
    )  # fmt: skip
    return path


@dataclass(frozen=True)
class Flat:
    """A method that is registered nowhere: every pixel lies at one place of the axis."""

    spec: ClassVar[MethodSpec] = MethodSpec(title="Flat", access=Access.STREAM, summary="One depth.", gives=("index",))

    place: float = setting(0.5, "0 = first frame, 1 = last", low=0, high=1)
    fusion: str = setting("none", "picture", choices=("none", "multiband"))

    def __call__(self, stack: FocalStack, run: Run = Run()) -> Estimate:
        axis, shape = stack.blur_axis, stack.shape[:2]
        value = np.interp(self.place, [0, 1], axis.values[[0, -1]])
        plane, yes = np.full(shape, value, np.float32), np.ones(shape, bool)
        found = DepthMap(plane, axis.unit, yes)
        return Estimate(found, np.zeros(shape, np.float32), filled=found)


class TestMethodOfOnesOwn:
    @pytest.mark.parametrize("method", [Flat(place=0.25), Flat])
    def test_an_object_or_a_class_is_judged(self, method: Flat | type[Flat]) -> None:
        """No registration; the error is that of its one depth."""
        one = sample(1)
        found = evaluate(listed(one), EstimateSettings(align="none"), "scale-free", method=method)
        assert found.method == "Flat"
        assert one.truth is not None
        truth = one.truth.values[one.truth.valid].astype(float)  # the affine fit makes it the mean
        assert found.mean(Column("mae")) == pytest.approx(np.abs(truth - truth.mean()).mean(), rel=1e-6)

    def test_settings_of_a_class_are_texts_of_an_object_its_own(self) -> None:
        stack = sample().stack
        texts = {"place": "0.75"}
        made = estimate(stack, method=Flat, method_settings=texts, align="none")
        own = estimate(stack, method=Flat(place=0.75), align="none")
        np.testing.assert_array_equal(made.map.values, own.map.values)
        assert own.provenance.settings["method"]["place"] == 0.75
        assert own.provenance.settings["front_door"]["method"] == own.provenance.method == "Flat"
        with pytest.raises(SettingError, match="is an object with its settings"):
            estimate(stack, method=Flat(), method_settings=texts)

    def test_choices_of_the_front_door_reach_an_object(self) -> None:
        assert make_method(EstimateSettings(fusion="none"), {}, Flat(fusion="multiband")) == Flat(fusion="none")
        with pytest.raises(SettingError, match="Flat is no network"):
            make_method(EstimateSettings(device="cpu"), {}, Flat())

    @pytest.mark.parametrize("thing", [42, dict, lambda stack: stack])
    def test_what_is_no_method_is_refused(self, thing: object) -> None:
        with pytest.raises(SettingError, match="is no method"):
            estimate(sample().stack, method=thing)  # type: ignore[arg-type]

    def test_nothing_to_evaluate_is_told(self) -> None:
        with pytest.raises(StackError, match="no stack to evaluate"):
            evaluate([], NAIVE)


class TestNumbers:
    def test_the_table_is_what_estimate_gives(self) -> None:
        """MAE of the filled map within the focus range, in dioptres, for two scenes; their mean."""
        data = [sample(1), sample(2)]
        found = evaluate(listed(*data), NAIVE, "plain")
        expected = []
        for one in data:
            assert one.truth is not None
            result = estimate(one.stack, NAIVE, unit="dioptre", fill=True)
            truth = one.truth.to(Unit.DIOPTRE).values.astype(float)
            limits = one.stack.axis.to(Unit.DIOPTRE).values
            inside = (truth >= limits.min()) & (truth <= limits.max())
            assert result.filled is not None
            expected.append(np.abs(result.filled.values.astype(float) - truth)[inside].mean())
        column = Column("mae")
        assert [found.of(i, column) for i in found.images] == pytest.approx(expected, rel=1e-9)
        assert found.mean(column) == pytest.approx(np.mean(expected), rel=1e-9)
        assert found.units == ("dioptre",)
        assert set(found.seconds) == {"scene1", "scene2"}

    def test_printed_in_per_cent(self) -> None:
        record = replace(PLAIN, columns=(Column("bad-pix"), Column("bad-pix", 100)))
        found = evaluate(listed(sample()), NAIVE, record=record)
        assert found.mean(record.columns[1]) == pytest.approx(100 * found.mean(record.columns[0]))
        assert found.pooled(record.columns[1]) == pytest.approx(100 * found.pooled(record.columns[0]))

    def test_claims_are_judged_apart(self) -> None:
        """Of what a method marks as not valid nothing counts in the columns of claims."""
        found = evaluate(listed(sample()), EstimateSettings("classical-fast", "none"), "plain")
        share = found.mean(Column("valid-share", claimed=True))
        assert 0.1 < share < 1
        assert found.mean(Column("mae", claimed=True)) < found.mean(Column("mae"))

    def test_an_image_without_truth_counts_as_the_protocol_says(self) -> None:
        """Left out by ours, zero by the program of DDFF and DFV."""
        one, empty = sample(1), sample(2)
        assert empty.truth is not None
        nothing = np.zeros(empty.truth.shape, bool)
        empty = replace(empty, truth=DepthMap(empty.truth.values, empty.truth.unit, nothing))
        column = Column("mae")
        record = Protocol("t", "s", "d", (column,))
        ours = evaluate(listed(one, empty), NAIVE, record=record).mean(column)
        theirs = evaluate(listed(one, empty), NAIVE, record=replace(record, empty=0.0)).mean(column)
        assert theirs == pytest.approx(ours / 2)

    def test_frames_of_the_protocol(self) -> None:
        """Five of ten frames give what the five alone give; the reference goes along or away."""
        one, column = sample(frames=10), Column("mae")
        record = Protocol("t", "s", "d", (column,), frames=(0, 2, 4, 6, 9), of=10)
        chosen = replace(one, stack=one.stack.take(record.frames))
        whole = evaluate(listed(one), NAIVE, record=record)
        part = evaluate(listed(chosen), NAIVE, record=replace(record, frames=(), of=0))
        assert whole.mean(column) == part.mean(column)
        for reference in (4, 5):
            moved = evaluate(listed(replace(one, reference=reference)), NAIVE, record=record)
            assert moved.mean(column) == part.mean(column)

    def test_frames_without_positions_are_fitted_and_the_fit_is_named(self) -> None:
        """Depth in frames against metres: no law leads there, an affine fit does."""
        one = sample()
        relative = replace(one, stack=replace(one.stack, axis=FocusAxis.frames(len(one.stack))))
        found = evaluate(listed(relative), NAIVE, "scale-free")
        assert found.filled.fits["scene3"].startswith("affine fit: ")
        assert np.isfinite(found.mean(Column("mae")))
        with pytest.raises(UnitError, match="scene3: no law"):
            evaluate(listed(relative), NAIVE, "plain")

    def test_a_moved_truth_has_no_picture_to_compare(self) -> None:
        """Pictures are compared only in the geometry of the truth."""
        made = render(LayeredScene(height=96, width=128, frames=8, seed=3))
        one = Sample(made.stack, made.truth, made.all_in_focus, name="scene")
        assert np.isfinite(evaluate(listed(one), NAIVE, "plain").mean(Column("psnr")))
        frames = one.stack.read_all()
        moves = [np.array([[1.0, 0, 1.2 * i], [0, 1.0, 0]]) for i in range(len(frames))]
        size, mode = frames.shape[2:0:-1], cv2.BORDER_REFLECT
        shifted = np.stack([cv2.warpAffine(f, m, size, borderMode=mode) for f, m in zip(frames, moves, strict=True)])
        source = type(one.stack).from_arrays(shifted, one.stack.axis)
        handheld = replace(one, stack=source, reference=0)
        found = evaluate(listed(handheld), EstimateSettings("naive", "ecc"), "plain")
        assert np.isnan(found.mean(Column("psnr")))
        assert np.isfinite(found.mean(Column("mae")))

    def test_the_first_image_pays_for_the_start(self) -> None:
        found = evaluate(listed(sample(1), sample(2)), NAIVE, "plain")
        assert replace(found, seconds={"a": 9.0, "b": 1.0, "c": 3.0}).seconds_per_image == 2.0
        assert replace(found, seconds={"a": 9.0}).seconds_per_image == 9.0
        assert np.isnan(replace(found, seconds={}).seconds_per_image)

    def test_it_can_be_stopped(self) -> None:
        class Stop(Silent):
            def cancelled(self) -> bool:
                return True

        with pytest.raises(Cancelled):
            evaluate(listed(sample()), NAIVE, "plain", run=Run(Stop()))

    def test_rules_without_a_unit_take_that_of_the_truth(self) -> None:
        found = evaluate(listed(sample()), NAIVE, record=Protocol("t", "s", "d", (Column("mae"),), Rules()))
        truth = sample().truth
        assert truth is not None
        assert found.units == (truth.unit.value,)


class TestData:
    def test_files_folders_and_folders_of_folders(self, tmp_path: Path) -> None:
        for i in (1, 2):
            (tmp_path / f"set{i}").mkdir()
            write(tmp_path / f"set{i}" / f"scene{i}.npz", sample(i))
        (tmp_path / "notes.txt").write_text("x")
        for paths in ([tmp_path], [tmp_path / "set1", tmp_path / "set2" / "scene2.npz"], [tmp_path, tmp_path]):
            found = stacks_of(paths)
            assert [i.name for i in found] == ["scene1", "scene2"]
            assert found[1].open().name == "scene2"
        (tmp_path / "set3").mkdir()
        write(tmp_path / "set3" / "scene1.npz", sample(1))
        assert len({i.name for i in stacks_of([tmp_path])}) == 3

    @pytest.mark.parametrize(("name", "unit"), [("depth", "metre"), ("frames", "index"), ("dioptre", "dioptre")])
    def test_pictures_with_a_truth_beside_them(self, tmp_path: Path, name: str, unit: str) -> None:
        """At full or half size; the unit is in the name."""
        for i, frame in enumerate(sample().stack.read_all()):
            assert cv2.imwrite(str(tmp_path / f"a{i}.png"), frame)
        np.save(tmp_path / f"ground_truth_{name}.npy", np.full((24, 32), 2.0))
        (item,) = stacks_of([tmp_path])
        one = item.open()
        assert one.truth is not None
        assert (one.truth.unit.value, one.truth.shape) == (unit, (48, 64))

    def test_what_cannot_be_judged_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ReadError, match="nothing: does not exist"):
            stacks_of([tmp_path / "nothing"])
        with pytest.raises(StackError, match=r"holds no stack with a truth. Give npz files with a `depth`"):
            stacks_of([tmp_path])
        np.savez(tmp_path / "a.npz", frames=sample().stack.read_all(), focus=range(6), focus_unit="index")
        (item,) = stacks_of([tmp_path])
        with pytest.raises(StackError, match=r"a.npz: carries no truth to compare with"):
            item.open()
