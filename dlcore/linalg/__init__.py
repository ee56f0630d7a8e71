"""Linear algebra under the names of the array API's extension, batched and differentiable to any order.

Matrices are the last two axes. float32, float64, complex64 and complex128 are computed by LAPACK, on a GPU by cuSOLVER.
"""

from dlcore.linalg._matrices import LinAlgError
from dlcore.linalg.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from dlcore.linalg.norms import matrix_norm, matrix_rank, vector_norm
from dlcore.linalg.products import cross, diagonal, matmul, matrix_transpose, outer, tensordot, trace, vecdot
from dlcore.linalg.solving import det, inv, matrix_power, pinv, slogdet, solve

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals",
    "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
