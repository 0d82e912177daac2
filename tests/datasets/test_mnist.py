"""MNIST: the embedded subset, a directory of files, the download; and every way for a file to be wrong."""

import ast
import gzip
import hashlib
import importlib
import lzma
import re
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

import staticbp.datasets
from staticbp.datasets import Mnist, make_subset, mnist
from staticbp.datasets.download import RemoteFile
from staticbp.datasets.idx import encode_idx
from staticbp.errors import DatasetError, StaticbpError

PACKAGE = Path(staticbp.datasets.__file__).parent
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def random_digits(n_train: int = 13, n_test: int = 7) -> Mnist:
    rng = np.random.default_rng(1)
    return Mnist(
        rng.integers(0, 256, (n_train, 28, 28), np.uint8),
        rng.integers(0, 10, n_train, np.uint8),
        rng.integers(0, 256, (n_test, 28, 28), np.uint8),
        rng.integers(0, 10, n_test, np.uint8),
    )


def write(digits: Mnist, directory: Path, ending: str = "", compress: Callable[[bytes], bytes] = bytes) -> None:
    directory.mkdir(exist_ok=True)
    for stem, array in zip(STEMS, digits, strict=True):
        (directory / (stem + ending)).write_bytes(compress(encode_idx(array)))


def assert_equal(actual: Mnist, expected: Mnist) -> None:
    for name, array in expected._asdict().items():
        np.testing.assert_array_equal(getattr(actual, name), array, err_msg=name, strict=True)


# ---- the embedded subset ----


def test_the_embedded_subset():
    digits = mnist()
    assert digits._fields == ("train_images", "train_labels", "test_images", "test_labels")
    assert [array.shape for array in digits] == [(10_000, 28, 28), (10_000,), (2_000, 28, 28), (2_000,)]
    assert all(array.dtype == np.uint8 and array.dtype.isnative for array in digits)
    assert all(array.flags.c_contiguous and array.flags.writeable for array in digits)
    # The frequencies of the digits in every sixth pair and every fifth image of the full set.
    train, test = (np.bincount(labels).tolist() for labels in (digits.train_labels, digits.test_labels))
    assert train == [1017, 1150, 1016, 991, 964, 902, 955, 1000, 1008, 997]
    assert test == [189, 222, 212, 242, 196, 186, 158, 215, 193, 187]
    assert digits.train_images.min() == 0
    assert digits.train_images.max() == 255
    # The well-known normalisation of the full set is mean 0.1307, standard deviation 0.3081.
    assert digits.train_images.mean() / 255 == pytest.approx(0.1307, abs=1e-3)
    assert digits.train_images.std() / 255 == pytest.approx(0.3081, abs=1e-3)


def test_the_embedded_files_are_those_that_their_licence_describes():
    description = (PACKAGE / "data" / "LICENSE-MNIST.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\S+)` \|.*\| `([0-9a-f]{64})` \|$", description, re.MULTILINE))
    files = sorted((PACKAGE / "data").glob("*.xz"))
    assert [file.name for file in files] == sorted(table) == sorted(f"{stem}.xz" for stem in STEMS)
    for file in files:
        assert hashlib.sha256(lzma.decompress(file.read_bytes())).hexdigest() == table[file.name]
    assert sum(file.stat().st_size for file in files) < 2_000_000


def test_pixels_and_labels_belong_together():
    """The nearest class mean, a classifier without anything to tune, is right on most of the test images."""
    digits = mnist()
    train, test = (images.reshape(-1, 784) / 255 for images in (digits.train_images, digits.test_images))
    means = np.stack([train[digits.train_labels == digit].mean(axis=0) for digit in range(10)])
    guesses = np.argmax(test @ means.T - np.sum(means * means, axis=1) / 2, axis=1)
    assert np.mean(guesses == digits.test_labels) > 0.78


def test_every_call_gives_arrays_of_its_own():
    first = mnist()
    first.test_labels[:] = 99
    assert mnist().test_labels.max() == 9


def test_repr_is_brief():
    assert repr(random_digits(3, 2)) == (
        "Mnist(train_images=uint8[3,28,28], train_labels=uint8[3], test_images=uint8[2,28,28], test_labels=uint8[2])"
    )


def test_the_full_set_in_the_cache_does_not_change_the_default(tmp_path, monkeypatch):
    write(random_digits(), tmp_path / "mnist", ".gz", gzip.compress)
    monkeypatch.setenv("STATICBP_DATA_DIR", str(tmp_path))
    assert len(mnist().train_images) == 10_000


def test_importing_staticbp_reads_no_data(run_python):
    run_python(
        """
        import sys

        def forbid_data(event, arguments):
            if event == "open" and "idx" in str(arguments[0]) and "ubyte" in str(arguments[0]):
                raise AssertionError(f"{arguments[0]} was opened")

        sys.addaudithook(forbid_data)
        import staticbp
        import staticbp.datasets
        """
    )


def test_the_layer_stands_on_errors_alone():
    for module in PACKAGE.glob("*.py"):
        imports = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)]
        ours = {node.module for node in imports if node.module and node.module.startswith("staticbp")}
        assert all(name == "staticbp.errors" or name.startswith("staticbp.datasets") for name in ours)


# ---- a directory of files ----


@pytest.mark.parametrize(("ending", "compress"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_directory(tmp_path, ending, compress):
    digits = random_digits()
    write(digits, tmp_path, ending, compress)
    assert_equal(mnist(tmp_path), digits)
    assert_equal(mnist(str(tmp_path), download=True), digits)


def test_a_directory_of_mixed_files(tmp_path):
    digits = random_digits()
    write(digits, tmp_path)
    for stem in (TRAIN_IMAGES, TEST_LABELS):
        plain = tmp_path / stem
        (tmp_path / f"{stem}.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    (tmp_path / TRAIN_LABELS).rename(tmp_path / "train-labels.idx1-ubyte")
    assert_equal(mnist(tmp_path), digits)


def test_a_path_in_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    digits = random_digits()
    write(digits, tmp_path / "digits")
    assert_equal(mnist("~/digits"), digits)


def test_a_missing_directory_or_file(tmp_path):
    with pytest.raises(DatasetError, match="nowhere is not a directory"):
        mnist(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=f"lacks {', '.join(STEMS)}"):
        mnist(tmp_path)
    write(random_digits(), tmp_path)
    with pytest.raises(DatasetError, match=f"{TRAIN_IMAGES} is not a directory"):
        mnist(tmp_path / TRAIN_IMAGES)
    (tmp_path / TEST_LABELS).unlink()
    with pytest.raises(DatasetError, match=rf"lacks {TEST_LABELS}\n.*mnist\(download=True\)"):
        mnist(tmp_path)


DIGITS = random_digits()
LABEL_10 = np.where(np.arange(13) == 4, 10, DIGITS.train_labels).astype(np.uint8)
IMAGES, LABELS = encode_idx(DIGITS.train_images), encode_idx(DIGITS.train_labels)
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "images truncated": (TRAIN_IMAGES, IMAGES[:-100], "truncated"),
    "labels truncated": (TRAIN_LABELS, LABELS[:-1], "truncated"),
    "bytes left over": (TRAIN_LABELS, LABELS + b"\1", "1 bytes are left over"),
    "empty": (TEST_IMAGES, b"", "truncated"),
    "compressed twice": (TEST_IMAGES, gzip.compress(gzip.compress(IMAGES)), "not an IDX file"),
    "wrong magic": (TRAIN_IMAGES, b"\1\2" + IMAGES[2:], "not an IDX file"),
    "wrong dtype code": (TRAIN_IMAGES, b"\0\0\7" + IMAGES[3:], "dtype code"),
    "another dtype": (
        TRAIN_IMAGES,
        encode_idx(DIGITS.train_images.astype(np.int16)),
        "holds int16 elements, and those of MNIST are uint8",
    ),
    "signed labels": (TRAIN_LABELS, encode_idx(DIGITS.train_labels.astype(np.int8)), "holds int8 elements"),
    "images as labels": (TRAIN_LABELS, IMAGES, "does not hold labels: .* as that of images is"),
    "labels as images": (TRAIN_IMAGES, LABELS, "does not hold images: .* as that of labels is"),
    "a table as labels": (
        TEST_LABELS,
        encode_idx(np.zeros((7, 10), np.uint8)),
        r"does not hold labels: .* \(7, 10\)",
    ),
    "flat images": (
        TEST_IMAGES,
        encode_idx(DIGITS.test_images.reshape(7, 784)),
        r"28×28 pixels: .* \(7, 784\)",
    ),
    "cropped images": (
        TEST_IMAGES,
        encode_idx(DIGITS.test_images[:, 4:, 4:]),
        r"28×28 pixels: .* \(7, 24, 24\)",
    ),
    "one label less": (
        TRAIN_LABELS,
        encode_idx(DIGITS.train_labels[1:]),
        "12 labels, but .*images.* 13 images",
    ),
    "test labels": (TRAIN_LABELS, encode_idx(DIGITS.test_labels), "7 labels, but .* 13 images"),
    "a label above 9": (TRAIN_LABELS, encode_idx(LABEL_10), "label 4 is 10, and digits are 0 to 9"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize(("ending", "compress"), [("", bytes), (".gz", gzip.compress)])
def test_a_wrong_file_is_refused_by_name_with_the_reason(tmp_path, what, ending, compress):
    stem, contents, reason = REFUSED[what]
    write(DIGITS, tmp_path, ending, compress)
    (tmp_path / (stem + ending)).write_bytes(compress(contents))
    with pytest.raises(DatasetError, match=f"{stem}{ending} .*{reason}") as caught:
        mnist(tmp_path)
    assert isinstance(caught.value, StaticbpError)
    assert isinstance(caught.value, ValueError)


def test_a_bad_gzip_is_refused(tmp_path):
    write(DIGITS, tmp_path, ".gz", gzip.compress)
    file = tmp_path / f"{TEST_IMAGES}.gz"
    whole = file.read_bytes()
    for damaged, reason in [
        (whole[:-20], "truncated"),
        (whole[:500] + b"\0" * 100 + whole[600:], "corrupt"),
        (b"\0\1" + whole[2:], "not an IDX file"),
    ]:
        file.write_bytes(damaged)
        with pytest.raises(DatasetError, match=f"{TEST_IMAGES}.gz is {reason}"):
            mnist(tmp_path)


# ---- the download ----


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mnist, list[str]]]:
    """Some digits on a mirror that takes the place of the public ones, and the requests that it gets."""
    digits = random_digits()
    write(digits, tmp_path / "mirror", ".gz", gzip.compress)
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "mirror"))

        def do_GET(self):
            requests.append(self.path)
            super().do_GET()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    files = tuple(
        RemoteFile(f"{stem}.gz", hashlib.sha256(contents).hexdigest(), len(contents))
        for stem, contents in zip(STEMS, map(encode_idx, digits), strict=True)
    )
    module = importlib.import_module("staticbp.datasets.mnist")  # its name in the package is the function's
    monkeypatch.setattr(module, "FILES", files)
    monkeypatch.setattr(module, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
    monkeypatch.setenv("STATICBP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "*")
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield digits, requests
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download(served, tmp_path):
    digits, requests = served
    assert_equal(mnist(download=True), digits)
    assert requests == [f"/{stem}.gz" for stem in STEMS]
    assert_equal(mnist(download=True), digits)
    assert len(requests) == 4
    assert_equal(mnist(tmp_path / "data" / "mnist"), digits)


def test_a_damaged_file_in_the_cache_is_downloaded_again(served, tmp_path):
    digits, requests = served
    mnist(download=True)
    (tmp_path / "data" / "mnist" / f"{TRAIN_LABELS}.gz").write_bytes(gzip.compress(LABELS + b"\0"))
    assert_equal(mnist(download=True), digits)
    assert requests[4:] == [f"/{TRAIN_LABELS}.gz"]


def test_a_mirror_without_a_file(served, tmp_path):
    (tmp_path / "mirror" / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(DatasetError, match=rf"(?s)^{TEST_LABELS}.gz could not be downloaded:.*answers 404"):
        mnist(download=True)


def test_without_arguments_nothing_is_downloaded(served):
    assert len(mnist().train_images) == 10_000
    assert served[1] == []


def test_the_public_files_are_described_rightly():
    module = importlib.import_module("staticbp.datasets.mnist")
    sizes = {file.name: file.size for file in module.FILES}
    assert sizes == {
        f"{TRAIN_IMAGES}.gz": 16 + 60_000 * 28 * 28,
        f"{TRAIN_LABELS}.gz": 8 + 60_000,
        f"{TEST_IMAGES}.gz": 16 + 10_000 * 28 * 28,
        f"{TEST_LABELS}.gz": 8 + 10_000,
    }
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in module.FILES)
    assert all(re.fullmatch(r"https://\S+/", url) for url in module.MIRRORS)


# ---- making the subset ----


def test_make_subset_takes_evenly_spaced_images(tmp_path):
    full = random_digits(25, 21)
    write(full, tmp_path / "full", ".gz", gzip.compress)
    make_subset.main([str(tmp_path / "full"), "--output", str(tmp_path / "subset")])
    assert sorted(file.name for file in (tmp_path / "subset").iterdir()) == sorted(f"{stem}.xz" for stem in STEMS)
    small = mnist(tmp_path / "subset")
    assert_equal(small, Mnist(*(array[[0, 1, 12, 13, 24]] for array in full[:2]), *(array[::5] for array in full[2:])))
    assert [len(array) for array in small] == [5, 5, 5, 5]
