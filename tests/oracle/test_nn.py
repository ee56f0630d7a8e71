"""dlcore.nn against PyTorch: values, first and second gradients of every function, whole networks, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import dlcore as dl
from dlcore.nn import functional

torch = pytest.importorskip("torch", exc_type=ImportError)

Array = np.ndarray[Any, Any]
Make = Callable[[np.random.Generator], Array]


# --- what the arguments are made of: a plain shape stands for normal numbers that need a gradient -----------


class Fixed(NamedTuple):
    """An argument without gradient."""

    make: Make


class Probabilities(NamedTuple):
    """Numbers in (0, 1) that need a gradient."""

    shape: tuple[int, ...]


class Ties(NamedTuple):
    """The numbers -1, 0 and 1."""

    shape: tuple[int, ...]


class Logits(NamedTuple):
    """Numbers up to 1e4 in size, which overflow a naive formula."""

    shape: tuple[int, ...]


def labels(shape: tuple[int, ...], classes: int, ignored: int | None = None, dtype: str = "int64") -> Fixed:
    def make(rng: np.random.Generator) -> Array:
        drawn = np.asarray(rng.integers(0, classes, shape), dtype=dtype)
        if ignored is not None:
            drawn.reshape(-1)[::2] = ignored
        return drawn

    return Fixed(make)


def weights(*shape: int) -> Fixed:
    return Fixed(lambda rng: rng.uniform(0.5, 2.0, shape))


class Case(NamedTuple):
    function: str
    arguments: dict[str, Any]
    options: dict[str, Any]


def case(function: str, *arguments: Any, **options: Any) -> Case:
    """Positional arguments are tensors, by name where a tensor stands among the options."""
    tensors = {str(i): a for i, a in enumerate(arguments)}
    tensors |= {k: v for k, v in options.items() if isinstance(v, Fixed | Probabilities | Logits | Ties)}
    return Case(function, tensors, {k: v for k, v in options.items() if k not in tensors})


CASES = [
    *(case(f, shape) for f in ("relu", "sigmoid", "tanh") for shape in [(5,), (2, 3), (), (0, 4), (2, 3, 2, 2)]),
    *(case(f, Logits((4, 5))) for f in ("sigmoid", "tanh")),
    *(
        case(f, shape, dim=dim)
        for f in ("softmax", "log_softmax")
        for shape, dim in [((5,), 0), ((3, 4), 1), ((3, 4), 0), ((2, 3, 4), -2), ((0, 4), 1), ((3, 1), 1), ((), 0)]
    ),
    *(case(f, Logits((4, 5)), dim=1) for f in ("softmax", "log_softmax")),
    # linear
    case("linear", (2, 3), (4, 3), (4,)),
    case("linear", (2, 3), (4, 3)),
    case("linear", (3,), (4, 3), (4,)),
    case("linear", (2, 5, 3), (4, 3), (4,)),
    case("linear", (2, 5, 2, 3), (1, 3)),
    case("linear", (0, 3), (4, 3), (4,)),
    case("linear", (0, 2, 3), (4, 3), (4,)),
    # convolution
    case("conv2d", (2, 3, 7, 6), (4, 3, 3, 2), (4,)),
    case("conv2d", (2, 3, 7, 6), (4, 3, 3, 2)),
    case("conv2d", (3, 7, 6), (4, 3, 3, 2), (4,)),
    case("conv2d", (0, 3, 7, 6), (4, 3, 3, 2), (4,)),
    case("conv2d", (2, 3, 5, 4), (4, 3, 1, 1), (4,)),
    case("conv2d", (2, 2, 5, 5), (3, 2, 5, 5), (3,)),
    case("conv2d", (2, 3, 9, 8), (4, 3, 3, 3), (4,), stride=2),
    case("conv2d", (2, 3, 9, 8), (4, 3, 3, 3), stride=(2, 3)),
    case("conv2d", (2, 3, 5, 6), (4, 3, 3, 3), (4,), padding=1),
    case("conv2d", (2, 3, 5, 6), (4, 3, 3, 3), padding=(2, 0)),
    case("conv2d", (1, 1, 2, 2), (1, 1, 3, 3), padding=3),
    case("conv2d", (2, 2, 9, 8), (3, 2, 3, 2), dilation=2),
    case("conv2d", (2, 2, 9, 10), (3, 2, 3, 2), (3,), dilation=(3, 2)),
    case("conv2d", (2, 4, 6, 6), (6, 2, 3, 3), (6,), groups=2),
    case("conv2d", (2, 4, 6, 6), (8, 1, 3, 3), groups=4, padding=1),
    case("conv2d", (2, 6, 11, 9), (9, 2, 3, 2), (9,), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=3),
    # pooling
    *(
        case(f, shape, **options)
        for f in ("max_pool2d", "min_pool2d", "avg_pool2d")
        for shape, options in [
            ((2, 3, 6, 8), {"kernel_size": 2}),
            ((3, 6, 8), {"kernel_size": 2}),
            ((0, 3, 6, 8), {"kernel_size": 2}),
            ((2, 2, 7, 8), {"kernel_size": (3, 2), "stride": (2, 1)}),
            ((2, 2, 7, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
            ((2, 2, 6, 7), {"kernel_size": (2, 3), "stride": 1, "padding": (1, 0)}),
            ((1, 2, 8, 6), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
            ((1, 2, 5, 5), {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}),
            ((2, 2, 8, 7), {"kernel_size": (4, 3), "stride": (3, 2), "padding": (2, 1), "ceil_mode": True}),
            ((1, 1, 9, 9), {"kernel_size": 2, "stride": (3, 4)}),
        ]
    ),
    *(
        case(f, shape, **options)
        for f in ("max_pool2d", "min_pool2d")
        for shape, options in [
            ((2, 2, 9, 8), {"kernel_size": (3, 2), "stride": (1, 2), "padding": 1, "dilation": (2, 3)}),
            ((2, 2, 9, 8), {"kernel_size": 2, "stride": 3, "dilation": 3, "ceil_mode": True}),
            (Ties((2, 2, 6, 6)), {"kernel_size": 3, "stride": 1, "padding": 1}),
        ]
    ),
    *(
        case("avg_pool2d", (2, 2, 7, 7), kernel_size=3, stride=2, padding=1, **options)
        for options in [
            {"count_include_pad": False},
            {"count_include_pad": False, "ceil_mode": True},
            {"divisor_override": 5},
            {"divisor_override": -2},
            {"divisor_override": 4, "ceil_mode": True, "count_include_pad": False},
        ]
    ),
    # losses
    *(
        case("mse_loss", shape, shape, reduction=reduction)
        for shape in [(5,), (3, 4), (), (0, 3)]
        for reduction in ("mean", "sum", "none")
    ),
    *(
        case("cross_entropy", (6, 4), labels((6,), 4), reduction=reduction, **options)
        for reduction in ("mean", "sum", "none")
        for options in [
            {},
            {"weight": weights(4)},
            {"label_smoothing": 0.1},
            {"label_smoothing": 1.0},
            {"weight": weights(4), "label_smoothing": 0.3},
        ]
    ),
    *(
        case("cross_entropy", (6, 4), labels((6,), 4, ignored), ignore_index=ignored, reduction=reduction, **options)
        for ignored in (-100, 255, 2)
        for reduction in ("mean", "sum", "none")
        for options in [{}, {"weight": weights(4), "label_smoothing": 0.2}]
    ),
    case("cross_entropy", (4,), labels((), 4)),
    case("cross_entropy", (4,), labels((), 4), reduction="none"),
    case("cross_entropy", (3, 4, 5), labels((3, 5), 4)),
    case("cross_entropy", (3, 4, 2, 3), labels((3, 2, 3), 4), reduction="none"),
    case("cross_entropy", (3, 4, 2, 3), labels((3, 2, 3), 4, -1), ignore_index=-1, weight=weights(4)),
    case("cross_entropy", (0, 4), labels((0,), 4)),
    case("cross_entropy", (0, 4), labels((0,), 4), reduction="sum"),
    case("cross_entropy", (0, 4), labels((0,), 4), reduction="none"),
    case("cross_entropy", (1, 4), labels((1,), 4, -100)),  # all are ignored: the mean of nothing
    case("cross_entropy", (1, 4), labels((1,), 4, -100), reduction="sum"),
    case("cross_entropy", (3, 1), labels((3,), 1)),
    case("cross_entropy", (3, 200), labels((3,), 200, dtype="uint8")),
    case("cross_entropy", Logits((6, 4)), labels((6,), 4)),
    case("cross_entropy", Logits((6, 4)), labels((6,), 4), label_smoothing=0.1, reduction="none"),
    *(
        case("binary_cross_entropy_with_logits", logits, target, reduction=reduction, **options)
        for reduction in ("mean", "sum", "none")
        for logits, target, options in [
            ((5,), Probabilities((5,)), {}),
            ((3, 4), Probabilities((3, 4)), {}),
            ((), Probabilities(()), {}),
            ((0, 3), Probabilities((0, 3)), {}),
            ((3, 4), Probabilities((3, 4)), {"weight": weights(3, 1)}),
            ((3, 4), Probabilities((3, 4)), {"pos_weight": weights(4)}),
            ((2, 3, 4), Probabilities((2, 3, 4)), {"weight": weights(4), "pos_weight": weights(3, 1)}),
            (Logits((3, 4)), Probabilities((3, 4)), {"pos_weight": weights(4)}),
            (Logits((3, 4)), Probabilities((3, 4)), {}),
        ]
    ),
    # what is random is compared where it is not
    *(
        case(f, (3, 4, 2), p=p, training=training)
        for f in ("dropout", "dropout1d")
        for p, training in [(0.0, True), (1.0, True), (0.5, False)]
    ),
    case("one_hot", labels((3,), 4), num_classes=4),
    case("one_hot", labels((2, 3), 4), num_classes=200),
    case("one_hot", Fixed(lambda rng: np.array([0, 3, 1]))),
]


def named(c: Any) -> str:
    tensors = [str(getattr(a, "shape", a)) if not isinstance(a, Fixed) else "fixed" for a in c.arguments.values()]
    return " ".join([c.function, *tensors, *(f"{k}={v}" for k, v in c.options.items())])


# --- the two libraries behind one face ------------------------------------------------------------------


class Ours:
    @staticmethod
    def function(name: str) -> Any:
        return getattr(functional, name)

    @staticmethod
    def tensor(array: Array, requires_grad: bool) -> Any:
        return dl.asarray(array).detach().requires_grad_(requires_grad)

    @staticmethod
    def grad(outputs: Any, inputs: Any, seeds: Any, create_graph: bool) -> Any:
        return dl.grad(outputs, inputs, seeds, create_graph=create_graph, retain_graph=True, allow_unused=True)


class Theirs:
    @staticmethod
    def function(name: str) -> Any:
        if name == "min_pool2d":
            return lambda x, *args, **kwargs: -torch.nn.functional.max_pool2d(-x, *args, **kwargs)
        return getattr(torch.nn.functional, name)

    @staticmethod
    def tensor(array: Array, requires_grad: bool) -> Any:
        if array.dtype.kind in "iu":  # PyTorch takes int64 labels only
            array = array.astype(np.int64)
        return torch.tensor(np.array(array, order="C"), requires_grad=requires_grad)

    @staticmethod
    def grad(outputs: Any, inputs: Any, seeds: Any, create_graph: bool) -> Any:
        return torch.autograd.grad(
            outputs, inputs, seeds, create_graph=create_graph, retain_graph=True, allow_unused=True
        )


def values(t: Any) -> Array:
    return t.detach().numpy()


def run(library: Any, c: Case, arrays: dict[str, Array], seeds: np.random.Generator) -> list[list[Array]]:
    """[value], first gradients, the same as part of the graph, and second gradients, also for the incoming gradient.

    An input that has no influence has zeros.
    """
    wanted = [name for name, kind in c.arguments.items() if not isinstance(kind, Fixed)]
    tensors = {name: library.tensor(array, name in wanted) for name, array in arrays.items()}
    positional = [t for name, t in tensors.items() if name.isdigit()]
    keywords = {name: t for name, t in tensors.items() if not name.isdigit()}
    y = library.function(c.function)(*positional, **keywords, **c.options)
    if not wanted:
        return [[values(y)]]
    inputs = [tensors[name] for name in wanted]

    def seed_for(t: Any, requires_grad: bool) -> Any:
        return library.tensor(np.asarray(seeds.normal(size=tuple(t.shape)), dtype=values(t).dtype), requires_grad)

    def gradients(outputs: list[Any], inputs: list[Any], given: list[Any], create_graph: bool = True) -> list[Any]:
        live = [(o, g) for o, g in zip(outputs, given, strict=True) if o.requires_grad]
        found = [None] * len(inputs)
        if live:
            found = library.grad([o for o, _ in live], inputs, [g for _, g in live], create_graph)
        zeros = [library.tensor(np.zeros(tuple(x.shape), values(x).dtype), False) for x in inputs]
        return [z if g is None else g for g, z in zip(found, zeros, strict=True)]

    seed = seed_for(y, True)
    plain = gradients([y], inputs, [seed.detach()], create_graph=False)
    first = gradients([y], inputs, [seed])
    second = gradients(first, [*inputs, seed], [seed_for(g, False) for g in first])
    return [[values(y)], *([values(g) for g in found] for found in (plain, first, second))]


def draw(c: Case, rng: np.random.Generator) -> dict[str, Array]:
    made = {}
    for name, kind in c.arguments.items():
        if isinstance(kind, Fixed):
            made[name] = kind.make(rng)
        elif isinstance(kind, Probabilities):
            made[name] = np.asarray(rng.uniform(0.05, 0.95, kind.shape))
        elif isinstance(kind, Ties):
            made[name] = rng.integers(-1, 2, kind.shape).astype(np.float64)
        elif isinstance(kind, Logits):
            made[name] = np.asarray(rng.choice([-1e4, -30.0, 0.5, 30.0, 1e4], kind.shape) + rng.normal(size=kind.shape))
        else:
            made[name] = np.asarray(rng.normal(size=kind))
    return made


def strided(array: Array) -> Array:
    """The same values in every second element of a larger array, axes swapped, the last one backwards."""
    if not array.ndim:
        return array
    spread = np.zeros((*array.shape[::-1], 2), array.dtype)
    view = spread[..., 0].T
    view = view[..., ::-1]
    view[...] = array
    return view


def repeated(array: Array) -> Array:
    """The first entry of axis 0 in place of all, without copies."""
    return np.broadcast_to(array[:1], array.shape) if array.ndim else array


def largest(array: Array) -> float:
    """The largest size of an element, NaN aside."""
    return float(np.max(np.abs(array), where=~np.isnan(array), initial=0.0))


def test_every_function_is_in_the_table_or_in_one_of_samples() -> None:
    """PyTorch's own samples are in the files of `opdb`, whose tables name functions as `F.name`."""
    texts = [path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "opdb").glob("test_*.py")]
    elsewhere = set(re.findall(r"\bF\.(\w+)", "".join(texts)))
    listed = {c.function for c in CASES}
    assert sorted(set(functional.__all__) - listed - elsewhere) == []
    assert sorted(listed - set(functional.__all__)) == []


@pytest.mark.parametrize("layout", [np.asarray, strided, repeated], ids=["contiguous", "strided", "repeated"])
@pytest.mark.parametrize("c", CASES, ids=named)
def test_float64_value_first_and_second_gradient(c: Case, layout: Any, rng: np.random.Generator) -> None:
    arrays = {k: layout(a) for k, a in draw(c, rng).items()}
    seed = int(rng.integers(2**32))
    ours = run(Ours, c, arrays, np.random.default_rng(seed))
    theirs = run(Theirs, c, arrays, np.random.default_rng(seed))
    if np.isnan(theirs[0][0]).any():  # the mean of nothing; where its second derivative is NaN or 0 is accident
        ours, theirs = ours[:3], theirs[:3]
    for order, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        for position, (a, b) in enumerate(zip(mine, other, strict=True)):
            scale = largest(b)
            np.testing.assert_allclose(
                a, b, rtol=1e-7, atol=1e-13 * max(1.0, scale), strict=True, err_msg=f"result {order}, input {position}"
            )


@pytest.mark.parametrize("c", [c for c in CASES if c.function != "one_hot"], ids=named)
def test_float32_error(c: Case, rng: np.random.Generator) -> None:
    """Of value, first and second gradient: at most 2e-5 of the largest value, or four times PyTorch's own error."""
    arrays = {k: a.astype(np.float32) if a.dtype.kind == "f" else a for k, a in draw(c, rng).items()}
    seed = int(rng.integers(2**32))
    double = {k: a.astype(np.float64) if a.dtype.kind == "f" else a for k, a in arrays.items()}
    exact, theirs, ours = (
        run(library, c, given, np.random.default_rng(seed))
        for library, given in ((Theirs, double), (Theirs, arrays), (Ours, arrays))
    )
    for order in range(len(exact) if not np.isnan(exact[0][0]).any() else 3):  # as above
        for e, t, o in zip(exact[order], theirs[order], ours[order], strict=True):
            assert o.dtype == np.float32
            assert o.shape == e.shape
            np.testing.assert_array_equal(np.isnan(o), np.isnan(e))
            scale = largest(e)
            if e.size == 1:  # a lone difference of nearly equal numbers has only its operands to be measured by
                scale = max(scale, min(1.0, largest(exact[0][0])))
            assert largest(o - e) <= max(2e-5 * scale, 4 * largest(t - e))


NOT_NUMBERS = {
    "relu": ("relu", (3, 4), {}),
    "max_pool2d": ("max_pool2d", (1, 1, 6, 6), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "min_pool2d": ("min_pool2d", (1, 1, 6, 6), {"kernel_size": 2}),
    "overlapping": ("max_pool2d", (1, 2, 5, 5), {"kernel_size": 3, "stride": 1}),
    "dilated": ("max_pool2d", (1, 2, 6, 6), {"kernel_size": 2, "stride": 1, "dilation": 2}),
    "avg_pool2d": ("avg_pool2d", (1, 2, 6, 6), {"kernel_size": 2}),
}


@pytest.mark.parametrize("name", NOT_NUMBERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, -0.0])
def test_special_values_pass_as_in_pytorch(name: str, dtype: str, special: float, rng: np.random.Generator) -> None:
    function, shape, options = NOT_NUMBERS[name]
    x = rng.normal(size=shape).astype(dtype)
    places = rng.permutation(x.size)[: 1 if np.isnan(special) else 4]  # of several NaN PyTorch takes the last
    x.reshape(-1)[places] = special
    mine, other = Ours.tensor(x, True), Theirs.tensor(x, True)
    a, b = Ours.function(function)(mine, **options), Theirs.function(function)(other, **options)
    np.testing.assert_array_equal(values(a), values(b), strict=True)
    a.sum().backward()
    b.sum().backward()
    np.testing.assert_allclose(values(mine.grad), values(other.grad), rtol=1e-6, strict=True)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_masked_logits(reduction: str) -> None:
    """A class that is masked out with -inf has probability 0 and no gradient."""
    x = np.array([[1.0, -np.inf, 2.0], [-np.inf, 0.5, -np.inf], [3.0, 1.0, -1.0]])
    y = np.array([0, 1, -100])
    mine, other = Ours.tensor(x, True), Theirs.tensor(x, True)
    a = functional.cross_entropy(mine, dl.tensor(y), reduction=reduction)
    b = torch.nn.functional.cross_entropy(other, torch.tensor(y), reduction=reduction)
    np.testing.assert_allclose(values(a), values(b), rtol=1e-12)
    a.sum().backward()
    b.sum().backward()
    np.testing.assert_allclose(values(mine.grad), values(other.grad), rtol=1e-12)


# --- networks: one source for both libraries ------------------------------------------------------------


def lenet(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def perceptron(nn: Any) -> Any:
    return nn.Sequential(
        nn.Flatten(), nn.Sequential(nn.Linear(784, 32, bias=False), nn.Tanh()), nn.Dropout(0.0),
        nn.Linear(32, 16), nn.Sigmoid(), nn.Linear(16, 10),
    )  # fmt: skip


def grouped(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 4, (3, 5), stride=(2, 1), padding=(0, 2), bias=False), nn.Tanh(),
        nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        nn.Conv2d(4, 6, 3, dilation=2, groups=2), nn.MaxPool2d(2, stride=1, dilation=2),
        nn.Flatten(), nn.Linear(54, 10),
    )  # fmt: skip


def ours_from(theirs: Any) -> dict[str, dl.Tensor]:
    return {name: dl.tensor(value.numpy()) for name, value in theirs.state_dict().items()}


@pytest.mark.parametrize("build", [lenet, perceptron, grouped])
@pytest.mark.parametrize("direction", ["to pytorch", "from pytorch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_with_equal_weights_are_equal(
    build: Any, direction: str, dtype: str, rng: np.random.Generator
) -> None:
    mine, other = build(dl.nn).to(dtype), build(torch.nn).to(getattr(torch, dtype))
    if direction == "from pytorch":
        mine.load_state_dict(ours_from(other))
    else:
        other.load_state_dict({name: torch.tensor(value.numpy()) for name, value in mine.state_dict().items()})
    keys = [(n, tuple(v.shape), str(v.numpy().dtype)) for n, v in mine.state_dict().items()]
    assert keys == [(n, tuple(v.shape), str(v.numpy().dtype)) for n, v in other.state_dict().items()]
    assert [n for n, _ in mine.named_parameters()] == [n for n, _ in other.named_parameters()]
    assert [n for n, _ in mine.named_modules()] == [n for n, _ in other.named_modules()]

    x, y = rng.normal(size=(4, 1, 28, 28)).astype(dtype), rng.integers(0, 10, 4)
    a, b = mine(dl.asarray(x)), other(torch.tensor(x))
    tolerance = 1e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(values(a), values(b), rtol=tolerance, atol=tolerance, strict=True)
    dl.nn.CrossEntropyLoss(label_smoothing=0.1)(a, dl.asarray(y)).backward()
    torch.nn.CrossEntropyLoss(label_smoothing=0.1)(b, torch.tensor(y)).backward()
    for (name, p), q in zip(mine.named_parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(values(p.grad), values(q.grad), rtol=tolerance, atol=tolerance, err_msg=name)


def test_buffers_of_losses_have_pytorchs_keys() -> None:
    w = np.ones(3, np.float32)
    for make in (lambda nn, t: nn.CrossEntropyLoss(t(w)), lambda nn, t: nn.BCEWithLogitsLoss(pos_weight=t(w)),
                 lambda nn, t: nn.BCEWithLogitsLoss(t(w)), lambda nn, t: nn.MSELoss()):  # fmt: skip
        assert list(make(dl.nn, dl.tensor).state_dict()) == list(make(torch.nn, torch.tensor).state_dict())


def test_a_slice_of_a_sequential_keeps_the_names() -> None:
    mine, other = (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))[1:] for nn in (dl.nn, torch.nn))
    assert list(mine.state_dict()) == list(other.state_dict())


INITIALISERS: dict[str, tuple[dict[str, Any], ...]] = {
    "xavier_uniform_": ({}, {"gain": 2.0}),
    "xavier_normal_": ({}, {"gain": 0.5}),
    "kaiming_uniform_": ({}, {"a": 1.0}, {"mode": "fan_out"}, {"nonlinearity": "tanh"}),
    "kaiming_normal_": ({}, {"a": 1.0}, {"mode": "fan_out"}, {"nonlinearity": "relu"}),
}


@pytest.mark.parametrize("name", INITIALISERS)
@pytest.mark.parametrize("shape", [(300, 200), (64, 16, 5, 3)])
def test_initial_values_have_pytorchs_spread(name: str, shape: tuple[int, ...]) -> None:
    for options in INITIALISERS[name]:
        mine = getattr(dl.nn.init, name)(dl.zeros(shape, dtype="float64"), generator=dl.Generator(1), **options).numpy()
        generator = torch.Generator().manual_seed(1)
        other = values(getattr(torch.nn.init, name)(torch.zeros(shape), generator=generator, **options))
        assert mine.std() == pytest.approx(other.std(), rel=0.03)
        if "uniform" in name:
            assert np.abs(mine).max() == pytest.approx(np.abs(other).max(), rel=1e-3)


@pytest.mark.parametrize("nonlinearity", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
@pytest.mark.parametrize("param", [None, 0.2])
def test_gains(nonlinearity: str, param: float | None) -> None:
    assert dl.nn.init.calculate_gain(nonlinearity, param) == torch.nn.init.calculate_gain(nonlinearity, param)


# --- what PyTorch refuses is refused --------------------------------------------------------------------

Refused = Callable[[Any, Any, Any], Any]
REFUSED: dict[str, Refused] = {  # of the functions f, the layers nn, and a maker of tensors from nested lists
    "linear: features": lambda f, nn, t: f.linear(t([[1.0, 2.0]]), t([[1.0, 2.0, 3.0]])),
    "linear: bias": lambda f, nn, t: f.linear(t([[1.0]]), t([[1.0], [2.0]]), t([1.0, 2.0, 3.0])),
    "linear: dtype": lambda f, nn, t: f.linear(t([[1.0]]), t([[1]])),
    "conv2d: dimensions": lambda f, nn, t: f.conv2d(t([[1.0]]), t([[[[1.0]]]])),
    "conv2d: channels": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0]], [[1.0]]]])),
    "conv2d: kernel": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0, 1.0]]]])),
    "conv2d: dilated kernel": lambda f, nn, t: f.conv2d(t([[[[1.0] * 3]]]), t([[[[1.0, 1.0]]]]), dilation=3),
    "conv2d: bias": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0]]]]), t([1.0, 2.0])),
    "conv2d: stride": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0]]]]), stride=0),
    "conv2d: padding": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0]]]]), padding=-1),
    "conv2d: three strides": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0]]]]), stride=(1, 1, 1)),
    "conv2d: groups": lambda f, nn, t: f.conv2d(t([[[[1.0]], [[1.0]]]]), t([[[[1.0]]]] * 3), groups=2),
    "conv2d: no groups": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1.0]]]]), groups=0),
    "conv2d: dtype": lambda f, nn, t: f.conv2d(t([[[[1.0]]]]), t([[[[1]]]])),
    "max_pool2d: dimensions": lambda f, nn, t: f.max_pool2d(t([[1.0]]), 1),
    "max_pool2d: kernel": lambda f, nn, t: f.max_pool2d(t([[[[1.0]]]]), 2),
    "max_pool2d: no kernel": lambda f, nn, t: f.max_pool2d(t([[[[1.0]]]]), 0),
    "max_pool2d: stride": lambda f, nn, t: f.max_pool2d(t([[[[1.0]]]]), 1, stride=0),
    "max_pool2d: padding": lambda f, nn, t: f.max_pool2d(t([[[[1.0]]]]), 2, padding=2),
    "max_pool2d: negative padding": lambda f, nn, t: f.max_pool2d(t([[[[1.0]]]]), 1, padding=-1),
    "max_pool2d: dilation": lambda f, nn, t: f.max_pool2d(t([[[[1.0]]]]), 1, dilation=0),
    "max_pool2d: complex": lambda f, nn, t: f.max_pool2d(t([[[[1j]]]]), 1),
    "avg_pool2d: kernel": lambda f, nn, t: f.avg_pool2d(t([[[[1.0]]]]), (1, 2)),
    "avg_pool2d: padding": lambda f, nn, t: f.avg_pool2d(t([[[[1.0]]]]), 1, padding=1),
    "avg_pool2d: divisor": lambda f, nn, t: f.avg_pool2d(t([[[[1.0]]]]), 1, divisor_override=0),
    "avg_pool2d: float divisor": lambda f, nn, t: f.avg_pool2d(t([[[[1.0]]]]), 1, divisor_override=1.5),
    "softmax: dim": lambda f, nn, t: f.softmax(t([1.0, 2.0]), dim=1),
    "log_softmax: dim": lambda f, nn, t: f.log_softmax(t([1.0, 2.0]), dim=-2),
    "softmax: dim of a number": lambda f, nn, t: f.softmax(t(1.0), dim=1),
    "softmax: integers": lambda f, nn, t: f.softmax(t([1, 2]), dim=0),
    "dropout: p": lambda f, nn, t: f.dropout(t([1.0]), 1.5),
    "mse_loss: shape": lambda f, nn, t: f.mse_loss(t([1.0, 2.0]), t([1.0, 2.0, 3.0])),
    "mse_loss: reduction": lambda f, nn, t: f.mse_loss(t([1.0]), t([1.0]), reduction="average"),
    "cross_entropy: label": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([2])),
    "cross_entropy: negative label": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([-1])),
    "cross_entropy: label beside ignored": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]] * 2), t([-100, 2])),
    "cross_entropy: batch": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([0, 1])),
    "cross_entropy: dimensions": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([[0]])),
    "cross_entropy: number": lambda f, nn, t: f.cross_entropy(t(1.0), t(0)),
    "cross_entropy: float labels": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([1.0])),
    "cross_entropy: weight": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([1]), weight=t([1.0])),
    "cross_entropy: smoothing": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([1]), label_smoothing=1.5),
    "cross_entropy: reduction": lambda f, nn, t: f.cross_entropy(t([[1.0, 2.0]]), t([1]), reduction="max"),
    "bce: shape": lambda f, nn, t: f.binary_cross_entropy_with_logits(t([1.0, 2.0]), t([1.0])),
    "bce: pos_weight": lambda f, nn, t: f.binary_cross_entropy_with_logits(
        t([1.0, 2.0]), t([1.0, 0.0]), pos_weight=t([1.0] * 3)
    ),
    "bce: reduction": lambda f, nn, t: f.binary_cross_entropy_with_logits(t([1.0]), t([1.0]), reduction="x"),
    "one_hot: floats": lambda f, nn, t: f.one_hot(t([1.0]), 2),
    "one_hot: label": lambda f, nn, t: f.one_hot(t([2]), 2),
    "one_hot: negative label": lambda f, nn, t: f.one_hot(t([-1]), 2),
    "one_hot: classes": lambda f, nn, t: f.one_hot(t([0]), 0),
    "Conv2d: groups": lambda f, nn, t: nn.Conv2d(3, 4, 3, groups=2),
    "Conv2d: no groups": lambda f, nn, t: nn.Conv2d(3, 4, 3, groups=0),
    "Linear: negative": lambda f, nn, t: nn.Linear(-1, 2),
    "Dropout: p": lambda f, nn, t: nn.Dropout(-0.1),
    "Sequential: no module": lambda f, nn, t: nn.Sequential(1),
    "Sequential: index": lambda f, nn, t: nn.Sequential(nn.ReLU())[1],
    "Flatten: dim": lambda f, nn, t: nn.Flatten(2)(t([[1.0]])),
    "Flatten: order": lambda f, nn, t: nn.Flatten(1, 0)(t([[1.0]])),
    "Module: parameter": lambda f, nn, t: setattr(nn.Linear(1, 1), "weight", t([[1.0]])),
    "Module: child": lambda f, nn, t: setattr(nn.Sequential(nn.ReLU()), "0", f.relu),
    "Module: buffer": lambda f, nn, t: setattr(nn.CrossEntropyLoss(t([1.0])), "weight", 1.0),
    "Module: no forward": lambda f, nn, t: nn.Module()(t(1.0)),
    "register_buffer: taken": lambda f, nn, t: nn.Linear(1, 1).register_buffer("weight", t(1.0)),
    "register_buffer: a method": lambda f, nn, t: nn.Linear(1, 1).register_buffer("forward", t(1.0)),
    "register_buffer: dot": lambda f, nn, t: nn.Module().register_buffer("a.b", t(1.0)),
    "register_buffer: type": lambda f, nn, t: nn.Module().register_buffer("a", 1.0),
    "load_state_dict: missing": lambda f, nn, t: nn.Linear(1, 1).load_state_dict({"weight": t([[1.0]])}),
    "load_state_dict: shape": lambda f, nn, t: nn.Linear(1, 1).load_state_dict(
        {"weight": t([[1.0]]), "bias": t([[1.0]])}
    ),
    "load_state_dict: unexpected": lambda f, nn, t: nn.ReLU().load_state_dict({"weight": t([[1.0]])}),
    "load_state_dict: no dict": lambda f, nn, t: nn.ReLU().load_state_dict(3),
    "Parameter: integers": lambda f, nn, t: nn.Parameter(t([1])),
    "xavier: one dimension": lambda f, nn, t: nn.init.xavier_uniform_(t([1.0])),
    "kaiming: mode": lambda f, nn, t: nn.init.kaiming_normal_(t([[1.0]]), mode="fan"),
    "kaiming: nonlinearity": lambda f, nn, t: nn.init.kaiming_normal_(t([[1.0]]), nonlinearity="swish!"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch warns of some before it raises
@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name: str) -> None:
    refused = REFUSED[name]
    with pytest.raises(Exception):  # noqa: B017, PT011 - PyTorch's choice of type and text is not the point
        refused(torch.nn.functional, torch.nn, torch.tensor)
    with pytest.raises((ValueError, TypeError, IndexError, KeyError, NotImplementedError)) as caught:
        refused(functional, dl.nn, dl.tensor)
    assert str(caught.value)
