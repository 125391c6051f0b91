"""What to cite when a result rests on this package."""

from __future__ import annotations

_ENTRIES = """\
@software{hyperspy_aedenoise,
  title = {{hyperspy\\_aedenoise}: convolutional autoencoders beside {PCA} for
           core-loss {EELS} in {HyperSpy}},
  author = {{The hyperspy\\_aedenoise developers}},
  version = {VERSION},
  license = {GPL-3.0-or-later},
}

@inproceedings{pang2021r2r,
  title = {Recorrupted-to-Recorrupted: Unsupervised Deep Learning for Image
           Denoising},
  author = {Pang, Tongyao and Zheng, Huan and Quan, Yuhui and Ji, Hui},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  pages = {2043--2052},
  doi = {10.1109/CVPR46437.2021.00208},
}

@article{gavish2017shrinkage,
  title = {Optimal Shrinkage of Singular Values},
  author = {Gavish, Matan and Donoho, David L.},
  journal = {IEEE Transactions on Information Theory},
  volume = {63},
  number = {4},
  pages = {2137--2152},
  year = {2017},
  doi = {10.1109/TIT.2017.2653801},
}

@article{lebrun2013nonlocal,
  title = {A Nonlocal {Bayesian} Image Denoising Algorithm},
  author = {Lebrun, Marc and Buades, Antoni and Morel, Jean-Michel},
  journal = {SIAM Journal on Imaging Sciences},
  volume = {6},
  number = {3},
  pages = {1665--1688},
  year = {2013},
  doi = {10.1137/120874989},
}

@article{keenan2004poisson,
  title = {Accounting for {Poisson} noise in the multivariate analysis of
           {ToF-SIMS} spectrum images},
  author = {Keenan, Michael R. and Kotula, Paul G.},
  journal = {Surface and Interface Analysis},
  volume = {36},
  number = {3},
  pages = {203--212},
  year = {2004},
  doi = {10.1002/sia.1657},
}

@article{landa2022biwhitening,
  title = {Biwhitening Reveals the Rank of a Count Matrix},
  author = {Landa, Boris and Zhang, Thomas T. C. K. and Kluger, Yuval},
  journal = {SIAM Journal on Mathematics of Data Science},
  volume = {4},
  number = {4},
  pages = {1420--1446},
  year = {2022},
  doi = {10.1137/21M1456807},
}
"""


def citation() -> str:
    """BibTeX of this package and of the methods it rests on.

    Returns
    -------
    str

    Examples
    --------
    >>> import hyperspy_aedenoise as aed
    >>> print(aed.citation().splitlines()[0])
    @software{hyperspy_aedenoise,
    """
    from hyperspy_aedenoise import __version__

    return _ENTRIES.replace("VERSION", __version__)
