"""Normalisation, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = [
    "batch_norm_forward",
    "batch_norm_inference",
    "batch_norm_backward",
    "group_norm_forward",
    "group_norm_backward",
]

FOUND_COLUMNS, FOUND_PLANES = "batch_norm_statistics_columns", "batch_norm_statistics_planes"
SUMS_COLUMNS, SUMS_PLANES = "batch_norm_sums_columns", "batch_norm_sums_planes"
APPLY, GRADIENT = "batch_norm_apply", "batch_norm_gradient"
APPLY_COLUMNS, GRADIENT_COLUMNS = "batch_norm_apply_columns", "batch_norm_gradient_columns"
HELD_PLANES, HELD_COLUMNS = "batch_norm_forward_planes", "batch_norm_forward_columns"
HELD_BACK_PLANES, HELD_BACK_COLUMNS = "batch_norm_backward_planes", "batch_norm_backward_columns"
FORWARD_WARP, FORWARD_BLOCK = "group_norm_forward_warp", "group_norm_forward_block"
BACKWARD_WARP, BACKWARD_BLOCK = "group_norm_backward_warp", "group_norm_backward_block"
GROUP_COLUMNS, GROUP_PLANES = "group_norm_sums_columns", "group_norm_sums_planes"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- moments, in normalization.cuh ---
    ("batch_norm", FOUND_COLUMNS, "const REAL share = 1 / count;", "const REAL share = 1 / (count + 1);"),
    (
        "batch_norm",
        FOUND_COLUMNS,
        "squares.values[j] += off * (values.values[j] - mean.values[j]);",
        "squares.values[j] += off * off;",
    ),
    (
        "batch_norm",
        FOUND_PLANES,
        "squares.values[j] += other.squares.values[j] + off * off * count * share;",
        "squares.values[j] += other.squares.values[j];",
    ),
    ("batch_norm", FOUND_PLANES, "more.squares.values[0] += off * off;", ""),
    (
        "batch_norm",
        FOUND_PLANES,
        "mean.values[j] += off * share;\n            squares.values[j] += other",
        "mean.values[j] += off;\n            squares.values[j] += other",
    ),
    ("batch_norm", FOUND_PLANES, "squares.values[j] += count * off * off;", ""),
    ("batch_norm", FOUND_PLANES, "middle.values[j] = count * mean.values[j];", "middle.values[j] = mean.values[j];"),
    ("batch_norm", FOUND_COLUMNS, "        total(squares);\n", ""),
    (
        "batch_norm",
        FOUND_COLUMNS,
        "store_pack<WIDTH>(to + 2 * stride, squares);",
        "store_pack<WIDTH>(to + 2 * stride, mean);",
    ),
    ("batch_norm", FOUND_PLANES, "count = load_pack<WIDTH>(from).values[0];", "count = 1;"),
    (
        "batch_norm",
        FOUND_COLUMNS,
        "const REAL rest = (around - (sum - added)) + (off - added);",
        "const REAL rest = 0;",
    ),
    (
        "batch_norm",
        FOUND_PLANES,
        "(around - (sum - added)) + (off - added);",
        "(around - (sum - added)) - (off - added);",
    ),
    ("batch_norm", FOUND_PLANES, "1 / square_root(variance(j) + eps)}", "1 / square_root(variance(j))}"),
    ("batch_norm", FOUND_COLUMNS, "return squares.values[j] / count;", "return squares.values[j] / (count - 1);"),
    # --- reduce_columns and reduce_planes ---
    ("batch_norm", FOUND_COLUMNS, "row < rows; row += step) {", "row + 1 < rows; row += step) {"),
    ("batch_norm", FOUND_COLUMNS, "row * channels + channel);\n        }", "row * channels);\n        }"),
    (
        "batch_norm",
        FOUND_COLUMNS,
        "if (!is_last_block(tickets + blockIdx.x, gridDim.y)) return;\n"
        "        found = Accumulator{};\n        if (inside)",
        "found = Accumulator{};\n if (inside)",
    ),
    (
        "batch_norm",
        SUMS_COLUMNS,
        "threadIdx.y == 0) found.store(partials + blockIdx.y * channels + channel",
        "threadIdx.y == 0) found.store(partials + channel",
    ),
    (
        "batch_norm",
        SUMS_COLUMNS,
        "share = threadIdx.y; share < gridDim.y;",
        "share = threadIdx.y + 1; share < gridDim.y;",
    ),
    ("batch_norm", SUMS_PLANES, "pack < packs; pack += step", "pack + 1 < packs; pack += step"),
    ("batch_norm", SUMS_PLANES, "const INDEX packs = outer * packs_in_plane;", "const INDEX packs = packs_in_plane;"),
    ("batch_norm", SUMS_PLANES, "plane += step_planes;", ""),
    ("batch_norm", SUMS_PLANES, "place -= packs_in_plane;\n            ++plane;", "place -= packs_in_plane;"),
    (
        "batch_norm",
        SUMS_PLANES,
        "if (threadIdx.x == 0) finish(channel, found);",
        "if (threadIdx.x == 0) finish(0, found);",
    ),
    ("batch_norm", SUMS_PLANES, "first.values[j] += other.first.values[j];", ""),
    (
        "batch_norm",
        FOUND_PLANES,
        "found.merge(other);\n        }\n        found.combine(total);\n    }\n    if (threadIdx.x == 0)",
        "found.merge(other);\n        }\n    }\n    if (threadIdx.x == 0)",
    ),
    # --- batch_norm.cu ---
    ("batch_norm", FOUND_PLANES, "static_cast<double>(*batches + 1)", "static_cast<double>(*batches)"),
    ("batch_norm", FOUND_COLUMNS, "found.count / larger(found.count - 1, REAL(1));", "1;"),
    ("batch_norm", FOUND_PLANES, "if (running_mean) move(running_mean[channel + j], s.mean, share);", ""),
    (
        "batch_norm",
        FOUND_COLUMNS,
        "move(running_var[channel + j], found.variance(j) * unbiased, share)",
        "move(running_var[channel], found.variance(j) * unbiased, share)",
    ),
    (
        "batch_norm",
        FOUND_PLANES,
        "from_real<SCALAR>((1 - share) * to_real(running) + share * to);",
        "from_real<SCALAR>(share * to_real(running) + (1 - share) * to);",
    ),
    ("batch_norm", FOUND_COLUMNS, "values.values[j] -= around.values[j];", ""),
    ("batch_norm", APPLY, "if (batches && grid_start<INDEX>() == 0) ++*batches;", ""),
    ("batch_norm", APPLY, "if (batches && grid_start<INDEX>() == 0) ++*batches;", "if (batches) ++*batches;"),
    (
        "batch_norm",
        APPLY,
        "is_aligned(x) && is_aligned(out) ? n / VECTOR : 0;",
        "is_aligned(x) && is_aligned(out) ? n / VECTOR + 1 : 0;",
    ),
    (
        "batch_norm",
        APPLY,
        "to_real(value) - line.mean - line.rest)",
        "to_real(value) - line.mean)",
    ),
    ("batch_norm", APPLY, "if (++place == inner && j + 1 < WIDTH)", "if (place++ == inner && j + 1 < WIDTH)"),
    ("batch_norm", APPLY, "if (++channel == channels) channel = 0;", "++channel;"),
    (
        "batch_norm",
        APPLY,
        "INDEX place = first - row * inner, channel = row % channels;",
        "INDEX place = 0, channel = row % channels;",
    ),
    (
        "batch_norm",
        APPLY,
        "1 / square_root(to_real(variance[channel]) + eps)",
        "1 / square_root(to_real(variance[channel]))",
    ),
    ("batch_norm", APPLY, "bias ? to_real(bias[channel]) : REAL(0)", "REAL(0)"),
    (
        "batch_norm_held",
        HELD_BACK_PLANES,
        "-factor * s.inverse * by_weight / elements,",
        "factor * s.inverse * by_weight / elements,",
    ),
    ("batch_norm_held", HELD_BACK_COLUMNS, "-factor * by_bias / elements}", "-factor * by_bias}"),
    (
        "batch_norm",
        SUMS_COLUMNS,
        "(values.values[j] - mean.values[j] - rest.values[j]);",
        "(values.values[j] - mean.values[j]);",
    ),
    (
        "batch_norm",
        SUMS_PLANES,
        "found.second.values[0] += g.values[j] * s.deviation(values.values[j]);",
        "found.second.values[0] += g.values[j] * values.values[j];",
    ),
    ("batch_norm", SUMS_PLANES, "bias_grad[c] = from_real", "bias_grad[0] = from_real"),
    ("batch_norm", GRADIENT, "if (!x) return Line{0, 0, factor, 0, 0};", ""),
    ("batch_norm", GRADIENT, "sum += line.of_grad * to_real(g);", "sum += to_real(g);"),
    ("batch_norm", APPLY_COLUMNS, "blockIdx.x + blockIdx.y + threadIdx.x + threadIdx.y == 0", "threadIdx.x == 0"),
    ("batch_norm", APPLY_COLUMNS, "lines[j] = line_of(channel + j);", "lines[j] = line_of(channel);"),
    (
        "batch_norm",
        APPLY_COLUMNS,
        "row < rows; row += step) {\n        Pack<SCALAR",
        "row + 1 < rows; row += step) {\n Pack<SCALAR",
    ),
    ("batch_norm", APPLY_COLUMNS, "if (channel >= channels) return;", "if (channel > channels) return;"),
    ("batch_norm", GRADIENT_COLUMNS, "if (grad) grads = load_pack<WIDTH>(grad + row * channels + channel);", ""),
    (
        "batch_norm",
        GRADIENT_COLUMNS,
        "store_pack<WIDTH>(out + row * channels + channel, values);",
        "store_pack<WIDTH>(out + row * channels, values);",
    ),
    ("batch_norm", SUMS_PLANES, "lines[c] = of.x.of_grad;", "lines[c] = of.x.of_x;"),
    (
        "batch_norm",
        SUMS_COLUMNS,
        "weight_grad[c] = from_real<SCALAR>(of.weight);",
        "weight_grad[c] = from_real<SCALAR>(of.bias);",
    ),
    # --- batch_norm_held.cu ---
    ("batch_norm_held", HELD_PLANES, "if (plane < planes) body(", "if (plane <= planes) body("),
    (
        "batch_norm_held",
        HELD_PLANES,
        "if (batches && grid_start<INDEX>() == 0) ++*batches;",
        "if (batches) ++*batches;",
    ),
    ("batch_norm_held", HELD_PLANES, "plane += step_planes;", ""),
    (
        "batch_norm_held",
        HELD_PLANES,
        "            if (place >= packs_in_plane) {",
        "            if (place > packs_in_plane) {",
    ),
    ("batch_norm_held", HELD_PLANES, "return threadIdx.x == 0; }", "return true; }"),
    ("batch_norm_held", HELD_PLANES, "values.values[j] -= around.values[Held::column(j)];", ""),
    ("batch_norm_held", HELD_COLUMNS, "if (row < rows) body(", "if (row + 1 < rows) body("),
    ("batch_norm_held", HELD_COLUMNS, "if (!inside()) return;", ""),
    ("batch_norm_held", HELD_COLUMNS, "blockIdx.x + threadIdx.x + threadIdx.y == 0", "blockIdx.x + threadIdx.x == 0"),
    (
        "batch_norm_held",
        HELD_COLUMNS,
        "around.values[j], store.eps), weight, bias, channel + j);",
        "around.values[j], store.eps), weight, bias, channel);",
    ),
    (
        "batch_norm_held",
        HELD_COLUMNS,
        "static __device__ __forceinline__ int column(int j) { return j; }",
        "static __device__ __forceinline__ int column(int j) { return 0; }",
    ),
    ("batch_norm_held", HELD_BACK_PLANES, "found.first.values[c] += g;", "found.first.values[c] = g;"),
    (
        "batch_norm_held",
        HELD_BACK_PLANES,
        "packs[1] = load_pack<WIDTH>(x + first);",
        "packs[1] = load_pack<WIDTH>(grad + first);",
    ),
    ("batch_norm_held", HELD_BACK_PLANES, "store_pack<WIDTH>(grad_x + first, result);", ""),
    (
        "batch_norm_held",
        HELD_BACK_COLUMNS,
        "of_column[j] = load_statistic(statistics, held.channels, channel + j);",
        "of_column[j] = load_statistic(statistics, held.channels, channel);",
    ),
    ("batch_norm_held", HELD_BACK_COLUMNS, "weight_grad[channel + j] = from_real", "weight_grad[channel] = from_real"),
    (
        "batch_norm_held",
        HELD_BACK_COLUMNS,
        "weight ? weight + channel + j : nullptr, elements",
        "weight ? weight : nullptr, elements",
    ),
    # --- group_norm.cu ---
    (
        "group_norm",
        FORWARD_WARP,
        "if (row >= rows) return;  // the whole warp\n    const Group<32> warp{nullptr};\n"
        "    const INDEX length = per_group * inner;\n    x +=",
        "if (row > rows) return;\n const Group<32> warp{nullptr};\nconst INDEX length = per_group * inner;\n x +=",
    ),
    ("group_norm", FORWARD_WARP, "values + row % groups * per_group", "values + row % groups"),
    (
        "group_norm",
        FORWARD_WARP,
        "if (inner == 1) return to_reals(load_pack<WIDTH>(values + first));",
        "if (inner == 1) return to_reals(load_pack<WIDTH>(values));",
    ),
    ("group_norm", FORWARD_WARP, "if (group.thread() == 0) store_statistic(statistics, rows, row, s);", ""),
    ("group_norm", FORWARD_WARP, "value * factors.values[j] + constants.values[j]", "value * factors.values[j]"),
    ("group_norm", FORWARD_WARP, "const REAL around = to_real(x[0]);", "const REAL around = 0;"),
    (
        "group_norm",
        FORWARD_BLOCK,
        "for (int j = 0; j < WIDTH; ++j) values.values[j] -= around;\n        found.add_all",
        "found.add_all",
    ),
    (
        "group_norm",
        FORWARD_WARP,
        "if (++place == inner && j + 1 < WIDTH) {\n            place = 0;\n            value",
        "if (++place == inner && j + 1 < WIDTH) {\n            value",
    ),
    ("group_norm", FORWARD_BLOCK, "value = to_real(values[++channel]);", "value = to_real(values[channel]);"),
    (
        "group_norm",
        FORWARD_BLOCK,
        "first < length; first += THREADS * WIDTH",
        "first + WIDTH < length; first += THREADS * WIDTH",
    ),
    ("group_norm", FORWARD_BLOCK, "T total = shared[0];\n#pragma unroll", "T total = 0;\n#pragma unroll"),
    ("group_norm", BACKWARD_WARP, "group.template reduce<Sum>(sum) / length;", "group.template reduce<Sum>(sum);"),
    ("group_norm", BACKWARD_WARP, "product += u * s.normalised(", "product += s.normalised("),
    ("group_norm", BACKWARD_WARP, "s.inverse * (u - sum - value * product)", "u - sum - value * product"),
    ("group_norm", BACKWARD_BLOCK, "group.template reduce<Sum>(product) / length;", "product / length;"),
    (
        "group_norm",
        BACKWARD_BLOCK,
        "s.inverse * (u - sum - value * product)",
        "s.inverse * (u - sum + value * product)",
    ),
    ("group_norm", GROUP_COLUMNS, "if (j > 0 && groups > 1 && (column + j) / per_group != group)", "if (false)"),
    (
        "group_norm",
        GROUP_COLUMNS,
        "sample * groups + group);\n#pragma unroll\n            for (int j = 0; j < WIDTH; ++j) {\n                if",
        "group);\n#pragma unroll\n            for (int j = 0; j < WIDTH; ++j) {\n                if",
    ),
    (
        "group_norm",
        GROUP_COLUMNS,
        "weight_grad[channel + j] = from_real<SCALAR>(found.second.values[j]);",
        "weight_grad[channel + j] = from_real<SCALAR>(found.first.values[j]);",
    ),
    (
        "group_norm",
        GROUP_PLANES,
        "const INDEX group = static_cast<INDEX>(blockIdx.x) / per_group;",
        "const INDEX group = 0;",
    ),
    ("group_norm", GROUP_PLANES, "found.first.values[0] += g.values[j];", "found.first.values[0] = g.values[j];"),
    (
        "group_norm",
        GROUP_PLANES,
        "found.second.values[0] += g.values[j] * s.normalised(values.values[j]);",
        "found.second.values[0] += g.values[j] * values.values[j];",
    ),
]
