"""The contract between dlcore and a device: an array namespace, and the primitives of `dlcore.contract`.

A device is a subclass of `Backend`. It supplies `xp`, a namespace that follows the Python array API
standard (`numpy`, `cupy`, ...), and the two methods that move data to and from the host. Every
primitive below has a reference implementation in `dlcore.reference`, written against `xp`, so a new
device works before it has a single kernel; it then overrides what it can do faster. The parity test
runs every override against the reference over one table of cases.

Rules that hold for every primitive:

- Arguments are raw arrays of the device, never tensors; shapes and dtypes have been checked by the caller.
- Arguments are not modified, except where the description says "in place"; results are new arrays
  unless `out` is given, which then is the result. It has the result's shape and dtype, is
  C-contiguous and overlaps no argument, except where the description says otherwise. Inputs may
  have any strides.
- The result has the dtype of the first array. float16 is accumulated in float32.
- The same inputs give the same bits: no atomics on floats, a fixed order of summation.
- NaN propagates through ReLU and through max and min pooling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dlcore._errors import DeviceError
from dlcore._specs import Conv2dSpec as Conv2dSpec
from dlcore._specs import MemoryInfo as MemoryInfo
from dlcore._specs import PhiloxCounter as PhiloxCounter
from dlcore._specs import Pool2dSpec as Pool2dSpec
from dlcore.contract import (
    AdaptivePoolingContract,
    CheckContract,
    ConversionContract,
    ConvolutionContract,
    IndexingContract,
    LinearContract,
    LossContract,
    NormalizationContract,
    OptimizerContract,
    PointwiseContract,
    PoolingContract,
    RandomContract,
    SpecialContract,
)
from dlcore.contract._base import Array as Array
from dlcore.contract._base import DType as DType
from dlcore.contract._base import Reduction as Reduction

#: A CUDA kernel to be launched: kernel(grid, block, arguments, shared_memory=0); see `Backend.compile_cuda`.
CudaKernel = Callable[..., None]


class Backend(
    CheckContract,
    ConversionContract,
    IndexingContract,
    LinearContract,
    ConvolutionContract,
    PoolingContract,
    AdaptivePoolingContract,
    PointwiseContract,
    LossContract,
    RandomContract,
    SpecialContract,
    NormalizationContract,
    OptimizerContract,
):
    """What a device provides. Subclass it, set `name`, `xp` and `array_type`, and implement the host transfers.

    The order of arguments and their names are part of the contract.
    """

    #: The canonical device type, such as `"numpy"`.
    name: str
    #: The class of the device's raw arrays, such as `numpy.ndarray`.
    array_type: Any
    #: Called before raw arrays are worked on, where the process uses several devices of this kind; else None.
    activate: Callable[[], None] | None = None

    # --- arrays ---------------------------------------------------------------------------------

    def from_host(self, array: Array, dtype: DType | None = None, copy: bool | None = None) -> Array:
        """A device array with the values of a NumPy array (or of anything `numpy.asarray` takes).

        `copy=None` shares memory where the device can, `True` always copies.
        """
        raise NotImplementedError

    def to_host(self, x: Array) -> Array:
        """A NumPy array with the values of `x`: a view where the memory is the host's, else a copy."""
        raise NotImplementedError

    def shares_memory(self, x: Array, y: Array) -> bool:
        """Whether writing to one array may change the other (True when unsure)."""
        raise NotImplementedError

    def synchronize(self) -> None:
        """Wait for all work that was started, and raise what it found wrong."""

    def out_of_memory(self, error: MemoryError, operation: str) -> MemoryError:
        """The error to raise in place of one of the array library, if this device can say more."""
        return error

    def info(self) -> dict[str, str]:
        """What a bug report should say about this device: versions, libraries, threads."""
        return {}

    # --- a user's own kernels -------------------------------------------------------------------

    def compile_cuda(
        self, source: str, kernel: str, macros: Mapping[str, str | int | float] | None = None
    ) -> CudaKernel:
        """One kernel of a CUDA C++ source, compiled (or found in the cache) and ready to be launched.

        Args:
            source: CUDA C++; the kernel is `extern "C" __global__`.
            kernel: its name.
            macros: names and values that the source finds defined.

        Returns:
            A function `launch(grid, block, arguments, shared_memory=0)`: `grid` and `block` are tuples of one to
            three ints, `arguments` the kernel's, in order (arrays of this device, None for a null pointer, Python
            numbers), checked against its signature and converted to it, and `shared_memory` the bytes of dynamic
            shared memory. It returns at once, as launches do.

        Raises:
            DeviceError: this device runs no CUDA source.
            LookupError: the source holds no such kernel. What the compiler raises if it refuses the source, with its
                message. The launch raises TypeError, ValueError and OverflowError for arguments that do not fit the
                signature and for a grid or block that cannot be launched.
        """
        raise DeviceError(f"device {self.name!r} cannot run CUDA source; give a Python function or C source")


def primitives() -> tuple[str, ...]:
    """The names of all primitives: the methods that have a reference implementation and take raw arrays."""
    contracts = [cls for cls in Backend.__mro__ if cls.__module__.startswith("dlcore.contract.")]
    return tuple(name for cls in contracts for name in vars(cls) if not name.startswith("_") and name != "xp")
