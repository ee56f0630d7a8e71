"""The base of all optimizers: parameter groups, steps, state. Where parameters lie is told in `dlcore.optim.bucket`.

`step` calls the primitive once for each run of neighbouring parameters that have a gradient and the same step
count, which as a rule is one run: all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, tensor, wrap
from dlcore.autograd import enable_grad
from dlcore.optim.bucket import Bucket, flatten, joined_runs, state_of, states_of

#: What schedules keep in a group beside its own settings, as PyTorch's do.
SCHEDULE_SETTINGS = frozenset({"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"})


class Optimizer:
    """Base class: parameter groups, flat buffers, state. A subclass defines `defaults` and `_update`.

    Args:
        params: parameters, or dicts with a key "params" and settings of their own.
        defaults: the settings of groups that do not give their own.
    """

    #: the state of each parameter that `state_dict` holds, besides "step"
    state_names: tuple[str, ...] = ()
    #: those of them that are one number for each parameter, and what it is before the first step
    state_numbers: Mapping[str, float] = {}
    #: whether `step` has been called; schedules warn if it has not
    stepped = False

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(f"{type(self).__name__}: params must be an iterable of parameters, got one tensor")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._buckets: list[list[Bucket]] = []
        given = list(params)
        if not given:
            raise ValueError(f"{type(self).__name__}: params is empty; expected at least one parameter")
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        for group in groups:  # all are checked before the first parameter is touched
            self.param_groups.append(self._checked_group(group))
        for group in self.param_groups:
            self._buckets.append(self._flattened(group, {}))

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Train more parameters, with settings of their own.

        Args:
            group: {"params": parameters, ...}; settings that are missing come from the defaults.

        Raises:
            ValueError: an unknown or invalid setting, no parameters, or one that another group has.
            TypeError: something that is no tensor. DTypeError: a tensor without gradients.
        """
        checked = self._checked_group(group)
        self.param_groups.append(checked)
        self._buckets.append(self._flattened(checked, {}))

    def _checked_group(self, group: Any) -> dict[str, Any]:
        name = type(self).__name__
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f"{name}: a parameter group must be a dict with the key 'params', got {group!r}")
        unknown = set(group) - set(self.defaults) - SCHEDULE_SETTINGS - {"params"}
        if unknown:
            raise ValueError(f"{name}: unknown settings {sorted(unknown)}; expected {sorted(self.defaults)}")
        listed = group["params"]
        if isinstance(listed, (set, frozenset)):
            raise TypeError(f"{name}: params must have an order, got a set; pass a list")
        unique: dict[int, Tensor] = {}  # tied parameters count once
        for parameter in [listed] if isinstance(listed, Tensor) else listed:
            if not isinstance(parameter, Tensor):
                raise TypeError(f"{name}: params must be tensors, got {type(parameter).__name__}")
            if parameter.dtype.kind != "f":
                raise DTypeError(f"{name}: params must be real floats, got {parameter.dtype}")
            if not parameter.is_leaf:
                raise ValueError(f"{name}: a parameter must be a leaf, not the result of an operation")
            unique[id(parameter)] = parameter
        if not unique:
            raise ValueError(f"{name}: params is empty; expected at least one parameter")
        taken = {id(parameter) for other in self.param_groups for parameter in other["params"]}
        if taken & set(unique):
            raise ValueError(f"{name}: a parameter is in more than one parameter group")
        full = {**self.defaults, **group, "params": list(unique.values())}
        self._check(full)
        return full

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; the others stay, and so does their state.

        Args:
            closure: called first, with gradients recorded; it is to compute the loss, and the gradients by `backward`.

        Returns:
            What the closure returns; None without one.
        """
        result = None
        if closure is not None:
            with enable_grad():
                result = closure()
        self.stepped = True
        for position, group in enumerate(self.param_groups):
            for bucket in self._current(position):
                for taken, members in bucket.runs():
                    self._update(group, bucket, members, taken + 1)
                    for i in members:
                        bucket.steps[i] = taken + 1
                        bucket.slots[i].parameter._version[0] += 1
        return result

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or with `set_to_none=False` set them to zero: one fill for each flat buffer."""
        for position in range(len(self.param_groups)):
            if set_to_none:
                for bucket in self._buckets[position]:
                    bucket.forget_grads()
                continue
            for bucket in self._current(position):
                bucket.own_grads()
                bucket.backend.fill_zero(bucket.grads)
                for slot in bucket.slots:
                    slot.grad._version[0] += 1
                    gradient = slot.parameter._grad
                    if gradient is not None and gradient is not slot.grad:
                        bucket.backend.fill_zero(gradient._array)
                        gradient._version[0] += 1
                        slot.parameter._grad = gradient.detach() if gradient._requires_grad else gradient

    def grad_norm(self) -> float:
        """The Euclidean norm of all gradients together: one pass over each flat buffer.

        Parameters without a gradient do not count. The number comes to the host, so this waits for a GPU.
        """
        squares = 0.0
        for position in range(len(self.param_groups)):
            for bucket in self._current(position):
                for elements in joined_runs(bucket):
                    norm = float(bucket.backend.to_host(bucket.backend.l2_norm(bucket.grads[elements])))
                    squares += norm * norm
        return float(squares**0.5)

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's form: {"state": {number: {"step": int, name: Tensor}}, "param_groups": [...]}; copies."""
        state: dict[int, dict[str, Any]] = {}
        groups = []
        number = 0
        for position, group in enumerate(self.param_groups):
            known = {id(slot.parameter): (bucket, i) for bucket in self._current(position)
                     for i, slot in enumerate(bucket.slots)}  # fmt: skip
            numbers = []
            for parameter in group["params"]:
                bucket, i = known[id(parameter)]
                if bucket.steps[i] or self._initial_state(group):
                    state[number] = {"step": bucket.steps[i], **state_of(bucket, i)}
                numbers.append(number)
                number += 1
            settings = {key: _copied(value) for key, value in group.items() if key != "params"}
            groups.append({**settings, "params": numbers})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            ValueError: groups or parameters that do not match; ShapeError: a state of another shape.
            Nothing has been changed then.
        """
        name = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(f"{name}: expected a dict with the keys 'state' and 'param_groups'")
        saved, state = state_dict["param_groups"], state_dict["state"]
        if not all(isinstance(group, Mapping) and "params" in group for group in saved):
            raise ValueError(f"{name}: each of param_groups must be a dict with the key 'params'")
        sizes, own = [len(g["params"]) for g in saved], [len(g["params"]) for g in self.param_groups]
        if sizes != own:
            raise ValueError(f"{name}: parameter groups of sizes {sizes}, expected {own}")
        merged, carried = [], []
        for group, present in zip(saved, self.param_groups, strict=True):
            settings = {key: value for key, value in group.items() if key != "params"}
            unknown = set(settings) - set(self.defaults) - SCHEDULE_SETTINGS
            if unknown:
                raise ValueError(f"{name}: unknown settings {sorted(unknown)}; expected {sorted(self.defaults)}")
            settings = {key: _copied(value) for key, value in settings.items()}
            merged.append({**present, **settings, "params": present["params"]})
            self._check(merged[-1])
            entries: dict[int, dict[str, Any]] = {}
            for number, parameter in zip(group["params"], present["params"], strict=True):
                if number in state:
                    entries[id(parameter)] = self._checked_state(name, number, state[number], parameter)
            carried.append(entries)
        for position, (group, entries) in enumerate(zip(merged, carried, strict=True)):
            self.param_groups[position].update(group)
            self._buckets[position] = self._flattened(group, entries)

    # --- for subclasses ---------------------------------------------------------------------------

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for settings out of range."""
        raise NotImplementedError

    def _initial_state(self, group: dict[str, Any]) -> Mapping[str, float]:
        """The kinds of state that parameters have before their first step, and the number that fills each."""
        return {}

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        """Call the primitive on the elements of these neighbours in the flat buffers; `step` counts from 1."""
        raise NotImplementedError

    def _lr(self, group: dict[str, Any], bucket: Bucket) -> Any:
        """The learning rate as primitives take it: one in the bucket's device memory stays there, unread."""
        value = group["lr"]
        if not isinstance(value, Tensor):
            return value
        if value._device is not bucket.device:
            return value.item()
        return bucket.backend.xp.reshape(value._array, ())

    def _require_non_negative(self, group: dict[str, Any], *names: str) -> None:
        for name in names:
            value = group[name]
            if name == "lr" and isinstance(value, Tensor) and value.size == 1:
                value = value.item()
            self._require(group, name, is_number(value) and value >= 0, "a number >= 0")

    def _require_betas(self, group: dict[str, Any]) -> None:
        betas = group["betas"]
        valid = isinstance(betas, (tuple, list)) and len(betas) == 2
        valid = valid and all(is_number(beta) and 0 <= beta < 1 for beta in betas)
        self._require(group, "betas", valid, "two numbers in [0, 1)")

    def _require(self, group: dict[str, Any], name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(f"{type(self).__name__}: {name} must be {expected}, got {group[name]!r}")

    # --- flat buffers -----------------------------------------------------------------------------

    def _current(self, position: int) -> list[Bucket]:
        """The buckets of a group, flattened anew if a parameter was rebound or moved since."""
        buckets = self._buckets[position]
        if not all(map(Bucket.is_current, buckets)):
            group = self.param_groups[position]
            buckets = self._buckets[position] = self._flattened(group, states_of(buckets))
        return buckets

    def _flattened(self, group: dict[str, Any], entries: Mapping[int, Mapping[str, Any]]) -> list[Bucket]:
        return flatten(group["params"], self._initial_state(group), self.state_numbers, entries)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: the state by parameter instead of flat buffers, which are made anew."""
        entries = []
        for position, group in enumerate(self.param_groups):
            found = states_of(self._current(position))
            entries.append([found[id(parameter)] for parameter in group["params"]])
        return {**self.__dict__, "_buckets": entries}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._buckets = []
        for group, entries in zip(self.param_groups, state["_buckets"], strict=True):
            of_parameter = dict(zip(map(id, group["params"]), entries, strict=True))
            self._buckets.append(self._flattened(group, of_parameter))

    def _checked_state(self, name: str, number: Any, entry: Mapping[str, Any], parameter: Tensor) -> dict[str, Any]:
        unknown = set(entry) - {"step", *self.state_names}
        if unknown or "step" not in entry:
            raise ValueError(
                f"{name}: parameter {number} has the state {sorted(entry)}; expected 'step' and {self.state_names}"
            )
        step = int(entry["step"])
        if step < 0:
            raise ValueError(f"{name}: step of parameter {number} must be >= 0, got {step}")
        checked: dict[str, Any] = {"step": step}
        for key in set(entry) - {"step"}:
            if entry[key] is None:
                continue
            if key in self.state_numbers:
                value = entry[key].item() if isinstance(entry[key], Tensor) and entry[key].size == 1 else entry[key]
                if not is_number(value):
                    raise ValueError(f"{name}: {key} of parameter {number} must be one number, got {value!r:.80}")
                checked[key] = float(value)
                continue
            value = entry[key] if isinstance(entry[key], Tensor) else tensor(entry[key])
            if value.shape != parameter.shape:
                raise ShapeError(
                    f"{name}: {key} of parameter {number} has shape {value.shape}, expected {parameter.shape}"
                )
            if value.dtype.kind != "f":
                raise DTypeError(f"{name}: {key} of parameter {number} must be real floats, got {value.dtype}")
            checked[key] = value
        return checked

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for position, group in enumerate(self.param_groups):
            settings = ", ".join(f"{key}={value}" for key, value in group.items() if key != "params")
            lines.append(f"  group {position}: {len(group['params'])} parameters, {settings}")
        return "\n".join([*lines, ")"])


def is_number(value: Any) -> bool:
    """Whether it is one number of the host: a tensor is none."""
    return not isinstance(value, Tensor) and hasattr(value, "__float__") and getattr(value, "size", 1) == 1


def _copied(value: Any) -> Any:
    """A setting for another owner: a learning rate that is a tensor would be changed in place."""
    if not isinstance(value, Tensor):
        return value
    return wrap(value._device.backend.xp.asarray(value._array, copy=True), value._device)
