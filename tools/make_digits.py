"""How dlcore/data/digits.npz was made. Needed again only if the file is to be made anew.

    pip install scikit-learn        # in an environment of its own; it is no dependency of dlcore
    python tools/make_digits.py dlcore/data/digits.npz

The archive holds `images` (1797, 8, 8) uint8 with values 0..16, `labels` (1797,) uint8 and `held_out`
(1797,) bool: a stratified fifth, drawn here once and stored, so that no version of anything can change it.
For each class in turn, round(n / 5) of its images are the first of a permutation by
`numpy.random.RandomState(0)`, whose stream NumPy has frozen (NEP 19).
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

SPLIT_SEED = 0
# Of the bytes of images, labels and held_out, one after the other. (Of the file itself it would depend on zlib.)
CONTENT_SHA256 = "310959ac7f1929fb9d7564bd30adf93975fc6ad546ef034b3ad367cbe76945e8"


def main(path: str) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    if not np.array_equal(images, digits.images):
        raise SystemExit("load_digits has values that are no integers in 0..255")

    held_out = np.zeros(len(labels), dtype=bool)
    random = np.random.RandomState(SPLIT_SEED)
    for digit in range(10):
        members = np.flatnonzero(labels == digit)
        held_out[random.permutation(members)[: round(len(members) / 5)]] = True

    content = hashlib.sha256(images.tobytes() + labels.tobytes() + held_out.tobytes()).hexdigest()
    if content != CONTENT_SHA256:
        raise SystemExit(f"the content has sha256 {content}, expected {CONTENT_SHA256}: nothing was written")
    np.savez_compressed(path, images=images, labels=labels, held_out=held_out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
