"""How dlcore/data/tables.npz was made. Needed again only if the file is to be made anew.

    pip install scikit-learn        # in an environment of its own; it is no dependency of dlcore
    python tools/make_tables.py dlcore/data/tables.npz

The archive holds, for each table NAME, `NAME_features` (N, F) float32 and `NAME_targets` (N,): int64 classes, float32
for diabetes. Rows and columns stand in the order of scikit-learn's; the features of diabetes are the measured ones, not
those that are scaled.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

# Of the bytes of the arrays, one after the other in the order of their names. (Of the file it would depend on zlib.)
CONTENT_SHA256 = "cbfc52910701bb87da720cddafe7f857b092d6513ea9e6bc088aff8c8927e6e7"


def main(path: str) -> None:
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

    arrays = {}
    for name, table in (
        ("breast_cancer", load_breast_cancer()),
        ("diabetes", load_diabetes(scaled=False)),
        ("iris", load_iris()),
        ("wine", load_wine()),
    ):
        features = table.data.astype(np.float32)
        if not np.allclose(features, table.data, rtol=1e-6, atol=0):
            raise SystemExit(f"{name} has numbers that float32 does not hold")
        arrays[f"{name}_features"] = features
        arrays[f"{name}_targets"] = table.target.astype(np.float32 if name == "diabetes" else np.int64)

    content = hashlib.sha256(b"".join(arrays[key].tobytes() for key in sorted(arrays))).hexdigest()
    if content != CONTENT_SHA256:
        raise SystemExit(f"the content has sha256 {content}, expected {CONTENT_SHA256}: nothing was written")
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
