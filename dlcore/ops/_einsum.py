"""einsum: sums of products by labelled axes, as a sequence of matrix products.

Of two operands, the labels are told apart: those to be summed, those that both share and that stay (a batch), and
those of one alone. With the axes in that order, the contraction is one (batched) product of matrices, which is what
every device does fastest; and since all steps are operations with gradients, so is the whole, to any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import prod
from typing import Any

from dlcore._dtypes import float16, float32, result_type
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import different_devices
from dlcore.ops._common import as_tensor, cast
from dlcore.ops.contraction import Outer
from dlcore.ops.matrix import matmul
from dlcore.ops.rearranging import diagonal
from dlcore.ops.reduction import sum as sum_over
from dlcore.ops.shape import permute_dims, reshape, squeeze

__all__ = ["einsum"]

Label = str | int  # a letter, or for an axis under an ellipsis its place, counted from the end: -1, -2, ...
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def einsum(subscripts: Any, *operands: Any) -> Tensor:
    """Sums of products of elements, by labels of axes: Einstein's convention, as in NumPy and PyTorch.

    Every axis gets a letter, in "ij,jk->ik" those of two operands and of the result. Elements that agree in all
    letters are multiplied, and the products are summed over the letters that the result does not have. A letter that
    stands twice in one operand takes its diagonal. "..." stands for any number of further axes, which broadcast.
    Without "->", the result has the axes of "..." and then the letters that occur once, in alphabetical order
    (capitals first). Axes of size 1 broadcast against larger ones of the same letter.

    More than two operands are contracted by pairs, always the one that leaves the least memory in use (Smith and Gray,
    2018, "opt_einsum", the greedy path). A pair is contracted by one batched matrix product.

    Args:
        subscripts: the letters, spaces between them being ignored. Or an operand, in the form
            `einsum(x, [0, 1], y, [1, 2], [0, 2])`, with integers 0..51 and Ellipsis in the place of letters.
        operands: tensors of numbers.

    Raises:
        ValueError: subscripts that cannot be read, or labels in the result that no operand has or that stand twice.
        ShapeError: operands that the subscripts do not fit.
        DTypeError: bool tensors.

    >>> x, y = dl.ones((2, 3)), dl.ones((3, 4))
    >>> dl.einsum("ij,jk->ik", x, y).shape
    (2, 4)
    >>> dl.einsum("ii->i", dl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    >>> dl.einsum("...i,i", x, dl.ones((3,)))
    tensor([3., 3.])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    elif len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    tensors = _operands(operands)
    labelled, sizes, wanted = _read(subscripts, tuple([x.shape for x in tensors]))
    dtype = tensors[0].dtype
    if dtype == float16 and len(tensors) > 2:  # what stands between two products is not rounded to float16
        tensors = [cast(x, float32) for x in tensors]
    terms = [_single(x, labels, sizes) for x, labels in zip(tensors, labelled, strict=True)]
    while len(terms) > 1:
        first, second = _next_pair(terms, wanted)
        rest = [term for i, term in enumerate(terms) if i not in (first, second)]
        needed = {*wanted}.union(*[labels for _, labels in rest])
        terms = [*rest, _contract(*terms[first], *terms[second], needed)]
    x, labels = _summed(*terms[0], {*wanted})
    if labels != wanted:
        x = permute_dims(x, [labels.index(label) for label in wanted])
    return cast(x, dtype)  # sums of small integers are wider


# --- reading the subscripts -----------------------------------------------------------------------------------------


@lru_cache(maxsize=512)  # a model's few einsums are called again and again
def _read(
    subscripts: str, shapes: tuple[tuple[int, ...], ...]
) -> tuple[list[list[Label]], dict[Label, int], list[Label]]:
    """The labels of each operand's axes, the size of each label, and the labels of the result."""
    inputs, output = _parsed(subscripts)
    if len(shapes) != len(inputs):
        raise ValueError(f"einsum: the subscripts are for {len(inputs)} operand(s), got {len(shapes)}")
    terms = [_labels(i, shape, letters) for i, (shape, letters) in enumerate(zip(shapes, inputs, strict=True))]
    return terms, _sizes(terms, shapes), _wanted(terms, output)


def _parsed(subscripts: str) -> tuple[list[list[str]], list[str] | None]:
    """The labels of each operand and of the result, None if it has none; "..." is a label of its own."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    if "->" in right:
        raise ValueError(f"einsum: subscripts {subscripts!r} have more than one '->'")
    return [_letters(subscripts, part) for part in left.split(",")], _letters(subscripts, right) if arrow else None


def _letters(subscripts: str, part: str) -> list[str]:
    before, dots, after = part.partition("...")
    if "." in before + after:
        raise ValueError(f"einsum: subscripts {subscripts!r}: {part!r} may have one '...' and no other dots")
    for letter in before + after:
        if letter not in _LETTERS:
            raise ValueError(f"einsum: subscripts {subscripts!r}: labels are the letters a-z and A-Z, got {letter!r}")
    return [*before, *([dots] if dots else []), *after]


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The other form, operand, labels, operand, labels, ..., and perhaps the labels of the result, as the first."""
    if not isinstance(arguments[0], Tensor):
        raise TypeError(f"einsum: subscripts must be a string, or operands with lists of labels, got {arguments[0]!r}")
    pairs = len(arguments) // 2
    if not pairs:
        raise ValueError("einsum: an operand needs subscripts, a string before it or a list of labels behind it")
    left = ",".join([_named(arguments[2 * i + 1]) for i in range(pairs)])
    right = f"->{_named(arguments[-1])}" if len(arguments) % 2 else ""
    return left + right, arguments[0 : 2 * pairs : 2]


def _named(labels: Any) -> str:
    if not isinstance(labels, (tuple, list)):
        raise TypeError(f"einsum: expected a list of labels, got {type(labels).__name__}")
    names = []
    for label in labels:
        if label is Ellipsis:
            names.append("...")
        elif isinstance(label, bool) or not hasattr(label, "__index__") or not 0 <= label.__index__() < 52:
            raise ValueError(f"einsum: a label in a list must be an int in 0..51 or Ellipsis, got {label!r}")
        else:
            names.append(_LETTERS[label.__index__()])
    if names.count("...") > 1:
        raise ValueError(f"einsum: a list of labels may have one Ellipsis, got {labels!r}")
    return "".join(names)


def _operands(operands: Sequence[Any]) -> list[Tensor]:
    """Tensors of one dtype and device."""
    tensors = [as_tensor("einsum", f"operand {i}", x) for i, x in enumerate(operands)]
    if not tensors:
        raise ValueError("einsum: expected at least one operand")
    if any(x._device is not tensors[0]._device for x in tensors):
        raise different_devices("einsum", tensors)
    dtype = tensors[0].dtype
    for x in tensors[1:]:
        dtype = result_type("einsum", dtype, x.dtype)
    if dtype.kind == "b":
        raise DTypeError("einsum: not defined for bool; convert with astype")
    return [cast(x, dtype) for x in tensors]


def _labels(i: int, shape: tuple[int, ...], letters: list[str]) -> list[Label]:
    """A label for each axis of an operand."""
    under = len(shape) - len(letters) + 1  # axes under the ellipsis
    if "..." not in letters:
        if len(letters) != len(shape):
            raise ShapeError(
                f"einsum: operand {i} of shape {shape} has {len(shape)} axes, the subscripts {len(letters)}"
            )
        return list(letters)
    if under < 0:
        raise ShapeError(
            f"einsum: operand {i} of shape {shape} has {len(shape)} axes, the subscripts {len(letters) - 1}"
        )
    place = letters.index("...")
    return [*letters[:place], *range(-under, 0), *letters[place + 1 :]]


def _sizes(terms: list[list[Label]], shapes: tuple[tuple[int, ...], ...]) -> dict[Label, int]:
    """The size of each label; an axis of size 1 stands for any."""
    sizes: dict[Label, int] = {}
    for i, (labels, shape) in enumerate(zip(terms, shapes, strict=True)):
        own: dict[Label, int] = {}
        for label, size in zip(labels, shape, strict=True):
            if own.setdefault(label, size) != size:
                raise ShapeError(
                    f"einsum: label {label!r} stands twice in operand {i} of shape {shape}, for sizes {own[label]} "
                    f"and {size}"
                )
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (known, 1):
                name = f"label {label!r}" if isinstance(label, str) else "an axis under '...'"
                raise ShapeError(f"einsum: {name} has size {known}, and {size} in operand {i} of shape {shape}")
    return sizes


def _wanted(terms: list[list[Label]], output: list[str] | None) -> list[Label]:
    """The labels of the result."""
    counts = Counter([label for labels in terms for label in labels])
    under: list[Label] = sorted([label for label in counts if isinstance(label, int)])
    if output is None:
        once = [label for label, count in counts.items() if count == 1 and isinstance(label, str)]
        return [*under, *sorted(once)]
    for label, count in Counter(output).items():
        if count > 1:
            raise ValueError(f"einsum: label {label!r} stands {count} times in the result")
        if label != "..." and label not in counts:
            raise ValueError(f"einsum: label {label!r} of the result is not one of any operand")
    wanted: list[Label] = []
    for label in output:
        wanted += under if label == "..." else [label]
    return wanted


# --- contracting ----------------------------------------------------------------------------------------------------


def _single(x: Tensor, labels: list[Label], sizes: dict[Label, int]) -> tuple[Tensor, list[Label]]:
    """An operand with each label once, and without the axes of size 1 that others make larger."""
    twice = [label for label in sizes if labels.count(label) > 1]
    for label in twice:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, axis1=first, axis2=second)
            labels = [*[part for i, part in enumerate(labels) if i not in (first, second)], label]
    gone = [i for i, label in enumerate(labels) if x.shape[i] == 1 and sizes[label] != 1]
    if gone:
        x, labels = squeeze(x, axis=tuple(gone)), [label for i, label in enumerate(labels) if i not in gone]
    return x, labels


def _next_pair(terms: list[tuple[Tensor, list[Label]]], wanted: list[Label]) -> tuple[int, int]:
    """The pair whose product is smallest, less the operands that are then done with."""
    if len(terms) == 2:
        return 0, 1

    def growth(pair: tuple[int, int]) -> int:
        sizes: dict[Label, int] = {}
        for i in pair:
            sizes |= dict(zip(terms[i][1], terms[i][0].shape, strict=True))
        needed = {*wanted}.union(*[labels for i, (_, labels) in enumerate(terms) if i not in pair])
        result = prod([size for label, size in sizes.items() if label in needed])
        return result - terms[pair[0]][0].size - terms[pair[1]][0].size

    return min(combinations(range(len(terms)), 2), key=growth)


def _summed(x: Tensor, labels: list[Label], needed: set[Label]) -> tuple[Tensor, list[Label]]:
    """x summed over the labels that are not needed."""
    gone = tuple([i for i, label in enumerate(labels) if label not in needed])
    return (sum_over(x, axis=gone), [label for label in labels if label in needed]) if gone else (x, labels)


def _contract(
    x: Tensor, x_labels: list[Label], y: Tensor, y_labels: list[Label], needed: set[Label]
) -> tuple[Tensor, list[Label]]:
    """The product of two operands, summed over what is not needed."""
    x, x_labels = _summed(x, x_labels, needed | {*y_labels})
    y, y_labels = _summed(y, y_labels, needed | {*x_labels})
    shared = [label for label in x_labels if label in y_labels]
    batch = [label for label in shared if label in needed]
    inner = [label for label in shared if label not in needed]
    rows = [label for label in x_labels if label not in shared]
    columns = [label for label in y_labels if label not in shared]
    shape = dict(zip(x_labels, x.shape, strict=True)) | dict(zip(y_labels, y.shape, strict=True))
    sizes = tuple([shape[label] for label in (*batch, *rows, *columns)])
    result = [*batch, *rows, *columns]
    if not inner and not (rows and columns):  # element by element, which broadcasts
        x = _grouped(x, x_labels, shape, batch, [rows], flat=False)
        y = _grouped(y, y_labels, shape, batch, [columns], flat=False)
        longer = len(x_labels) - len(y_labels)
        if longer < 0:
            x = reshape(x, (*x.shape, *[1] * -longer))
        elif longer:
            y = reshape(y, (*y.shape, *[1] * longer))
        return x * y, result
    x = _grouped(x, x_labels, shape, batch, [rows, inner])
    y = _grouped(y, y_labels, shape, batch, [inner, columns])
    z = matmul(x, y) if inner else Outer()(x, y)
    return z if z.shape == sizes else reshape(z, sizes), result


def _grouped(
    x: Tensor, labels: list[Label], shape: dict[Label, int], batch: list[Label], groups: list[list[Label]],
    flat: bool = True,
) -> Tensor:  # fmt: skip
    """x with its axes in the order of the batch and the groups; `flat`: the batch and each group as one axis."""
    order = [labels.index(label) for label in (*batch, *[label for group in groups for label in group])]
    if order != list(range(x.ndim)):
        x = permute_dims(x, order)
    if not flat:
        return x
    sizes = tuple([prod([shape[label] for label in group]) for group in ([batch] if batch else []) + groups])
    return x if x.shape == sizes else reshape(x, sizes)
