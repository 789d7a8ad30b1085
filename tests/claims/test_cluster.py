"""A cluster of Dask's gives what one worker gives, bit for bit."""

import os

import joblib
import pytest

from .work_calls import DIVIDED, SAMPLERS, content

distributed = pytest.importorskip("distributed")

# A pool in the plane sends about 12 MB a fold, of which Dask warns.
pytestmark = pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning")

NAMES = (
    "pool",
    "pool of the plane",
    "train_adam",
    "enumerate_patterns",
    "iter_patterns",
    "sample_patterns",
    "solve space",
    "select_beta plane",
    "select_beta expected",
    "levels integrated out",
    "path.solutions",
    "langevin",
    "mala",
    "joint",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.mark.parametrize("name", NAMES)
def test_a_cluster_changes_nothing(name, cluster):
    call = SAMPLERS[name] if name in SAMPLERS else DIVIDED[name][1]
    workers = {"n_jobs": 1} if name in SAMPLERS else {}
    alone = content(call(**workers))
    with joblib.parallel_config(backend="dask"):
        assert content(call(n_jobs=-1)) == alone
        if name in DIVIDED:
            assert content(call()) == alone


def where(item):
    return os.getpid()


def test_tasks_run_in_the_clusters_processes(cluster):
    from convexscore._support.parallel import run_all

    with joblib.parallel_config(backend="dask"):
        found = set(run_all(where, range(20)))
    assert os.getpid() not in found
    assert found <= set(cluster.run(os.getpid).values())
