"""The leading components of symmetric matrices."""

import functools

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from threadpoolctl import ThreadpoolController

#: Components that are calculated at first, where those above a limit are wanted.
_FIRST = 16
#: Size of a matrix from which a share of components is found faster by iteration, and
#: that share. What is found is accurate to the tolerance.
_LARGE, _FEW, _TOLERANCE = 256, 1 / 8, 1e-7

#: Eigenvalue, relative to the largest, below which it is rounding.
_ROUNDING = 1e-12


def leading_components(matrix, n_wanted):
    """The largest eigenvalues, descending, and their vectors as columns.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Symmetric.
    n_wanted : int
        At least 1.

    Returns
    -------
    values : ndarray, shape (n_wanted,)
        Fewer if the matrix is smaller.
    vectors : ndarray, shape (n, n_wanted)

    Notes
    -----
    By one thread: on a busy machine threads wait for each other in such small steps
    that two take ten times as long as one.
    """
    n = len(matrix)
    with _blas().limit(limits=1, user_api="blas"):
        size = np.abs(np.diagonal(matrix)).max(initial=0)
        if n >= _LARGE and n_wanted <= _FEW * n and size > 0:
            start = np.random.default_rng(0).standard_normal(n)
            values, vectors = scipy.sparse.linalg.eigsh(
                matrix / size, n_wanted, v0=start, tol=_TOLERANCE
            )
            order = np.argsort(values)[::-1]
            return size * values[order], vectors[:, order]
        first = max(n - n_wanted, 0)
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=[first, n - 1])
        return values[::-1], vectors[:, ::-1]


def leading_directions(rows, n_wanted):
    """The directions in which rows vary most.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n)
    n_wanted : int

    Returns
    -------
    values : ndarray, shape (n_wanted,)
        Eigenvalues of ``rows.T @ rows``, descending; fewer where there are no more.
    vectors : ndarray, shape (n, n_wanted)

    Notes
    -----
    The smaller one of two matrices with the same eigenvalues is decomposed.
    """
    if len(rows) >= rows.shape[1]:
        return leading_components(rows.T @ rows, n_wanted)
    values, vectors = leading_components(rows @ rows.T, n_wanted)
    known = values > _ROUNDING * max(values[0], 0)
    values, vectors = values[known], vectors[:, known]
    return values, rows.T @ (vectors / np.sqrt(values))


def components_above(matrix, least, most):
    """All components with an eigenvalue above a limit, and at least one below it.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Symmetric.
    least : float
    most : int
        With so many the search ends.

    Returns
    -------
    values, vectors
        As of `leading_components`.
    """
    most = min(most, len(matrix))
    n_tried = min(_FIRST, most)
    while True:
        values, vectors = leading_components(matrix, n_tried)
        if n_tried == most or values[-1] <= least:
            return values, vectors
        n_tried = min(2 * n_tried, most)


@functools.cache
def _blas():
    return ThreadpoolController()
