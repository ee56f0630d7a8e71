"""What a network is made of: a table of its layers with shapes, parameters, operations and memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from dlcore._dtypes import DEFAULT_FLOAT, as_dtype
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import no_grad
from dlcore.ops import zeros

if TYPE_CHECKING:
    from dlcore.nn.module import Module

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One call of one layer.

    Attributes:
        name: dotted, as in `named_modules`; kind: its class.
        output_shape: of the output, or of each of them.
        trainable, frozen: elements of its own parameters with and without `requires_grad`; 0 in a second call.
        flops: floating-point operations, see `summary`; None where they are not known.
        parameter_bytes: of its own parameters and buffers; 0 in a second call. output_bytes: of the output.
    """

    name: str
    kind: str
    output_shape: Any
    trainable: int
    frozen: int
    flops: int | None
    parameter_bytes: int
    output_bytes: int


@dataclass(frozen=True)
class Summary:
    """The rows in the order of the calls, and their sums. `print` shows a table."""

    rows: tuple[Row, ...]
    input_bytes: int

    @property
    def trainable(self) -> int:
        """Elements of the parameters that are trained."""
        return sum(row.trainable for row in self.rows)

    @property
    def frozen(self) -> int:
        """Elements of the parameters that are not."""
        return sum(row.frozen for row in self.rows)

    @property
    def flops(self) -> int | None:
        """Floating-point operations of a forward pass; None if those of a layer are not known."""
        known = [row.flops for row in self.rows if row.flops is not None]
        return sum(known) if len(known) == len(self.rows) else None

    @property
    def parameter_bytes(self) -> int:
        """Bytes of parameters and buffers."""
        return sum(row.parameter_bytes for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Bytes of the outputs of all layers: about what training keeps for the backward pass."""
        return sum(row.output_bytes for row in self.rows)

    def __str__(self) -> str:
        lines = [
            [
                row.name or row.kind, row.kind, _shown(row.output_shape), f"{row.trainable + row.frozen:,}",
                _count(row.flops), f"{row.parameter_bytes + row.output_bytes:,}",
            ]
            for row in self.rows
        ]  # fmt: skip
        header = ["layer", "kind", "output shape", "parameters", "FLOPs", "bytes"]
        widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
        table = ["  ".join(_aligned(line, widths)).rstrip() for line in [header, *lines]]
        rule = "-" * len("  ".join(_aligned(header, widths)))
        unknown = sum(row.flops is None for row in self.rows)
        known = sum(row.flops or 0 for row in self.rows)
        note = f" and those of {unknown} layer(s) that are not known" if unknown else ""
        return "\n".join(
            [
                table[0],
                rule,
                *table[1:],
                rule,
                f"parameters: {self.trainable:,} trainable, {self.frozen:,} frozen",
                f"FLOPs: {known:,}{note}",
                f"bytes: {self.parameter_bytes:,} parameters, {self.activation_bytes:,} activations, "
                f"{self.input_bytes:,} input",
            ]
        )

    __repr__ = __str__


def summarised(module: Module, input_shape: Any, dtype: Any) -> Summary:
    """What `dlcore.nn.summary` gives."""
    from dlcore.nn.module import Module

    if not isinstance(module, Module):
        raise TypeError(f"summary: module must be a Module, got {type(module).__name__}")
    shapes = [_shape(shape) for shape in (input_shape if isinstance(input_shape, list) else [input_shape])]
    floating = [p for p in module.parameters() if p.dtype.kind == "f"]
    kind = as_dtype(dtype) if dtype is not None else floating[0].dtype if floating else DEFAULT_FLOAT
    place = next((p.device for p in (*module.parameters(), *module.buffers())), None)
    inputs = [zeros(shape, dtype=kind, device=place) for shape in shapes]

    rows: list[Row] = []
    counted: set[int] = set()  # parameters and buffers, by identity
    modes = [(part, part.training) for part in module.modules()]
    handles = []
    try:
        for name, part in module.named_modules():
            if next(part.children(), None) is None or _own(part):
                handles.append(part.register_forward_hook(_noting(name, rows, counted), with_kwargs=True))
        module.eval()
        with no_grad():
            module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for part, training in modes:
            object.__setattr__(part, "training", training)
    return Summary(tuple(rows), _bytes(inputs))


def _noting(name: str, rows: list[Row], counted: set[int]) -> Callable[..., None]:
    def note(module: Module, args: Any, kwargs: Any, output: Any) -> None:
        outputs = [x for x in (output if isinstance(output, (tuple, list)) else [output]) if isinstance(x, Tensor)]
        inputs = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        own = [x for x in _own(module) if id(x) not in counted]
        counted.update(id(x) for x in own)
        trainable, frozen = (
            sum(x.size for x in own if _is_parameter(x) and x.requires_grad is wanted) for wanted in (True, False)
        )
        shapes = [x.shape for x in outputs]
        flops = None
        if inputs and outputs and (rule := _rules().get(type(module))) is not None:
            flops = rule(module, inputs[0].shape, outputs[0].shape)
        shape = shapes[0] if len(shapes) == 1 else shapes
        kind = type(module).__name__
        rows.append(Row(name, kind, shape, trainable, frozen, flops, _bytes(own), _bytes(outputs)))

    return note


def _own(module: Module) -> list[Tensor]:
    """The parameters and buffers of this module itself."""
    return [
        x for name, x in vars(module).items() if isinstance(x, Tensor) and (name in module._buffers or _is_parameter(x))
    ]


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(x.size * x.dtype.itemsize for x in tensors)


def _is_parameter(x: Tensor) -> bool:
    from dlcore.nn.module import Parameter

    return isinstance(x, Parameter)


def _shape(shape: Any) -> Shape:
    if not isinstance(shape, (tuple, list)) or any(
        isinstance(size, bool) or not hasattr(size, "__index__") for size in shape
    ):
        raise TypeError(f"summary: input_shape must be a tuple of ints, or a list of such tuples, got {shape!r}")
    if any(size < 0 for size in shape):
        raise ShapeError(f"summary: input_shape must have no negative sizes, got {shape!r}")
    return tuple([size.__index__() for size in shape])


# --- operations ---------------------------------------------------------------------------------

Rule = Callable[[Any, Shape, Shape], int]
_ruled: dict[type, Rule] = {}
_PER_ELEMENT = {
    0: ("Dropout", "Dropout1d", "Dropout2d", "Embedding", "Flatten", "Identity", "Unflatten", "Upsample"),
    1: (
        "ReLU", "ReLU6", "LeakyReLU", "PReLU", "Threshold", "Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink",
        "Softshrink", "Heaviside",
    ),
    2: ("BatchNorm1d", "BatchNorm2d"),
    4: (
        "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink", "Softmax",
        "LogSoftmax", "Softmin", "Softplus", "Softsign",
    ),
    8: ("LayerNorm", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d"),
}  # fmt: skip


def _rules() -> dict[type, Rule]:
    """By class: a subclass may do anything, and is not known."""
    if not _ruled:
        from dlcore import nn

        def per_element(count: int) -> Rule:
            return lambda module, before, after: count * prod(after)

        def adaptive(axes: int) -> Rule:
            return lambda module, before, after: _adaptive(before, after, axes)

        kind: type
        for count, names in _PER_ELEMENT.items():
            for name in names:
                if hasattr(nn, name):
                    _ruled[getattr(nn, name)] = per_element(count)
        for kind in (nn.Linear, nn.Perceptron):
            _ruled[kind] = lambda module, before, after: 2 * module.in_features * prod(after)
        for kind in (nn.Conv1d, nn.Conv2d):
            _ruled[kind] = lambda module, before, after: 2 * prod(module.weight.shape[1:]) * prod(after)
        for kind in (nn.ConvTranspose1d, nn.ConvTranspose2d):
            _ruled[kind] = lambda module, before, after: 2 * prod(module.weight.shape[1:]) * prod(before)
        for kind in (nn.MaxPool1d, nn.MaxPool2d, nn.MinPool1d, nn.MinPool2d, nn.AvgPool1d, nn.AvgPool2d):
            _ruled[kind] = lambda module, before, after: prod(module.kernel_size) * prod(after)
        for kind in (nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d):
            _ruled[kind] = adaptive(1)
        for kind in (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d):
            _ruled[kind] = adaptive(2)
    return _ruled


def _adaptive(before: Shape, after: Shape, axes: int) -> int:
    """The elements of all parts: along each axis, those of the parts one after the other."""
    elements = [
        sum(-(-(i + 1) * size // count) - i * size // count for i in range(count))
        for size, count in zip(before[-axes:], after[-axes:], strict=True)
    ]
    return prod(after[:-axes]) * prod(elements)


# --- text ---------------------------------------------------------------------------------------


def _shown(shape: Any) -> str:
    return ", ".join(map(str, shape)) if isinstance(shape, list) else str(shape)


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [
        text.ljust(width) if i < 3 else text.rjust(width)
        for i, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
