"""What takes long shows a bar if asked to, is silent if not, and gives one result with any workers."""

import functools
import inspect

import joblib
import numpy as np
import pytest

import convexscore as cs
from convexscore._support import parallel, progress

from .test_documents import PUBLIC
from .work_calls import ALONE, DIVIDED, SAMPLERS, content

BARS = {**DIVIDED, **ALONE, **{name: ("progress", call) for name, call in SAMPLERS.items()}}


@functools.cache
def plain(name):
    """What a call returns by itself: that of samplers in blocks of chains too."""
    if name in SAMPLERS:
        return content(SAMPLERS[name](n_jobs=1))
    return content(BARS[name][1]())


@pytest.mark.parametrize("name", BARS)
def test_a_bar_is_drawn_on_request_only_and_changes_nothing(name, capfd):
    pytest.importorskip("tqdm")
    keyword, call = BARS[name]
    silent = plain(name)
    assert capfd.readouterr() == ("", "")
    blocks = {"n_jobs": 1} if name in SAMPLERS else {}
    shown = content(call(**{keyword: True}, **blocks))
    out, err = capfd.readouterr()
    assert out == ""
    assert "%" in err or "it/s" in err or "step" in err or "[00:" in err
    assert shown == silent
    # Bars that are done are cleared: nothing of them is left on the screen.
    assert err.split("\r")[-1].strip(" \n\x1b[A") == ""


def keywords(thing):
    """Whether something public can show bars, and whether it takes workers."""
    names = set(inspect.signature(thing).parameters)
    return bool(names & {"progress", "verbose"}), "n_jobs" in names


def public_callables():
    for name, thing in PUBLIC.items():
        if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
            continue
        yield name, thing
        for inner, member in vars(thing).items() if inspect.isclass(thing) else ():
            if inner.startswith("_"):
                continue
            member = getattr(thing, inner)
            if inspect.isfunction(member) or inspect.ismethod(member):
                yield f"{name}.{inner}", member


def test_everything_public_with_a_bar_is_in_the_table():
    listed = {
        "ConvexScoreEstimator": "estimator",
        "NoiseConditionalScore.fit": "levels",
        "Path.solutions": "path.solutions",
        "PooledScore.fit": "pool",
        "baselines.UnrolledDenoiser.fit": "UnrolledDenoiser.fit",
    }
    found = 0
    for name, thing in public_callables():
        bars, workers = keywords(thing)
        row = listed.get(name, name.rpartition(".")[2])
        assert bars == (row in BARS), name
        # Only `solve` has its workers among the options of its solvers.
        assert workers == (row in DIVIDED or row in SAMPLERS) or name == "solve", name
        found += bars
    assert found >= 25


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("name", [*DIVIDED, *SAMPLERS])
def test_workers_change_nothing(name, backend):
    call, alone = BARS[name][1], plain(name)
    # Every array is sent as a file that cannot be written to.
    with joblib.parallel_config(backend, n_jobs=2, **({"max_nbytes": 10} if backend == "loky" else {})):
        assert content(call(n_jobs=2)) == alone
        if name in DIVIDED:
            assert content(call()) == alone


def test_workers_outnumber_the_work():
    _, call = DIVIDED["train_adam"]
    assert content(call(n_jobs=7)) == plain("train_adam")


def errors_of_floats(item):
    return np.geterr()["divide"]


def warned(item):
    from convexscore._support.caller import warn_caller

    warn_caller(f"seen {item}", cs.ConvergenceWarning)
    return item


def nested(item):
    return parallel.n_workers(None), parallel.n_workers(2)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_handle_errors_of_floats_as_the_caller_does(backend):
    for kind in ("raise", "ignore"):
        with joblib.parallel_config(backend, n_jobs=2), np.errstate(divide=kind):
            assert list(parallel.run_all(errors_of_floats, range(3))) == [kind] * 3


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_warnings_of_workers_are_given(backend):
    with joblib.parallel_config(backend, n_jobs=2), pytest.warns(cs.ConvergenceWarning) as caught:
        assert list(parallel.run_all(warned, [1, 2, 3])) == [1, 2, 3]
    assert sorted(str(warning.message) for warning in caught) == ["seen 1", "seen 2", "seen 3"]


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_task_has_no_workers_of_its_own(backend):
    with joblib.parallel_config(backend, n_jobs=2):
        assert list(parallel.run_all(nested, range(3))) == [(1, 1)] * 3


def test_stages_tell_what_begins(capsys):
    pytest.importorskip("tqdm")
    with progress.stages(2, True, "whole") as begin:
        begin("first")
        begin("second")
        assert "first" in capsys.readouterr().err
