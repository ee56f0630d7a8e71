"""Small tables of real measurements, which travel with the library (`tools/make_tables.py` made the file).

Their features are as they were measured: standardise them, with the mean and deviation of what you train on.
"""

from __future__ import annotations

import numpy as np

from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._tensor import asarray
from dlcore.data.dataset import TensorDataset


def iris(*, device: str | device_ | None = None) -> TensorDataset:
    """Fisher's irises: length and width of sepal and petal, in cm, of 150 flowers of three species, 50 each.

    Args:
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the features, (150, 4) float32, and the species, (150,) int64: 0 setosa, 1 versicolor,
        2 virginica; sorted by species, so shuffle before you split (`random_split` does).

    Raises:
        DeviceError: as for `dl.device`.

    Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936; UCI
    Machine Learning Repository, https://doi.org/10.24432/C56C76, CC BY 4.0 (`LICENSE-tables.txt` beside the data).

    >>> features, species = dl.data.iris().tensors
    >>> features.shape, species[::50].tolist()
    ((150, 4), [0, 1, 2])
    """
    return _load("iris", device)


def breast_cancer(*, device: str | device_ | None = None) -> TensorDataset:
    """Diagnoses of 569 breast masses: 30 measurements of the cell nuclei in an image, malignant or benign.

    Args:
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the features, (569, 30) float32: mean, standard error and worst value, in this order, of
        radius, texture, perimeter, area, smoothness, compactness, concavity, concave points, symmetry and fractal
        dimension; and the diagnosis, (569,) int64: 0 malignant (212), 1 benign (357).

    Raises:
        DeviceError: as for `dl.device`.

    Source: W. Wolberg, O. Mangasarian, N. Street, W. Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine
    Learning Repository, 1993, https://doi.org/10.24432/C5DW2B, CC BY 4.0 (`LICENSE-tables.txt` beside the data).

    >>> features, benign = dl.data.breast_cancer().tensors
    >>> features.shape, int(benign.sum())
    ((569, 30), 357)
    """
    return _load("breast_cancer", device)


def wine(*, device: str | device_ | None = None) -> TensorDataset:
    """Chemical analyses of 178 wines from three growers: 13 quantities each.

    Args:
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the features, (178, 13) float32: alcohol, malic acid, ash, alcalinity of ash, magnesium,
        total phenols, flavanoids, nonflavanoid phenols, proanthocyanins, colour intensity, hue, OD280/OD315 of diluted
        wines, proline; and the grower, (178,) int64: 0 (59 wines), 1 (71), 2 (48); sorted by grower.

    Raises:
        DeviceError: as for `dl.device`.

    Source: S. Aeberhard, M. Forina, "Wine", UCI Machine Learning Repository, 1992, https://doi.org/10.24432/C5PC7J,
    CC BY 4.0 (`LICENSE-tables.txt` beside the data).

    >>> features, grower = dl.data.wine().tensors
    >>> features.shape, grower[0].item()
    ((178, 13), 0)
    """
    return _load("wine", device)


def diabetes(*, device: str | device_ | None = None) -> TensorDataset:
    """The progression of diabetes in 442 patients, one year after ten measurements: a regression.

    Args:
        device: where the tensors live; default the current device.

    Returns:
        A `TensorDataset` of the features, (442, 10) float32: age in years, sex (1 or 2), body mass index, average blood
        pressure, and of the blood serum total cholesterol, low- and high-density lipoproteins, total cholesterol / HDL,
        log of triglycerides, sugar; and a measure of the progression, (442,) float32 in 25..346.

    Raises:
        DeviceError: as for `dl.device`.

    Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, "Least angle regression", Annals of Statistics 32 (2),
    2004; as distributed with scikit-learn under the 3-clause BSD licence (`LICENSE-tables.txt` beside the data).

    >>> features, progression = dl.data.diabetes().tensors
    >>> features.shape, progression[0].item()
    ((442, 10), 151.0)
    """
    return _load("diabetes", device)


def _load(name: str, device: str | device_ | None) -> TensorDataset:
    where = current_device() if device is None else device_(device)

    from importlib.resources import files

    with files("dlcore.data").joinpath("tables.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = [archive[f"{name}_features"], archive[f"{name}_targets"]]
    return TensorDataset(*(asarray(array, device=where) for array in arrays))
