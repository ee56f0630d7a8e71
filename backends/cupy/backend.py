"""The backend of `cuda` and `cusim`: arrays of CuPy (or of the simulator's module of the same names), our kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlcore.backend import CudaKernel, MemoryInfo, primitives

from .activations import ActivationPrimitives
from .adaptive_pooling import AdaptivePoolingPrimitives
from .checks import CheckPrimitives
from .conversion import ConversionPrimitives
from .convolution import ConvolutionPrimitives
from .errors import ErrorRecord
from .indexing import IndexingPrimitives
from .launcher import Launcher
from .losses import LossPrimitives
from .memory import Upload, memory_info, out_of_memory
from .namespace import Namespace, on_device
from .normalization import NormalizationPrimitives
from .optimizers import OptimizerPrimitives
from .pointwise import PointwisePrimitives
from .pooling import PoolingPrimitives
from .random import RandomPrimitives
from .reductions import ReductionPrimitives
from .special import SpecialPrimitives

Array = Any
DType = Any

#: The methods of the contract that work on arrays.
ON_ARRAYS = (*primitives(), "from_host", "to_host", "shares_memory", "synchronize", "compile_cuda")
_backends: dict[str, list[CupyBackend]] = {}  # by name of the module, those of one process


class CupyBackend(
    ConversionPrimitives,
    ConvolutionPrimitives,
    PoolingPrimitives,
    AdaptivePoolingPrimitives,
    ActivationPrimitives,
    PointwisePrimitives,
    LossPrimitives,
    RandomPrimitives,
    IndexingPrimitives,
    CheckPrimitives,
    ReductionPrimitives,
    SpecialPrimitives,
    NormalizationPrimitives,
    OptimizerPrimitives,
):
    """GPU number `index` of the module `cp`.

    Work is started on CuPy's current stream and not waited for. What the device finds wrong in the values it was
    given (labels, indices) is raised at the next point that waits anyway: `to_host` and `synchronize`.
    """

    def __init__(self, cp: Any, index: int, name: str) -> None:
        self.cp, self.index, self.name = cp, index, name
        self.xp = Namespace(cp, self.out_of_memory)
        self.array_type = cp.ndarray
        self.launcher = Launcher(cp)
        self._upload = Upload(cp)
        with cp.cuda.Device(index):
            self.errors = ErrorRecord(cp)
        self.record = self.errors.record
        _join(self)

    # --- arrays ---------------------------------------------------------------------------------

    def from_host(self, array: Array, dtype: DType | None = None, copy: bool | None = None) -> Array:
        self._make_current()
        try:
            return self._upload(np.asarray(array, dtype=dtype))
        except self.cp.cuda.memory.OutOfMemoryError as error:
            raise self.out_of_memory(error, "from_host") from None

    def to_host(self, x: Array) -> Array:
        if self.activate is not None:
            self.activate()
        values = x.get()
        self.errors.raise_pending()
        return values

    def shares_memory(self, x: Array, y: Array) -> bool:
        if not isinstance(y, self.array_type) or x.size == 0 or y.size == 0:
            return False
        return bool(self.cp.may_share_memory(x, y))

    def synchronize(self) -> None:
        self.cp.cuda.Device(self.index).synchronize()
        self._make_current()
        self.errors.raise_pending()

    def info(self) -> dict[str, str]:
        memory = self.memory_info()
        return self._versions() | {"memory": f"{memory.free / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"}

    def _versions(self) -> dict[str, str]:
        runtime = self.cp.cuda.runtime
        return {
            "cupy": self.cp.__version__,
            "gpu": _text(runtime.getDeviceProperties(self.index)["name"]),
            "CUDA driver": _version(runtime.driverGetVersion()),
            "CUDA runtime": _version(runtime.runtimeGetVersion()),
        }

    # --- memory ---------------------------------------------------------------------------------

    def memory_info(self) -> MemoryInfo:
        """Bytes used, pooled, free and so on: see `dl.cuda.memory_info`."""
        with self.cp.cuda.Device(self.index):
            return memory_info(self.cp)

    def set_memory_limit(self, limit: int | float | None) -> None:
        """What the pool of this GPU may take: bytes, a fraction of the GPU's memory, or None for no limit."""
        pool = self.cp.get_default_memory_pool()
        with self.cp.cuda.Device(self.index):
            if isinstance(limit, float):
                pool.set_limit(fraction=limit)
            else:
                pool.set_limit(size=limit or 0)

    def empty_cache(self) -> None:
        """Give the pool's unused memory back to the driver."""
        with self.cp.cuda.Device(self.index):
            self.cp.get_default_memory_pool().free_all_blocks()

    def out_of_memory(self, error: MemoryError, operation: str) -> MemoryError:
        if not isinstance(error, self.cp.cuda.memory.OutOfMemoryError):
            return error
        with self.cp.cuda.Device(self.index):
            return out_of_memory(self.cp, f"{self.name}:{self.index}", operation, error)

    # --- a user's kernels -----------------------------------------------------------------------

    def compile_cuda(
        self, source: str, kernel: str, macros: Mapping[str, str | int | float] | None = None
    ) -> CudaKernel:
        self._make_current()
        made = self.launcher.user_kernel(source, kernel, {k: str(v) for k, v in (macros or {}).items()})

        def launch(grid: tuple[int, ...], block: tuple[int, ...], arguments: Any, shared_memory: int = 0) -> None:
            made(grid, block, *arguments, shared=shared_memory)

        return launch

    # --- several GPUs ---------------------------------------------------------------------------

    def _make_current(self) -> None:
        self.cp.cuda.runtime.setDevice(self.index)

    def use_device(self) -> None:
        """From now on, make this GPU current before every primitive, namespace function and recorded operation."""
        self.activate = self._make_current
        self.xp.use_device(self._make_current)
        for name in ON_ARRAYS:  # found on the instance before the class
            setattr(self, name, on_device(getattr(self, name), self._make_current))


def _join(backend: CupyBackend) -> None:
    """With a second GPU in the process, each operation first makes its own GPU current."""
    known = _backends.setdefault(backend.cp.__name__, [])
    known.append(backend)
    if len({other.index for other in known}) > 1:
        for other in known:
            other.use_device()


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
