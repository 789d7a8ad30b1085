"""Files appear whole or not at all."""

import json
import os
import stat

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.files import written_whole


@pytest.fixture
def network():
    return cs.TwoLayerNetwork([[1.0], [-1.0]], [0.5, 0.25], [[-2.0, 1.0]], [0.5], [[-1.0]], activation="abs")


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def mask():
    """The process's file mode mask, restored afterwards."""
    before = os.umask(0)
    os.umask(before)
    yield os.umask
    os.umask(before)


def write_half(target, error):
    """Fail in the middle of writing a file."""
    with written_whole(target) as temporary:
        temporary.write_text("half")
        raise error


class TestWrittenWhole:
    def test_the_file_has_what_was_written_and_nothing_else_is_left(self, tmp_path):
        with written_whole(tmp_path / "a.txt") as temporary:
            temporary.write_text("all of it")
        assert (tmp_path / "a.txt").read_text() == "all of it"
        assert names(tmp_path) == ["a.txt"]

    def test_the_file_is_not_there_before_the_end(self, tmp_path):
        with written_whole(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            assert not (tmp_path / "a.txt").exists()
            assert temporary.parent == tmp_path

    @pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
    def test_a_failure_leaves_nothing(self, tmp_path, error):
        with pytest.raises(error):
            write_half(tmp_path / "a.txt", error)
        assert names(tmp_path) == []

    def test_a_failure_leaves_the_old_file_untouched(self, tmp_path):
        old = tmp_path / "a.txt"
        old.write_text("old")
        with pytest.raises(ValueError, match="stop"):
            write_half(old, ValueError("stop"))
        assert old.read_text() == "old"
        assert names(tmp_path) == ["a.txt"]

    def test_a_success_replaces_the_old_file(self, tmp_path):
        old = tmp_path / "a.txt"
        old.write_text("old and longer")
        with written_whole(old) as temporary:
            temporary.write_text("new")
        assert old.read_text() == "new"

    @pytest.mark.parametrize("name", ["a.png", "a.tar.gz", "no-suffix", "with space.csv"])
    def test_the_temporary_name_keeps_the_suffix(self, tmp_path, name):
        target = tmp_path / name
        with written_whole(target) as temporary:
            assert temporary.suffix == target.suffix
        assert names(tmp_path) == [name]

    @pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
    @pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_permissions_follow_the_umask(self, tmp_path, mask, umask, mode):
        mask(umask)
        with written_whole(tmp_path / "a.txt") as temporary:
            temporary.write_text("x")
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode

    @pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
    def test_the_umask_itself_stays(self, tmp_path, mask):
        mask(0o027)
        with written_whole(tmp_path / "a.txt"):
            pass
        assert mask(0o027) == 0o027

    def test_a_directory_is_no_target(self, tmp_path):
        with pytest.raises(ValueError, match="got the directory"), written_whole(tmp_path):
            pass

    def test_a_missing_directory_is_named(self, tmp_path):
        with pytest.raises(ValueError, match="missing"), written_whole(tmp_path / "missing" / "a.txt"):
            pass
        assert names(tmp_path) == []

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_written_to_and_not_replaced(self, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            with written_whole(pipe) as temporary:
                temporary.write_text("x")
            assert os.read(reader, 10) == b"x"
        finally:
            os.close(reader)
        assert stat.S_ISFIFO(pipe.stat().st_mode)


def write_model(path, network, **header):
    """Write a model file with another header, or, with None as a value, without that entry."""
    fields = {"kind": "convexscore.TwoLayerNetwork", "version": 1, "activation": network.activation}
    fields = {key: value for key, value in (fields | header).items() if value is not None}
    names = ("W1", "b1", "W2", "b2", "V", "right_derivative")
    arrays = {name: getattr(network, name) for name in names}
    np.savez(path, header=np.array(json.dumps(fields)), **arrays)
    return path


def loads_or_refuses(path):
    """Return whether a file is either read, or refused by an error that names it."""
    try:
        cs.TwoLayerNetwork.load(path)
    except ValueError as error:
        return path.name in str(error)
    return True


class TestModelFile:
    def test_loading_gives_back_the_network_bit_for_bit(self, tmp_path, network):
        network.save(tmp_path / "model.npz")
        loaded = cs.TwoLayerNetwork.load(tmp_path / "model.npz")
        for name in ("W1", "b1", "W2", "b2", "V", "right_derivative"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(network, name))
        assert loaded.activation == "abs"
        assert names(tmp_path) == ["model.npz"]

    def test_the_kink_convention_survives(self, tmp_path):
        network = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0], right_derivative=[False])
        network.save(tmp_path / "model.npz")
        loaded = cs.TwoLayerNetwork.load(tmp_path / "model.npz")
        assert loaded.divergence([0.0]) == network.divergence([0.0]) == [0.0]

    @pytest.mark.parametrize("name", ["model", "model.bin"])
    def test_the_name_is_taken_as_given(self, tmp_path, network, name):
        network.save(tmp_path / name)
        assert names(tmp_path) == [name]
        assert cs.TwoLayerNetwork.load(tmp_path / name).n_neurons == 2

    def test_a_network_without_neurons_survives(self, tmp_path):
        network = cs.TwoLayerNetwork(np.zeros((0, 1)), [], np.zeros((1, 0)), [2.0], [[-1.0]])
        network.save(tmp_path / "model.npz")
        np.testing.assert_array_equal(cs.TwoLayerNetwork.load(tmp_path / "model.npz")([0.0, 2.0]), [2.0, 0.0])

    def test_a_file_cut_anywhere_is_refused(self, tmp_path, network):
        network.save(tmp_path / "model.npz")
        whole = (tmp_path / "model.npz").read_bytes()
        for length in range(0, len(whole), 7):
            (tmp_path / "cut.npz").write_bytes(whole[:length])
            with pytest.raises(ValueError, match=r"cut\.npz"):
                cs.TwoLayerNetwork.load(tmp_path / "cut.npz")

    def test_a_damaged_byte_anywhere_is_refused_or_harmless(self, tmp_path, network):
        network.save(tmp_path / "model.npz")
        whole = (tmp_path / "model.npz").read_bytes()
        # Every byte of the archive's directory at the end, and some of the arrays before it.
        directory = whole.index(b"PK\x01\x02")
        for place in [*range(0, directory, 11), *range(directory, len(whole))]:
            damaged = bytearray(whole)
            damaged[place] ^= 0x01
            (tmp_path / "bad.npz").write_bytes(damaged)
            assert loads_or_refuses(tmp_path / "bad.npz")

    def test_a_newer_format_asks_for_an_upgrade(self, tmp_path, network):
        path = write_model(tmp_path / "new.npz", network, version=999)
        with pytest.raises(ValueError, match=r"format 999 .*upgrade"):
            cs.TwoLayerNetwork.load(path)

    @pytest.mark.parametrize(
        "header",
        [
            {"kind": "other"},
            {"kind": None},
            {"version": None},
            {"version": "1"},
            {"activation": None},
            {"activation": "tanh"},
        ],
        ids=str,
    )
    def test_a_wrong_header_is_refused(self, tmp_path, network, header):
        path = write_model(tmp_path / "wrong.npz", network, **header)
        with pytest.raises(ValueError, match=r"wrong\.npz"):
            cs.TwoLayerNetwork.load(path)

    def test_a_header_alone_is_refused(self, tmp_path):
        np.savez(tmp_path / "wrong.npz", header=np.array("[1, 2]"))
        with pytest.raises(ValueError, match=r"wrong\.npz"):
            cs.TwoLayerNetwork.load(tmp_path / "wrong.npz")

    @pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
    def test_something_else_is_refused(self, tmp_path, content):
        (tmp_path / "wrong.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"wrong\.npz"):
            cs.TwoLayerNetwork.load(tmp_path / "wrong.npz")

    def test_a_bare_array_is_refused(self, tmp_path):
        np.save(tmp_path / "wrong.npy", np.arange(3.0))
        with pytest.raises(ValueError, match=r"wrong\.npy"):
            cs.TwoLayerNetwork.load(tmp_path / "wrong.npy")

    def test_pickles_are_never_opened(self, tmp_path):
        np.savez(tmp_path / "wrong.npz", header=np.array([{"kind": 1}], dtype=object))
        with pytest.raises(ValueError, match="allow_pickle"):
            cs.TwoLayerNetwork.load(tmp_path / "wrong.npz")

    def test_a_missing_file_is_file_not_found(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            cs.TwoLayerNetwork.load(tmp_path / "none.npz")

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_a_number_that_is_not_finite_is_refused(self, tmp_path, network, value):
        path = tmp_path / "wrong.npz"
        network.save(path)
        with np.load(path) as stored:
            arrays = dict(stored)
        np.savez(path, **(arrays | {"b1": np.array([0.0, value])}))
        with pytest.raises(ValueError, match="b1"):
            cs.TwoLayerNetwork.load(path)

    def test_saving_over_a_model_that_fails_keeps_the_old_one(self, tmp_path, network, monkeypatch):
        path = tmp_path / "model.npz"
        network.save(path)
        before = path.read_bytes()

        def fail(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr(np, "savez", fail)
        with pytest.raises(OSError, match="disk full"):
            network.save(path)
        assert path.read_bytes() == before
        assert names(tmp_path) == ["model.npz"]
