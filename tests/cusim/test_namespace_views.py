"""Views of the simulator's arrays: they share memory and keep it alive; indexing by CuPy's rules."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cp

VIEWS = {
    "slice": lambda x: x[1:],
    "steps": lambda x: x[::2, ::-1],
    "integer": lambda x: x[1],
    "element": lambda x: x[1, 2] if isinstance(x, cp.ndarray) else x[1, 2, ...],
    "ellipsis": lambda x: x[..., 1],
    "new axis": lambda x: x[None, :, None],
    "T": lambda x: x.T,
    "reshape": lambda x: x.reshape(4, 3),
    "ravel": lambda x: x.ravel(),
    "moveaxis": lambda x: _cp(x).moveaxis(x, 0, 1),
    "expand_dims": lambda x: _cp(x).expand_dims(x, 0),
    "squeeze": lambda x: _cp(x).squeeze(x[None]),
    "broadcast_to": lambda x: _cp(x).broadcast_to(x, (2, 3, 4)),
    "view of a dtype": lambda x: x.view(np.int32),
    "split": lambda x: _cp(x).split(x, 3)[1],
    "diagonal": lambda x: x.diagonal(),
    "atleast": lambda x: _cp(x).atleast_3d(x),
    "view of a view": lambda x: x[1:][:, 1:],
}  # fmt: skip


def _cp(x: Any) -> Any:
    return cp.get_array_module(x)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_views_share_memory(view: Any) -> None:
    host = np.arange(12, dtype=np.float32).reshape(3, 4)
    x = cp.asarray(host)
    with counters.record() as r:
        part = view(x)
    expected = view(host)
    assert r.launches + r.copies + r.synchronisations + r.allocations == 0
    assert part.base is x
    assert not part.flags.owndata
    assert (part.shape, part.strides, part.dtype) == (expected.shape, expected.strides, expected.dtype)
    assert part.data.ptr - x.data.ptr == expected.__array_interface__["data"][0] - host.ctypes.data
    assert part.data.mem is x.data.mem
    assert cp.may_share_memory(part, x)
    x[...] = 7
    host[...] = 7
    np.testing.assert_array_equal(part.get(), expected)


def test_what_is_no_view() -> None:
    x = cp.arange(6).reshape(2, 3)
    for made in (x.copy(), x.T.reshape(6), x.flatten(), x + 0, x[cp.asarray([0, 1])], cp.concatenate([x, x])):
        assert made.base is None
        assert made.flags.owndata
        assert not cp.may_share_memory(made, x)
    assert cp.asarray(x) is x
    assert cp.ascontiguousarray(x) is x
    assert cp.array(x) is not x


def test_a_view_keeps_the_memory() -> None:
    x = cp.arange(4, dtype=cp.float32)
    part = x[2:]
    address = x.data.ptr
    del x
    others = [cp.zeros(4, dtype=cp.float32) for _ in range(4)]
    assert all(other.data.ptr != address for other in others)
    assert part.tolist() == [2, 3]


INDICES = [
    0, -1, (1, 2), slice(1, None), (slice(None), 1), ..., (..., -1), None, (0, None, ...), slice(None, None, -2),
    [0, 2], ([0, 2], [1, 3]), (slice(None), [3, 0]), np.array([[0, 1], [2, 0]]), (1, [0, 1]), ([[0], [1]], [0, 2]), [],
    np.array([True, False, True]), (slice(None), np.array([True, False, True, False])), (None, [1, 2]),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indexing(index: Any) -> None:
    host = np.arange(12.0).reshape(3, 4)
    x = cp.asarray(host)
    on_device = tuple(map(_to_device, index)) if isinstance(index, tuple) else _to_device(index)
    for key in (index, on_device):
        found = x[key]
        assert type(found) is cp.ndarray
        np.testing.assert_array_equal(found.get(), host[index])
        y, expected = x.copy(), host.copy()
        y[key] = -1
        expected[index] = -1
        np.testing.assert_array_equal(y.get(), expected)
        y[key] = cp.asarray(host[index]) + 1
        expected[index] = host[index] + 1
        np.testing.assert_array_equal(y.get(), expected)


def _to_device(part: Any) -> Any:
    return cp.asarray(part) if isinstance(part, np.ndarray) else part


def test_a_mask_of_all_axes() -> None:
    host = np.arange(6.0).reshape(2, 3)
    x = cp.asarray(host)
    assert x[x > 2].tolist() == host[host > 2].tolist()
    x[x > 2] = 0
    assert x.tolist() == [[0, 1, 2], [0, 0, 0]]
    x[x == 0] += 1
    assert x.tolist() == [[1, 1, 2], [1, 1, 1]]


def test_indices_out_of_range() -> None:
    x = cp.arange(4)
    for index in (4, -5, (slice(None), 0)):
        with pytest.raises(IndexError):
            x[index]
    # In an integer array they wrap around, as CuPy has it: a kernel cannot raise.
    assert x[cp.asarray([4, -5, 9])].tolist() == [0, 3, 1]
    assert cp.take(x, cp.asarray([5])).tolist() == [1]
    x[cp.asarray([5])] = 7
    assert x.tolist() == [0, 7, 2, 3]
    with pytest.raises(IndexError, match="boolean index did not match"):
        x[cp.asarray([True])]
    with pytest.raises(IndexError, match="integer or boolean"):
        x[cp.asarray([0.0])]


def test_item_assignment_casts() -> None:
    x = cp.zeros(3, dtype=cp.int32)
    x[...] = cp.asarray([1.7, 2.2, -3.9])
    assert x.tolist() == [1, 2, -3]
    x[1:] = 9.5
    assert x.tolist() == [1, 9, 9]
    with pytest.raises(ValueError, match="broadcast"):
        x[...] = cp.ones(2)


def test_in_place_operators_keep_the_array() -> None:
    x = cp.arange(4.0)
    part, address = x[1:], x.data.ptr
    x += 1
    x *= cp.asarray(2.0)
    part -= 1
    assert x.data.ptr == address
    assert x.tolist() == [2, 3, 5, 7]
    with pytest.raises(TypeError, match="same_kind"):
        cp.ones(2, dtype=cp.int64).__iadd__(0.5)


def test_complex_parts_are_views() -> None:
    x = cp.asarray([1 + 2j, 3 - 4j])
    assert x.real.base is x
    x.imag[...] = 5
    assert x.tolist() == [1 + 5j, 3 + 5j]
    y = cp.ones(2)
    assert y.real is y
    assert y.imag.tolist() == [0, 0]


def test_copies_of_python() -> None:
    x = cp.arange(3.0)
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(made) is cp.ndarray
        assert made.tolist() == [0, 1, 2]
        assert not cp.may_share_memory(made, x)


def test_attributes() -> None:
    x = cp.zeros((2, 3), dtype=cp.float32)
    assert (x.ndim, x.size, x.itemsize, x.nbytes, len(x)) == (2, 6, 4, 24, 2)
    assert (x.flags["C_CONTIGUOUS"], x.flags.f_contiguous, x.T.flags.f_contiguous) == (True, False, True)
    assert x.data.ptr % 256 == 0
    assert x.device == cp.cuda.Device(0)
    interface = x.T.__cuda_array_interface__
    assert interface["data"] == (x.data.ptr, False)
    assert (interface["shape"], interface["strides"], interface["typestr"]) == ((3, 2), (4, 12), "<f4")
    x.shape = (6,)
    assert x.shape == (6,)
    for wrong in ((5,), (2, 2)):
        with pytest.raises(AttributeError, match="incompatible shape"):
            x.shape = wrong
    assert (x.flags.forc, x.flags.fnc, cp.zeros((2, 3), order="F").flags.fnc) == (True, False, True)
    assert repr(x.flags) == "  C_CONTIGUOUS : True\n  F_CONTIGUOUS : True\n  OWNDATA : True"
    with pytest.raises(KeyError, match="WRITEABLE"):
        x.flags["WRITEABLE"]
    with pytest.raises(ValueError, match="Negative dimensions"):
        cp.empty(-1)
    with pytest.raises(TypeError, match="imaginary"):
        x.imag = 1


def test_an_array_over_a_pointer() -> None:
    x = cp.arange(8, dtype=cp.float32)
    part = cp.ndarray((2, 2), cp.float32, x.data + 8)
    assert part.tolist() == [[2, 3], [4, 5]]
    part[...] = 0
    assert x.tolist() == [0, 1, 0, 0, 0, 0, 6, 7]
