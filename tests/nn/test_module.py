"""Module: what it finds under which names, its state, moving, printing and copying."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device, nn
from dlcore.nn import Module, Parameter


class Block(Module):
    """A parameter, buffers of both kinds and a child, not in that order."""

    def __init__(self, size: int = 2) -> None:
        self.inner = nn.Linear(size, size)
        self.register_buffer("mean", dl.zeros(size))
        self.scale = Parameter(dl.ones(size))
        self.register_buffer("scratch", dl.ones(1), persistent=False)
        self.register_buffer("count", dl.tensor(0))
        self.register_buffer("nothing", None)
        self.names = ["not", "a", "parameter"]

    def forward(self, x: Any, *, power: int = 1) -> Any:
        return self.inner(x) * self.scale**power


class Net(Module):
    def __init__(self) -> None:
        self.first = Block()
        self.second = nn.Sequential(nn.ReLU(), Block())
        self.bias = Parameter(dl.zeros(1))

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x, power=2)) + self.bias


def shared() -> Module:
    """One layer in two places, one parameter in two layers, one buffer twice."""
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(2, 2))
    model[3].weight = layer.weight
    common = dl.zeros(1)
    model.register_buffer("a", common)
    model.register_buffer("b", common)
    return model


# --- names ----------------------------------------------------------------------------------------------

BLOCK = ["scale", "mean", "count", "inner.weight", "inner.bias"]
NAMES: dict[str, tuple[Callable[[], Module], str, list[str]]] = {
    "parameters": (Net, "named_parameters", [
        "bias", "first.scale", "first.inner.weight", "first.inner.bias",
        "second.1.scale", "second.1.inner.weight", "second.1.inner.bias",
    ]),
    "buffers": (Net, "named_buffers", [
        f"{block}.{name}" for block in ("first", "second.1") for name in ("mean", "scratch", "count")
    ]),
    "modules": (Net, "named_modules", [
        "", "first", "first.inner", "second", "second.0", "second.1", "second.1.inner",
    ]),
    "children": (Net, "named_children", ["first", "second"]),
    "shared parameters": (shared, "named_parameters", ["0.weight", "0.bias", "3.bias"]),
    "shared modules": (shared, "named_modules", ["", "0", "1", "3"]),
    "shared buffers": (shared, "named_buffers", ["a"]),
    "nothing": (Module, "named_parameters", []),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_and_their_order(name: str) -> None:
    build, method, names = NAMES[name]
    model = build()
    assert [n for n, _ in getattr(model, method)()] == names
    plain = [value for _, value in getattr(model, method)()]
    assert list(map(id, getattr(model, method.removeprefix("named_"))())) == list(map(id, plain))


def test_the_keys_of_the_state() -> None:
    assert list(Block().state_dict()) == BLOCK
    assert list(Net().state_dict()) == ["bias", *(f"first.{n}" for n in BLOCK), *(f"second.1.{n}" for n in BLOCK)]
    assert list(shared().state_dict()) == [
        "a", "b", "0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias",
    ]  # fmt: skip


def test_a_state_dict_shares_memory_and_is_no_graph() -> None:
    model = Block()
    state = model.state_dict()
    assert all(type(value) is dl.Tensor and not value.requires_grad for value in state.values())
    state["scale"][...] = 7.0
    assert model.scale.tolist() == [7.0, 7.0]


def test_what_is_assigned_later_counts() -> None:
    model = Module()
    model.weight = Parameter(dl.ones(1))
    model.child = nn.Linear(1, 1, bias=False)
    assert list(model.state_dict()) == ["weight", "child.weight"]
    model.weight = None
    model.child = nn.ReLU()
    assert list(model.state_dict()) == []
    model.weight = Parameter(dl.ones(2))
    model.register_buffer("mean", dl.zeros(1))
    model.mean = dl.ones(3)
    assert [(n, v.shape) for n, v in model.state_dict().items()] == [("weight", (2,)), ("mean", (3,))]
    model.register_buffer("mean", None)
    assert list(model.state_dict()) == ["weight"]


def test_what_is_deleted_is_gone() -> None:
    model = Block()
    del model.mean, model.inner, model.scale
    assert list(model.state_dict()) == ["count"]
    assert not hasattr(model, "mean")
    model.mean = dl.zeros(1)  # an attribute like any other
    assert list(model.state_dict()) == ["count"]
    with pytest.raises(AttributeError, match="mean_of_all"):
        del model.mean_of_all


def test_a_tensor_or_a_list_of_modules_is_no_part() -> None:
    model = Module()
    model.tensor = dl.ones(1)
    model.layers = [nn.Linear(1, 1)]
    assert not model.state_dict()
    assert not list(model.children())


WRONG: dict[str, tuple[Callable[[Block], Any], type[Exception], str]] = {
    "a tensor for a parameter": (
        lambda m: setattr(m, "scale", dl.ones(2)), TypeError, "Block.scale is a Parameter; assign a Parameter or None",
    ),
    "a number for a buffer": (
        lambda m: setattr(m, "mean", 1.0), TypeError, "Block.mean is a buffer; assign a Tensor or None, not 1.0",
    ),
    "a function for a module": (
        lambda m: setattr(m, "inner", abs), TypeError, "Block.inner is a Module; assign a Module or None",
    ),
    "a buffer for a parameter": (lambda m: m.register_buffer("scale", dl.ones(1)), ValueError, "'scale' is not a free"),
    "a buffer for a module": (lambda m: m.register_buffer("inner", dl.ones(1)), ValueError, "'inner' is not a free"),
    "a buffer for a method": (lambda m: m.register_buffer("forward", dl.ones(1)), ValueError, "'forward' is not a"),
    "a buffer with a dot": (lambda m: m.register_buffer("a.b", dl.ones(1)), ValueError, "'a.b' is not a free"),
    "a buffer that is an array": (lambda m: m.register_buffer("new", np.ones(1)), TypeError, "or None, got ndarray"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_assignments(name: str) -> None:
    assign, error, message = WRONG[name]
    model = Block()
    before = dict(model.__dict__)
    with pytest.raises(error, match=message):
        assign(model)
    assert model.__dict__ == before


# --- calling, modes, gradients ------------------------------------------------------------------------------


def test_call_passes_all_arguments() -> None:
    model = Block()
    x = dl.ones((1, 2))
    model.scale = Parameter(dl.tensor([2.0, 3.0]))
    np.testing.assert_allclose(model(x, power=2).numpy(), model.inner(x).numpy() * [4, 9], rtol=1e-6)
    with pytest.raises(TypeError, match="scale"):
        model(x, scale=2)
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        Module()(x)


def test_a_constructor_may_call_the_base_class_or_not() -> None:
    class Polite(Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = Parameter(dl.ones(1))

    assert list(Polite().state_dict()) == ["weight"]


def test_train_and_eval() -> None:
    model = Net()
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    assert model.second.train() is model.second
    assert [name for name, m in model.named_modules() if m.training] == [
        "second", "second.0", "second.1", "second.1.inner",
    ]  # fmt: skip
    model.train(False)
    assert not any(m.training for m in model.modules())
    assert Module().training


def test_apply_visits_the_innermost_first() -> None:
    model, seen = Net(), []
    assert model.apply(seen.append) is model
    names = {id(m): n for n, m in model.named_modules()}
    assert [names[id(m)] for m in seen] == [
        "first.inner", "first", "second.0", "second.1.inner", "second.1", "second", "",
    ]  # fmt: skip


def test_requires_grad_and_zero_grad() -> None:
    model = Net()
    assert model.requires_grad_(False) is model
    assert not any(p.requires_grad for p in model.parameters())
    assert not model(dl.ones((1, 2))).requires_grad
    model.requires_grad_().first.requires_grad_(False)
    model(dl.ones((1, 2))).sum().backward()
    given = {name for name, p in model.named_parameters() if p.grad is not None}
    assert given == {n for n, _ in model.named_parameters() if not n.startswith("first")}
    model.zero_grad(set_to_none=False)
    assert {name for name, p in model.named_parameters() if p.grad is not None} == given
    assert all(not p.grad.numpy().any() for p in model.parameters() if p.grad is not None)
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


# --- load_state_dict --------------------------------------------------------------------------------------


def filled(model: Module, start: float = 1.0) -> dict[str, dl.Tensor]:
    """A state for the model with numbers of its own."""
    return {
        name: dl.asarray((np.arange(value.size).reshape(value.shape) + start * (i + 1)).astype(value.dtype))
        for i, (name, value) in enumerate(model.state_dict().items())
    }


def values(model: Module) -> dict[str, Any]:
    return {name: value.tolist() for name, value in model.state_dict().items()}


FORMS: dict[str, Callable[[dl.Tensor], Any]] = {
    "tensors": lambda t: t,
    "arrays": lambda t: t.numpy(),
    "parameters": lambda t: Parameter(t) if t.dtype.kind == "f" else t,
    "float64": lambda t: t.astype("float64") if t.dtype.kind == "f" else t,
    "float16": lambda t: t.astype("float16") if t.dtype.kind == "f" else t,
    "uint8 counters": lambda t: t.astype("uint8") if t.dtype.kind == "i" else t,
    "strided": lambda t: dl.asarray(np.repeat(t.numpy(), 2, axis=-1)[..., ::2]) if t.ndim else t,
}


@pytest.mark.parametrize("form", FORMS)
def test_load_copies_into_the_same_objects(form: str) -> None:
    model = Net()
    state = filled(model)
    objects = {name: id(p) for name, p in (*model.named_parameters(), *model.named_buffers())}
    arrays = {name: id(value.array) for name, value in model.named_parameters()}
    result = model.load_state_dict({name: FORMS[form](value) for name, value in state.items()})
    assert result == ([], [])
    assert values(model) == {name: value.tolist() for name, value in state.items()}
    assert {name: id(p) for name, p in (*model.named_parameters(), *model.named_buffers())} == objects
    assert {name: id(p.array) for name, p in model.named_parameters()} == arrays
    assert {n: v.dtype for n, v in model.state_dict().items()} == {n: v.dtype for n, v in Net().state_dict().items()}
    assert all(p.requires_grad for p in model.parameters())
    for value in state.values():
        value[...] = 0
    assert model.bias.tolist() != [0.0]


def test_load_without_strict() -> None:
    model, before = Net(), None
    before = values(model)
    state = filled(model)
    del state["first.scale"], state["second.1.count"]
    state["extra"] = dl.ones(1)
    result = model.load_state_dict(state, strict=False)
    assert result.missing_keys == ["first.scale", "second.1.count"]
    assert result.unexpected_keys == ["extra"]
    after = values(model)
    assert after["first.scale"] == before["first.scale"]
    assert after["first.mean"] == state["first.mean"].tolist() != before["first.mean"]


def changed(**entries: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda state: {**state, **{k.replace("__", "."): v for k, v in entries.items()}}


BAD_STATES: dict[str, tuple[Callable[[dict[str, Any]], Any], bool, type[Exception], str]] = {
    "missing": (lambda s: {k: v for k, v in s.items() if "scale" not in k}, True, KeyError,
                r"Net: missing \['first.scale', 'second.1.scale'\], unexpected none"),
    "unexpected": (changed(extra=1), True, KeyError, r"missing none, unexpected \['extra'\]"),
    "shape": (changed(second__1__count=dl.zeros(2, dtype="int64")), True, dl.ShapeError,
              r"'second.1.count' has shape \(2,\), expected \(\)"),
    "shape, not strict": (changed(first__mean=dl.zeros(3)), False, dl.ShapeError, r"\(3,\), expected \(2,\)"),
    "floats for a counter": (changed(second__1__count=dl.tensor(1.5)), True, dl.DTypeError, "float32.*int64"),
    "complex": (changed(second__1__scale=dl.ones(2, dtype="complex64")), True, dl.DTypeError, "complex64.*float32"),
    "text": (changed(second__1__scale=np.array(["a", "b"])), True, dl.DTypeError, "<U1.*float32"),
    "a list": (changed(second__1__scale=[1.0, 2.0]), True, TypeError, "'second.1.scale' must be a Tensor.*list"),
    "none": (changed(second__1__scale=None), True, TypeError, "'second.1.scale' must be a Tensor.*NoneType"),
    "no dict": (lambda s: list(s.items()), True, TypeError, "expected a dict.*list"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_bad_state_is_named_and_changes_nothing(name: str) -> None:
    alter, strict, error, message = BAD_STATES[name]
    model = Net()
    before = values(model)
    with pytest.raises(error, match=f"load_state_dict: .*{message}"):
        model.load_state_dict(alter(filled(model)), strict)
    assert values(model) == before


def test_load_entries_that_are_the_modules_own_memory() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = values(model)
    state = model.state_dict()
    swapped = {("1" if name[0] == "0" else "0") + name[1:]: value for name, value in state.items()}
    model.load_state_dict(swapped)
    assert values(model) == {name: before[("1" if name[0] == "0" else "0") + name[1:]] for name in before}
    weight = model[0].weight.numpy()
    expected = weight.T.tolist()
    model.load_state_dict({"0.weight": weight.T}, strict=False)
    assert model[0].weight.tolist() == expected


@pytest.mark.host_memory
@pytest.mark.parametrize("strict", [True, False])
def test_load_into_read_only_memory_is_refused_and_changes_nothing(strict: bool) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    fixed = np.ones((2, 2), np.float32)
    fixed.flags.writeable = False
    model[1].weight = Parameter(dl.asarray(fixed))
    before = values(model)
    with pytest.raises(ValueError, match=r"load_state_dict: '1.weight' cannot be written: its memory is read-only"):
        model.load_state_dict(filled(model), strict)
    assert values(model) == before


def test_loading_is_a_change_that_autograd_sees() -> None:
    model = nn.Linear(2, 1)
    y = model(dl.ones((1, 2)).requires_grad_()).sum()
    model.load_state_dict(filled(model))
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


# --- to -----------------------------------------------------------------------------------------------------


@pytest.fixture
def other_device(monkeypatch: pytest.MonkeyPatch) -> str:
    """A second device, of host memory as well."""
    made = object.__new__(_device.device)
    made.type, made.index, made.backend = "second", 0, type(dl.device("numpy").backend)()
    monkeypatch.setitem(_device._loaded, ("second", 0), made)
    return "second"


@pytest.mark.parametrize("target", ["float64", np.float64, dl.float16, float])
def test_to_dtype(target: Any) -> None:
    model = Net()
    model(dl.ones((1, 2))).sum().backward()
    before = {name: (id(p), p.numpy().copy(), p.grad.numpy().copy()) for name, p in model.named_parameters()}
    assert model.to(target) is model
    kind = dl.ones(1, dtype=target).dtype
    for name, p in model.named_parameters():
        identity, value, gradient = before[name]
        assert id(p) == identity
        assert p.dtype == p.grad.dtype == kind
        assert p.is_leaf
        assert p.requires_grad
        np.testing.assert_array_equal(p.numpy(), value.astype(kind))
        np.testing.assert_array_equal(p.grad.numpy(), gradient.astype(kind))
    assert model.first.mean.dtype == model.first.scratch.dtype == kind
    assert model.first.count.dtype == np.int64  # a counter
    assert model(dl.ones((1, 2), dtype=target)).dtype == kind


def test_to_device(other_device: str) -> None:
    model = Net()
    model(dl.ones((1, 2))).sum().backward()
    objects = list(map(id, (*model.parameters(), *model.buffers())))
    model.to(other_device)
    assert list(map(id, (*model.parameters(), *model.buffers()))) == objects
    assert all(t.device == other_device for t in (*model.parameters(), *model.buffers()))
    assert all(p.grad.device == other_device for p in model.parameters())
    assert model(dl.ones((1, 2), device=other_device)).device == other_device
    with pytest.raises(dl.DeviceError, match="second"):
        model(dl.ones((1, 2)))
    model.load_state_dict({name: value.numpy() for name, value in Net().state_dict().items()})
    assert all(p.device == other_device for p in model.parameters())


def test_to_keeps_what_is_shared_shared() -> None:
    model = shared().to("float64")
    assert model[0] is model[2]
    assert model[0].weight is model[3].weight
    assert model.a is model.b
    assert model.a.dtype == np.float64


@pytest.mark.parametrize("target", ["int64", "bool", np.int8])
def test_to_refuses_what_is_no_float(target: Any) -> None:
    model = Net()
    before = values(model)
    with pytest.raises(dl.DTypeError, match=r"Module.to: expected a device or a float dtype"):
        model.to(target)
    assert values(model) == before


def test_to_an_unknown_device_changes_nothing() -> None:
    model = Net()
    with pytest.raises(dl.DeviceError, match="nowhere"):
        model.to("nowhere")
    assert model.bias.device == dl.current_device()


# --- printing -------------------------------------------------------------------------------------------


class Scaled(nn.Sequential):
    def extra_repr(self) -> str:
        return "factor=2"


def test_repr() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Scaled(nn.Dropout(0.25), Scaled(nn.Flatten())),
        nn.Linear(4, 3, bias=False),
        nn.Softmax(dim=-1),
        nn.Sequential(),
    )
    assert (
        repr(model)
        == """\
Sequential(
  (0): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
  (1): ReLU()
  (2): MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1), ceil_mode=False)
  (3): Scaled(
    factor=2
    (0): Dropout(p=0.25)
    (1): Scaled(
      factor=2
      (0): Flatten(start_dim=1, end_dim=-1)
    )
  )
  (4): Linear(in_features=4, out_features=3, bias=False)
  (5): Softmax(dim=-1)
  (6): Sequential()
)"""
    )


# --- copies ---------------------------------------------------------------------------------------------------


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("in_a_buffer", [False, True])
@pytest.mark.parametrize("build", [Net, shared])
def test_copies_are_equal_and_share_nothing(how: str, in_a_buffer: bool, build: Callable[[], Module]) -> None:
    model = build()
    if in_a_buffer:
        optimizer = dl.optim.SGD(model.parameters(), lr=0.1)
    model(dl.ones((1, 2))).sum().backward()
    model.eval()
    next(iter(model.parameters())).requires_grad_(False)
    other = COPIES[how](model)
    assert repr(other) == repr(model)
    assert values(other) == values(model)
    assert not other.training
    assert [n for n, _ in other.named_parameters()] == [n for n, _ in model.named_parameters()]
    assert [p.requires_grad for p in other.parameters()] == [p.requires_grad for p in model.parameters()]
    assert all(type(p) is Parameter and p.array.base is None for p in other.parameters())
    before = values(model)
    training = dl.optim.SGD(other.parameters(), lr=0.1)
    other(dl.ones((1, 2))).sum().backward()
    training.step()
    assert values(model) == before
    assert values(other) != before
    if in_a_buffer:
        optimizer.step()
        assert values(model) != before


def test_a_copy_keeps_gradients_apart() -> None:
    model = nn.Linear(1, 1)
    model(dl.ones((1, 1))).sum().backward()
    other = copy.deepcopy(model)
    assert other.weight.grad.tolist() == [[1.0]]
    other(dl.ones((1, 1))).sum().backward()
    assert (model.weight.grad.tolist(), other.weight.grad.tolist()) == ([[1.0]], [[2.0]])


# --- Parameter ------------------------------------------------------------------------------------------------


def test_parameter() -> None:
    data = dl.zeros(2)
    p = Parameter(data)
    p.array[0] = 1.0
    assert data.tolist() == [1.0, 0.0]
    assert p.requires_grad
    assert p.is_leaf
    assert not Parameter(data, requires_grad=False).requires_grad
    assert Parameter([1.0, 2.0]).dtype == np.float32
    assert Parameter(np.ones(1)).dtype == np.float64
    assert isinstance(Parameter(p * 2), Parameter)
    assert Parameter(p * 2).is_leaf
    assert type(p * 2) is dl.Tensor
    with pytest.raises(dl.DTypeError, match="int64"):
        Parameter(dl.tensor([1]))
    Parameter(dl.tensor([1]), requires_grad=False)
