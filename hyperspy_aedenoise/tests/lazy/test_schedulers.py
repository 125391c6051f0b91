"""The user's scheduler computes: threads, processes, a cluster."""

import logging
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import dask
import numpy as np
import pytest

from hyperspy_aedenoise._observation import spectra_by_blocks as blocks
from hyperspy_aedenoise.tests.conftest import train
from hyperspy_aedenoise.tests.lazy.conftest import (
    RESULTS,
    assert_same,
    lazy_of,
)

# Schedulers -----------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_the_scheduler_is_the_users(scheduler, noisy, fitted):
    """Nothing is computed by another one."""
    asked = []

    def get(graph, keys, **keywords):
        asked.append(keys)
        kinds = {"threads": dask.threaded.get, "synchronous": dask.get}
        return kinds[scheduler](graph, keys, **keywords)

    lazy = lazy_of(noisy)
    with dask.config.set(scheduler=get):
        train(lazy)
        assert asked
        asked.clear()
        result = lazy.get_autoencoder_model(lazy_output=False)
        assert len(asked) == 2  # a look at a block, and all of them
    assert_same(result, fitted.get_autoencoder_model(), noisy.data)


def test_processes(noisy, fitted):
    lazy = lazy_of(noisy)
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
        dask.config.set(scheduler="processes", pool=pool),
    ):
        train(lazy)
        result = lazy.get_autoencoder_model(lazy_output=False)
    assert_same(result, fitted.get_autoencoder_model(), noisy.data)


# A cluster: last, as it computes everything while its client lives ------------------


@pytest.fixture(scope="module")
def client():
    """Of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.ERROR,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def loaded():
    """Heavy packages that are loaded in this process."""
    return {"keras", "tensorflow"} & set(sys.modules)


def pid_of(rows):
    """The process that treats some spectra, for each of them."""
    return np.full(len(rows), os.getpid())


def test_a_cluster_computes_the_same(client, noisy, fitted):
    """Its workers do the work, and need no Keras for the fit."""
    lazy = lazy_of(noisy)
    everywhere = np.ones((12, 14), bool)
    pids = blocks.spectra_of(lazy.data, everywhere).gather(pid_of)
    workers = client.run(os.getpid).values()
    assert set(pids) == set(workers)
    before = sum(len(log) for log in client.run(_log_of).values())
    train(lazy)
    assert sum(len(log) for log in client.run(_log_of).values()) > before
    # reading a stored autoencoder, for what follows, may still need Keras
    assert not set().union(*client.run(loaded).values())
    for name in RESULTS:
        result, expected = getattr(lazy, name)(), getattr(fitted, name)()
        assert result._lazy
        scale = expected.data if "loadings" in name else noisy.data
        assert_same(result, expected, scale)


def _log_of(dask_worker):
    return list(dask_worker.state.log)


def test_a_cluster_compares_the_same(client, noisy, fitted):
    lazy = lazy_of(noisy)
    train(lazy)
    found, expected = lazy.compare_denoising(), fitted.compare_denoising()
    assert found.recommended == expected.recommended
    for route, signal in found.signals.items():
        assert_same(signal, expected.signals[route], noisy.data)
