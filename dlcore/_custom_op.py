"""`dl.custom_op`: an operation of the user's own, from Python, C or CUDA source, on every device and with gradients.

Its values come from one of up to three implementations: a Python function over the array namespace runs everywhere,
C source where arrays lie in the host's memory, CUDA source on NVIDIA GPUs and in the simulator. Its gradient is a
function of tensors, which may use other custom operations; differentiated in turn, it gives gradients of gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlcore import _dtypes
from dlcore._errors import DeviceError, DTypeError, ShapeError
from dlcore._sources import C_TYPES, CUDA_TYPES, CSource, CudaSource, Macros, macros_for
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.backend import Backend

if TYPE_CHECKING:
    from inspect import Signature

    from dlcore._device import device
    from dlcore.backend import Array, CudaKernel


def custom_op(
    name: str,
    signature: Callable[..., Any],
    *,
    forward: Callable[..., Any] | None = None,
    cuda: CudaSource | None = None,
    c: CSource | None = None,
    backward: Callable[..., Any] | None = None,
) -> CustomOp:
    """A new operation, from Python, C or CUDA source. docs/custom_op.md has a worked example.

    Args:
        name: a Python identifier; errors and graphs show it.
        signature: a function with the arguments of the operation that returns the shape and the dtype of its result;
            it is called first and may refuse what does not fit. Its positional arguments are the inputs, tensors (or
            None where that is the default); what stands behind a `*` are parameters, of any kind.
        forward: `forward(xp, *arrays, **parameters)` -> array: the values by the array namespace `xp` (`numpy`,
            `cupy`), on every device that has nothing better.
        cuda: CUDA source, for NVIDIA GPUs and the simulator.
        c: C source, for devices whose arrays lie in the host's memory.
        backward: `backward(gradient, ...)` -> the gradient of each input, a tensor (a tuple of them for several inputs,
            None for one that needs no gradient). After the gradient of the result it takes, by their names, what it
            needs: inputs, parameters, `output`. It works on tensors, so that its own derivative is known. Another
            custom operation with such arguments can be given as it is.

    Returns:
        A function of tensors. Inputs are not to be written to; the result is a new tensor.

    Raises:
        TypeError, ValueError: an argument that makes no operation. Calls raise DeviceError where nothing that was given
            runs on the device, TypeError, ShapeError and DTypeError for what does not fit, each with the name.

    >>> square = dl.custom_op(
    ...     "square",
    ...     lambda x, *, scale=1.0: (x.shape, x.dtype),
    ...     forward=lambda xp, x, scale: scale * x * x,
    ...     backward=lambda grad, x, scale: 2 * scale * grad * x,
    ... )
    >>> x = dl.tensor([1.0, 2.0], requires_grad=True)
    >>> square(x, scale=3.0).sum().backward()
    >>> x.grad
    tensor([ 6., 12.])
    """
    return CustomOp(name, signature, forward, cuda, c, backward)


class CustomOp:
    """What `custom_op` returns."""

    def __init__(
        self,
        name: str,
        signature: Callable[..., Any],
        forward: Callable[..., Any] | None,
        cuda: CudaSource | None,
        c: CSource | None,
        backward: Callable[..., Any] | None,
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"custom_op: name must be a Python identifier, got {name!r}")
        self.name = self.__name__ = name
        _check_kinds(str(self), signature, forward, cuda, c, backward)
        self.rule, self.forward, self.cuda, self.c, self.backward = signature, forward, cuda, c, backward
        self.__signature__ = _signature_of(str(self), "signature", signature)
        self.inputs, self.parameters = _arguments(str(self), self.__signature__)
        self._node = _node_class(self)
        self._kernels: dict[tuple[device, np.dtype[Any]], _Kernels] = {}
        self._functions: dict[np.dtype[Any], Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        try:
            bound = self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self}: {error}; expected {self.name}{self.__signature__}") from None
        bound.apply_defaults()
        given = bound.arguments
        tensors = [given[name] for name in self.inputs]
        for name, x in zip(self.inputs, tensors, strict=True):
            if not isinstance(x, Tensor) and not (x is None and self.__signature__.parameters[name].default is None):
                raise TypeError(f"{self}: {name} must be a Tensor, got {type(x).__name__}")
        if all(x is None for x in tensors):
            raise TypeError(f"{self}: at least one of {', '.join(self.inputs)} must be a Tensor")
        parameters = {name: given[name] for name in self.parameters}
        return self._node(parameters, self._result(tensors, parameters))(*tensors)

    def _result(self, tensors: list[Any], parameters: dict[str, Any]) -> _Result:
        """What the signature says of these arguments."""
        promised = self.rule(*tensors, **parameters)
        if not isinstance(promised, tuple) or len(promised) != 2:
            raise TypeError(f"{self}: signature must return a shape and a dtype, got {promised!r}")
        try:
            shape = tuple([size.__index__() for size in promised[0]])
        except (TypeError, AttributeError):
            raise TypeError(f"{self}: signature must return a shape, a tuple of ints, got {promised[0]!r}") from None
        if any(size < 0 for size in shape):
            raise ShapeError(f"{self}: signature returned the shape {shape}")
        return _Result(shape, _dtypes.as_dtype(promised[1]))

    def compute(self, dev: device, arrays: tuple[Any, ...], parameters: dict[str, Any], out: _Result) -> Array:
        """The values, by whichever implementation is for this device."""
        backend = dev.backend
        on_host = backend.array_type is np.ndarray
        if self.cuda is not None and type(backend).compile_cuda is not Backend.compile_cuda:
            return self._by_cuda(dev, self.cuda, arrays, parameters, out)
        if self.c is not None and on_host:
            return self._by_c(self.c, arrays, parameters, out)
        if self.forward is not None:
            return self._by_python(backend, self.forward, arrays, parameters, out)
        given = " and ".join([text for text, source in (("CUDA", self.cuda), ("C", self.c)) if source is not None])
        wanted = "c (a dl.CSource) or forward (a Python function)" if on_host else "forward (a Python function)"
        raise DeviceError(f"{self}: device {str(dev)!r} cannot run it: it has {given} source only; give {wanted}")

    def _by_python(
        self, backend: Backend, forward: Any, arrays: tuple[Any, ...], parameters: dict[str, Any], out: _Result
    ) -> Array:
        result = forward(backend.xp, *arrays, **parameters)
        if isinstance(result, np.generic) and backend.array_type is np.ndarray:  # NumPy's 0-d results
            result = np.asarray(result)
        if not isinstance(result, backend.array_type):
            raise TypeError(f"{self}: forward must return an array of the device, got {type(result).__name__}")
        found: Any = result
        if found.shape != out.shape:
            raise ShapeError(f"{self}: forward returned shape {found.shape}, but the signature says {out.shape}")
        if found.dtype != out.dtype:
            raise DTypeError(f"{self}: forward returned dtype {found.dtype}, but the signature says {out.dtype}")
        if any([x is not None and backend.shares_memory(found, x) for x in arrays]):
            return backend.xp.asarray(found, copy=True)
        return found

    def _by_cuda(
        self, dev: device, cuda: CudaSource, arrays: tuple[Any, ...], parameters: dict[str, Any], out: _Result
    ) -> Array:
        xp = dev.backend.xp
        array = xp.empty(out.shape, dtype=out.dtype)
        if array.size:  # a grid without blocks cannot be launched
            scalar = _first(arrays).dtype
            kernels = self._kernels.get((dev, scalar))
            if kernels is None:
                macros = {**macros_for(str(self), cuda.source, scalar, CUDA_TYPES), **(cuda.macros or {})}
                kernels = self._kernels[dev, scalar] = _Kernels(str(self), dev, cuda.source, macros)
            cuda.launch(kernels, array, *[_contiguous(xp, x) for x in arrays], **parameters)
        return array

    def _by_c(self, c: CSource, arrays: tuple[Any, ...], parameters: dict[str, Any], out: _Result) -> Array:
        array = np.empty(out.shape, out.dtype)
        if array.size:
            scalar = _first(arrays).dtype
            functions = self._functions.get(scalar)
            if functions is None:
                from dlcore._c_source import Functions  # only those who use it pay for it

                macros = {**macros_for(str(self), c.source, scalar, C_TYPES), **(c.macros or {})}
                functions = self._functions[scalar] = Functions(str(self), c.source, macros, c.flags, c.link_flags)
            c.call(functions, array, *[_contiguous(np, x) for x in arrays], **parameters)
        return array

    def __reduce__(self) -> tuple[Any, ...]:  # without what was compiled
        return CustomOp, (self.name, self.rule, self.forward, self.cuda, self.c, self.backward)

    def __str__(self) -> str:
        return f"custom op {self.name!r}"

    def __repr__(self) -> str:
        return f"<custom op {self.name}{self.__signature__}>"


class _Result(NamedTuple):
    """What the signature promises."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class _Kernels:
    """The kernels of a CUDA source by name, each compiled when it is first asked for."""

    def __init__(self, op: str, dev: device, source: str, macros: Macros) -> None:
        self._arguments = op, dev, source, macros
        self._found: dict[str, CudaKernel] = {}

    def __getitem__(self, name: str) -> CudaKernel:
        kernel = self._found.get(name)
        if kernel is None:
            op, dev, source, macros = self._arguments
            try:
                kernel = self._found[name] = dev.backend.compile_cuda(source, name, macros)
            except (LookupError, TypeError):  # of the source's text
                raise
            except Exception as error:  # each compiler has its own
                raise RuntimeError(f"{op}: kernel {name!r} does not compile for {dev}: {error}") from error
        return kernel


# --- the node of the graph ----------------------------------------------------------------------


class _Application(Function):
    """One application of a custom operation; each operation has a subclass, with its name."""

    op: CustomOp
    takes: tuple[str, ...]  # the arguments of `op.backward` after the first

    def __init__(self, parameters: dict[str, Any], result: _Result) -> None:
        self.parameters, self.result = parameters, result

    def forward(self, *arrays: Any) -> Any:
        self.inputs = [None if x is None else _Result(x.shape, x.dtype) for x in arrays]
        return self.op.compute(self.device, arrays, self.parameters, self.result)

    def backward(self, grad: Tensor) -> Any:
        op = self.op
        if op.backward is None:
            raise RuntimeError(f"{op}: it was given no backward, so its result cannot be differentiated")
        known = dict(self.parameters)
        if self.saves:
            known |= zip([op.inputs[position] for position in self.saves], self.saved, strict=True)
        if self.saves_output:
            known["output"] = self.output
        returned = op.backward(grad, **{name: known[name] for name in self.takes})
        gradients = returned if isinstance(returned, tuple) else (returned,)
        if len(gradients) != len(op.inputs):
            raise ValueError(f"{op}: backward returned {len(gradients)} gradient(s) for {len(op.inputs)} input(s)")
        return tuple([self._checked(position, gradient) for position, gradient in enumerate(gradients)])

    def _checked(self, position: int, gradient: Any) -> Tensor | None:
        if not self.needs(position):
            return None
        what = f"{self.op}: the gradient of {self.op.inputs[position]} that backward returned"
        if gradient is None:
            raise RuntimeError(
                f"{what} is None, but that input requires grad; return zeros where nothing depends on it"
            )
        if not isinstance(gradient, Tensor):
            raise TypeError(f"{what} must be a Tensor, got {type(gradient).__name__}")
        expected = self.inputs[position]
        assert expected is not None
        if gradient.shape != expected.shape:
            raise ShapeError(f"{what} has shape {gradient.shape}, expected {expected.shape}")
        if gradient.dtype != expected.dtype:
            raise DTypeError(f"{what} has dtype {gradient.dtype}, expected {expected.dtype}")
        if gradient._device is not self.device:
            raise DeviceError(f"{what} is on {gradient._device}, expected {self.device}")
        return gradient


def _node_class(op: CustomOp) -> type[_Application]:
    takes: tuple[str, ...] = ()
    if op.backward is not None:
        arguments = list(_signature_of(str(op), "backward", op.backward).parameters.values())
        if not arguments or arguments[0].kind not in (arguments[0].POSITIONAL_ONLY, arguments[0].POSITIONAL_OR_KEYWORD):
            raise ValueError(f"{op}: the first argument of backward must be the gradient of the result")
        known = {"output", *op.inputs, *op.parameters}
        for argument in arguments[1:]:
            if argument.name in known and argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY):
                takes = (*takes, argument.name)
            elif argument.default is argument.empty:
                raise ValueError(
                    f"{op}: backward takes {argument}, which is none of {', '.join(sorted(known))}: "
                    "it gets inputs, parameters and the output by their names"
                )
    saves = tuple([position for position, name in enumerate(op.inputs) if name in takes])
    body = {"op": op, "takes": takes, "saves": saves, "saves_output": "output" in takes, "__doc__": repr(op)}
    return type(op.name, (_Application,), body)


# --- arguments ----------------------------------------------------------------------------------


def _check_kinds(op: str, signature: Any, forward: Any, cuda: Any, c: Any, backward: Any) -> None:
    for argument, value in (("signature", signature), ("forward", forward), ("backward", backward)):
        if not callable(value) and (value is not None or argument == "signature"):
            raise TypeError(f"{op}: {argument} must be a function, got {value!r}")
    for argument, value, kind in (("cuda", cuda, CudaSource), ("c", c, CSource)):
        if value is None:
            continue
        if not isinstance(value, kind):
            raise TypeError(f"{op}: {argument} must be a dl.{kind.__name__}, got {value!r}")
        if not isinstance(value[0], str) or not callable(value[1]):
            raise TypeError(f"{op}: {argument} must hold a text and a function, got {value[0]!r} and {value[1]!r}")
    if forward is None and cuda is None and c is None:
        raise ValueError(f"{op}: give forward, cuda or c: nothing computes it")


def _signature_of(op: str, argument: str, function: Callable[..., Any]) -> Signature:
    from inspect import signature

    try:
        return signature(function)
    except ValueError as error:
        raise TypeError(f"{op}: the arguments of {argument} cannot be known ({error}); wrap it in a def") from None


def _arguments(op: str, signature: Signature) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the inputs and of the parameters."""
    inputs, parameters = [], []
    for argument in signature.parameters.values():
        if argument.name == "output":
            raise ValueError(f"{op}: an argument cannot be called 'output': backward knows the result by that name")
        if argument.kind == argument.KEYWORD_ONLY:
            parameters.append(argument.name)
        elif argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise ValueError(f"{op}: signature cannot take {argument}: inputs and parameters have names")
        else:
            inputs.append(argument.name)
    if not inputs:
        raise ValueError(f"{op}: signature needs at least one positional argument, a tensor")
    return tuple(inputs), tuple(parameters)


# --- arrays -------------------------------------------------------------------------------------


def _contiguous(xp: Any, x: Any) -> Any:
    return x if x is None or x.flags.c_contiguous else xp.ascontiguousarray(x)


def _first(arrays: tuple[Any, ...]) -> Any:
    return next(x for x in arrays if x is not None)
