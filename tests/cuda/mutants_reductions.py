"""Sums, norms and scaling, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["sum", "l2_norm", "scale"]

COLUMNS, PLANES, ROWS, NORM = "sums_in_columns", "sums_in_planes", "sums_in_rows", "l2_norm"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    ("reductions", COLUMNS, "row < rows; row += step", "row + 1 < rows; row += step"),
    ("reductions", COLUMNS, "threadIdx.x) * WIDTH;\n    const bool", "threadIdx.x);\n const bool"),
    ("reductions", COLUMNS, "const bool inside = channel < channels;", "const bool inside = true;"),
    ("reductions", COLUMNS, "row * channels + channel)", "row * channels)"),
    ("reductions", COLUMNS, "if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;\n        sums", "sums"),
    ("reductions", COLUMNS, "mine[j * threads + step * blockDim.x]", "mine[j * threads + step]"),
    ("reductions", COLUMNS, "if (threadIdx.y < step)", "if (threadIdx.y <= step)"),
    ("reductions", COLUMNS, "finish(channel + j, sums.values[j]);", "finish(channel + j, sums.values[0]);"),
    ("reductions", PLANES, "pack < packs; pack += step", "pack + 1 < packs; pack += step"),
    ("reductions", PLANES, "const INDEX packs = outer * packs_in_plane;", "const INDEX packs = packs_in_plane;"),
    ("reductions", PLANES, "if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;\n        sum =", "sum ="),
    (
        "reductions",
        PLANES,
        "lane == 0) shared[warp] = value;\n    __syncthreads();\n    T total = shared[0];\n    for",
        "lane == 0) shared[warp] = value;\n T total = shared[0];\n for",
    ),
    ("reductions", PLANES, "i < warps; ++i) total", "i + 1 < warps; ++i) total"),
    ("reductions", PLANES, "const INDEX channel = blockIdx.x;", "const INDEX channel = 0;"),
    ("reductions", PLANES, "out[channel] = from_real<SCALAR>(sum);", "out[0] = from_real<SCALAR>(sum);"),
    ("reductions", ROWS, "if (row >= rows) return;", "if (row > rows) return;"),
    ("reductions", ROWS, "first < length; first += 32 * WIDTH", "first + 32 < length; first += 32 * WIDTH"),
    ("reductions", ROWS, "(threadIdx.x % 32) * WIDTH;", "threadIdx.x % 32;"),
    ("reductions", ROWS, "return warp_reduce<Sum>(sum);", "return sum;"),
    ("reductions", ROWS, "x += row * length;", "x += row;"),
    ("reductions", NORM, "values.values[j] *= values.values[j];", ""),
    ("reductions", NORM, "from_real<SCALAR>(square_root(sum));", "from_real<SCALAR>(sum);"),
    ("reductions", NORM, "WIDTH > 1 && blockIdx.y == 0 &&", "WIDTH > 1 &&"),
    ("reductions", NORM, "at<1>(packs_in_plane * WIDTH + threadIdx.x)", "at<1>(packs_in_plane * WIDTH)"),
    ("scale", "scale", "in_memory ? to_real(*in_memory) : number;", "number;"),
    ("scale", "scale", "is_aligned(x) ? n / VECTOR : 0;", "(n + VECTOR - 1) / VECTOR;"),
    ("scale", "scale", "scale_pack<VECTOR>(x + i * VECTOR, factor);", "scale_pack<VECTOR>(x + i, factor);"),
    ("scale", "scale", "packs * VECTOR + grid_start<INDEX>(); i < n;", "packs + grid_start<INDEX>(); i < n;"),
    ("scale", "scale", "to_real(values.values[j]) * factor", "to_real(values.values[0]) * factor"),
    ("scale", "scale", "store_pack<WIDTH>(x, values);", ""),
]
