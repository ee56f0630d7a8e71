"""The contract between dlcore and a device: an array namespace and about thirty primitives.

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
from typing import Any, Literal

from dlcore import reference
from dlcore._errors import DeviceError
from dlcore._specs import Conv2dSpec as Conv2dSpec
from dlcore._specs import MemoryInfo as MemoryInfo
from dlcore._specs import PhiloxCounter as PhiloxCounter
from dlcore._specs import Pool2dSpec as Pool2dSpec

Array = Any  # the raw array of some device: numpy.ndarray, cupy.ndarray, ...
DType = Any  # a NumPy dtype (CuPy uses NumPy's)
Reduction = Literal["none", "mean", "sum"]
#: A CUDA kernel to be launched: kernel(grid, block, arguments, shared_memory=0); see `Backend.compile_cuda`.
CudaKernel = Callable[..., None]


class Backend:
    """What a device provides. Subclass it, set `name`, `xp` and `array_type`, and implement the host transfers.

    The order of arguments and their names are part of the contract.
    """

    #: The canonical device type, such as `"numpy"`.
    name: str
    #: The array namespace (array API standard).
    xp: Any
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

    # --- checks of values -----------------------------------------------------------------------

    def check_index_range(self, index: Array, low: int, high: int, message: str, ignore: int | None = None) -> None:
        """Raise IndexError(`message` + the value) for the first index that is not low <= index < high, nor `ignore`.

        A device that runs asynchronously may raise at its next synchronisation point instead, and
        then suppresses the parameter update that would have used the result.
        """
        reference.check_index_range(self.xp, index, low, high, message, ignore)

    # --- sums and matrix products ---------------------------------------------------------------

    def sum(self, x: Array, axes: tuple[int, ...], keepdims: bool = False, out: Array | None = None) -> Array:
        """The sum over `axes`. Integers and bools as the array API says: int64, uint64 for unsigned ones."""
        return reference.sum(self.xp, x, axes, keepdims, out)

    def matmul(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """x (..., M, K) @ y (..., K, N) -> (..., M, N); leading axes broadcast."""
        return reference.matmul(self.xp, x, y, out)

    def linear_forward(
        self, x: Array, weight: Array, bias: Array | None, activation: str = "identity", alpha: float = 0.0
    ) -> Array:
        """activation(x (M, C) @ weight (K, C)^T + bias (K,) or None) -> (M, K), a new array.

        `activation` and `alpha` as in `bias_activation_forward`. float16 may be rounded before the activation, after
        it, or both.
        """
        y = self.matmul(x, weight.T)
        if bias is None and activation == "identity":
            return y
        return self.bias_activation_forward(y, bias, activation, alpha, out=y)

    # --- convolution ----------------------------------------------------------------------------

    def conv2d_forward(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        spec: Conv2dSpec,
        activation: str = "identity",
        alpha: float = 0.0,
    ) -> Array:
        """activation(conv2d + bias): x (N, C, H, W), weight (K, C/groups, R, S), bias (K,) or None -> (N, K, P, Q).

        `activation` and `alpha` as in `bias_activation_forward`. float16 may be rounded before the activation, after
        it, or both.
        """
        return reference.conv2d_forward(self.xp, x, weight, bias, spec, activation, alpha)

    def conv2d_backward_input(
        self, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
    ) -> Array:
        """grad (N, K, P, Q), weight (K, C/groups, R, S) -> gradient of x, `input_shape` = (N, C, H, W)."""
        return reference.conv2d_backward_input(self.xp, grad, weight, input_shape, spec)

    def conv2d_backward_weight(
        self,
        grad: Array,
        x: Array,
        weight_shape: tuple[int, int, int, int],
        spec: Conv2dSpec,
        out: Array | None = None,
    ) -> Array:
        """grad (N, K, P, Q), x (N, C, H, W) -> gradient of the weight, `weight_shape` = (K, C/groups, R, S)."""
        return reference.conv2d_backward_weight(self.xp, grad, x, weight_shape, spec, out)

    # --- pooling --------------------------------------------------------------------------------

    def max_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        """x (N, C, H, W) -> the maxima (N, C, P, Q) and their places r*S + s in the window, `spec.index_dtype()`.

        Padding never wins; of equal values the first in row-major order does; NaN beats everything (of
        several the first wins, where PyTorch names the last). A window that lies in the padding
        altogether gives -inf and the index 0, which gather reads as 0 and scatter drops.
        """
        return reference.max_pool2d_forward(self.xp, x, spec)

    def min_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        """As `max_pool2d_forward`, for the minima."""
        return reference.min_pool2d_forward(self.xp, x, spec)

    def index_pool2d_gather(self, x: Array, index: Array, spec: Pool2dSpec) -> Array:
        """x (N, C, H, W) at the places that `index` (N, C, P, Q) names -> (N, C, P, Q)."""
        return reference.index_pool2d_gather(self.xp, x, index, spec)

    def index_pool2d_scatter(
        self, grad: Array, index: Array, input_shape: tuple[int, int, int, int], spec: Pool2dSpec
    ) -> Array:
        """The transpose of the gather, and so the backward of max and min pooling: (N, C, P, Q) -> `input_shape`.

        Where windows overlap, what falls on one element is summed.
        """
        return reference.index_pool2d_scatter(self.xp, grad, index, input_shape, spec)

    def avg_pool2d_forward(
        self, x: Array, spec: Pool2dSpec, count_include_pad: bool = True, divisor: int | None = None
    ) -> Array:
        """x (N, C, H, W) -> window means (N, C, P, Q).

        The divisor is `divisor` if given, else the number of elements of the window inside the
        padded input (`count_include_pad`) or inside the input itself.
        """
        return reference.avg_pool2d_forward(self.xp, x, spec, count_include_pad, divisor)

    def avg_pool2d_backward(
        self,
        grad: Array,
        input_shape: tuple[int, int, int, int],
        spec: Pool2dSpec,
        count_include_pad: bool = True,
        divisor: int | None = None,
    ) -> Array:
        """The transpose of `avg_pool2d_forward`: grad (N, C, P, Q) -> `input_shape`."""
        return reference.avg_pool2d_backward(self.xp, grad, input_shape, spec, count_include_pad, divisor)

    # --- activations ----------------------------------------------------------------------------

    def bias_activation_forward(
        self,
        x: Array,
        bias: Array | None,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        out: Array | None = None,
    ) -> Array:
        """activation(x + bias), `bias` (x.shape[axis],) or None.

        `activation` is a key of `dlcore.reference.ACTIVATIONS`; `alpha` is its parameter (the slope
        of leaky_relu, the scale of elu). `out` may have any strides, and be `x` itself: then it works in place.
        """
        return reference.bias_activation_forward(self.xp, x, bias, activation, alpha, axis, out)

    def bias_activation_backward(
        self,
        grad: Array,
        saved: Array,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        bias_grad: bool = False,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None]:
        """The gradients of x and, if `bias_grad`, of the bias: (grad.shape[axis],), written into `bias_out` if given.

        `saved` is what `ACTIVATIONS[activation].saves` says: the output, or the input x + bias.
        """
        return reference.bias_activation_backward(self.xp, grad, saved, activation, alpha, axis, bias_grad, bias_out)

    def softmax_forward(self, x: Array, axis: int, log: bool = False) -> Array:
        """softmax(x) along `axis`, or its logarithm; shifted by the maximum, so it never overflows."""
        return reference.softmax_forward(self.xp, x, axis, log)

    def softmax_backward(self, grad: Array, output: Array, axis: int, log: bool = False) -> Array:
        """The gradient of x from the output: y*(g - sum(g*y)), or g - exp(y)*sum(g) with `log`."""
        return reference.softmax_backward(self.xp, grad, output, axis, log)

    # --- losses ---------------------------------------------------------------------------------

    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        weight: Array | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        """logits (N, C), labels (N,) integers, weight (C,) or None -> the loss and its gradient (N, C).

        The loss is () or, with reduction "none", (N,); the gradient is that of the loss (of row n's
        own loss with "none"). "mean" divides by the summed weights of the labels that are not
        `ignore_index`. Labels have been checked with `check_index_range`.
        """
        return reference.softmax_cross_entropy(
            self.xp, logits, labels, weight, ignore_index, label_smoothing, reduction
        )

    def bce_with_logits(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        pos_weight: Array | None = None,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        """weight * ((1-t)*x + (1 + (pos_weight-1)*t) * log(1 + exp(-x))) and its gradient for the logits.

        `weight` and `pos_weight` broadcast to the shape of the logits; the gradient has that shape.
        """
        return reference.bce_with_logits(self.xp, logits, target, weight, pos_weight, reduction)

    # --- random numbers (bit-identical on every device) -----------------------------------------

    def philox(self, counter: PhiloxCounter, count: int) -> Array:
        """`count` 32-bit words of Philox4x32-10 (Salmon et al., SC 2011) as uint32."""
        return reference.philox(self.xp, counter, count)

    def random_uniform(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        """Uniform on [0, 1): float32 (word >> 8) * 2**-24; float64 53 bits of two words; float16 11 bits of one."""
        return reference.random_uniform(self.xp, counter, shape, dtype)

    def random_normal(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        """Standard normal by Box-Muller with our own logarithm, sine and cosine."""
        return reference.random_normal(self.xp, counter, shape, dtype)

    def random_integers(self, counter: PhiloxCounter, shape: tuple[int, ...], low: int, high: int) -> Array:
        """int64 on [low, high): low + floor(w * (high - low) / 2**64), w a 64-bit draw (two words, low word first)."""
        return reference.random_integers(self.xp, counter, shape, low, high)

    def random_permutation(self, counter: PhiloxCounter, n: int) -> Array:
        """A permutation of 0..n-1 (int64): the stable order of n 64-bit draws (two words each, low word first)."""
        return reference.random_permutation(self.xp, counter, n)

    def dropout_forward(self, x: Array, p: float, counter: PhiloxCounter) -> tuple[Array, Array | None]:
        """x * (1 / (1-p)) where element i (row-major) is kept, else 0; kept when (word i >> 8) >= round(p * 2**24).

        The second result is whatever the device wants back for the backward pass: its mask, or None
        if it recomputes the mask from the counter.
        """
        return reference.dropout_forward(self.xp, x, p, counter)

    def dropout_backward(self, grad: Array, p: float, counter: PhiloxCounter, mask: Array | None) -> Array:
        """The gradient of x: `grad` through the same mask and scale. Linear, so also its own double backward."""
        return reference.dropout_backward(self.xp, grad, p, counter, mask)

    # --- indexing -------------------------------------------------------------------------------

    def scatter_add(self, values: Array, index: Array, size: int) -> Array:
        """values (M, ...), index (M,) with 0 <= index < size -> (size, ...): sums of the rows with equal index.

        Rows are added in their order. This is the backward of integer indexing.
        """
        return reference.scatter_add(self.xp, values, index, size)

    # --- flat buffers: optimizer updates, norms. All 1-D of one dtype; updates are in place -------

    def fill_zero(self, x: Array) -> None:
        """Set `x` to zero, in place."""
        x[...] = 0

    def l2_norm(self, x: Array) -> Array:
        """The Euclidean norm as a 0-d array (float16: computed in float32)."""
        return reference.l2_norm(self.xp, x)

    def scale(self, x: Array, factor: float | Array) -> None:
        """x *= factor, in place; `factor` a Python number or a 0-d array of the device."""
        x *= factor

    def sgd_update(
        self,
        param: Array,
        grad: Array,
        momentum_buffer: Array | None,
        *,
        lr: float | Array,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
        first_step: bool = False,
    ) -> None:
        """SGD as PyTorch defines it; on the first step the momentum buffer is set to the gradient."""
        reference.sgd_update(
            self.xp, param, grad, momentum_buffer, lr=lr, momentum=momentum, dampening=dampening,
            nesterov=nesterov, weight_decay=weight_decay, maximize=maximize, first_step=first_step,
        )  # fmt: skip

    def adagrad_update(
        self,
        param: Array,
        grad: Array,
        square_sum: Array,
        *,
        lr: float | Array,
        lr_decay: float = 0.0,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        step: int | Array = 1,
        maximize: bool = False,
    ) -> None:
        """Adagrad (Duchi, Hazan, Singer, 2011). `step` counts from 1."""
        reference.adagrad_update(
            self.xp, param, grad, square_sum, lr=lr, lr_decay=lr_decay, eps=eps,
            weight_decay=weight_decay, step=step, maximize=maximize,
        )  # fmt: skip

    def adadelta_update(
        self,
        param: Array,
        grad: Array,
        square_avg: Array,
        acc_delta: Array,
        *,
        lr: float | Array = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        """Adadelta (Zeiler, 2012)."""
        reference.adadelta_update(
            self.xp, param, grad, square_avg, acc_delta, lr=lr, rho=rho, eps=eps,
            weight_decay=weight_decay, maximize=maximize,
        )  # fmt: skip

    def rmsprop_update(
        self,
        param: Array,
        grad: Array,
        square_avg: Array,
        grad_avg: Array | None,
        momentum_buffer: Array | None,
        *,
        lr: float | Array,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        """RMSprop (Hinton, lecture 6e), centred when `grad_avg` is given, with momentum when its buffer is."""
        reference.rmsprop_update(
            self.xp, param, grad, square_avg, grad_avg, momentum_buffer, lr=lr, alpha=alpha, eps=eps,
            momentum=momentum, weight_decay=weight_decay, maximize=maximize,
        )  # fmt: skip

    def adam_update(
        self,
        param: Array,
        grad: Array,
        exp_avg: Array,
        exp_avg_sq: Array,
        max_exp_avg_sq: Array | None,
        *,
        lr: float | Array,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        step: int | Array = 1,
        maximize: bool = False,
    ) -> None:
        """Adam (Kingma, Ba, 2015), AdamW (Loshchilov, Hutter, 2019) if `decoupled`, AMSGrad with its buffer.

        `step` counts from 1.
        """
        reference.adam_update(
            self.xp, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, lr=lr, beta1=beta1, beta2=beta2,
            eps=eps, weight_decay=weight_decay, decoupled=decoupled, step=step, maximize=maximize,
        )  # fmt: skip

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
