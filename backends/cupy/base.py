"""What the files of primitives build on: each defines a class derived from this one, and the backend is all of them."""

from __future__ import annotations

from typing import Any

from dlcore.backend import Backend

from .launcher import Launcher

Array = Any

FLOATS = frozenset({"float16", "float32", "float64"})  # the dtypes that the kernels store


class CudaPrimitives(Backend):
    """A backend's launcher, and what its primitives share. `launcher` and `xp` are set by `CupyBackend`."""

    launcher: Launcher
    #: Device memory (4 x int64) whose first number is not 0 once a check of values has failed: see `errors`.
    record: Array

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Memory for a result, C-contiguous and not initialised."""
        return self.xp.empty(shape, dtype=dtype)

    def contiguous(self, x: Array) -> Array:
        """`x` itself if it is C-contiguous, else a copy that is."""
        return self.launcher.contiguous(x)

    def blocks(self, items: int, threads: int, most: int = 65535) -> int:
        """The number of blocks for a grid-stride loop over `items`: one pass, or `most` blocks that loop."""
        return max(1, min(-(-items // threads), most))
