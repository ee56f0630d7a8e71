"""The embedding layer."""

from __future__ import annotations

from typing import Any, Self

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn import functional, init
from dlcore.nn.functional._args import floats
from dlcore.nn.functional.embedding import padding_row
from dlcore.nn.linear import positive_int
from dlcore.nn.module import Module, Parameter
from dlcore.ops import zeros


class Embedding(Module):
    """A learned row for each of V numbers; see `dl.nn.functional.embedding`.

    Args:
        num_embeddings, embedding_dim: V and D.
        padding_idx: a row that starts as zeros and gets no gradient; negative ones count from the end.
        max_norm: rows that are looked up are first scaled down, in place, to this `norm_type`-norm at most.
        scale_grad_by_freq: divide the gradient of a row by how often it was looked up.
        sparse: gradients are dense here; True is refused.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (V, D), standard normal.

    Shapes:
        integers (...) -> (..., D)

    >>> dl.nn.Embedding(10, 3)(dl.tensor([[1, 2], [9, 0]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.num_embeddings = positive_int("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = positive_int("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = padding_row("Embedding", padding_idx, num_embeddings)
        if sparse:
            raise ValueError("Embedding: sparse=True is not supported; gradients are dense")
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = bool(scale_grad_by_freq), False
        shape = num_embeddings, embedding_dim
        if _weight is None:
            self.weight = Parameter(zeros(shape, dtype=dtype, device=device), requires_grad=not _freeze)
            self.reset_parameters()
        else:
            table = floats("Embedding", "_weight", _weight)
            if table.shape != shape:
                raise ShapeError(f"Embedding: _weight must have shape {shape}, got {table.shape}")
            self.weight = Parameter(table, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer over a table (V, D) whose memory it shares; `freeze`: it is not trained.

        >>> dl.nn.Embedding.from_pretrained(dl.tensor([[1.0, 2.0], [3.0, 4.0]]))(dl.tensor([1]))
        tensor([[3., 4.]])
        """
        table = floats("Embedding.from_pretrained", "embeddings", embeddings)
        if table.ndim != 2:
            raise ShapeError(f"Embedding.from_pretrained: embeddings must have shape (V, D), got {table.shape}")
        rows, columns = table.shape
        return cls(
            rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=table, _freeze=freeze
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.embedding(
            x, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        for name, default in (("padding_idx", None), ("max_norm", None), ("norm_type", 2.0)):
            if getattr(self, name) != default:
                parts.append(f"{name}={getattr(self, name)}")
        if self.scale_grad_by_freq:
            parts.append("scale_grad_by_freq=True")
        return ", ".join(parts)
