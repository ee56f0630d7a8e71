"""What a network is made of. The table is made in `_summary_table`, which is imported when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlcore.nn._summary_table import Summary
    from dlcore.nn.module import Module


def summary(module: Module, input_shape: Any, dtype: Any = None) -> Summary:
    """Call the module once on zeros, in evaluation mode and without a graph, and note what its layers do.

    A layer is a module without modules in it, or with parameters of its own. Modules and their training modes are left
    as they were.

    Floating-point operations are those of one forward pass, a multiplication and an addition counting as two:

    - Linear, Perceptron: 2 * in_features for each output.
    - convolutions: 2 * (in_channels / groups) * kernel elements for each output; transposed ones the same for each
      input, with out_channels.
    - max, min and average pooling: the elements of the window for each output; adaptive ones likewise, of each part.
    - normalisation of batches: 2 for each element (scale and shift with what is known in evaluation); of layers and
      groups: 8 (mean, variance, scale, shift).
    - activations: 1 for each element where they compare and multiply, 4 where they take an exponential and divide
      (sigmoid, tanh, softmax and those made of them).
    - Dropout, Flatten, Unflatten, Identity, Upsample, Embedding: 0.

    Args:
        module: any module.
        input_shape: the shape of the input with its batch axis, such as (1, 1, 28, 28); or a list of the shapes of
            several inputs.
        dtype: of the input; default float32, or the dtype of the first floating parameter.

    Returns:
        A `Summary`: `rows`, `trainable`, `frozen`, `flops`, `parameter_bytes`, `activation_bytes`; print it for a
        table. What is not known is "-".

    Raises:
        TypeError, ShapeError: an input_shape that is no shape; and whatever the module raises.

    >>> dl.nn.summary(dl.nn.Sequential(dl.nn.Linear(4, 3), dl.nn.ReLU()), (1, 4))
    layer  kind    output shape  parameters  FLOPs  bytes
    -----------------------------------------------------
    0      Linear  (1, 3)                15     24     72
    1      ReLU    (1, 3)                 0      3     12
    -----------------------------------------------------
    parameters: 15 trainable, 0 frozen
    FLOPs: 27
    bytes: 60 parameters, 24 activations, 16 input
    """
    from dlcore.nn._summary_table import summarised

    return summarised(module, input_shape, dtype)
