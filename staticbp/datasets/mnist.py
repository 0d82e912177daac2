"""The MNIST database of handwritten digits."""

from __future__ import annotations

import os
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from staticbp.datasets.download import RemoteFile, data_directory, fetch
from staticbp.datasets.idx import decode_idx, read_contents
from staticbp.errors import DatasetError

SIDE: Final = 28
CLASSES: Final = 10

# In the order of the fields of Mnist.  The digests are of the decompressed files.
FILES: Final = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        47_040_016,
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        60_008,
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        7_840_016,
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        10_008,
    ),
)
STEMS: Final = tuple(file.name.removesuffix(".gz") for file in FILES)
MIRRORS: Final = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
EMBEDDED: Final = files("staticbp.datasets") / "data"


class Mnist(NamedTuple):
    """The digits: images to learn from and images to be tested on, each with its label.

    Attributes
    ----------
    train_images : numpy.ndarray
        ``uint8``, of shape ``(n, 28, 28)``; 0 is the paper, 255 full ink.
    train_labels : numpy.ndarray
        ``uint8``, of shape ``(n,)``: the digits 0 to 9.
    test_images : numpy.ndarray
        Like ``train_images``, written by other people.
    test_labels : numpy.ndarray
        The digits on ``test_images``.

    Examples
    --------
    >>> from staticbp.datasets import mnist
    >>> mnist()
    Mnist(train_images=uint8[10000,28,28], train_labels=uint8[10000],
          test_images=uint8[2000,28,28], test_labels=uint8[2000])
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]

    def __repr__(self) -> str:
        def briefly(array: NDArray[np.uint8]) -> str:
            return f"{array.dtype}[{','.join(map(str, array.shape))}]"

        fields = (f"{name}={briefly(array)}" for name, array in self._asdict().items())
        return f"Mnist({', '.join(fields)})"


class _Member(NamedTuple):
    """One of the four arrays, and what to call the file that it came from."""

    array: NDArray[Any]
    name: str


def mnist(path: str | os.PathLike[str] | None = None, download: bool = False) -> Mnist:
    """The MNIST database of handwritten digits, or the part of it that staticbp brings along.

    Without arguments, the embedded subset: 10,000 training and 2,000 test images, a fair sample of the full
    set in its order.  It needs no network, and it is the same on every machine and in every run: a full set
    in the user's cache makes no difference to it.

    Parameters
    ----------
    path : str or path-like, optional
        A directory with the four files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, plain or compressed (``.gz``, ``.xz``).
        Any number of images will do, and any that share MNIST's format: Fashion-MNIST, KMNIST, a selection of
        one's own.  With a path, ``download`` has no effect.
    download : bool, optional
        The full set, 60,000 and 10,000 images.  It is downloaded from a public mirror (11 MB) and kept,
        unless it is already there, in ``mnist`` of ``$STATICBP_DATA_DIR``, or else of ``staticbp/datasets``
        in the user's cache directory (``$XDG_CACHE_HOME``, or ``~/.cache``).  Every file is checked against
        its SHA-256, each time it is read.

    Returns
    -------
    Mnist
        A named tuple of new arrays: ``train_images``, ``train_labels``, ``test_images``, ``test_labels``.

    Raises
    ------
    DatasetError
        If a file is missing, truncated, corrupt or not what its name says, or cannot be downloaded; the error
        names the file and the reason.

    Notes
    -----
    MNIST was made by Yann LeCun, Corinna Cortes and Christopher J. C. Burges from the Special Databases 1 and
    3 of the National Institute of Standards and Technology (NIST) [1]_.  As is commonly stated, Yann LeCun
    and Corinna Cortes hold its copyright, and make it available under the terms of the Creative Commons
    Attribution-Share Alike 3.0 licence (CC BY-SA 3.0).  The embedded subset is under the same licence;
    ``data/LICENSE-MNIST.md`` beside this module says how it was taken.

    The subset consists of every sixth pair of training images (0, 1, 12, 13, 24, ...) and every fifth test
    image.  The first 2,000 test images would not do: the first half of the test set is from another database
    than the second, and the error of a network on them is a good deal above its error on all.  Nor would
    every sixth training image: the training set takes its images from the two databases in turn.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
       recognition", Proceedings of the IEEE 86 (1998), 2278-2324.

    Examples
    --------
    >>> from staticbp.datasets import mnist
    >>> images, labels, *_ = mnist()
    >>> images.shape, labels[:6]
    ((10000, 28, 28), array([5, 0, 3, 6, 1, 2], dtype=uint8))
    """
    if path is not None:
        return _from_directory(Path(path).expanduser())
    if download:
        directory = data_directory("mnist")
        contents = [fetch(file, MIRRORS, directory) for file in FILES]
        names = [str(directory / file.name) for file in FILES]
        return _assembled([_Member(decode_idx(*pair), pair[1]) for pair in zip(contents, names, strict=True)])
    return _from_directory(EMBEDDED)


def _from_directory(directory: Path | Traversable) -> Mnist:
    if not directory.is_dir():
        raise DatasetError(
            f"{directory} is not a directory",
            advice=f"The path given to mnist() is that of a directory with the files {', '.join(STEMS)}.",
        )
    found = {stem: _find(directory, stem) for stem in STEMS}
    missing = [stem for stem, file in found.items() if file is None]
    if missing:
        raise DatasetError(
            f"{directory} lacks {', '.join(missing)}",
            advice="mnist(path) looks for the four files under these names, also with .gz or .xz at the end; "
            "mnist() needs no files, mnist(download=True) fetches the full set.",
        )
    return _assembled(
        [
            _Member(decode_idx(read_contents(file, str(file)), str(file)), str(file))
            for file in found.values()
            if file is not None
        ]
    )


def _find(directory: Path | Traversable, stem: str) -> Path | Traversable | None:
    # Some distributors have a dot where LeCun's names have the first hyphen of the ending.
    for spelling in (stem, stem.replace("-idx", ".idx")):
        for ending in ("", ".gz", ".xz"):
            file = directory.joinpath(spelling + ending)
            if file.is_file():
                return file
    return None


def _assembled(members: list[_Member]) -> Mnist:
    train_images, train_labels, test_images, test_labels = members
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        _check_images(images)
        _check_labels(labels)
        if len(labels.array) != len(images.array):
            raise DatasetError(
                f"{labels.name} holds {len(labels.array)} labels, but {images.name} holds {len(images.array)} images"
            )
    return Mnist(*(member.array for member in members))


def _check_images(images: _Member) -> None:
    _check_elements(images)
    shape = images.array.shape
    if len(shape) == 1:
        raise DatasetError(f"{images.name} does not hold images: its array is one-dimensional, as that of labels is")
    if len(shape) != 3 or shape[1:] != (SIDE, SIDE):
        raise DatasetError(
            f"{images.name} does not hold images of {SIDE}×{SIDE} pixels: its array has the shape {shape}"
        )


def _check_labels(labels: _Member) -> None:
    _check_elements(labels)
    shape = labels.array.shape
    if len(shape) == 3:
        raise DatasetError(f"{labels.name} does not hold labels: its array is three-dimensional, as that of images is")
    if len(shape) != 1:
        raise DatasetError(f"{labels.name} does not hold labels: its array has the shape {shape}")
    wrong = np.flatnonzero(labels.array >= CLASSES)
    if wrong.size:
        raise DatasetError(
            f"{labels.name} is corrupt: label {wrong[0]} is {labels.array[wrong[0]]}, and digits are 0 to 9"
        )


def _check_elements(member: _Member) -> None:
    if member.array.dtype != np.uint8:
        raise DatasetError(f"{member.name} holds {member.array.dtype} elements, and those of MNIST are uint8")
