"""Errors: what, where, what to do; each is also a builtin, and each has an exit code."""

import pickle

import pytest

from focaldepth.core import errors
from focaldepth.core.errors import (
    AlignmentError,
    AxisError,
    Cancelled,
    FocalDepthError,
    MemoryLimitError,
    MissingExtraError,
    ReadError,
    SettingError,
    StackError,
    TrainingError,
    UnitError,
    UnknownNameError,
    WeightsError,
    WriteError,
)

BUILTIN = {
    StackError: ValueError, AxisError: ValueError, UnitError: ValueError, SettingError: ValueError,
    UnknownNameError: LookupError, MissingExtraError: ImportError, ReadError: OSError, WriteError: OSError,
    AlignmentError: RuntimeError, WeightsError: ValueError, MemoryLimitError: MemoryError, Cancelled: RuntimeError,
    TrainingError: RuntimeError,
}  # fmt: skip
EXIT = {WriteError: 1, AlignmentError: 1, TrainingError: 1, Cancelled: 130}


def example(cls: type[FocalDepthError]) -> FocalDepthError:
    if cls is Cancelled:
        return Cancelled()
    if cls is UnknownNameError:
        return UnknownNameError("method", "niave", ["naive", "classical-fast"], where="--method")
    if cls is MissingExtraError:
        return MissingExtraError("reading RAW", "raw", where="a.nef")
    return cls("it is torn.", where="a.tif", hint="Mend it.")


def test_every_error_is_in_the_tree_of_the_documentation() -> None:
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, FocalDepthError)}
    assert classes == {FocalDepthError, *BUILTIN}
    for cls, builtin in BUILTIN.items():
        line = next(text for text in (errors.__doc__ or "").splitlines() if f"── {cls.__name__} " in text)
        assert f"({builtin.__name__})" in line


@pytest.mark.parametrize(("cls", "builtin"), BUILTIN.items())
def test_an_error_is_caught_as_a_builtin(cls: type[FocalDepthError], builtin: type[Exception]) -> None:
    with pytest.raises(builtin):
        raise example(cls)
    assert cls.exit_code == EXIT.get(cls, 2)


@pytest.mark.parametrize("cls", [FocalDepthError, *BUILTIN])
def test_an_error_travels_whole_to_other_processes(cls: type[FocalDepthError]) -> None:
    error = example(cls)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is cls
    assert (str(back), back.what, back.where, back.hint) == (str(error), error.what, error.where, error.hint)


@pytest.mark.parametrize(
    ("where", "hint", "text"),
    [("a.tif", "Mend it.", "a.tif: it is torn. Mend it."), ("", "", "it is torn."),
     ("", "Mend it.", "it is torn. Mend it."),
     ("a.tif", "", "a.tif: it is torn.")],
)  # fmt: skip
def test_the_message_joins_where_what_and_hint(where: str, hint: str, text: str) -> None:
    assert str(FocalDepthError("it is torn.", where=where, hint=hint)) == text


def test_an_unknown_name_suggests_up_to_three() -> None:
    found = UnknownNameError("method", "classical", ["classical-a", "classical-b", "classical-c", "classical-d"])
    assert found.hint.startswith("Did you mean ")
    assert found.hint.count("classical-") == 3


def test_an_unknown_name_far_from_all_lists_all() -> None:
    assert str(UnknownNameError("method", "zzz", ["b", "a"])) == "unknown method 'zzz'. Known: a, b."


def test_a_missing_extra_names_the_install_command() -> None:
    text = str(MissingExtraError("reading RAW", "raw", where="a.nef"))
    assert text == "a.nef: reading RAW needs the extra 'raw'. Install it with: pip install 'focaldepth[raw]'"
