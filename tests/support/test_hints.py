"""What is missing is named with a command that installs it, for readers with a checkout and without."""

import sys

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.tables import read_table

NETWORK = cs.TwoLayerNetwork([[1.0]], [0.0], [[-1.0]], [0.0], [[-1.0]])


@pytest.mark.parametrize(
    ("library", "needs", "call"),
    [
        ("torch", "to_torch needs PyTorch", NETWORK.to_torch),
        (
            "tqdm",
            "progress=True needs tqdm",
            lambda: cs.samplers.langevin(NETWORK, np.zeros(3), 0.1, 2, rng=0, progress=True),
        ),
        ("tqdm", "progress=True needs tqdm", lambda: cs.enumerate_patterns(np.eye(2), progress=True)),
    ],
)
def test_a_missing_library_is_named_with_its_command(monkeypatch, library, needs, call):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"^{needs}; install it with: pip install {library}$"):
        call()


@pytest.mark.parametrize(("suffix", "engine"), [(".parquet", "pyarrow"), (".xlsx", "openpyxl")])
def test_tables_name_the_library_that_reads_them(monkeypatch, tmp_path, suffix, engine):
    pandas = pytest.importorskip("pandas")
    (tmp_path / f"a{suffix}").write_bytes(b"PK\x03\x04")

    def without_engine(*args, **kwargs):
        raise ImportError(f"Missing optional dependency '{engine}'.")

    for reader in ("read_parquet", "read_excel"):
        monkeypatch.setattr(pandas, reader, without_engine)
    with pytest.raises(ImportError, match=f"{suffix} needs {engine}; install it with: pip install {engine} "):
        read_table(str(tmp_path / f"a{suffix}"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=f"{suffix} needs pandas; install it with: pip install pandas {engine}$"
    ):
        read_table(str(tmp_path / f"a{suffix}"))
