"""Whether a primitive's results are right: against float64, computed by the NumPy backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import Case, Work

Array = Any


def on_device(backend: Any, work: Work) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as arrays of the device."""

    def moved(value: Any) -> Any:
        return backend.from_host(value, copy=True) if isinstance(value, np.ndarray) else value

    return [moved(value) for value in work.arguments], {name: moved(value) for name, value in work.options.items()}


def error_of(backend: Any, case: Case, work: Work) -> tuple[float, str | None]:
    """The largest error of one call, relative to the largest value, and what is wrong if it is too large."""
    from dlcore.backends.numpy import create

    host = create(0)
    exact = case.tolerance is None
    arguments, options = on_device(backend, work)
    wanted_arguments = [_copied(value, exact) for value in work.arguments]
    got = getattr(backend, case.primitive)(*arguments, **options)
    wanted = getattr(host, case.primitive)(*wanted_arguments, **work.options)
    backend.synchronize()
    if case.primitive == "dropout_forward":  # beside the values, what the device keeps for the backward
        got, wanted = got[0], wanted[0]
    pairs = list(zip(_listed(got), _listed(wanted), strict=True))
    pairs += [(arguments[place], wanted_arguments[place]) for place in case.in_place]
    worst = 0.0
    for place, (mine, theirs) in enumerate(pairs):
        if theirs is None:
            continue
        values, expected = backend.to_host(mine), np.asarray(theirs)
        if values.shape != expected.shape:
            return np.inf, f"result {place} has the shape {values.shape}, expected {expected.shape}"
        if exact:
            if not np.array_equal(values, expected):
                different = int((values != expected).sum())
                return np.inf, f"result {place}: {different} of {expected.size} values are not the reference's"
            continue
        largest = float(np.abs(expected).max(initial=0)) or 1.0
        error = float(np.abs(values - expected).max(initial=0)) / largest
        if not error <= case.tolerance:  # a NaN, too
            return error, f"result {place}: error {error:.1e} of the largest value, allowed are {case.tolerance:.0e}"
        worst = max(worst, error)
    return worst, None


def _copied(value: Any, exact: bool) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return value.copy() if exact or value.dtype.kind != "f" else value.astype(np.float64)


def _listed(result: Any) -> list[Any]:
    if result is None:
        return []
    return list(result) if isinstance(result, tuple) else [result]
