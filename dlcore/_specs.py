"""What a primitive has to know besides its arrays: geometry, and the place in the random sequence."""

from __future__ import annotations

from typing import NamedTuple

from dlcore._errors import ShapeError


class Conv2dSpec(NamedTuple):
    """Everything about a 2-D convolution (cross-correlation, as in PyTorch) but its arrays."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # zeros added at the top, bottom, left, right
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def output_size(
        self, input_size: tuple[int, int], kernel_size: tuple[int, int], name: str = "conv2d"
    ) -> tuple[int, int]:
        """Height and width of the output: floor((size + padding - dilation*(kernel-1) - 1) / stride) + 1.

        `name` is what the error for a kernel that does not fit calls the operation.
        """
        top, bottom, left, right = self.padding
        sizes = []
        for size, kernel, stride, dilation, extra in zip(
            input_size, kernel_size, self.stride, self.dilation, (top + bottom, left + right), strict=True
        ):
            reach = dilation * (kernel - 1) + 1
            if reach > size + extra:
                raise _too_large(name, input_size, kernel_size, self.padding, self.dilation)
            sizes.append((size + extra - reach) // stride + 1)
        return sizes[0], sizes[1]


class Pool2dSpec(NamedTuple):
    """Everything about a 2-D pooling but its arrays."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, bottom, left, right
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    def output_size(self, input_size: tuple[int, int], name: str = "pool2d") -> tuple[int, int]:
        """Height and width of the output; `name` is what the error for a window that does not fit calls the operation.

        With `ceil_mode` a last window may hang over the end of the padded input, but it must start
        inside the input or the padding before it (PyTorch's rule).
        """
        top, bottom, left, right = self.padding
        sizes = []
        for size, kernel, stride, dilation, (before, after) in zip(
            input_size, self.kernel_size, self.stride, self.dilation, ((top, bottom), (left, right)), strict=True
        ):
            span = size + before + after - dilation * (kernel - 1) - 1
            if span < 0:
                raise _too_large(name, input_size, self.kernel_size, self.padding, self.dilation)
            count = span // stride + 1
            if self.ceil_mode:
                count = -(-span // stride) + 1
                if (count - 1) * stride >= size + before:
                    count -= 1
            sizes.append(count)
        return sizes[0], sizes[1]

    def index_dtype(self) -> str:
        """The dtype of the window index that max and min pooling return: the smallest that holds it."""
        return "uint8" if self.kernel_size[0] * self.kernel_size[1] <= 256 else "int32"


def _too_large(
    name: str,
    input_size: tuple[int, int],
    kernel_size: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> ShapeError:
    """The error for a kernel that is larger than the padded input, in the terms of the caller of `name`."""
    top, bottom, left, right = padding
    own = slice(1, None) if name.endswith("1d") else slice(None)  # the axes that the caller knows of
    even = top == bottom and left == right  # as the public functions take it: one number for height, one for width
    shown = str((top, left)[own]) if even else f"{padding} (top, bottom, left, right)"
    padded = (input_size[0] + top + bottom, input_size[1] + left + right)
    reach = tuple(d * (kernel - 1) + 1 for d, kernel in zip(dilation, kernel_size, strict=True))
    dilated = f" with dilation {dilation[own]}, which spans {reach[own]}," if reach != kernel_size else ""
    in_all = f", {padded[own]} in all" if padded != input_size else ""
    return ShapeError(
        f"{name}: kernel_size {kernel_size[own]}{dilated} does not fit into the input of size {input_size[own]} "
        f"with padding {shown}{in_all}"
    )


class PhiloxCounter(NamedTuple):
    """A position in the random sequence of Philox4x32-10: key = `seed`, counter = (`offset`, `stream`).

    Word `i` drawn from here is word `i % 4` of the block with counter `offset + i // 4`.
    """

    seed: int  # 0 <= seed < 2**64
    offset: int  # 0 <= offset < 2**64, in blocks of four 32-bit words
    stream: int  # 0 <= stream < 2**64


class MemoryInfo(NamedTuple):
    """Bytes of a GPU's memory: of the pool that this program's arrays come from, and of the whole device.

    >>> dl.cuda.memory_info("cusim").limit
    0
    """

    used: int  # in arrays
    pooled: int  # taken from the driver: in arrays, or kept for the next ones
    limit: int  # what the pool may take; 0: no limit
    free: int  # on the device, for any program
    total: int  # of the device
