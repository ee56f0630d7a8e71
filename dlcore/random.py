"""Random tensors from Philox4x32-10: the same seed gives the same bits on every device.

A `Generator` is a seed and a position in its sequence. Drawing n words moves the position on by
n/4 blocks (rounded up), so what is drawn depends only on the seed and on what was drawn before.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from math import prod
from typing import TYPE_CHECKING, Any

from dlcore import _dtypes
from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._errors import DTypeError, ShapeError
from dlcore._specs import PhiloxCounter
from dlcore._tensor import Tensor, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = 2**64
_lock = threading.Lock()


class Generator:
    """A source of random numbers, independent of all others.

    Args:
        seed: 0 <= seed < 2**64, the key of Philox.
        stream: 0 <= stream < 2**64; generators of one seed and different streams never overlap.

    Raises:
        ValueError: a seed or stream out of range.

    >>> a, b = dl.random.Generator(7), dl.random.Generator(7)
    >>> bool((dl.rand(3, generator=a) == dl.rand(3, generator=b)).numpy().all())
    True
    """

    __slots__ = ("_offset", "_seed", "_stream")

    def __init__(self, seed: int = 0, stream: int = 0) -> None:
        self._stream = _checked("stream", stream)
        self.manual_seed(seed)

    @property
    def seed(self) -> int:
        return self._seed

    def manual_seed(self, seed: int) -> Generator:
        """Start over with this seed, and return the generator."""
        self._seed = _checked("seed", seed)
        self._offset = 0
        return self

    def state_dict(self) -> dict[str, int]:
        """Seed, stream and position, for `load_state_dict`."""
        return {"seed": self._seed, "stream": self._stream, "offset": self._offset}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue from where `state_dict` was taken."""
        if set(state) != {"seed", "stream", "offset"}:
            raise ValueError(f"load_state_dict: expected the keys seed, stream, offset, got {sorted(state)}")
        seed, stream, offset = (_checked(name, state[name]) for name in ("seed", "stream", "offset"))
        self._seed, self._stream, self._offset = seed, stream, offset

    def draw(self, words: int) -> PhiloxCounter:
        """The present position, which then moves on past `words` 32-bit words."""
        with _lock:  # threads that share a generator must not draw the same numbers
            counter = PhiloxCounter(self._seed, self._offset, self._stream)
            self._offset = (self._offset + -(-words // 4)) % _WORD
        return counter

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed}, stream={self._stream}, offset={self._offset})"

    def __getstate__(self) -> dict[str, int]:
        return self.state_dict()

    def __setstate__(self, state: dict[str, int]) -> None:
        self.load_state_dict(state)


def _whole(name: str, argument: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: {argument} must be an int, got {value!r}")
    return int(value.__index__())


def _checked(name: str, value: int) -> int:
    number = _whole("Generator", name, value)
    if not 0 <= number < _WORD:
        raise ValueError(f"Generator: {name} must be in 0..2**64-1, got {number}")
    return number


def generator_for(name: str, generator: Generator | None) -> Generator:
    """`generator` itself, checked, or the default one where it is None."""
    if generator is None:
        return default_generator()
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}: generator must be a dl.Generator or None, got {generator!r:.80}")
    return generator


_process_generator = Generator(0)
_context: ContextVar[Generator | None] = ContextVar("dlcore_generator", default=None)


def default_generator() -> Generator:
    """The generator that is used where none is given.

    It is per context: a thread that calls `dl.manual_seed` gets one of its own; until then all share one.

    >>> dl.manual_seed(3)
    Generator(seed=3, stream=0, offset=0)
    >>> dl.random.default_generator().seed
    3
    """
    return _context.get() or _process_generator


def manual_seed(seed: int) -> Generator:
    """Start the default generator of this context over with `seed`, and return it.

    >>> first = dl.manual_seed(0) and dl.rand(2)
    >>> again = dl.manual_seed(0) and dl.rand(2)
    >>> first.tolist() == again.tolist()
    True
    """
    generator = Generator(seed)
    _context.set(generator)
    return generator


def rand(
    *shape: Any,
    dtype: Any = None,
    device: str | device_ | None = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform on [0, 1).

    Args:
        shape: ints, or one sequence of ints.
        dtype: float16, float32 (default) or float64.
        device: default the current device; the numbers are the same on all.
        generator: default `default_generator()`.
        requires_grad: record operations on the result.

    >>> dl.rand(2, 3).shape
    (2, 3)
    """
    return _floats("rand", "random_uniform", shape, dtype, device, generator, requires_grad)


def randn(
    *shape: Any,
    dtype: Any = None,
    device: str | device_ | None = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal; arguments as `rand`.

    >>> dl.randn((4,)).dtype
    dtype('float32')
    """
    return _floats("randn", "random_normal", shape, dtype, device, generator, requires_grad)


def randint(
    low: int,
    high: int,
    shape: Sequence[int],
    *,
    device: str | device_ | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Integers on [low, high), int64. Each is as likely as the others to within (high - low) / 2**64.

    >>> dl.randint(0, 10, (5,)).shape
    (5,)
    """
    low, high = (_whole("randint", argument, value) for argument, value in (("low", low), ("high", high)))
    if not -(2**63) <= low < high <= 2**63:
        raise ValueError(f"randint: expected -2**63 <= low < high <= 2**63, got low={low}, high={high}")
    sizes = _sizes("randint", (shape,))
    dev = current_device() if device is None else device_(device)
    counter = generator_for("randint", generator).draw(2 * prod(sizes))
    return wrap(dev.backend.random_integers(counter, sizes, low, high), dev)


def randperm(n: int, *, device: str | device_ | None = None, generator: Generator | None = None) -> Tensor:
    """The numbers 0..n-1 in random order, int64.

    >>> sorted(dl.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    n = _whole("randperm", "n", n)
    if n < 0:
        raise ValueError(f"randperm: n must be >= 0, got {n}")
    dev = current_device() if device is None else device_(device)
    return wrap(dev.backend.random_permutation(generator_for("randperm", generator).draw(2 * n), n), dev)


def _floats(
    name: str,
    primitive: str,
    shape: tuple[Any, ...],
    dtype: Any,
    device: str | device_ | None,
    generator: Generator | None,
    requires_grad: bool,
) -> Tensor:
    kind = _dtypes.DEFAULT_FLOAT if dtype is None else _dtypes.as_dtype(dtype)
    if kind.kind != "f":
        raise DTypeError(f"{name}: dtype must be float16, float32 or float64, got {kind}")
    sizes = _sizes(name, shape)
    dev = current_device() if device is None else device_(device)
    count = prod(sizes)
    # normals come in pairs; a float64 takes two words
    words = (count + count % 2 if primitive == "random_normal" else count) * (2 if kind == _dtypes.float64 else 1)
    counter = generator_for(name, generator).draw(words)
    made = wrap(getattr(dev.backend, primitive)(counter, sizes, kind), dev)
    made._requires_grad = requires_grad
    return made


def _sizes(name: str, shape: tuple[Any, ...]) -> tuple[int, ...]:
    given = shape[0] if len(shape) == 1 and not hasattr(shape[0], "__index__") else shape
    try:
        sizes = tuple([size.__index__() for size in given])
    except (TypeError, AttributeError):
        raise TypeError(f"{name}: shape must be ints or a sequence of ints, got {given!r}") from None
    if any(size < 0 for size in sizes):
        raise ShapeError(f"{name}: sizes must be >= 0, got {sizes}")
    return sizes
