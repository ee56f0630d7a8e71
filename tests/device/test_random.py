"""Random tensors: the same seed gives the same numbers; generators, streams, threads and bad input."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.random import Generator, default_generator

DRAWS: dict[str, Callable[..., dl.Tensor]] = {
    "rand": lambda **k: dl.rand(5, 3, **k),
    "rand float64": lambda **k: dl.rand((7,), dtype="float64", **k),
    "rand float16": lambda **k: dl.rand(7, dtype="float16", **k),
    "randn": lambda **k: dl.randn(5, 3, **k),
    "randn float64": lambda **k: dl.randn([4], dtype="float64", **k),
    "randint": lambda **k: dl.randint(-5, 5, (6,), **k),
    "randperm": lambda **k: dl.randperm(9, **k),
}


@pytest.mark.parametrize("draw", DRAWS)
def test_the_seed_decides(draw: str) -> None:
    dl.manual_seed(7)
    first, second = DRAWS[draw](), DRAWS[draw]()
    dl.manual_seed(7)
    assert DRAWS[draw]().tolist() == first.tolist()
    assert DRAWS[draw]().tolist() == second.tolist() != first.tolist()
    assert DRAWS[draw](generator=Generator(7)).tolist() == first.tolist()
    assert DRAWS[draw](generator=Generator(8)).tolist() != first.tolist()
    assert DRAWS[draw](generator=Generator(7, stream=1)).tolist() != first.tolist()


@pytest.mark.parametrize("draw", DRAWS)
def test_draws_do_not_overlap(draw: str) -> None:
    """After any draw, the next one starts where a fresh generator would be after as many words."""
    for count in (0, 1, 2, 3, 4, 5, 8, 9):
        g = Generator(1)
        name, _, dtype = draw.partition(" ")
        if name == "randint":
            dl.randint(0, 9, (count,), generator=g)
        elif name == "randperm":
            dl.randperm(count, generator=g)
        else:
            getattr(dl, name)(count, dtype=dtype or None, generator=g)
        words = count * 2 if name in ("randint", "randperm") or dtype == "float64" else count
        words += (count % 2) * (2 if dtype == "float64" else 1) if name == "randn" else 0
        assert g.state_dict()["offset"] == -(-words // 4)


def test_values_are_where_they_should_be() -> None:
    g = Generator(3)
    for dtype in ("float16", "float32", "float64"):
        u = dl.rand(10_000, dtype=dtype, generator=g).numpy().astype("float64")
        assert 0 <= u.min() < 0.01
        assert 0.99 < u.max() < 1
        assert abs(u.mean() - 0.5) < 0.02
        n = dl.randn(10_000, dtype=dtype, generator=g).numpy().astype("float64")
        assert np.isfinite(n).all()
        assert abs(n.mean()) < 0.05
        assert abs(n.std() - 1) < 0.05
    i = dl.randint(-2, 3, (10_000,), generator=g).numpy()
    assert (i.dtype, np.unique(i).tolist()) == (np.int64, [-2, -1, 0, 1, 2])
    p = dl.randperm(1000, generator=g).numpy()
    assert np.sort(p).tolist() == list(range(1000))
    assert p.tolist() != list(range(1000))


def test_the_extremes_of_randint() -> None:
    g = Generator(0)
    assert dl.randint(5, 6, (3,), generator=g).tolist() == [5, 5, 5]
    wide = dl.randint(-(2**63), 2**63, (100,), generator=g).numpy()
    assert (wide < 0).any()
    assert (wide > 0).any()
    assert dl.randint(2**63 - 1, 2**63, (2,), generator=g).tolist() == [2**63 - 1] * 2


def test_state() -> None:
    g = Generator(5, stream=2)
    dl.rand(10, generator=g)
    state = g.state_dict()
    expected = dl.rand(4, generator=g).tolist()
    other = Generator()
    other.load_state_dict(state)
    for same in (other, copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
        assert same.state_dict() == state
        assert dl.rand(4, generator=same).tolist() == expected
    assert repr(Generator(5, stream=2)) == "Generator(seed=5, stream=2, offset=0)"
    assert g.manual_seed(6) is g
    assert g.state_dict() == {"seed": 6, "stream": 2, "offset": 0}


def test_a_thread_that_seeds_has_a_generator_of_its_own() -> None:
    dl.manual_seed(1)
    expected = [dl.rand(2).tolist() for _ in range(2)]
    dl.manual_seed(1)
    seen: list[Any] = [dl.rand(2).tolist()]

    def other() -> None:
        dl.manual_seed(99)
        dl.rand(100)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(10)
    seen.append(dl.rand(2).tolist())
    assert seen == expected
    assert default_generator().seed == 1


def test_threads_that_share_a_generator_do_not_draw_the_same() -> None:
    g, drawn = Generator(0), []

    def work() -> None:
        for _ in range(50):
            drawn.append(tuple(dl.rand(4, generator=g).tolist()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(drawn)) == 200


def test_requires_grad() -> None:
    x = dl.rand(3, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: dl.rand(-1, generator=g), dl.ShapeError, r"rand: sizes must be >= 0, got \(-1,\)"),
        (lambda g: dl.randn(2.5, generator=g), TypeError, "randn: shape must be ints"),
        (lambda g: dl.rand((2, "a"), generator=g), TypeError, "rand: shape must be ints"),
        (lambda g: dl.rand(2, dtype="int64", generator=g), dl.DTypeError, "rand: dtype must be float16.*int64"),
        (lambda g: dl.randn(2, dtype="complex64", generator=g), dl.DTypeError, "randn: dtype must be .*complex64"),
        (lambda g: dl.randint(3, 3, (2,), generator=g), ValueError, "randint: .*low=3, high=3"),
        (lambda g: dl.randint(0, 2**63 + 1, (2,), generator=g), ValueError, "randint: .*9223372036854775809"),
        (lambda g: dl.randint(0.5, 3, (2,), generator=g), TypeError, r"randint: low must be an int, got 0\.5"),
        (lambda g: dl.randint(0, 3, (-2,), generator=g), dl.ShapeError, r"randint: sizes .*\(-2,\)"),
        (lambda g: dl.randperm(-1, generator=g), ValueError, "randperm: n must be >= 0, got -1"),
        (lambda g: dl.randperm(2.0, generator=g), TypeError, r"randperm: n must be an int, got 2\.0"),
        (lambda g: dl.rand(2, generator=3), TypeError, r"rand: generator must be a dl\.Generator or None, got 3"),
        (lambda g: dl.randint(0, 3, (2,), generator=3), TypeError, "randint: generator must be"),
        (lambda g: dl.randperm(3, generator=np.random), TypeError, "randperm: generator must be"),
        (lambda g: g.manual_seed(-1), ValueError, r"seed must be in 0\.\.2\*\*64-1, got -1"),
        (lambda g: g.manual_seed(2**64), ValueError, "seed must be"),
        (lambda g: g.manual_seed(1.0), TypeError, r"seed must be an int, got 1\.0"),
        (lambda g: g.manual_seed(True), TypeError, "seed must be an int, got True"),
        (lambda g: Generator(0, stream=-1), ValueError, "stream must be"),
        (lambda g: g.load_state_dict({"seed": 1}), ValueError, "expected the keys seed, stream, offset"),
        (lambda g: g.load_state_dict({"seed": 1, "stream": 0, "offset": -1}), ValueError, "offset must be"),
    ],
)
def test_bad_input_changes_no_state(call: Callable[[Generator], Any], error: Any, message: str) -> None:
    g = Generator(4)
    dl.rand(3, generator=g)
    before = g.state_dict()
    with pytest.raises(error, match=message):
        call(g)
    assert g.state_dict() == before
