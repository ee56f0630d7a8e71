"""The UCI hand-written digits, which travel with the library."""

from __future__ import annotations

import numpy as np

from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._tensor import asarray
from dlcore.data.dataset import TensorDataset


def digits(train: bool | None = True, *, device: str | device_ | None = None) -> TensorDataset:
    """Real hand-written digits: 1797 images of 8x8, by 13 writers. Embedded, so nothing is downloaded.

    Args:
        train: True gives the 1438 images to train on (the default), False the 359 held out for evaluation, None all
            1797 in the order of the source. The held-out fifth is stratified (35 to 37 images of each digit) and
            fixed: it was drawn once, with seed 0 of `numpy.random.RandomState`, and is stored with the images.
            Both parts have images of every writer; figures for unseen writers would be lower.
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the images, (N, 1, 8, 8) float32 in [0, 1] (multiples of 1/16), and the labels, (N,)
        int64 in 0..9.

    Raises:
        DeviceError: as for `dl.device`.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    1998, https://doi.org/10.24432/C50P49, CC BY 4.0 (`LICENSE-digits.txt` beside the data).

    >>> import dlcore as dl
    >>> images, labels = dl.data.digits().tensors
    >>> images.shape, labels.shape
    ((1438, 1, 8, 8), (1438,))
    >>> len(dl.data.digits(train=False))
    359
    """
    if train not in (True, False, None):
        raise TypeError(f"digits: train must be True, False or None, got {train!r}")

    where = current_device() if device is None else device_(device)

    from importlib.resources import files

    with files("dlcore.data").joinpath("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        images, labels, held_out = archive["images"], archive["labels"], archive["held_out"]
    chosen = slice(None) if train is None else held_out != train
    scaled = images[chosen, np.newaxis].astype(np.float32) / np.float32(16)
    return TensorDataset(asarray(scaled, device=where), asarray(labels[chosen].astype(np.int64), device=where))
