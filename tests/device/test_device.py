"""Which device is current, who chose it, and what happens where devices meet."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device

CURRENT = "import dlcore as dl; print(dl.current_device())"


# --- DLCORE_DEVICE ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["numpy", "cpu", "auto", "", " ", "numpy:0"])
def test_the_variable_chooses(python: Callable[..., Any], value: str) -> None:
    result = python("-c", CURRENT, DLCORE_DEVICE=value, PATH="")
    assert (result.status, result.out.strip()) == (0, "numpy"), result.err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("gpu", "DLCORE_DEVICE=gpu: unknown device 'gpu': expected one of cpu, auto, numpy, native, cuda, cusim"),
        ("cuda", "DLCORE_DEVICE=cuda: device 'cuda' cannot be used: "),
        ("cuda:x", "DLCORE_DEVICE=cuda:x: device 'cuda:x': what follows the colon must be a device number"),
        ("numpy:1", "there is only one 'numpy' device, use 'numpy'"),
    ],
)
def test_a_wrong_value_is_told_at_first_use(python: Callable[..., Any], value: str, message: str) -> None:
    assert python("-c", "import dlcore", DLCORE_DEVICE=value).status == 0
    result = python("-c", "import dlcore as dl; dl.zeros(2)", DLCORE_DEVICE=value)
    assert result.status == 1
    assert message in result.err


def test_the_variable_is_read_once_and_again_by_set_device(monkeypatch: pytest.MonkeyPatch) -> None:
    current = dl.current_device()
    monkeypatch.setenv("DLCORE_DEVICE", "nonsense")
    assert dl.current_device() is current
    with pytest.raises(dl.DeviceError, match="DLCORE_DEVICE=nonsense: unknown device"):
        dl.set_device(None)
    assert dl.current_device() is current


# --- set_device, with, device= ----------------------------------------------------------------------------


def test_set_device(toy: dl.device) -> None:
    dl.set_device("toy")
    assert dl.zeros(2).device is toy
    with pytest.raises(dl.DeviceError):
        dl.set_device("nonsense")
    assert dl.current_device() is toy
    dl.set_device(dl.device("numpy"))
    assert dl.zeros(2).device == "numpy"


def test_with_device_nests_and_ends_with_exceptions(toy: dl.device) -> None:
    before = dl.current_device()
    with dl.device("toy") as entered:
        assert entered is toy
        assert dl.tensor([1]).device is toy
        with dl.device("numpy"):
            assert dl.tensor([1]).device == "numpy"
            with toy, toy:
                assert dl.current_device() is toy
            assert dl.current_device() == "numpy"
        with pytest.raises(ArithmeticError), dl.device("numpy"):
            raise ArithmeticError
        assert dl.current_device() is toy
    assert dl.current_device() is before


def test_set_device_does_not_reach_into_with(toy: dl.device) -> None:
    with dl.device("numpy"):
        dl.set_device("toy")
        assert dl.current_device() == "numpy"
    assert dl.current_device() is toy


def test_threads_have_their_own_with_and_share_set_device(toy: dl.device) -> None:
    seen: list[dl.device] = []
    with dl.device("toy"):
        thread = threading.Thread(target=lambda: seen.append(dl.current_device()))
        thread.start()
        thread.join(10)
    dl.set_device("toy")
    thread = threading.Thread(target=lambda: seen.append(dl.current_device()))
    thread.start()
    thread.join(10)
    assert seen[0] == "numpy"
    assert seen[1] is toy


@pytest.mark.parametrize(
    "make",
    [
        lambda where: dl.tensor([1.0], device=where),
        lambda where: dl.asarray([1.0], device=where),
        lambda where: dl.zeros(1, device=where),
        lambda where: dl.ones(1, device=where),
        lambda where: dl.full(1, 2.0, device=where),
        lambda where: dl.arange(1, device=where),
        lambda where: dl.rand(1, device=where),
        lambda where: dl.randn(1, device=where),
        lambda where: dl.randint(0, 3, (1,), device=where),
        lambda where: dl.randperm(1, device=where),
        lambda where: dl.zeros_like(dl.ones(1), device=where),
        lambda where: dl.ones_like(dl.ones(1), device=where),
        lambda where: dl.full_like(dl.ones(1), 2.0, device=where),
        lambda where: dl.data.digits(device=where).tensors[0],
        lambda where: dl.data.digits(device=where).tensors[1],
    ],
)
def test_every_way_to_make_a_tensor_takes_a_device(make: Callable[[Any], dl.Tensor], toy: dl.device) -> None:
    assert make("toy").device is toy
    assert make(toy).device is toy
    assert make(None).device == "numpy"
    with pytest.raises(dl.DeviceError, match="unknown device 'nonsense'"):
        make("nonsense")
    with pytest.raises(TypeError, match="name must be a string or a device, got 3"):
        make(3)


def test_like_and_data_sets_without_a_device(toy: dl.device) -> None:
    """What is like a tensor is on its device, a data set on the current one."""
    x = dl.ones(1, device=toy)
    for y in (dl.zeros_like(x), dl.ones_like(x), dl.full_like(x, 2.0)):
        assert y.device is toy
    with toy:
        assert dl.zeros_like(dl.ones(1, device="numpy")).device == "numpy"
        assert {t.device for t in dl.data.digits().tensors} == {toy}
    assert dl.full_like(x, 3, dtype="int64", device="numpy").tolist() == [3]


@pytest.mark.parametrize("alias", ["cpu", "auto"])
def test_an_alias_may_have_the_number_0(alias: str) -> None:
    assert dl.device(f"{alias}:0") is dl.device(alias)
    assert dl.device(alias) == f"{alias}:0"
    with pytest.raises(dl.DeviceError, match=f"device '{alias}:1': '{alias}' takes no number but 0; use '{alias}', or"):
        dl.device(f"{alias}:1")
    with pytest.raises(dl.DeviceError, match=f"device '{alias}:x': what follows the colon must be a device number"):
        dl.device(f"{alias}:x")


def test_names_aliases_and_identity(toy: dl.device) -> None:
    numpy = dl.device("numpy")
    assert numpy is dl.device("numpy") is dl.device(numpy) is dl.device("numpy:0")
    assert dl.device("cpu") is dl.device("cpu")
    assert numpy == "numpy"
    assert numpy != "toy"
    assert numpy != "nonsense"
    assert numpy != 3
    assert numpy != toy
    assert (str(toy), repr(toy), toy.type, toy.index) == ("toy", "device('toy')", "toy", 0)
    assert len({numpy, dl.device("numpy"), toy}) == 2


def test_auto_and_cpu_mean_numpy_where_there_is_nothing_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_device, "_lack", lambda kind, index: None if kind == "numpy" else _device._probe.Lack("", ""))
    assert dl.device("auto") is dl.device("cpu") is dl.device("numpy")


def test_devices_are_pickled_by_name(toy: dl.device) -> None:
    for device in (toy, dl.device("numpy")):
        assert pickle.loads(pickle.dumps(device)) is device


# --- tensors on two devices -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("Add", lambda x, y: x + y),
        ("MatMul", lambda x, y: x @ y),
        ("Concat", lambda x, y: dl.concat([x, y])),
        ("Clip", lambda x, y: dl.clip(x, y)),
        ("less", lambda x, y: x < y),
        ("floor_divide", lambda x, y: x // y),
        ("where", lambda x, y: dl.where(x > 0, y, 0.0)),
        ("Where", lambda x, y: dl.where(x > 0, x, y)),
        ("indexing", lambda x, y: x[y.astype("int64")]),
        ("index_update", lambda x, y: dl.index_update(x, 0, y[0])),
        ("item assignment", lambda x, y: x.__setitem__(0, y[0])),
        ("x += y", lambda x, y: x.__iadd__(y)),
    ],
)
def test_an_operation_needs_one_device(name: str, call: Callable[[Any, Any], Any], toy: dl.device) -> None:
    x, y = dl.ones((2,)), dl.ones((2,), device=toy)
    for a, b, order in ((x, y, "numpy, toy"), (y, x, "toy, numpy")):
        message = rf"^{name.replace('+', '[+]')}: all tensors must be on one device, got .*{order}.*; move them with"
        with pytest.raises(dl.DeviceError, match=message):
            call(a, b)
        assert a.tolist() == [1, 1]


def test_a_grad_must_be_on_the_device_of_its_tensor(toy: dl.device) -> None:
    x = dl.ones((2,), requires_grad=True)
    with pytest.raises(dl.DeviceError, match="grad: on toy, but the tensor is on numpy"):
        x.grad = dl.ones((2,), device=toy)
    with pytest.raises(dl.DeviceError, match="gradient on toy for a tensor on numpy"):
        (x * 2).backward(dl.ones((2,), device=toy))


def test_to_copies_to_another_device_and_the_gradient_travels_back(toy: dl.device) -> None:
    x = dl.tensor([1.0, 2.0], dtype="float64", requires_grad=True)
    y = x.to("toy")
    assert y.device is toy
    assert not np.shares_memory(x.array, y.array)
    assert x.to("numpy") is x
    assert x.to(dl.device("numpy")) is x
    z = (y * y * y).sum()
    assert z.device is toy
    (first,) = dl.grad(z, x, create_graph=True)
    assert first.device == "numpy"
    assert first.tolist() == [3, 12]
    (second,) = dl.grad(first.sum(), x)
    assert second.tolist() == [6, 12]
    assert x.to("toy").to("numpy").tolist() == [1, 2]


def test_a_save_on_the_other_device_is_watched(toy: dl.device) -> None:
    x = dl.ones((2,), requires_grad=True)
    y = x.to(toy)
    z = y * y
    with dl.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="modified in place"):
        z.sum().backward()


def test_results_stay_on_the_device_of_the_tensors_not_on_the_current_one(toy: dl.device) -> None:
    x = dl.ones((2, 2), device=toy, requires_grad=True)
    for y in (x + 1, x.sum(), x @ x, x > 0, dl.zeros_like(x), x[[0]], x[0], dl.one_hot(dl.arange(2, device=toy)),
              dl.asarray(x.detach())):  # fmt: skip
        assert y.device is toy
    (x * 2).sum().backward()
    assert x.grad.device is toy
    assert "device='toy'" in repr(x)
    with toy:
        assert "device" not in repr(x)


def test_tensor_moves_data_to_the_current_device(toy: dl.device) -> None:
    x = dl.ones((2,))
    with toy:
        assert dl.tensor(x).device is toy
        assert dl.asarray(x).device == "numpy"
    assert dl.asarray(x, device=toy).device is toy


def test_device_info(toy: dl.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLCORE_DEVICE", raising=False)
    dl.set_device(None)
    info = dl.device_info()
    assert (info["chosen_by"], info["variable"]) == ("the default", None)
    assert info["current"] == info["cpu"]
    assert list(info["devices"]) == ["numpy", "native", "cuda", "cusim"]
    for entry in info["devices"].values():
        assert set(entry) == {"available", "summary", "lacks", "remedy", "info"}
        assert entry["available"] == (entry["lacks"] is None)
        assert entry["available"] or (entry["lacks"] and entry["remedy"])
    assert {"numpy", "blas", "blas threads"} <= set(info["devices"]["numpy"]["info"])
    with toy:
        assert (dl.device_info()["current"], dl.device_info()["chosen_by"]) == ("toy", "with dl.device(...)")
    dl.set_device("numpy")
    assert dl.device_info()["chosen_by"] == "dl.set_device"
    monkeypatch.setenv("DLCORE_DEVICE", "numpy")
    dl.set_device(None)
    assert dl.device_info()["chosen_by"] == "the environment variable DLCORE_DEVICE"
