"""Averages of weights over the course of training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, tensor, wrap
from dlcore.optim._checks import require_int, require_number
from dlcore.optim.bucket import aligned_starts, flat_values
from dlcore.reference._precision import wide

if TYPE_CHECKING:
    from dlcore._device import device
    from dlcore.nn.module import Module


class _Part(NamedTuple):
    """The averages of the parameters of one dtype and device, laid out as an optimizer lays out parameters."""

    names: list[str]
    parameters: list[Tensor]
    starts: list[int]
    average: Any
    device: device


class ExponentialMovingAverage:
    """average = decay * average + (1 - decay) * parameter, of every parameter, with each `update`.

    As PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(decay)`: the first update copies. Polyak, Juditsky,
    "Acceleration of stochastic approximation by averaging", 1992, with weights that fade. Parameters that an optimizer
    keeps in one flat buffer are averaged at once.

    Args:
        parameters: a module, or tensors. Buffers (running statistics) are not averaged: they stay the module's.
        decay: in [0, 1]; the average reaches back about 1 / (1 - decay) updates.

    Attributes:
        n_averaged: the number of updates.

    Raises:
        TypeError: no module and no tensors. DTypeError: integers. ValueError: no parameters, or `decay` out of range.

    >>> w = dl.nn.Parameter(dl.tensor([0.0]))
    >>> ema = dl.optim.ExponentialMovingAverage([w], decay=0.75)
    >>> for value in (0.0, 4.0, 4.0):
    ...     w.array[...] = value  # in place of an optimizer's step
    ...     ema.update()
    >>> with ema.applied():  # evaluate here
    ...     w.tolist()
    [1.75]
    >>> w.tolist()
    [4.0]
    """

    def __init__(self, parameters: Module | Iterable[Tensor], decay: float = 0.999) -> None:
        name = "ExponentialMovingAverage"
        require_number(name, "decay", decay, 0.0, 1.0)
        named = _named(name, parameters)
        for parameter in named.values():
            if parameter.dtype.kind not in "fc":
                raise DTypeError(f"{name}: parameters must be floats, got {parameter.dtype}")
        self.decay = float(decay)
        self.n_averaged = 0
        self._parameters = named
        self._parts = self._laid_out({key: parameter.detach() for key, parameter in named.items()})
        self._kept: dict[str, Any] | None = None  # the parameters' own values while the averages are in their place

    def update(self) -> None:
        """Take the parameters as they are now into the average. Call it after the optimizer's `step`.

        Raises:
            RuntimeError: the averages are in the parameters' place.
        """
        if self._kept is not None:
            raise RuntimeError(
                "ExponentialMovingAverage.update: the averages are applied; restore the parameters first"
            )
        new = 1.0 if self.n_averaged == 0 else 1.0 - self.decay
        for part in self._current():
            xp = part.device.backend.xp
            for members, values in flat_values(part.parameters):
                last = members[-1]
                average = part.average[part.starts[members[0]] : part.starts[last] + part.parameters[last].size]
                if new == 1.0:
                    average[...] = values
                    continue
                average[...] = average + new * (wide(xp, values) - wide(xp, average))
        self.n_averaged += 1

    def averages(self) -> dict[str, Tensor]:
        """Copies of the averages, by the names of `named_parameters` (or "0", "1", ...): for `load_state_dict`."""
        found = {}
        for part in self._current():
            for key, parameter, start in zip(part.names, part.parameters, part.starts, strict=True):
                xp, flat = parameter._device.backend.xp, part.average[start : start + parameter.size]
                array = xp.reshape(xp.asarray(flat, copy=True), parameter.shape)
                found[key] = wrap(array, parameter._device)
        return {key: found[key] for key in self._parameters}

    def apply(self) -> None:
        """Put the averages into the parameters' place, in place, until `restore`.

        Raises:
            RuntimeError: they are there already.
        """
        if self._kept is not None:
            raise RuntimeError("ExponentialMovingAverage.apply: the averages are applied already")
        averages = self.averages()
        self._kept = {key: p._device.backend.xp.asarray(p._array, copy=True) for key, p in self._parameters.items()}
        self._write({key: average._array for key, average in averages.items()})

    def restore(self) -> None:
        """Give the parameters the values back that they had before `apply`.

        Raises:
            RuntimeError: the averages are not applied.
        """
        if self._kept is None:
            raise RuntimeError("ExponentialMovingAverage.restore: the averages are not applied")
        self._write(self._kept)
        self._kept = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """A context in which the parameters are the averages; errors as `apply`."""
        self.apply()
        try:
            yield
        finally:
            self.restore()

    def state_dict(self) -> dict[str, Any]:
        """{"decay": float, "n_averaged": int, "averages": {name: Tensor}}; copies."""
        return {"decay": self.decay, "n_averaged": self.n_averaged, "averages": self.averages()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            ValueError: keys, names or numbers that do not fit; ShapeError: an average of another shape. Nothing has
            been changed then.
        """
        name = "ExponentialMovingAverage.load_state_dict"
        if not isinstance(state_dict, Mapping) or set(state_dict) != {"decay", "n_averaged", "averages"}:
            raise ValueError(f"{name}: expected a dict with the keys 'decay', 'n_averaged' and 'averages'")
        require_number(name, "decay", state_dict["decay"], 0.0, 1.0)
        require_int(name, "n_averaged", state_dict["n_averaged"], 0)
        given = state_dict["averages"]
        missing, unknown = sorted(set(self._parameters) - set(given)), sorted(set(given) - set(self._parameters))
        if missing or unknown:
            raise ValueError(f"{name}: averages: missing {missing}, unknown {unknown}")
        values = {key: value if isinstance(value, Tensor) else tensor(value) for key, value in given.items()}
        for key, parameter in self._parameters.items():
            if values[key].shape != parameter.shape:
                raise ShapeError(f"{name}: {key} has shape {values[key].shape}, expected {parameter.shape}")
        self._parts = self._laid_out(values)
        self.decay, self.n_averaged = float(state_dict["decay"]), int(state_dict["n_averaged"])

    def _current(self) -> list[_Part]:
        """The parts, laid out anew if a parameter has another dtype or device since."""
        for part in self._parts:
            for parameter in part.parameters:
                if parameter.dtype != part.average.dtype or parameter._device is not part.device:
                    return self._moved()
        return self._parts

    def _moved(self) -> list[_Part]:
        values = {}
        for part in self._parts:
            for key, parameter, start in zip(part.names, part.parameters, part.starts, strict=True):
                flat = wrap(part.average[start : start + parameter.size], part.device)
                values[key] = flat.reshape(parameter.shape)
        self._parts = self._laid_out(values)
        return self._parts

    def _laid_out(self, values: Mapping[str, Tensor]) -> list[_Part]:
        kinds: dict[Any, list[str]] = {}
        for key, parameter in self._parameters.items():
            kinds.setdefault((parameter.dtype, parameter._device), []).append(key)
        parts = []
        for (dtype, device), keys in kinds.items():
            members = [self._parameters[key] for key in keys]
            starts, total = aligned_starts(members)
            average = device.backend.xp.zeros(total, dtype=dtype)
            for key, start in zip(keys, starts, strict=True):
                array = values[key].detach().to(device).to(dtype)._array
                average[start : start + array.size] = device.backend.xp.reshape(array, (-1,))
            parts.append(_Part(keys, members, starts, average, device))
        return parts

    def _write(self, arrays: Mapping[str, Any]) -> None:
        for key, parameter in self._parameters.items():
            parameter._array[...] = arrays[key]
            parameter._version[0] += 1


def _named(name: str, parameters: Any) -> dict[str, Tensor]:
    """By name, each parameter once."""
    if hasattr(parameters, "named_parameters"):
        pairs = list(parameters.named_parameters())
    elif isinstance(parameters, Iterable) and not isinstance(parameters, (str, Tensor)):
        pairs = [(str(number), parameter) for number, parameter in enumerate(parameters)]
    else:
        raise TypeError(f"{name}: parameters must be a module or tensors, got {type(parameters).__name__}")
    unique: dict[int, tuple[str, Tensor]] = {}
    for key, parameter in pairs:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"{name}: parameters must be tensors, got {type(parameter).__name__}")
        unique.setdefault(id(parameter), (key, parameter))
    if not unique:
        raise ValueError(f"{name}: there are no parameters")
    return dict(unique.values())
