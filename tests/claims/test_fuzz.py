"""Wrong and odd arguments wherever something public takes any: errors name what is wrong, or there is none.

Nor does a call change its arguments or anything global, or return NaN for finite numbers.
`CONVEXSCORE_FUZZ=2000` tries as many calls of each function, at random, and ends those that hang.
"""

import math
import os
import re
import signal
import sys
import warnings
from contextlib import contextmanager
from dataclasses import fields, is_dataclass

import joblib  # noqa: F401  # its import sets an environment variable
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import convexscore as cs

from .odd_values import MADE, NOT_FINITE, RETURNING
from .public_calls import CALLS, FUNCTIONS, GATED, NET, NOT_CALLED, TIED, called_names, public_names

LONG = int(os.environ.get("CONVEXSCORE_FUZZ", "0"))
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
OWN = (cs.SolverError, cs.UnboundedError, cs.NotNormalizableError, cs.ConvergenceError)
# What an error says: the argument, or several, and what was expected of it.
NAMED = re.compile(r"[\w, ]+: (expected|solver .* does not know)")
# In the long profile a call that takes longer hangs.
SECONDS = 60

#: Counts of steps or draws: whoever asks for very many waits for them.
WORK = {"n_steps", "inner_steps", "first_steps", "n_samples", "n_replicates", "n_iterations", "n_epochs"}
WORK |= {"n_sweeps"}


def is_work(argument, kind):
    return argument in WORK and kind == "many"


def raises_itself(name, replacement):
    argument, kind = replacement
    return (
        (argument in FUNCTIONS or f"{name}.{argument}" in FUNCTIONS)
        and kind not in RETURNING
        and callable(MADE[kind]())
    )


def is_right(name, error):
    if isinstance(error, OWN):
        return True
    if name.endswith((".save", ".load")) and isinstance(error, OSError):
        return True
    if isinstance(error, KeyError):
        return name == "dataset" and bool(NAMED.match(error.args[0]))
    named = isinstance(error, (ValueError, TypeError)) and NAMED.match(str(error))
    return bool(named) and not isinstance(error, (np.linalg.LinAlgError, UnicodeError))


def has_nan(result):
    """Whether there is a NaN in what a call returned."""
    if isinstance(result, (float, np.floating)):
        return math.isnan(result)
    if isinstance(result, np.ndarray):
        return result.dtype.kind == "f" and bool(np.isnan(result).any())
    if isinstance(result, (list, tuple)):
        return any(map(has_nan, result))
    if is_dataclass(result) and type(result).__module__.startswith("convexscore"):
        public = (field.name for field in fields(result) if not field.name.startswith("_"))
        return any(has_nan(getattr(result, name)) for name in public)
    return False


def snapshot(value):
    """What must not change of an argument, as far as that can be told."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.shape, value.dtype, np.array(value).tobytes(), value.flags.writeable
    return repr(value) if type(value) in (list, dict, set) else None


def global_state():
    """What no call may change."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    state = {
        "random": (name, keys.tobytes(), *rest),
        "errors": np.geterr(),
        "warnings": list(warnings.filters),
        "environment": {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")},
        "directory": os.getcwd(),
        "printing": np.get_printoptions(),
        "digits": sys.get_int_max_str_digits(),
        "recursion": sys.getrecursionlimit(),
    }
    if "matplotlib" in sys.modules:
        state["figures"] = dict(sys.modules["matplotlib"].rcParams)
    return state


@contextmanager
def no_hanging():
    """Raise in a call that hangs, in the long profile."""
    if not LONG:
        yield
        return

    def stop(*_):
        raise TimeoutError(f"no end within {SECONDS} seconds")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def try_call(name, replaced):
    """Call with some arguments replaced; return what is wrong with what comes of it, None if nothing is."""
    function, right = CALLS[name]
    arguments = {**right, **{argument: MADE[kind]() for argument, kind in replaced.items()}}
    before = {argument: snapshot(value) for argument, value in arguments.items()}
    with no_hanging():
        try:
            result = function(**arguments)
        except Exception as error:
            own = any(raises_itself(name, replacement) for replacement in replaced.items())
            return None if own or is_right(name, error) else f"{type(error).__name__}: {error}"[:500]
    changed = [argument for argument, value in arguments.items() if snapshot(value) != before[argument]]
    if changed:
        return f"changes {changed}"
    if not NOT_FINITE.intersection(replaced.values()) and has_nan(result):
        return f"returns NaN: {result!r}"[:500]
    return None


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A directory with the files that are read, and a check that nothing global changes."""
    monkeypatch.chdir(tmp_path)
    NET.save("saved.npz")
    GATED.save("saved_gated.npz")
    TIED.save("saved_tied.npz")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        before = global_state()
        yield
        assert global_state() == before
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("name", CALLS)
def test_right_arguments_are_accepted_and_not_changed(name, elsewhere):
    function, right = CALLS[name]
    numbers = {key: np.array(value) for key, value in right.items() if isinstance(value, (list, np.ndarray))}
    for array in numbers.values():
        array.setflags(write=False)
    assert try_call(name, {}) is None
    function(**right | {key: array for key, array in numbers.items() if array.dtype != object})


@pytest.mark.parametrize("name", [name for name in CALLS if CALLS[name][1]])
@settings(max_examples=LONG or 15, derandomize=not LONG, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_wrong_arguments_are_named(name, elsewhere, data):
    arguments = st.sampled_from(sorted(CALLS[name][1]))
    replaced = data.draw(st.dictionaries(arguments, st.sampled_from(sorted(MADE)), min_size=1, max_size=2))
    if not any(is_work(*one) for one in replaced.items()):
        assert try_call(name, replaced) is None, f"{name}({replaced})"


@pytest.mark.parametrize("name", CALLS)
def test_each_wrong_argument_is_named(name, elsewhere):
    for argument in CALLS[name][1]:
        for kind in MADE:
            if not is_work(argument, kind):
                assert try_call(name, {argument: kind}) is None, f"{name}({argument}={kind})"


def test_everything_public_is_called():
    public, called = set(public_names()), set(called_names())
    assert public - called == set(NOT_CALLED)
