"""A layer and the activation after it as one operation: the same numbers, fewer calls, and only where it is safe."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import nn
from dlcore.backend import primitives
from dlcore.nn import _fusion
from dlcore.nn import functional as F
from dlcore.reference import ACTIVATIONS

DTYPES = ["float16", "float32", "float64"]
FUSED = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.LeakyReLU: "leaky_relu"}
# layer, shape of the input
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(5, 4), (7, 5)),
    "linear without bias": (lambda: nn.Linear(5, 4, bias=False), (7, 5)),
    "linear, long": (lambda: nn.Linear(3, 2), (700, 3)),
    "linear, wide enough for blocks": (lambda: nn.Linear(40, 300), (64, 40)),
    "linear, a vector": (lambda: nn.Linear(5, 4), (5,)),
    "linear, three axes": (lambda: nn.Linear(5, 4), (2, 3, 5)),
    "linear, no rows": (lambda: nn.Linear(5, 4), (0, 5)),
    "conv2d": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 2, 6, 5)),
    "conv2d without bias": (lambda: nn.Conv2d(2, 3, 3, bias=False), (2, 2, 6, 5)),
    "conv2d, batch": (lambda: nn.Conv2d(2, 6, 3, stride=2, padding=(1, 2)), (32, 2, 12, 13)),
    "conv2d, groups": (lambda: nn.Conv2d(4, 6, 3, dilation=(1, 2), groups=2), (9, 4, 8, 9)),
    "conv2d, depthwise": (lambda: nn.Conv2d(3, 3, 3, padding=1, groups=3), (8, 3, 6, 6)),
    "conv2d, one image": (lambda: nn.Conv2d(2, 3, 3), (2, 6, 5)),
}
every_layer = pytest.mark.parametrize("layer", LAYERS)
every_activation = pytest.mark.parametrize("activation", FUSED, ids=lambda kind: kind.__name__)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)

Calls = Counter[str]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """How often each primitive was called from outside of the backend: what a GPU would launch at least."""
    backend = dl.current_device().backend
    counted: Calls = Counter()
    depth = 0

    def counting(name: str, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            if depth == 0:
                counted[name] += 1
            depth += 1
            try:
                return original(*args, **kwargs)
            finally:
                depth -= 1

        return call

    for name in primitives():
        monkeypatch.setattr(backend, name, counting(name, getattr(backend, name)))
    yield counted
    assert depth == 0


def pair(layer: str, activation: type[nn.Module], dtype: str = "float64") -> tuple[nn.Sequential, nn.Sequential]:
    """Two equal models; that the second is fused can be seen in its graph, the first is made of subclasses."""
    dl.manual_seed(11)
    fused = nn.Sequential(LAYERS[layer][0](), activation()).to(dtype)
    apart = copy.deepcopy(fused)
    apart[0].__class__ = type("Apart", (type(fused[0]),), {})
    return fused, apart


def data(layer: str, dtype: str, rng: np.random.Generator) -> dl.Tensor:
    return dl.tensor(rng.normal(size=LAYERS[layer][1]).astype(dtype))


def node(y: dl.Tensor) -> str:
    """What made it, behind the reshape of a single image or of more than two axes."""
    made: Any = y._node
    return type(made._edges[0] if type(made).__name__ == "Reshape" else made).__name__


#: Of a device that computes both at once and so rounds less, or sums in another order; relative to the largest value.
TOLERANCE = {"float16": 1e-2, "float32": 1e-5, "float64": 1e-13}


def same(first: Any, second: Any, slack: float = 1) -> None:
    """Equal tensors: on NumPy to the last bit, elsewhere to so many times what rounding does."""
    for x, y in zip(first, second, strict=True):
        a, b = x.numpy(), y.numpy()
        if x.device.backend.array_type is np.ndarray:
            np.testing.assert_array_equal(a, b, strict=True)
        else:
            largest = float(np.abs(b).max(initial=0))
            np.testing.assert_allclose(a, b, rtol=0, atol=slack * TOLERANCE[b.dtype.name] * largest, strict=True)


def flat(y: dl.Tensor, rng: np.random.Generator) -> dl.Tensor:
    """A scalar whose gradient is another number for each element."""
    return (y * dl.tensor(rng.normal(size=y.shape).astype(y.dtype))).sum()


# --- the same numbers -------------------------------------------------------------------------------------


@every_layer
@every_activation
@every_dtype
def test_values_and_gradients(layer: str, activation: type[nn.Module], dtype: str, rng: np.random.Generator) -> None:
    models = pair(layer, activation, dtype)
    x, seed = data(layer, dtype, rng), int(rng.integers(2**32))
    found = []
    for model in models:
        own = dl.tensor(x.numpy()).requires_grad_()
        y = model(own)
        flat(y, np.random.default_rng(seed)).backward()
        found.append([y, own.grad, *[p.grad for p in model.parameters()]])
    same(*found)
    alone = "Pointwise" if activation is nn.LeakyReLU else "Activation"
    assert [node(y) for y, *_ in found] == [f"{type(models[0][0]).__name__}Activation", alone]


@every_layer
@every_activation
@every_dtype
def test_training_with_an_optimizer(
    layer: str, activation: type[nn.Module], dtype: str, rng: np.random.Generator
) -> None:
    """Its flat buffer is where weight and bias gradients are computed into."""
    models = pair(layer, activation, dtype)
    optimizers = [dl.optim.SGD(model.parameters(), lr=1e-3) for model in models]
    for step in range(4):
        x, seed = data(layer, dtype, rng), int(rng.integers(2**32))
        for model, optimizer in zip(models, optimizers, strict=True):
            if step != 2:  # once they add up
                optimizer.zero_grad()
            flat(model(x), np.random.default_rng(seed)).backward()
            optimizer.step()
        same(*(model.parameters() for model in models), slack=10)
        if step % 2:  # reading takes the gradient out of the buffer
            same(*([p.grad for p in model.parameters()] for model in models), slack=10)


@every_layer
@every_activation
@every_dtype
def test_second_gradients(layer: str, activation: type[nn.Module], dtype: str, rng: np.random.Generator) -> None:
    x, seed = data(layer, dtype, rng), int(rng.integers(2**32))
    found = []
    for model in pair(layer, activation, dtype):
        own = dl.tensor(x.numpy()).requires_grad_()
        wanted = [own, *model.parameters()]
        weights = np.random.default_rng(seed)
        first = dl.grad(flat(model(own), weights), wanted, create_graph=True)
        total = flat(first[0], weights)
        for gradient in first[1:]:
            total = total + flat(gradient, weights)
        found.append([*first, *dl.grad(total, wanted, allow_unused=True)])
    for one, other in zip(*found, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            same([one], [other])


@pytest.mark.parametrize("layer", ["linear", "linear, three axes", "conv2d", "conv2d, groups"])
@every_activation
def test_gradients_against_differences(layer: str, activation: type[nn.Module], rng: np.random.Generator) -> None:
    model, _ = pair(layer, activation)
    x = data(layer, "float64", rng)[:1].requires_grad_()
    tensors = [x.detach().requires_grad_(), model[0].weight, model[0].bias]

    def call(x: dl.Tensor, weight: dl.Tensor, bias: dl.Tensor) -> dl.Tensor:
        model[0].__dict__.update(weight=weight, bias=bias)
        return model(x)

    assert node(call(*tensors)) == f"{type(model[0]).__name__}Activation"
    assert dl.gradcheck(call, tensors, atol=1e-6, rtol=1e-6, second_order=True)


@pytest.mark.parametrize("frozen", [("weight",), ("bias",), ("weight", "bias"), ("x",), ("x", "weight"), ("x", "bias")])
@pytest.mark.parametrize("layer", ["linear", "conv2d"])
def test_frozen_parts(layer: str, frozen: tuple[str, ...], rng: np.random.Generator) -> None:
    x = data(layer, "float64", rng)
    found = []
    for model in pair(layer, nn.Tanh):
        own = dl.tensor(x.numpy()).requires_grad_("x" not in frozen)
        tensors = {"x": own, "weight": model[0].weight, "bias": model[0].bias}
        for name in frozen:
            tensors[name].requires_grad_(False)
        model(own).sum().backward()
        assert all((t.grad is None) == (name in frozen) for name, t in tensors.items())
        found.append([t.grad for name, t in tensors.items() if name not in frozen])
    same(*found)


@every_activation
def test_nothing_is_recorded_without_grad(activation: type[nn.Module], rng: np.random.Generator) -> None:
    fused, apart = pair("linear", activation)
    x = data("linear", "float64", rng)
    with dl.no_grad():
        y = fused(x)
        same([y], [apart(x)])
    assert not y.requires_grad
    for model in (fused, apart):
        model.eval()
    same([fused(x)], [apart(x)])


def test_a_layer_used_twice(rng: np.random.Generator) -> None:
    """Its gradients add up, whether or not the optimizer's buffer was lent to the first of them."""
    found = []
    for kind in (nn.ReLU, type("Apart", (nn.ReLU,), {})):
        dl.manual_seed(3)
        layer, activation = nn.Linear(4, 4), kind()
        model = nn.Sequential(layer, activation, layer, activation, nn.Linear(4, 2), activation)
        optimizer = dl.optim.SGD(model.parameters(), lr=0.1)
        rows = np.random.default_rng(5)
        for _ in range(3):
            optimizer.zero_grad()
            model(dl.tensor(rows.normal(size=(6, 4)).astype("float32"))).sum().backward()
            optimizer.step()
        found.append(list(model.parameters()))
    same(*found)
    np.testing.assert_array_equal(model[0].weight.numpy(), model[2].weight.numpy())


# --- only where it is safe ---------------------------------------------------------------------------------


class Loud(nn.Linear):
    def forward(self, x: dl.Tensor) -> dl.Tensor:
        return super().forward(x) * 2


class Steep(nn.Sigmoid):
    def forward(self, x: dl.Tensor) -> dl.Tensor:
        return super().forward(x * 3)


def doubled(x: dl.Tensor) -> dl.Tensor:
    return F.relu(x) * 2


X = dl.tensor([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("model", [
    nn.Sequential(Loud(3, 2), nn.Sigmoid()),
    nn.Sequential(nn.Linear(3, 2), Steep()),
    nn.Sequential(type("Same", (nn.Linear,), {})(3, 2), nn.ReLU()),
])  # fmt: skip
def test_subclasses_are_called(model: nn.Sequential) -> None:
    same([model(X)], [model[1](model[0](X))])


@pytest.mark.parametrize("position", [0, 1])
def test_a_forward_of_the_instance_is_called(position: int) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    plain, seen = model[position].forward, []
    model[position].forward = lambda x: (seen.append(x.shape), plain(x) + 1)[1]  # type: ignore[method-assign]
    expected = model[1](model[0](X))
    seen.clear()
    same([model(X)], [expected])
    assert seen == [((1, 3), (1, 2))[position]]


@pytest.mark.parametrize("kind", [nn.Linear, nn.ReLU])
def test_a_forward_put_into_the_class_is_called(kind: type[nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    seen, plain = [], kind.forward
    monkeypatch.setattr(kind, "forward", lambda self, x: (seen.append(self), plain(self, x))[1])
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    model(X)
    assert [type(module) for module in seen] == [kind]


def test_a_call_of_every_module_can_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, plain = [], nn.Module.__call__
    monkeypatch.setattr(nn.Module, "__call__", lambda self, x: (seen.append(type(self)), plain(self, x))[1])
    nn.Sequential(nn.Linear(3, 2), nn.ReLU())(X)
    assert seen == [nn.Sequential, nn.Linear, nn.ReLU]


def test_a_subclass_of_sequential_may_call_its_modules_itself() -> None:
    class Backwards(nn.Sequential):
        def forward(self, x: Any) -> Any:
            for module in reversed(list(self)):
                x = module(x)
            return x

    assert node(Backwards(nn.ReLU(), nn.Linear(3, 2))(X)) == "Activation"


@pytest.mark.parametrize("modules", [
    (), (nn.Linear(3, 2),), (nn.ReLU(),), (nn.ReLU(), nn.Linear(3, 2)), (nn.Linear(3, 3), nn.Linear(3, 2)),
    (nn.Linear(3, 2), nn.Softmax(1)), (nn.Linear(3, 2), nn.Sequential(nn.ReLU())), (nn.Linear(3, 2), nn.ReLU(),
    nn.ReLU()), (nn.Sequential(nn.Linear(3, 2)), nn.ReLU()), (nn.Flatten(), nn.Linear(3, 2), nn.Sigmoid(),
    nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)),
])  # fmt: skip
def test_whatever_the_order(modules: tuple[nn.Module, ...]) -> None:
    expected = X
    for module in modules:
        expected = module(expected)
    same([nn.Sequential(*modules)(X)], [expected])


def test_only_activations_whose_gradient_follows_from_their_output() -> None:
    """Of another one the input would have to be kept beside the output."""
    assert _fusion._ACTIVATIONS.keys() == FUSED.keys()
    assert {name for name in FUSED.values() if ACTIVATIONS[name].saves == "input"} == {"leaky_relu"}


@pytest.mark.parametrize("slope", [0.3, 0.0, -0.3])
def test_a_leaky_relu_is_told_by_its_output_unless_it_slopes_down(slope: float, rng: np.random.Generator) -> None:
    layer, activation = nn.Linear(5, 4).to("float64"), nn.LeakyReLU(slope)
    x = dl.tensor(rng.normal(size=(7, 5)), requires_grad=True)
    y = nn.Sequential(layer, activation)(x)
    assert type(y._node).__name__ == ("Pointwise" if slope < 0 else "LinearActivation")
    wanted = activation(layer(x))
    same([y, *dl.grad((y * y).sum(), [x, layer.weight, layer.bias])],
         [wanted, *dl.grad((wanted * wanted).sum(), [x, layer.weight, layer.bias])])  # fmt: skip


def test_structure_names_and_repr_are_those_of_the_modules() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1), nn.Sigmoid())
    before = repr(model)
    model(dl.ones((1, 1, 3, 3), dtype="float32"))
    assert repr(model) == before
    assert list(model.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert [type(module).__name__ for module in model] == ["Conv2d", "ReLU", "Flatten", "Linear", "Sigmoid"]


# --- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["linear", "conv2d"])
@pytest.mark.parametrize("changed", ["x", "weight", "y"])
def test_a_change_in_place_is_noticed(layer: str, changed: str, rng: np.random.Generator) -> None:
    model, _ = pair(layer, nn.Tanh)
    x = data(layer, "float64", rng)
    y = model(x)
    with dl.no_grad():
        tensor = {"x": x, "weight": model[0].weight, "y": y}[changed]
        tensor *= 2
    with pytest.raises(RuntimeError, match=r"^(Linear|Conv2d)Activation: .* modified in place"):
        y.sum().backward()


@pytest.mark.parametrize("layer", ["linear", "conv2d"])
def test_a_graph_can_be_used_once(layer: str, rng: np.random.Generator) -> None:
    model, _ = pair(layer, nn.ReLU)
    loss = model(data(layer, "float64", rng)).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        loss.backward()


@pytest.mark.parametrize("bad", ["not a tensor", "shape", "dtype", "bias"])
@pytest.mark.parametrize("layer", ["linear", "conv2d"])
def test_bad_input_gives_the_error_of_the_layer(layer: str, bad: str, rng: np.random.Generator) -> None:
    x = data(layer, "float64", rng)
    wrong: Any = {"not a tensor": x.numpy(), "shape": x[:, :1], "dtype": x.astype("float32"), "bias": x}[bad]
    messages = []
    for model in pair(layer, nn.ReLU):
        if bad == "bias":
            model[0].bias = nn.Parameter(dl.zeros(9, dtype="float64"))
        with pytest.raises((TypeError, ValueError)) as caught:
            model(wrong)
        messages.append((type(caught.value), str(caught.value)))
    assert messages[0] == messages[1]


# --- fewer calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["linear", "conv2d"])
@every_activation
def test_one_call_forward_and_three_back(
    layer: str, activation: type[nn.Module], calls: Calls, rng: np.random.Generator
) -> None:
    model, _ = pair(layer, activation)
    dl.optim.SGD(model.parameters())
    x = data(layer, "float64", rng).requires_grad_()
    calls.clear()
    y = model(x)
    kind = "linear" if layer == "linear" else "conv2d"
    assert calls == {f"{kind}_forward": 1}
    calls.clear()
    y.backward(dl.ones_like(y))
    product = {"matmul": 2} if kind == "linear" else {"conv2d_backward_input": 1, "conv2d_backward_weight": 1}
    assert calls == {"bias_activation_backward": 1, **product}


@pytest.mark.parametrize("activation", [nn.Tanh, None])
@pytest.mark.parametrize("layer", ["linear", "conv2d"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_are_computed_where_the_optimizer_wants_them(
    layer: str, activation: Any, dtype: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    """And so are not copied there."""
    model = nn.Sequential(LAYERS[layer][0](), *([activation()] if activation else [])).to(dtype)
    dl.optim.SGD(model.parameters())
    loss = model(data(layer, dtype, rng)).sum()
    given: list[Any] = []
    backend = dl.current_device().backend

    def recording(original: Any) -> Any:
        return lambda *args, **kwargs: (given.extend([*args, *kwargs.values()]), original(*args, **kwargs))[1]

    for name in ("sum", "matmul", "conv2d_backward_weight", "bias_activation_backward"):
        monkeypatch.setattr(backend, name, recording(getattr(backend, name)))
    loss.backward()
    for parameter in model.parameters():
        assert any(argument is parameter._grad._array for argument in given)


@pytest.mark.host_memory  # elsewhere the primitives themselves may use the namespace
def test_the_calls_of_a_lenet_step(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is one launch on a GPU at least. What else the array namespace is asked for copies or computes nothing."""
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = dl.optim.Adam(model.parameters())
    images, labels = dl.rand(8, 1, 28, 28), dl.randint(0, 10, (8,))
    backend = dl.current_device().backend
    xp = backend.xp
    asked: Counter[str] = Counter()

    class Namespace:
        def __getattr__(self, name: str) -> Any:
            asked[name] += 1
            return getattr(xp, name)

    monkeypatch.setattr(backend, "xp", Namespace())
    for _ in range(2):
        asked.clear()
        calls.clear()
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    assert calls == {
        "conv2d_forward": 2, "max_pool2d_forward": 2, "linear_forward": 3, "check_index_range": 1,
        "softmax_cross_entropy": 1, "sum": 1, "matmul": 6, "bias_activation_backward": 4, "index_pool2d_scatter": 2,
        "conv2d_backward_weight": 2, "conv2d_backward_input": 1, "adam_update": 1,
    }  # fmt: skip
    assert sum(calls.values()) == 26
    assert set(asked) <= {"reshape", "asarray"}, "asarray(1): where the gradient starts"
