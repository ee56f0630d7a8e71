"""Draw every activation of dlcore with its derivative, all in one picture.

    python examples/activations.py                     writes examples/output/activations.png
    python examples/activations.py --output plots      the same into another folder

The derivatives are those that training uses: autograd computes them. A function of a whole vector (softmax and its
relatives, GLU) is drawn as a function of one of its two inputs; the other one is 0, or as said in its title.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import dlcore as dl
import dlcore.nn.functional as F

plt.switch_backend("Agg")  # pictures go into files, so no display is needed


def beside_zero(function: Callable[..., dl.Tensor]) -> Callable[[dl.Tensor], dl.Tensor]:
    """The first element of function((x, 0)), for each x."""
    return lambda x: function(dl.stack([x, dl.zeros_like(x)]), dim=0)[0]


#: Title and function of each panel, from the perceptron's step to what a whole layer shares.
ACTIVATIONS: dict[str, Callable[[dl.Tensor], dl.Tensor]] = {
    "step (heaviside)": F.heaviside,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "softsign": F.softsign,
    "ReLU": F.relu,
    "ReLU6": F.relu6,
    "leaky ReLU, slope 0.1": lambda x: F.leaky_relu(x, 0.1),
    "PReLU, weight 0.25": lambda x: F.prelu(x, dl.tensor([0.25], dtype=x.dtype)),
    "ELU": F.elu,
    "SELU": F.selu,
    "CELU, alpha 2": lambda x: F.celu(x, 2.0),
    "softplus": F.softplus,
    "GELU (erf)": F.gelu,
    "GELU (tanh)": lambda x: F.gelu(x, approximate="tanh"),
    "SiLU (swish)": F.silu,
    "Mish": F.mish,
    "log sigmoid": F.logsigmoid,
    "tanhshrink": F.tanhshrink,
    "hard sigmoid": F.hardsigmoid,
    "hard swish": F.hardswish,
    "hard tanh": F.hardtanh,
    "threshold 1, value -1": lambda x: F.threshold(x, 1.0, -1.0),
    "hard shrink": F.hardshrink,
    "soft shrink": F.softshrink,
    "softmax of (x, 0)": beside_zero(F.softmax),
    "log-softmax of (x, 0)": beside_zero(F.log_softmax),
    "softmin of (x, 0)": beside_zero(F.softmin),
    "GLU of (1, x)": lambda x: F.glu(dl.stack([dl.ones_like(x), x]), dim=0)[0],
}
COLUMNS = 7


def curves(function: Callable[[dl.Tensor], dl.Tensor], points: Any) -> tuple[Any, Any]:
    """The function and its derivative at the points."""
    x = dl.tensor(points, requires_grad=True)
    y = function(x)
    if not y.requires_grad:  # the step: a constant to autograd
        return y.numpy(), np.zeros_like(points)
    (slope,) = dl.grad(y.sum(), x)
    assert slope is not None
    return y.numpy(), slope.numpy()


def draw(path: Path) -> None:
    """One panel for each activation: the function in black, its derivative dashed."""
    points = np.linspace(-5, 7.5, 2501)  # beyond 6, where ReLU6 is flat
    rows = -(-len(ACTIVATIONS) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(2.5 * COLUMNS, 2.5 * rows), sharex=True, sharey=True)
    for panel, (title, function) in zip(axes.flat, ACTIVATIONS.items(), strict=False):
        value, slope = curves(function, points)
        panel.axhline(0, color="0.85", linewidth=0.8)
        panel.axvline(0, color="0.85", linewidth=0.8)
        panel.plot(points, _broken(value, points), color="black", linewidth=1.8, label="f(x)")
        panel.plot(points, _broken(slope, points), color="0.4", linewidth=1.5, linestyle="--", label="df/dx")
        panel.set_title(title, fontsize=11)
        panel.set_ylim(-2.2, 6.8)
        panel.set_xlim(-5, 7.5)
        panel.set_xticks(range(-4, 8, 2))
    for panel in axes.flat[len(ACTIVATIONS) :]:
        panel.set_visible(False)
    for panel in axes[-1]:
        panel.set_xlabel("x")
    for panel in axes[:, 0]:
        panel.set_ylabel("f(x), df/dx")
    figure.suptitle("Activation functions and their derivatives", fontsize=16)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="upper right", ncols=2, fontsize=12)
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _broken(values: Any, points: Any) -> Any:
    """The values with a gap where they jump, so that no line is drawn that the function does not have."""
    jumps = np.abs(np.diff(values)) > 20 * np.diff(points)
    broken = np.asarray(values, np.float64).copy()
    broken[1:][jumps] = np.nan
    return broken


def main(arguments: list[str] | None = None) -> Path:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "output", help="folder for the picture (%(default)s)"
    )
    path = parser.parse_args(arguments).output / "activations.png"
    draw(path)
    print(f"{len(ACTIVATIONS)} activations: {path}")
    return path


if __name__ == "__main__":
    main()
