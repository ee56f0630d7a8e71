"""Activations that are smooth: products with a sigmoid or its relatives, logarithms, and what flattens out."""

from __future__ import annotations

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn.functional._args import floats, real_number
from dlcore.nn.functional.activation import sigmoid
from dlcore.nn.functional.pointwise import Pointwise
from dlcore.ops._common import axes_of

APPROXIMATIONS = {"none": "gelu", "tanh": "gelu_tanh"}


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x * Phi(x), with Phi the normal distribution's; derivative Phi(x) + x * phi(x), phi its density.

    Phi(x) = (1 + erf(x / sqrt(2))) / 2, or with "tanh" (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2.
    Hendrycks, Gimpel, "Gaussian error linear units", arXiv:1606.08415.

    Args:
        input: a float tensor of any shape.
        approximate: "none" or "tanh".

    >>> F.gelu(dl.tensor([0.0, 1.0]))
    tensor([0.       , 0.8413447])
    """
    x = floats("gelu", "input", input)
    return Pointwise(APPROXIMATIONS[approximation("gelu", approximate)])(x)


def silu(input: Tensor) -> Tensor:
    """x * sigmoid(x), also called swish; derivative s * (1 + x * (1 - s)) with s = sigmoid(x).

    Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units", Neural Networks 107, 2018.

    >>> F.silu(dl.tensor([0.0, 1.0]))
    tensor([0.       , 0.7310586])
    """
    return Pointwise("silu")(floats("silu", "input", input))


def mish(input: Tensor) -> Tensor:
    """x * t with t = tanh(softplus(x)); derivative t + x * sigmoid(x) * (1 - t^2).

    Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    >>> F.mish(dl.tensor([0.0, 1.0]))
    tensor([0.       , 0.8650984])
    """
    return Pointwise("mish")(floats("mish", "input", input))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta, and x itself where beta * x > threshold; derivative sigmoid(beta * x), there 1.

    Dugas et al., "Incorporating second-order functional knowledge for better option pricing", NIPS 2000.

    Args:
        input: a float tensor of any shape.
        beta: the larger, the nearer to ReLU; not 0.
        threshold: where the function is taken to have reached its asymptote.

    Raises:
        ValueError: beta is 0 or no finite number.

    >>> F.softplus(dl.tensor([0.0, 100.0]))
    tensor([  0.6931472, 100.       ])
    """
    x = floats("softplus", "input", input)
    if real_number("softplus", "beta", beta) == 0:
        raise ValueError("softplus: beta must not be 0, it divides")
    return Pointwise("softplus", float(beta), real_number("softplus", "threshold", threshold))(x)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)) = -softplus(-x), without overflow; derivative sigmoid(-x).

    >>> F.logsigmoid(dl.tensor([0.0, -100.0]))
    tensor([  -0.6931472, -100.       ])
    """
    return Pointwise("log_sigmoid")(floats("logsigmoid", "input", input))


def softsign(input: Tensor) -> Tensor:
    """x / (1 + abs(x)), element by element; derivative 1 / (1 + abs(x))^2.

    Bergstra et al., "Quadratic polynomials learn better image features", 2009.

    >>> F.softsign(dl.tensor([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """
    return Pointwise("softsign")(floats("softsign", "input", input))


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x), element by element; derivative tanh(x)^2.

    >>> F.tanhshrink(dl.tensor([0.0, 100.0]))
    tensor([ 0., 99.])
    """
    return Pointwise("tanhshrink")(floats("tanhshrink", "input", input))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a * sigmoid(b), where a and b are the two halves of x along `dim`.

    Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks", ICML 2017.

    Args:
        input: a float tensor whose size along `dim` is even.

    Raises:
        ShapeError: that size is odd, or there is no such axis.

    >>> F.glu(dl.tensor([2.0, 0.0]))
    tensor([1.])
    """
    x = floats("glu", "input", input)
    (axis,) = axes_of("glu", (dim,), x.ndim)
    if x.shape[axis] % 2:
        raise ShapeError(f"glu: input of shape {x.shape} must have an even size along dim {dim}, it is halved")
    half = x.shape[axis] // 2
    before = (slice(None),) * axis
    first: Tensor = x[(*before, slice(None, half))]
    return first * sigmoid(x[(*before, slice(half, None))])


def approximation(name: str, approximate: str) -> str:
    if approximate not in APPROXIMATIONS:
        raise ValueError(f"{name}: approximate must be 'none' or 'tanh', got {approximate!r}")
    return approximate
