"""A server on 127.0.0.1 with a data set of a few pixels in MNIST's format, in place of the network."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.data import _mnist

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)
CONTENT = {
    "train-images-idx3-ubyte": b"\0\0\x08\x03" + np.array(IMAGES.shape, ">u4").tobytes() + IMAGES.tobytes(),
    "train-labels-idx1-ubyte": b"\0\0\x08\x01" + np.array(LABELS.shape, ">u4").tobytes() + LABELS.tobytes(),
    "t10k-images-idx3-ubyte": b"\0\0\x08\x03" + np.array([2, 4, 3], ">u4").tobytes() + IMAGES[3:].tobytes(),
    "t10k-labels-idx1-ubyte": b"\0\0\x08\x01" + np.array([2], ">u4").tobytes() + LABELS[3:].tobytes(),
}
NAMES = list(CONTENT)


class Mirror(BaseHTTPRequestHandler):
    """Serves CONTENT gzipped under /good/, and in one of the ways that a server can fail elsewhere."""

    requests: list[str]
    may_go_on = threading.Event()

    def do_GET(self) -> None:
        self.requests.append(self.path)
        _, mode, name = self.path.split("/")
        content = CONTENT.get(name.removesuffix(".gz"))
        if content is None or mode == "missing":
            self.send_error(404)
            return
        if mode == "slow":
            self.send_slowly(content)
            return
        body = gzip.compress(content if mode != "changed" else content[:-1] + b"?")
        if mode == "page":
            body = b"<html>please log in</html>"
        self.send_response(200)
        if mode != "no-length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:-20] if mode == "dropped" else body)

    def send_slowly(self, content: bytes) -> None:
        """In 12 pieces within 40 ms, but from the middle on only when `may_go_on` is set."""
        body = gzip.compress(content, compresslevel=1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for piece in range(12):
            if piece == 6:
                self.may_go_on.wait(30)
            with contextlib.suppress(OSError):  # the other side was killed
                self.wfile.write(body[len(body) * piece // 12 : len(body) * (piece + 1) // 12])
            time.sleep(0.003)

    def log_message(self, *args: object) -> None:
        pass


def use_mirror(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    hashes = [(name, hashlib.sha256(content).hexdigest()) for name, content in CONTENT.items()]
    small = _mnist._Files("mnist", url, train=(hashes[0], hashes[1]), test=(hashes[2], hashes[3]))
    monkeypatch.setattr(_mnist, "_MNIST", small)


def files_under(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_is_training_set(dataset: dl.data.TensorDataset) -> None:
    images, labels = (tensor.numpy() for tensor in dataset.tensors)
    np.testing.assert_array_equal(images, IMAGES[:, np.newaxis] / np.float32(255), strict=True)
    np.testing.assert_array_equal(labels, LABELS.astype(np.int64), strict=True)
