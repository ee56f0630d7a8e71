"""What can be said about the BLAS behind NumPy: its name, its version, and how many threads it runs."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np

UNKNOWN = "unknown"
#: NumPy's wheels bundle OpenBLAS in one of these folders beside or inside the package.
_BUNDLES = ("../numpy.libs", ".libs", ".dylibs")
#: The names that builds of OpenBLAS give the function: with and without a prefix, for 64- and 32-bit integers.
_THREAD_COUNTS = tuple(
    f"{prefix}openblas_get_num_threads{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")
)


def blas_name() -> str:
    """Name and version as NumPy was built with, such as "scipy-openblas 0.3.31"."""
    configuration: Any = np.show_config(mode="dicts")
    blas = configuration.get("Build Dependencies", {}).get("blas", {})
    return " ".join(part for part in (blas.get("name"), blas.get("version")) if part) or UNKNOWN


def blas_threads(folder: Path | None = None) -> str:
    """The threads of NumPy's own OpenBLAS; "unknown" where it is another BLAS or not in the usual place."""
    package = folder or Path(np.__file__).parent
    for library in sorted(path for bundle in _BUNDLES for path in (package / bundle).glob("*openblas*")):
        try:
            loaded = ctypes.CDLL(str(library.resolve()))  # it is loaded already: this finds the same copy
        except OSError:
            continue
        for name in _THREAD_COUNTS:
            if (function := getattr(loaded, name, None)) is not None:
                function.restype = ctypes.c_int
                return str(function())
    return UNKNOWN
