"""What an argument may turn out to be: of wrong types, of odd types, and at the ends of the floats."""

from array import array
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import convexscore as cs

from .public_calls import DSM, NET2, PATTERNS


class Odd:
    """Has no repr, no length, and is no array."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __array__(self, *_, **__):
        raise RuntimeError("no array")


class LyingNumber:
    """Says that it is a number, and is none."""

    def __float__(self):
        raise ArithmeticError("no float")

    def __int__(self):
        return -1

    def __index__(self):
        raise KeyError("no index")

    def __eq__(self, other):
        raise RuntimeError("not to be compared")

    __hash__ = object.__hash__


class NumberOfNothing(float):
    """A float whose own methods lie."""

    def __float__(self):
        return float("nan")


class LyingSequence:
    """Says that it has four entries, and has none."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise OSError("no entries")


class Endless:
    """Has an entry at every index."""

    def __len__(self):
        return -1

    def __getitem__(self, index):
        return 1.0


class LyingArray:
    """Becomes an array of something else."""

    shape, ndim, dtype = (4,), 1, np.dtype(float)

    def __array__(self, *_, **__):
        return np.array(["a", "b"])


class Everything:
    """Has every attribute."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return "a"


class Text(str):
    """A string of another type."""


def read_only(values):
    values = np.array(values)
    values.setflags(write=False)
    return values


#: Made anew for every call, as iterators are used up.
MADE = {
    "none": lambda: None,
    "true": lambda: True,
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "two": lambda: 2,
    "minus zero": lambda: -0.0,
    "half": lambda: 1.5,
    "nan": lambda: np.nan,
    "infinity": lambda: np.inf,
    "large": lambda: 1e200,
    "largest number": lambda: 1.7e308,
    "small": lambda: 1e-200,
    "least": lambda: 5e-324,
    "many": lambda: 2**40,
    "more than an index": lambda: 2**64,
    "no float": lambda: 10**400,
    "no text": lambda: 10**5000,
    "complex": lambda: 1j,
    "word": lambda: "a",
    "digits": lambda: "1",
    "no words": lambda: "",
    "nothing printed": lambda: "\0",
    "half a pair": lambda: "\ud800",
    "text": lambda: Text("a"),
    "NumPy's text": lambda: np.str_("relu"),
    "bytes": lambda: b"1",
    "memory": lambda: memoryview(b"1234"),
    "path": lambda: Path("nowhere/at all"),
    "date": lambda: date(2020, 1, 1),
    "fraction": lambda: Fraction(1, 3),
    "decimal": lambda: Decimal("0.1"),
    "no decimal": lambda: Decimal("NaN"),
    "NumPy's flag": lambda: np.bool_(True),
    "NumPy's integer": lambda: np.int8(2),
    "single": lambda: np.float32(0.5),
    "extended": lambda: np.longdouble(0.5),
    "number of nothing": lambda: NumberOfNothing(1.0),
    "lying number": LyingNumber,
    "list": list,
    "tuple": lambda: (),
    "dict": dict,
    "set": lambda: {1.0},
    "range": lambda: range(4),
    "iterator": lambda: iter([0.0, 1.0, 2.0, 3.0]),
    "slice": lambda: slice(2),
    "ellipsis": lambda: ...,
    "array of floats": lambda: array("d", [0.0, 1.0, 2.0, 3.0]),
    "lists": lambda: [[0.0, 1.0], [2.0, 3.0], [1.0, 1.0], [0.0, 5.0]],
    "ragged": lambda: [[1.0, 2.0], [3.0]],
    "deep": lambda: [[[[[[1.0]]]]]],
    "words": lambda: ["1", "2", "3", "4"],
    "nothing in it": lambda: [None, 1.0],
    "fractions": lambda: [Fraction(1, 3)] * 4,
    "large integers": lambda: [10**30, 1, 2, 3],
    "object": object,
    "odd": Odd,
    "lying sequence": LyingSequence,
    "endless": Endless,
    "lying array": LyingArray,
    "everything": Everything,
    "class": lambda: cs.ScoreMatching,
    "exception": lambda: ValueError("a"),
    "module": lambda: np,
    "type": lambda: np.float64,
    "dtype": lambda: np.dtype("f4"),
    "raises": lambda: len,
    "function": lambda: lambda *_: "a",
    "function to None": lambda: lambda *_: None,
    "function to a number": lambda: lambda *_: 0.5,
    "function to NaN": lambda: lambda x, *_: np.full(np.shape(x), np.nan),
    "function to more": lambda: lambda x, *_: np.ones((*np.shape(x), 1)),
    "function to complex": lambda: lambda x, *_: np.ones(np.shape(x)) * 1j,
    "function to objects": lambda: lambda x, *_: np.full(np.shape(x), None),
    "function to masked": lambda: lambda x, *_: np.ma.array(np.ones(np.shape(x)), mask=True),
    "function to ragged": lambda: lambda *_: [[1.0, 2.0], [3.0]],
    "function to odd": lambda: lambda *_: Odd(),
    "function to integers": lambda: lambda x, *_: np.ones(np.shape(x), dtype=np.int8),
    "function to extended": lambda: lambda x, *_: -np.asarray(x, dtype=np.longdouble),
    "function to infinity": lambda: lambda x, *_: np.full(np.shape(x), np.inf),
    "function to the largest": lambda: lambda x, *_: np.full(np.shape(x), 1.7e308),
    "objects": lambda: np.array([1, None], dtype=object),
    "masked": lambda: np.ma.array([0.0, 1.0, 2.0, 3.0], mask=[0, 0, 0, 1]),
    "numbers": lambda: np.array([0.0, 1.0, 2.0]),
    "complexes": lambda: np.ones(4) * 1j,
    "dates": lambda: np.array(["2020-01-01"] * 4, dtype="datetime64[D]"),
    "flags": lambda: np.array([True, False, True, True]),
    "matrix": lambda: np.ones((4, 2)),
    "tensor": lambda: np.ones((2, 2, 2)),
    "empty": lambda: np.zeros((0, 2)),
    "nothing": lambda: np.zeros(0),
    "no columns": lambda: np.zeros((4, 0)),
    "one": lambda: np.ones(1),
    "one by one": lambda: np.ones((1, 1)),
    "nans": lambda: np.full(4, np.nan),
    "infinities": lambda: np.array([0.0, np.inf, -np.inf, 1.0]),
    "large numbers": lambda: np.array([0.0, 1e300, -1e300, 3.0]),
    "largest numbers": lambda: np.array([0.0, 1.7e308, -1.7e308, 3.0]),
    "a largest matrix": lambda: 1e308 * np.array([[0.0, 1.0], [1.7, -1.5], [-1.7, -1.7], [1.0, 0.1]]),
    "subnormal": lambda: np.array([0.0, 5e-324, -5e-324, 1e-310]),
    "minus zeros": lambda: np.array([-0.0, 0.0, -0.0, 1.0]),
    "halves": lambda: np.array([0.0, 0.5, 1.0, 1.5], dtype=np.float16),
    "singles": lambda: np.array([0.0, 0.5, 1.0, 1.5], dtype=np.float32),
    "extended numbers": lambda: np.array([0.0, 0.5, 1.0, 1.5], dtype=np.longdouble),
    "too extended": lambda: np.array([0, 1, 2, 3], dtype=np.longdouble) * np.longdouble("1e4000"),
    "bytes of integers": lambda: np.array([0, -128, 127, 3], dtype=np.int8),
    "unsigned": lambda: np.array([0, 2**64 - 1, 5, 2**63], dtype=np.uint64),
    "swapped": lambda: np.arange(4.0).astype(">f8"),
    "Fortran": lambda: np.asfortranarray([[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]]),
    "backwards": lambda: np.arange(8.0)[::-2],
    "read-only": lambda: read_only([0.0, 1.0, 3.0, 3.5]),
    "broadcast": lambda: np.broadcast_to(1.0, (4,)),
    "matrix type": lambda: np.ma.array(np.ones((4, 2))),
    "structured": lambda: np.zeros(4, dtype="i4,f8"),
    "scalar": lambda: np.array(2.0),
    "integer scalar": lambda: np.array(2),
    "generator": lambda: np.random.default_rng,
    "legacy generator": lambda: np.random.RandomState(0),
    "network": lambda: NET2,
    "objective": lambda: DSM,
    "patterns": lambda: PATTERNS,
}
if find_spec("pandas") is not None:
    import pandas as pd

    MADE |= {
        "series": lambda: pd.Series([0.0, 1.0, 3.0, 3.5], index=[3, 1, 2, 0]),
        "missing series": lambda: pd.Series([1, None, 2, 3], dtype="Int64"),
        "categories": lambda: pd.Series(["a", "b", "a", "b"], dtype="category"),
        "frame": lambda: pd.DataFrame({"a": [0.0, 1.0, 2.0, 5.0], "b": [1.0, 0.0, 3.0, 2.0]}),
        "mixed frame": lambda: pd.DataFrame({"a": [0.0, 1.0], "b": ["x", "y"]}),
        "missing": lambda: pd.NA,
        "no time": lambda: pd.NaT,
    }

#: Those that have numbers which are not finite, or make such numbers.
NOT_FINITE = {
    "nan",
    "infinity",
    "no decimal",
    "number of nothing",
    "nans",
    "infinities",
    "too extended",
    "function to infinity",
    "missing series",
    "missing",
    "no time",
}
#: Functions that return: they raise nothing themselves.
RETURNING = {kind for kind in MADE if kind.startswith("function")}
