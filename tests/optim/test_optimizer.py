"""What every optimizer does with its parameters: flat buffers, groups, state, and what it refuses."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device
from dlcore.nn import Parameter
from dlcore.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop

Make = Callable[[Any], Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "SGD": lambda params: SGD(params, lr=0.1),
    "SGD with momentum": lambda params: SGD(params, lr=0.1, momentum=0.9),
    "Adam": lambda params: Adam(params, lr=0.1),
    "Adam with amsgrad": lambda params: Adam(params, lr=0.1, amsgrad=True),
    "AdamW": lambda params: AdamW(params, lr=0.1, weight_decay=0.1),
    "Adagrad": lambda params: Adagrad(params, lr=0.1),
    "Adagrad with an initial value": lambda params: Adagrad(params, lr=0.1, initial_accumulator_value=0.5),
    "Adadelta": lambda params: Adadelta(params, lr=3.0, eps=1e-3),
    "RMSprop": lambda params: RMSprop(params, lr=0.1),
    "RMSprop with all": lambda params: RMSprop(params, lr=0.01, momentum=0.9, centered=True, eps=1e-3),
}
UPDATES = {"sgd_update", "adam_update", "adagrad_update", "adadelta_update", "rmsprop_update"}
PRIMITIVES = UPDATES | {"fill_zero", "l2_norm"}

every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def network() -> dl.nn.Sequential:
    """Layers whose sizes leave gaps between the parameters in the flat buffer."""
    generator = dl.Generator(1)
    model = dl.nn.Sequential(dl.nn.Linear(3, 5), dl.nn.Tanh(), dl.nn.Linear(5, 5), dl.nn.Tanh(), dl.nn.Linear(5, 1))
    for parameter in model.parameters():
        dl.nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)
    return model


def backward(model: dl.nn.Module, dtype: str = "float32") -> None:
    x = dl.rand(4, 3, generator=dl.Generator(2)).astype(dtype)
    dl.mean(dl.square(model(x) - 1)).backward()


def weights(model: dl.nn.Module) -> list[np.ndarray[Any, Any]]:
    return [p.numpy().copy() for p in model.parameters()]


def assert_same(a: list[np.ndarray[Any, Any]], b: list[np.ndarray[Any, Any]]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y, strict=True)


def assert_other(a: list[np.ndarray[Any, Any]], b: list[np.ndarray[Any, Any]]) -> None:
    assert all(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def expected(make: Make, steps: int) -> list[np.ndarray[Any, Any]]:
    """The weights after so many undisturbed steps."""
    model = network()
    optimizer = make(model.parameters())
    for _ in range(steps):
        backward(model)
        optimizer.step()
        optimizer.zero_grad()
    return weights(model)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each primitive of the flat buffers was called."""
    counted: Counter[str] = Counter()
    backend = dl.current_device().backend

    def counting(name: str) -> Callable[..., Any]:
        original = getattr(backend, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return original(*args, **kwargs)

        return call

    for name in PRIMITIVES:
        monkeypatch.setattr(backend, name, counting(name))
    return counted


@pytest.fixture
def other_device(monkeypatch: pytest.MonkeyPatch) -> str:
    """A second device, of host memory as well."""
    present = dl.device("numpy")
    made = object.__new__(_device.device)
    made.type, made.index, made.backend = "second", 0, type(present.backend)()
    monkeypatch.setitem(_device._loaded, ("second", 0), made)
    return "second"


# --- flat buffers ---------------------------------------------------------------------------------------


@pytest.mark.host_memory  # it looks at addresses
@every_optimizer
def test_parameters_and_gradients_become_views_of_one_buffer_per_dtype(make: Make) -> None:
    model = network()
    model[2].to("float64")
    before = weights(model)
    optimizer = make(model.parameters())
    assert_same(weights(model), before)
    buffers: dict[Any, set[int]] = {}
    for p in model.parameters():
        buffers.setdefault(p.dtype, set()).add(id(p.array.base))
        assert p.array.ctypes.data % 16 == 0
    assert {dtype: len(found) for dtype, found in buffers.items()} == {dl.float32: 1, dl.float64: 1}
    for p in model.parameters():
        (p * p).sum().backward()
    for dtype in buffers:
        assert len({id(p.grad.array.base) for p in model.parameters() if p.dtype == dtype}) == 1
    optimizer.step()
    assert_other(weights(model), before)


@every_optimizer
def test_one_primitive_call_each(make: Make, calls: Counter[str]) -> None:
    model = network()
    optimizer = make(model.parameters())
    for _ in range(3):
        backward(model)
        calls.clear()
        optimizer.step()
        assert sum(calls.values()) == sum(calls[name] for name in UPDATES) == 1
        calls.clear()
        optimizer.grad_norm()
        assert calls == {"l2_norm": 1}
        calls.clear()
        optimizer.zero_grad(set_to_none=False)
        assert calls == {"fill_zero": 1}
        assert all(not p.grad.numpy().any() for p in model.parameters())
    calls.clear()
    optimizer.zero_grad()
    assert not calls
    optimizer.step()
    optimizer.grad_norm()
    assert not calls  # without a gradient there is nothing to do


def test_equal_step_counts_join_again_and_different_ones_do_not(calls: Counter[str]) -> None:
    p = [Parameter(dl.ones(3)) for _ in range(3)]
    optimizer = Adam(p)

    def step(*chosen: int) -> int:
        optimizer.zero_grad()
        for i in chosen:
            p[i].sum().backward()
        calls.clear()
        optimizer.step()
        return calls["adam_update"]

    assert step(0, 2) == 2  # not neighbours
    assert step(0, 1, 2) == 3  # step counts 1, 0, 1
    assert step(1) == 1
    assert step(0, 1, 2) == 1  # all at 2
    assert step(0, 1) == 1
    assert step(0, 1, 2) == 2
    assert [state["step"] for state in optimizer.state_dict()["state"].values()] == [5, 5, 4]


@every_optimizer
def test_a_parameter_without_elements_takes_part(make: Make) -> None:
    """An empty one starts where the next one does, so positions must not be found by offset."""
    empty, full, last = Parameter(dl.zeros((0, 2))), Parameter(dl.ones(3)), Parameter(dl.zeros(0))
    alone = Parameter(dl.ones(3))
    optimizer, other = make([empty, full, last]), make([alone])
    for _ in range(4):
        for p, o in ((full, optimizer), (alone, other)):
            o.zero_grad()
            (p * p).sum().backward()
            o.step()
    np.testing.assert_array_equal(full.numpy(), alone.numpy())
    (empty.sum() + full.sum()).backward()
    optimizer.step()
    assert [state["step"] for state in optimizer.state_dict()["state"].values() if state["step"]] == [1, 5]
    assert optimizer.grad_norm() > 0


@every_optimizer
def test_a_parameter_that_is_listed_twice_counts_once(make: Make) -> None:
    p, q = Parameter(dl.ones(3)), Parameter(dl.ones(3))
    for optimizer, x in ((make([p, p]), p), (make([q]), q)):
        (x * x).sum().backward()
        optimizer.step()
        assert len(optimizer.param_groups[0]["params"]) == 1
    np.testing.assert_array_equal(p.numpy(), q.numpy())


# --- what may happen to a parameter between steps ---------------------------------------------------------


def rebind(model: dl.nn.Module) -> None:
    for p in model.parameters():
        p._array = p.array.copy()


def there_and_back(model: dl.nn.Module) -> None:
    model.to("float64").to("float32")


def load(model: dl.nn.Module) -> None:
    model.load_state_dict({name: value.numpy().copy() for name, value in model.state_dict().items()})


def another_optimizer(model: dl.nn.Module) -> None:
    SGD(model.parameters(), lr=0.0).step()


def one_of_them(model: dl.nn.Module) -> None:
    p = next(iter(model.parameters()))
    p._array = p.array.copy()


INTERRUPTIONS = [rebind, there_and_back, load, another_optimizer, one_of_them]


@every_optimizer
@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("moment", ["before backward", "before step", "before zero_grad"])
def test_training_goes_on_with_its_state(make: Make, interrupt: Any, moment: str) -> None:
    model = network()
    optimizer = make(model.parameters())
    for turn in range(4):
        for name, action in (
            ("before backward", lambda: backward(model)),
            ("before step", optimizer.step),
            ("before zero_grad", lambda: optimizer.zero_grad(set_to_none=False)),
        ):
            if turn == 2 and name == moment:
                interrupt(model)
            action()
    assert_same(weights(model), expected(make, 4))


@every_optimizer
def test_moved_to_another_dtype_or_device(make: Make, other_device: str) -> None:
    model = network()
    optimizer = make(model.parameters())
    parameters = list(model.parameters())
    backward(model)
    gradients = [p.grad.numpy().copy() for p in parameters]
    model.to("float64").to(other_device)
    assert list(map(id, model.parameters())) == list(map(id, parameters))
    for p, gradient in zip(parameters, gradients, strict=True):
        assert p.device == p.grad.device == other_device
        assert p.dtype == p.grad.dtype == np.float64
        np.testing.assert_array_equal(p.grad.numpy(), gradient.astype(np.float64))
    optimizer.step()
    optimizer.zero_grad()
    with dl.device(other_device):
        for _ in range(2):
            backward(model, "float64")
            optimizer.step()
            optimizer.zero_grad()
    assert all(p.device == other_device for p in model.parameters())
    for a, b in zip(weights(model), expected(make, 3), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert all(entry["step"] == 3 for entry in optimizer.state_dict()["state"].values())


def test_gradients_after_a_move_do_not_go_to_the_old_buffer() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    model.to("float64")
    backward(model, "float64")
    assert all(p.grad.dtype == np.float64 for p in model.parameters())
    fresh = network().to("float64")
    backward(fresh, "float64")
    assert optimizer.grad_norm() == SGD(fresh.parameters()).grad_norm()


def test_a_gradient_assigned_by_the_user_counts() -> None:
    p, q = Parameter(dl.tensor([1.0, 2.0, 3.0])), Parameter(dl.tensor([1.0]))
    optimizer = SGD([p, q], lr=0.5)
    given = dl.tensor([2.0, 4.0, 6.0])
    p.grad = given
    q.grad = dl.tensor([2.0])
    assert optimizer.grad_norm() == pytest.approx(60**0.5)
    optimizer.step()
    assert p.tolist() == [0.0, 0.0, 0.0]
    assert q.tolist() == [0.0]
    assert p.grad is given
    assert given.tolist() == [2.0, 4.0, 6.0]
    (p * 1).sum().backward()  # adds to it
    assert p.grad.tolist() == [3.0, 5.0, 7.0]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0, 0.0]
    optimizer.step()
    assert p.tolist() == [0.0, 0.0, 0.0]


def test_a_gradient_with_a_graph_can_be_stepped_with() -> None:
    p = Parameter(dl.tensor([1.0, 2.0]))
    optimizer = SGD([p], lr=0.1)
    (p**3).sum().backward(create_graph=True)
    assert p.grad.requires_grad
    optimizer.step()
    np.testing.assert_allclose(p.numpy(), [0.7, 0.8], rtol=1e-6)
    optimizer.zero_grad(set_to_none=False)
    assert not p.grad.requires_grad
    assert p.grad.tolist() == [0.0, 0.0]


@every_optimizer
def test_two_optimizers_on_the_same_parameters_in_turn(make: Make) -> None:
    """As if each had its own copies of state, and both one set of parameters."""
    p, q, r = (Parameter(dl.tensor([1.0, -2.0, 3.0])) for _ in range(3))
    first, second = make([p, q]), make([q, r])
    a, b, c = ([Parameter(dl.tensor([1.0, -2.0, 3.0]))] for _ in range(3))
    alone = {"first p": make(a), "first q": make(b), "second q": make(b), "second r": make(c)}

    for _ in range(3):
        for optimizer, members in ((first, (("first p", p, a[0]), ("first q", q, b[0]))),
                                   (second, (("second q", q, b[0]), ("second r", r, c[0])))):  # fmt: skip
            for name, together, single in members:
                together.grad = single.grad = None
                (together * together).sum().backward()
                (single * single).sum().backward()
                alone[name].step()
            optimizer.step()
    for x, y in ((p, a[0]), (q, b[0]), (r, c[0])):
        np.testing.assert_array_equal(x.numpy(), y.numpy())


# --- gradients ----------------------------------------------------------------------------------------------


@every_optimizer
def test_gradients_accumulate_over_backwards(make: Make) -> None:
    x = dl.rand(8, 3, generator=dl.Generator(5))
    whole, parts = network(), network()
    one, many = make(whole.parameters()), make(parts.parameters())
    for set_to_none in (True, False):
        one.zero_grad(set_to_none)
        many.zero_grad(set_to_none)
        whole(x).sum().backward()
        for start in range(0, 8, 2):
            parts(x[start : start + 2]).sum().backward()
        for p, q in zip(whole.parameters(), parts.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5, atol=1e-6)
        assert one.grad_norm() == pytest.approx(many.grad_norm(), rel=1e-5)


@every_optimizer
def test_gradients_from_before_the_optimizer_are_kept(make: Make) -> None:
    model, other = network(), network()
    backward(model)
    optimizer = make(model.parameters())
    optimizer.step()
    late = make(other.parameters())
    backward(other)
    late.step()
    assert_same(weights(model), weights(other))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_grad_norm(dtype: str) -> None:
    p = [Parameter(dl.zeros(n, dtype=dtype)) for n in (1, 3, 2)]
    q = Parameter(dl.zeros(1, dtype="float16"))
    optimizer = SGD([{"params": p}, {"params": [q]}], lr=0.1)
    assert optimizer.grad_norm() == 0.0
    p[0].grad = dl.tensor([3.0], dtype=dtype)
    assert optimizer.grad_norm() == 3.0
    p[2].grad = dl.tensor([0.0, 4.0], dtype=dtype)  # p[1] has none
    assert optimizer.grad_norm() == 5.0
    q.grad = dl.tensor([12.0], dtype="float16")
    assert optimizer.grad_norm() == 13.0
    optimizer.zero_grad()
    p[1].grad = dl.tensor([1.0, 2.0, 2.0], dtype=dtype)  # what the others left in the buffer does not count
    assert optimizer.grad_norm() == 3.0
    optimizer.zero_grad()
    p[0].grad, p[2].grad = dl.tensor([3.0], dtype=dtype), dl.tensor([0.0, 4.0], dtype=dtype)
    assert optimizer.grad_norm() == 5.0
    assert isinstance(optimizer.grad_norm(), float)


@every_optimizer
def test_a_step_is_an_in_place_change_that_autograd_sees(make: Make) -> None:
    p = Parameter(dl.tensor([1.0, 2.0]))
    optimizer = make([p])
    y = (p * p).sum()
    p.grad = dl.ones(2)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


def test_moving_a_module_is_a_change_that_autograd_sees() -> None:
    model = dl.nn.Linear(2, 1)
    y = model(dl.ones((1, 2), dtype="float32").requires_grad_()).sum()
    model.to("float64")
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


# --- long runs ----------------------------------------------------------------------------------------------


@pytest.mark.host_memory  # it measures what NumPy allocates
@every_optimizer
def test_memory_stays_constant(make: Make) -> None:
    model = network()
    optimizer = make(model.parameters())

    def steps(count: int) -> int:
        for _ in range(count):
            optimizer.zero_grad()
            backward(model)
            optimizer.step()
        gc.collect()  # which also empties Python's lists of tuples to use again
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = steps(20)
        assert steps(200) - first < 4096
    finally:
        tracemalloc.stop()


@every_optimizer
def test_the_same_seed_gives_the_same_bits(make: Make) -> None:
    def train() -> list[np.ndarray[Any, Any]]:
        dl.manual_seed(7)
        model = dl.nn.Sequential(dl.nn.Linear(6, 16), dl.nn.ReLU(), dl.nn.Dropout(0.3), dl.nn.Linear(16, 3))
        optimizer = make(model.parameters())
        for _ in range(20):
            x, y = dl.randn(8, 6), dl.randint(0, 3, (8,))
            optimizer.zero_grad()
            dl.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return weights(model)

    first = train()
    assert_same(first, train())
    assert all(np.isfinite(w).all() for w in first)


# --- state ----------------------------------------------------------------------------------------------------


@every_optimizer
def test_a_state_dict_is_a_copy(make: Make) -> None:
    model = network()
    optimizer = make(model.parameters())
    backward(model)
    optimizer.step()
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    optimizer.step()
    for number, entry in kept["state"].items():
        for key, value in entry.items():
            now = state["state"][number][key]
            assert now == value if key == "step" else np.array_equal(now.numpy(), value.numpy())


@every_optimizer
def test_a_state_dict_holds_what_training_needs(make: Make) -> None:
    model = network()
    optimizer = make(model.parameters())
    for turn in range(4):
        backward(model)
        optimizer.step()
        optimizer.zero_grad()
        if turn == 1:
            state = optimizer.state_dict()
            optimizer = make(model.parameters())
            optimizer.load_state_dict(state)
    assert_same(weights(model), expected(make, 4))


@every_optimizer
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_model_with_its_optimizer_can_be_copied(make: Make, how: str) -> None:
    model = network()
    optimizer = make(model.parameters())
    backward(model)
    optimizer.step()
    optimizer.zero_grad()
    before = weights(model)
    pair = (model, optimizer)
    other, twin = copy.deepcopy(pair) if how == "deepcopy" else pickle.loads(pickle.dumps(pair))
    assert_same(weights(other), before)
    for _ in range(2):
        backward(other)
        twin.step()
        twin.zero_grad()
    assert_same(weights(model), before)  # nothing is shared
    assert_same(weights(other), expected(make, 3))


ADAM = {"step": 1, "exp_avg": [0.0, 0.0], "exp_avg_sq": [0.0, 0.0]}


BAD_STATES: dict[str, tuple[Any, type[Exception], str]] = {
    "no dict": (3, ValueError, "state.*param_groups"),
    "no groups": ({"state": {}}, ValueError, "state.*param_groups"),
    "no params": ({"state": {}, "param_groups": [{"lr": 1.0}]}, ValueError, "params"),
    "too many groups": ({"state": {}, "param_groups": [{"params": [0]}] * 3}, ValueError, r"\[1, 1, 1\].*\[1, 1\]"),
    "too many parameters": (
        {"state": {}, "param_groups": [{"params": [0]}, {"params": [1, 2]}]}, ValueError, r"\[1, 2\].*\[1, 1\]",
    ),
    "setting": (
        {"state": {}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1], "lr": -1.0}]}, ValueError, "lr.*-1",
    ),
    "unknown setting": (
        {"state": {}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1], "rate": 1.0}]}, ValueError, "rate",
    ),
    "unknown state": (
        {"state": {1: {"step": 1, "momentum_buffer": [0.0, 0.0]}}, "param_groups": [{"params": [0], "lr": 5.0},
         {"params": [1]}]}, ValueError, "parameter 1.*momentum_buffer",
    ),
    "no step": (
        {"state": {1: {"exp_avg": [0.0, 0.0]}}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1]}]},
        ValueError, "step",
    ),
    "negative step": (
        {"state": {1: {"step": -1}}, "param_groups": [{"params": [0], "lr": 5.0}, {"params": [1]}]}, ValueError, "-1",
    ),
    "shape": (
        {"state": {0: ADAM, 1: {**ADAM, "exp_avg": [0.0]}}, "param_groups": [{"params": [0], "lr": 5.0},
         {"params": [1]}]}, dl.ShapeError, r"exp_avg of parameter 1.*\(1,\).*\(2,\)",
    ),
    "dtype": (
        {"state": {0: ADAM, 1: {**ADAM, "exp_avg": [0j, 0j]}}, "param_groups": [{"params": [0], "lr": 5.0},
         {"params": [1]}]}, dl.DTypeError, "exp_avg of parameter 1.*complex",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_bad_state_dict_changes_nothing(name: str) -> None:
    bad, error, message = BAD_STATES[name]
    p, q = Parameter(dl.ones(2)), Parameter(dl.ones(2))
    optimizer = Adam([{"params": [p]}, {"params": [q]}], lr=0.1)
    p.grad = q.grad = dl.ones(2)
    optimizer.step()
    before = repr(optimizer.state_dict())
    with pytest.raises(error, match=f"(?s)^Adam.*{message}"):
        optimizer.load_state_dict(bad)
    assert repr(optimizer.state_dict()) == before


def test_repr() -> None:
    optimizer = SGD([{"params": [Parameter(dl.ones(1))], "lr": 0.5}, {"params": [Parameter(dl.ones(1))]}], lr=0.1)
    settings = "momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False"
    assert (
        repr(optimizer)
        == f"""SGD (
  group 0: 1 parameters, lr=0.5, {settings}
  group 1: 1 parameters, lr=0.1, {settings}
)"""
    )


@pytest.mark.parametrize("moment", ["at first", "after a step"])
def test_adagrad_starts_from_its_initial_value(moment: str) -> None:
    """Of each group, and parameters that have taken no step yet keep theirs through everything."""
    p, q, r = Parameter(dl.ones(3)), Parameter(dl.ones(5)), Parameter(dl.ones(2))
    optimizer = Adagrad([{"params": [p, q]}, {"params": [r], "initial_accumulator_value": 7.0}],
                        initial_accumulator_value=0.5)  # fmt: skip
    if moment == "after a step":
        p.grad = dl.ones(3)
        optimizer.step()
    p._array = p.array.copy()  # and so flattened anew
    state = optimizer.state_dict()
    assert list(state["state"]) == [0, 1, 2]
    assert state["state"][1] == {"step": 0, "sum": state["state"][1]["sum"]}
    assert state["state"][1]["sum"].tolist() == [0.5] * 5
    assert state["state"][2]["sum"].tolist() == [7.0] * 2
    other = Adagrad([{"params": [p, q]}, {"params": [r]}])
    other.load_state_dict(state)
    p.grad, q.grad, r.grad = None, dl.ones(5), dl.ones(2)
    other.step()
    sums = [entry["sum"].tolist() for entry in other.state_dict()["state"].values()]
    assert sums == [[1.5 if moment == "after a step" else 0.5] * 3, [1.5] * 5, [8.0] * 2]


def test_adamw_stays_decoupled_with_the_state_of_adam() -> None:
    p, q = Parameter(dl.ones(2)), Parameter(dl.ones(2))
    plain, decoupled = Adam([p], lr=0.1, weight_decay=0.5), AdamW([q])
    decoupled.load_state_dict(plain.state_dict())
    p.grad, q.grad = dl.zeros(2), dl.zeros(2)
    plain.step()
    decoupled.step()
    np.testing.assert_allclose(p.numpy(), 0.9, rtol=1e-6)  # the decay alone, as a gradient of any size: 1 - lr
    np.testing.assert_allclose(q.numpy(), 0.95, rtol=1e-6)  # 1 - lr * weight_decay


# --- what is refused ----------------------------------------------------------------------------------------


BAD_ARGUMENTS: dict[str, tuple[Callable[[Parameter], Any], type[Exception], str]] = {
    "empty": (lambda p: SGD([]), ValueError, "params is empty"),
    "empty generator": (lambda p: Adam(x for x in ()), ValueError, "params is empty"),
    "empty group": (lambda p: SGD([{"params": []}]), ValueError, "params is empty"),
    "one tensor": (lambda p: SGD(p), TypeError, "params must be an iterable.*one tensor"),
    "no tensor": (lambda p: SGD([p, 1.5]), TypeError, "params must be tensors, got float"),
    "names": (lambda p: SGD([("w", p)]), TypeError, "params must be tensors, got tuple"),
    "an array": (lambda p: SGD([np.ones(2)]), TypeError, "params must be tensors, got ndarray"),
    "integers": (lambda p: SGD([dl.ones(2, dtype="int64")]), dl.DTypeError, "params must be real floats, got int64"),
    "complex": (lambda p: SGD([dl.ones(2, dtype="complex64")]), dl.DTypeError, "real floats, got complex64"),
    "not a leaf": (lambda p: SGD([p * 1]), ValueError, "must be a leaf"),
    "a set": (lambda p: SGD([{"params": {p}}]), TypeError, "set"),
    "twice": (lambda p: SGD([{"params": [p]}, {"params": [p]}]), ValueError, "more than one parameter group"),
    "added twice": (lambda p: SGD([p]).add_param_group({"params": [p]}), ValueError, "more than one parameter group"),
    "group without params": (lambda p: SGD([{"lr": 0.1}]), TypeError, "key 'params'"),
    "group and tensor": (lambda p: SGD([{"params": [p]}, p]), TypeError, "must be a dict"),
    "unknown setting": (lambda p: SGD([{"params": [p], "rate": 1.0}]), ValueError, r"unknown settings \['rate'\]"),
    "lr": (lambda p: SGD([p], lr=-0.1), ValueError, "lr must be a number >= 0, got -0.1"),
    "lr NaN": (lambda p: SGD([p], lr=float("nan")), ValueError, "lr must be a number >= 0, got nan"),
    "lr text": (lambda p: SGD([p], lr="0.1"), ValueError, "lr must be a number >= 0, got '0.1'"),  # type: ignore[arg-type]
    "lr None": (lambda p: Adam([p], lr=None), ValueError, "lr must be a number >= 0, got None"),  # type: ignore[arg-type]
    "lr of a group": (lambda p: SGD([{"params": [p], "lr": -1}]), ValueError, "lr must be .*, got -1"),
    "momentum": (lambda p: SGD([p], momentum=-1), ValueError, "momentum must be .*, got -1"),
    "dampening": (lambda p: SGD([p], dampening="x"), ValueError, "dampening must be .*, got 'x'"),  # type: ignore[arg-type]
    "weight_decay": (lambda p: SGD([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "nesterov": (lambda p: SGD([p], nesterov=True), ValueError, "nesterov needs momentum > 0 and dampening 0, got 0"),
    "dampened nesterov": (
        lambda p: SGD([p], momentum=0.9, dampening=0.5, nesterov=True), ValueError, "nesterov.*got 0.9 and 0.5",
    ),
    "beta 1": (lambda p: Adam([p], betas=(1.0, 0.9)), ValueError, r"betas must be two .*, got \(1.0, 0.9\)"),
    "beta 2": (lambda p: Adam([p], betas=(0.9, -0.1)), ValueError, "betas must be"),
    "one beta": (lambda p: Adam([p], betas=0.9), ValueError, "betas must be two .*, got 0.9"),  # type: ignore[arg-type]
    "three betas": (lambda p: Adam([p], betas=(0.9, 0.9, 0.9)), ValueError, "betas must be"),  # type: ignore[arg-type]
    "betas of text": (lambda p: Adam([p], betas=("a", "b")), ValueError, "betas must be"),  # type: ignore[arg-type]
    "eps": (lambda p: Adam([p], eps=-1e-8), ValueError, "eps must be .*, got -1e-08"),
    "Adam weight_decay": (lambda p: Adam([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "AdamW weight_decay": (lambda p: AdamW([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "AdamW betas": (lambda p: AdamW([p], betas=(0.9, 1.0)), ValueError, r"betas must be two .*, got \(0.9, 1.0\)"),
    "lr_decay": (lambda p: Adagrad([p], lr_decay=-1), ValueError, "lr_decay must be a number >= 0, got -1"),
    "initial": (
        lambda p: Adagrad([p], initial_accumulator_value=-1), ValueError, "initial_accumulator_value must .*, got -1",
    ),
    "initial of a group": (
        lambda p: Adagrad([{"params": [p], "initial_accumulator_value": "x"}]), ValueError, "initial.* got 'x'",
    ),
    "Adagrad eps": (lambda p: Adagrad([p], eps=-1), ValueError, "eps must be .*, got -1"),
    "Adagrad weight_decay": (lambda p: Adagrad([p], weight_decay=-1), ValueError, "weight_decay must be .*, got -1"),
    "rho": (lambda p: Adadelta([p], rho=1.5), ValueError, r"rho must be a number in \[0, 1\], got 1.5"),
    "rho text": (lambda p: Adadelta([p], rho="x"), ValueError, r"rho must be .*, got 'x'"),  # type: ignore[arg-type]
    "Adadelta eps": (lambda p: Adadelta([p], eps=-1), ValueError, "eps must be .*, got -1"),
    "alpha": (lambda p: RMSprop([p], alpha=-1), ValueError, "alpha must be a number >= 0, got -1"),
    "RMSprop momentum": (lambda p: RMSprop([p], momentum=-1), ValueError, "momentum must be .*, got -1"),
    "RMSprop eps": (lambda p: RMSprop([p], eps=-1), ValueError, "eps must be .*, got -1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_a_bad_argument_is_named_and_nothing_is_changed(name: str) -> None:
    build, error, message = BAD_ARGUMENTS[name]
    p = Parameter(dl.ones(2))
    array = p.array
    with pytest.raises(error, match=f"^(SGD|Ad[a-zA-Z]+|RMSprop): .*{message}"):
        build(p)
    if "added" not in name:
        assert p.array is array


def test_a_bad_second_group_leaves_the_first_alone() -> None:
    p, q = Parameter(dl.ones(2)), Parameter(dl.ones(2))
    array = p.array
    with pytest.raises(ValueError, match="lr"):
        SGD([{"params": [p]}, {"params": [q], "lr": -1}], lr=0.1)
    assert p.array is array
    optimizer = SGD([p], lr=0.1)
    with pytest.raises(ValueError, match="lr"):
        optimizer.add_param_group({"params": [q], "lr": -1})
    assert len(optimizer.param_groups) == 1
    p.grad = dl.ones(2)
    optimizer.step()
    assert len(optimizer.state_dict()["param_groups"]) == 1
