"""Layers that change the size of images and sequences."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.module import Module


class Upsample(Module):
    """The input at another size, each element the nearest one of the input.

    Args:
        size, scale_factor, mode, align_corners, recompute_scale_factor: as for `dl.nn.functional.interpolate`.

    Shapes:
        (N, C, H, W) -> (N, C, *size), or (N, C, floor(H * scale_factor), floor(W * scale_factor)); with 1 or 3 axes
        behind (N, C), too.

    >>> dl.nn.Upsample(scale_factor=2)(dl.ones((1, 3, 4, 5))).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(
            x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"
