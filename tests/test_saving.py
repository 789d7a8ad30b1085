"""Saved objects come back as they were; files that are something else are refused by name."""

import json
import zipfile

import numpy as np
import pytest

import convexscore as cs
from convexscore import _support

X = np.random.default_rng(0).standard_normal(30)
PLANE = np.random.default_rng(1).standard_normal((20, 2)) @ [[1.0, 0.0], [0.5, 2.0]]
POINTS = np.linspace(-3, 3, 7)
GRID = np.stack([POINTS, POINTS[::-1]], axis=1)


def solution():
    return cs.solve(X, 6.0, skip=True)


MAKERS = {
    "network": lambda: solution().network,
    "conservative": lambda: cs.solve(PLANE, 8.0, skip=True, conservative=True).network,
    "gated": lambda: cs.solve(cs.DenoisingScoreMatching(PLANE, -PLANE), 2.0, gated=True).network,
    "solution": solution,
    "planar solution": lambda: cs.solve(PLANE, 8.0),
    "constrained solution": lambda: cs.solve(np.exp(X), 30.0, skip=True, tails="integrable"),
    "gated solution": lambda: cs.solve(cs.DenoisingScoreMatching(PLANE, -PLANE), 2.0, gated=True),
    "density": lambda: cs.ScoreDensity(solution().network),
    "planar density": lambda: cs.solve(PLANE, 8.0, skip=True, conservative=True).density(),
    "levels": lambda: cs.NoiseConditionalScore.fit(X, [2.0, 1.0], 8.0, n_draws=3, rng=0),
    "pooled": lambda: cs.PooledScore.fit(np.exp(X), rng=0),
    "planar pooled": lambda: cs.PooledScore.fit(PLANE, rng=0),
    "patterns": lambda: cs.enumerate_patterns(PLANE[:6], bias=True),
    "path": lambda: cs.regularization_path(X, skip=True, beta_min=5.0),
    "path on a grid": lambda: cs.regularization_path(X, betas=[9.0, 6.0], tails="integrable"),
}


def numbers(thing):
    """What an object says, as arrays."""
    if isinstance(thing, cs.Solution):
        points = POINTS if thing.network.n_features == 1 else GRID
        certificate = [value for value in vars(thing.certificate).values() if isinstance(value, float)]
        return [thing.network(points), [thing.value, thing.beta, *certificate], list(thing.tails or ())]
    if isinstance(thing, cs.ScoreDensity):
        return [thing.pdf(POINTS), thing.icdf([0.1, 0.9]), [thing.log_normalizer, thing.entropy()]]
    if isinstance(thing, cs.ConservativeDensity):
        return [thing.logpdf(GRID), thing.mean(), [thing.log_normalizer, thing.error]]
    if isinstance(thing, cs.NoiseConditionalScore):
        return [thing(POINTS, 1.5), thing.sigmas, *numbers(thing.solutions[1])]
    if isinstance(thing, cs.PooledScore):
        points = POINTS if thing.n_features == 1 else GRID
        drawn = thing.sample(5, rng=0)
        return [thing(points), thing.logpdf(points), thing.weights, drawn, thing.members[0].logpdf(points)]
    if isinstance(thing, cs.Patterns):
        return [thing.signs, thing.rows, thing.witnesses, [thing.total, thing.complete, len(thing)]]
    if isinstance(thing, cs.Path):
        return [thing.betas, thing.n_kinks, *numbers(thing.solution(float(thing.betas[-1])))]
    points = POINTS if thing.n_features == 1 else GRID
    return [thing(points), thing.divergence(points), [thing.weight_decay()]]


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_saved_comes_back(kind, tmp_path):
    thing, path = MAKERS[kind](), tmp_path / "saved.npz"
    thing.save(path)
    loaded = cs.load(path)
    assert type(loaded) is type(thing)
    for mine, theirs in zip(numbers(thing), numbers(loaded), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    known = cs.provenance(path)
    assert known["kind"] == type(thing).__name__
    assert known["package"] == cs.__version__
    # And once more, from what was loaded.
    loaded.save(path)
    for mine, theirs in zip(numbers(thing), numbers(cs.load(path)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_loaded_solution_is_certified_again(tmp_path):
    found, path = solution(), tmp_path / "saved.npz"
    found.save(path)
    loaded = cs.load(path)
    assert vars(loaded.certificate) == vars(found.certificate)
    assert vars(loaded.stats) == vars(found.stats)
    assert (loaded.status, loaded.theorem, str(loaded)) == (found.status, found.theorem, str(found))
    again = cs.certify(loaded.network, X, loaded.beta)
    assert again.primal == pytest.approx(found.value, rel=1e-12)
    assert again.meets(1e-8)
    known = cs.provenance(path)
    assert known["certificate"] == vars(found.certificate)
    assert (known["beta"], known["value"], known["status"]) == (6.0, found.value, found.status)
    assert (known["activation"], known["n_features"], known["theorem"]) == ("relu", 1, "A.5")


def test_infinite_bounds_and_members_survive(tmp_path):
    path = tmp_path / "saved.npz"
    local = cs.solve(np.random.default_rng(2).standard_normal((8, 3)), 9.0, skip=True, max_boxes=1)
    local.save(path)
    assert cs.load(path).certificate.lower_bound == local.certificate.lower_bound
    assert cs.provenance(path)["certificate"]["lower_bound"] == local.certificate.lower_bound
    pooled = cs.PooledScore.fit(np.exp(X), members=("network",), rng=0)
    pooled.save(path)
    mine, theirs = (max(thing.members, key=lambda member: member.weight) for thing in (pooled, cs.load(path)))
    assert theirs.certificate.primal == mine.certificate.primal
    assert str(theirs) == str(mine)


def test_files_of_the_first_version_open(tmp_path):
    # As 0.1.0 wrote them: no version of the package, no origin.
    header = {"kind": "convexscore.TwoLayerNetwork", "version": 1, "activation": "abs"}
    arrays = {
        "W1": [[2.0]],
        "b1": [-1.0],
        "W2": [[0.5]],
        "b2": [1.0],
        "V": [[-1.0]],
        "right_derivative": [True],
    }
    np.savez(tmp_path / "old.npz", header=np.array(json.dumps(header)), **arrays)
    loaded = cs.load(tmp_path / "old.npz")
    np.testing.assert_array_equal(loaded([0.0, 2.0]), [1.5, 0.5])
    known = cs.provenance(tmp_path / "old.npz")
    assert known == {"kind": "TwoLayerNetwork", "format": 1, "package": None, "activation": "abs"}


def test_a_network_of_a_newer_kind_of_activation_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="self: expected what a file can keep"):
        cs.NoiseConditionalScore([2.0, 1.0], [np.negative, np.negative]).save(tmp_path / "saved.npz")
    assert not list(tmp_path.iterdir())


def rewritten(path, change):
    """The file with its header and record changed."""
    with np.load(path) as stored:
        arrays = dict(stored)
    header, record = json.loads(str(arrays.pop("header"))), json.loads(bytes(arrays.pop("record")))
    change(header, record, arrays)
    content = np.frombuffer(json.dumps(record).encode(), dtype=np.uint8)
    np.savez(path, header=np.array(json.dumps(header)), record=content, **arrays)


CHANGES = {
    "another class": lambda header, record, arrays: record.update(kind="Popen"),
    "a class of the package that is none of these": lambda header, record, arrays: record.update(
        kind="Problem"
    ),
    "another kind": lambda header, record, arrays: header.update(kind="convexscore.Patterns"),
    "somebody else's": lambda header, record, arrays: header.update(kind="os.system"),
    "no version": lambda header, record, arrays: header.update(version=None),
    "no network": lambda header, record, arrays: record["fields"].update(network=None),
    "no such array": lambda header, record, arrays: arrays.popitem(),
    "text": lambda header, record, arrays: arrays.update(array0=np.array(["a"])),
    "a shape": lambda header, record, arrays: arrays.update(array0=np.zeros((2, 2, 2))),
    "too many fields": lambda header, record, arrays: record["fields"].update(more=1),
    "certificate of text": lambda header, record, arrays: record["fields"].update(certificate="good"),
    "facts": lambda header, record, arrays: record.update(fields=[1, 2]),
    "value": lambda header, record, arrays: record["fields"].update(value={"float": "nan"}),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_files_that_are_something_else_are_refused(kind, tmp_path):
    path = tmp_path / "saved.npz"
    solution().save(path)
    rewritten(path, CHANGES[kind])
    with pytest.raises(ValueError, match="path: expected a file written by save"):
        cs.load(path)


def test_newer_formats_say_so(tmp_path):
    path = tmp_path / "saved.npz"
    solution().save(path)
    rewritten(path, lambda header, record, arrays: header.update(version=7))
    with pytest.raises(ValueError, match=r"path: expected format 1, got format 7 .* upgrade to read it"):
        cs.load(path)


def test_deep_and_huge_records_are_refused(tmp_path):
    path = tmp_path / "saved.npz"
    solution().save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    deep = b"[" * 100_000 + b"]" * 100_000
    arrays["record"] = np.frombuffer(deep, dtype=np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="nested too deeply"):
        cs.load(path)
    arrays["record"] = np.zeros(_support.records._LONGEST_RECORD + 8, dtype=np.uint8)
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match="path: expected a file written by save"):
        cs.load(path)


@pytest.mark.parametrize("cut", [0, 10, 200, -30])
def test_damaged_files_are_refused(cut, tmp_path):
    path = tmp_path / "saved.npz"
    solution().save(path)
    path.write_bytes(path.read_bytes()[:cut])
    for door in (cs.load, cs.provenance):
        with pytest.raises(ValueError, match="path: expected a file written by save"):
            door(path)
    with pytest.raises(FileNotFoundError):
        cs.load(tmp_path / "nothing.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="path: expected a file written by save"):
        cs.load(tmp_path / "other.npz")


def test_files_hold_no_python_objects(tmp_path):
    for number, kind in enumerate(MAKERS):
        path = tmp_path / f"{number}.npz"
        MAKERS[kind]().save(path)
        with zipfile.ZipFile(path) as archive:
            assert not [name for name in archive.namelist() if b"'O'" in archive.read(name)[:200]]
