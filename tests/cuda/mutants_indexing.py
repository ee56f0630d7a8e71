"""Scatter-add and index checks, each made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["scatter_add", "check_index_range"]

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- scatter_add.cu, which both of its kernels share ---
    ("scatter_add", "scatter_add_scan", "sums[j] = 0;", ";"),
    (
        "scatter_add",
        "scatter_add_scan",
        "sums[j] = add_rn(sums[j], to_real(row.values[j]));",
        "sums[j] = to_real(row.values[j]);",
    ),
    ("scatter_add", "scatter_add_scan", "(vectors + blockDim.x - 1) / blockDim.x;", "vectors / blockDim.x + 1;"),
    ("scatter_add", "scatter_add_sorted", "down * blockDim.y + threadIdx.y", "down * blockDim.y"),
    ("scatter_add", "scatter_add_scan", "* (vectorized ? VECTOR : 1);", ";"),
    ("scatter_add", "scatter_add_scan", "vectorized ? columns / VECTOR : columns;", "columns;"),
    # --- scatter_add_scan ---
    ("scatter_add", "scatter_add_scan", "if (place.row >= size) return;  // a whole warp", ""),
    ("scatter_add", "scatter_add_scan", "start + lane < rows && index", "index"),
    ("scatter_add", "scatter_add_scan", "start < rows; start += 32", "start + 32 <= rows; start += 32"),
    ("scatter_add", "scatter_add_scan", "index[start + lane] == row;", "index[start + lane] >= row;"),
    ("scatter_add", "scatter_add_scan", "__ffs(static_cast<int>(hits)) - 1;", "31 - __clz(static_cast<int>(hits));"),
    ("scatter_add", "scatter_add_scan", "hits &= hits - 1;", "hits = 0;"),
    ("scatter_add", "scatter_add_scan", "count = k + 1;", "count = k;"),
    ("scatter_add", "scatter_add_scan", "if (has_column && k < count)", "if (has_column)"),
    ("scatter_add", "scatter_add_scan", "if (has_column) ahead[k] =", "ahead[k] ="),
    ("scatter_add", "scatter_add_scan", "if (has_column) sums.store", "sums.store"),
    # --- scatter_add_sorted ---
    ("scatter_add", "scatter_add_sorted", "place.row >= size || place.column >= columns", "place.row >= size"),
    ("scatter_add", "scatter_add_sorted", "place.row >= size || place.column", "place.row > size || place.column"),
    ("scatter_add", "scatter_add_sorted", "if (sorted[middle] < row)", "if (sorted[middle] <= row)"),
    ("scatter_add", "scatter_add_sorted", "low = middle + 1;", "low = middle;"),  # hangs
    ("scatter_add", "scatter_add_sorted", "first_not_below(sorted, start, rows, place.row + 1);", "rows;"),
    ("scatter_add", "scatter_add_sorted", "order[i + k] * columns", "order[i] * columns"),
    ("scatter_add", "scatter_add_sorted", "for (; i < end; ++i) sums.add", "for (; i + 1 < end; ++i) sums.add"),
    ("scatter_add", "scatter_add_sorted", "i + AHEAD <= end; i", "i < end; i"),
    # --- index_range.cu ---
    ("index_range", "check_index_range", "value < first ||", "value <= first ||"),
    ("index_range", "check_index_range", "|| value > last)", "|| value >= last)"),
    ("index_range", "check_index_range", "!(has_ignore && value == ignore)", "!has_ignore"),
    ("index_range", "check_index_range", "value == ignore)", "false)"),
    (
        "index_range",
        "check_index_range",
        "int j = PACK - 1; j >= 0; --j",
        "int j = 0; j < PACK; ++j",
    ),  # the last, not the first
    ("index_range", "check_index_range", "int j = PACK - 1; j >= 0", "int j = PACK - 1; j > 0"),
    ("index_range", "check_index_range", "packs * PACK + grid_start", "packs * PACK + 1 + grid_start"),
    ("index_range", "check_index_range", "? n / PACK : 0", "? (n + PACK - 1) / PACK : 0"),
    ("index_range", "check_index_range", "atomicMax(found", "atomicMin(found"),
    (
        "index_range",
        "check_index_range",
        "atomicMax(found, static_cast<unsigned long long>(n - position))",
        "*found = n - position",
    ),
    ("index_range", "check_index_range", "<unsigned long long>(n - position)", "<unsigned long long>(position)"),
    ("index_range", "check_index_range", "atomicExch(found, 0ull)", "*found"),  # is not cleared
    ("index_range", "check_index_range", "index[n - distance]", "index[distance]"),
    ("index_range", "check_index_range", "record[1] = message;", ""),
    ("index_range", "check_index_range", "record[0] = 1;", ""),
    ("index_range", "check_index_range", "is_last_block(tickets, gridDim.x) && threadIdx.x == 0", "threadIdx.x == 0"),
]
