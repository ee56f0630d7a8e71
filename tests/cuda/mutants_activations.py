"""Activations and softmax, each made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["bias_activation_forward", "bias_activation_backward", "softmax_forward", "softmax_backward"]

FORWARD, FORWARD_COLUMNS = "bias_activation_forward", "bias_activation_forward_columns"
BACKWARD, COLUMNS, PLANES = "activation_backward", "bias_activation_backward_columns", "bias_activation_backward_planes"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- the table of activations ---
    ("bias_activation", FORWARD, "larger(x, T(0)), saved", "x > 0 ? x : T(0), saved"),  # loses NaN
    ("bias_activation", BACKWARD, "saved <= 0 ? 0 : g)", "saved < 0 ? 0 : g)"),
    ("bias_activation", BACKWARD, "saved <= 0 ? 0 : g)", "saved > 0 ? g : 0)"),  # loses NaN
    ("bias_activation", FORWARD, "exponential(-absolute(x));", "exponential(absolute(x));"),
    ("bias_activation", FORWARD, "x < 0 ? small : T(1)", "T(1)"),
    ("bias_activation", BACKWARD, "g * (1 - saved) * saved", "g * (1 + saved) * saved"),
    ("bias_activation", BACKWARD, "g * (1 - saved * saved)", "g * (1 - saved)"),
    ("bias_activation", FORWARD, "x > 0 ? x : alpha * negative(x)", "x > 0 ? x : negative(x)"),
    ("bias_activation", BACKWARD, "saved > 0 ? g : g * alpha)", "saved >= 0 ? g : g * alpha)"),
    ("bias_activation", FORWARD, "alpha * exponential_less_one(negative(x))", "alpha * exponential(negative(x))"),
    ("bias_activation", BACKWARD, "g * alpha * exponential(negative(saved))", "g * alpha * negative(saved)"),
    # --- forward ---
    ("bias_activation", FORWARD, "if (biased) sum +=", "if (biased) sum -="),
    ("bias_activation", FORWARD, "is_aligned(x) && is_aligned(out) ? n / VECTOR : 0", "n / VECTOR + 1"),
    (
        "bias_activation",
        FORWARD,
        "activate_at<VECTOR>(x, bias, out, i * VECTOR,",
        "activate_at<VECTOR>(x, bias, out, i,",
    ),
    (
        "bias_activation",
        FORWARD,
        "packs * VECTOR + grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {",
        "packs * VECTOR + grid_start<INDEX>(); i + 1 < n; i += grid_stride<INDEX>()) {",
    ),
    ("bias_activation", FORWARD, "const INDEX row = first / inner;", "const INDEX row = first / (inner + 1);"),
    ("bias_activation", FORWARD, "INDEX channel = row % channels;", "INDEX channel = row % (channels + 1);"),
    ("bias_activation", FORWARD, "if (++place == inner && j + 1 < WIDTH)", "if (place++ == inner && j + 1 < WIDTH)"),
    ("bias_activation", FORWARD, "if (++channel == channels) channel = 0;", "++channel;"),
    ("bias_activation", FORWARD_COLUMNS, "if (channel >= channels) return;", "if (channel > channels) return;"),
    ("bias_activation", FORWARD_COLUMNS, "load_pack<WIDTH>(bias + channel);", "load_pack<WIDTH>(bias);"),
    (
        "bias_activation",
        FORWARD_COLUMNS,
        "out + (row + k * step) * channels + channel,",
        "out + (row + k) * channels + channel,",
    ),
    ("bias_activation", FORWARD_COLUMNS, "if (row + k * step < rows) values", "if (row + k * step <= rows) values"),
    # --- backward ---
    ("bias_activation", BACKWARD, "if (saved) kept = load_pack", "if (false) kept = load_pack"),
    ("bias_activation", BACKWARD, "backward.at<VECTOR>(i * VECTOR);", "backward.at<VECTOR>(i);"),
    ("bias_activation", PLANES, "store_pack<WIDTH>(grad_x + first, stored);", ""),
    ("bias_activation", PLANES, "bias_grad[channel] = from_real", "bias_grad[0] = from_real"),
    (
        "bias_activation",
        FORWARD_COLUMNS,
        "    __syncthreads();\n    if (channel >= channels) return;",
        "    if (channel >= channels) return;",
    ),
    ("bias_activation", FORWARD_COLUMNS, "mine = biases[threadIdx.x];", "mine = biases[0];"),
    (
        "bias_activation",
        FORWARD_COLUMNS,
        "if (channel < channels && threadIdx.y == 0) biases",
        "if (threadIdx.y == 0) biases",
    ),
    # --- channel_sums.cuh and columns.cuh ---
    (
        "bias_activation",
        COLUMNS,
        "row < rows; row += step) {\n            const",
        "row + 1 < rows; row += step) {\n const",
    ),
    ("bias_activation", COLUMNS, "if (inside && threadIdx.y == 0) store_pack", "if (inside) store_pack"),
    (
        "bias_activation",
        COLUMNS,
        "store_pack<WIDTH>(partials + blockIdx.y * channels + channel, sums);",
        "store_pack<WIDTH>(partials + channel, sums);",
    ),
    ("bias_activation", COLUMNS, "sums = Pack<REAL, WIDTH>{};", ""),
    (
        "bias_activation",
        COLUMNS,
        "share < gridDim.y; share += blockDim.y",
        "share + 1 < gridDim.y; share += blockDim.y",
    ),
    (
        "bias_activation",
        COLUMNS,
        "for (int step = blockDim.y / 2; step > 0",
        "for (int step = blockDim.y / 2; step > 1",
    ),
    ("bias_activation", COLUMNS, "step /= 2) {\n        __syncthreads();", "step /= 2) {"),  # a barrier less
    ("bias_activation", COLUMNS, "*ticket = 0;", ";"),
    ("bias_activation", PLANES, "(plane * channels + channel) * inner", "(plane + channel) * inner"),
    ("bias_activation", PLANES, "inner + place * WIDTH", "inner + place"),
    (
        "bias_activation",
        PLANES,
        "sum += pack_sum(element.template at<WIDTH>((plane",
        "(void)(element.template at<WIDTH>((plane",
    ),
    ("bias_activation", PLANES, "if (place >= packs_in_plane) {", "if (false) {"),
    ("bias_activation", PLANES, "plane += step_planes;", ""),
    ("bias_activation", PLANES, "pack.values[j] += pack.values[j + step];", "pack.values[j] += pack.values[j];"),
    ("bias_activation", PLANES, "partials[channel * gridDim.y + blockIdx.y] = sum;", "partials[blockIdx.y] = sum;"),
    (
        "bias_activation",
        PLANES,
        "sum += partials[channel * gridDim.y + share];",
        "sum += partials[share];",
    ),
    (
        "bias_activation",
        PLANES,
        "if (threadIdx.x == 0) finish(channel, sum);",
        "if (threadIdx.x == 0) finish(0, sum);",
    ),
    # --- softmax along the last axis ---
    (
        "softmax",
        "softmax_forward_warp",
        "const REAL log_total = logarithm(found.total);",
        "const REAL log_total = found.total;",
    ),
    ("softmax", "softmax_forward_warp", "v.of[0] - found.largest - log_total", "v.of[0] - log_total"),
    (
        "softmax",
        "softmax_forward_warp",
        "exponential(v.of[0] - found.largest) * factor",
        "exponential(v.of[0]) * factor",
    ),
    ("softmax", "softmax_forward_warp", "out += row * length;", "out += (row + 1) * length;"),
    (
        "softmax",
        "softmax_forward_warp",
        "if (first < length) body(static_cast<INDEX>(first), packs[k]);",
        "body(static_cast<INDEX>(first), packs[k]);",
    ),
    ("softmax", "softmax_forward_warp", "largest = group.template reduce<Larger>(largest);", ""),
    (
        "softmax",
        "softmax_forward_warp",
        "return Statistics{largest, group.template reduce<Sum>(total)};",
        "return Statistics{largest, total};",
    ),
    (
        "softmax",
        "softmax_forward_warp",
        "for (int offset = 16; offset > 0; offset >>= 1)",
        "for (int offset = 8; offset > 0; offset >>= 1)",
    ),
    (
        "softmax",
        "softmax_forward_block",
        "first < length; first += THREADS * WIDTH",
        "first + THREADS < length; first += THREADS * WIDTH",
    ),
    ("softmax", "softmax_forward_block", "out += static_cast<INDEX>(blockIdx.x) * length;", ""),
    ("softmax", "softmax_forward_block", "if (higher != largest) total *= exponential(largest - higher);", ""),
    ("softmax", "softmax_forward_block", "running.rescale(group.template reduce<Larger>(running.largest));", ""),
    (
        "softmax",
        "softmax_forward_block",
        "if (lane == 0) shared[warp] = value;\n    __syncthreads();\n    T total = shared[0];\n#pragma unroll",
        "if (lane == 0) shared[warp] = value;\n    T total = shared[0];\n#pragma unroll",
    ),
    ("softmax", "softmax_backward_warp", "sum += log ? v.of[0] : v.of[0] * v.of[1];", "sum += v.of[0] * v.of[1];"),
    (
        "softmax",
        "softmax_backward_warp",
        "v.of[0] - exponential(v.of[1]) * sum : v.of[1]",
        "v.of[0] - v.of[1] * sum : v.of[1]",
    ),
    ("softmax", "softmax_backward_warp", "sum = group.template reduce<Sum>(sum);", ""),
    (
        "softmax",
        "softmax_backward_warp",
        "for (int i = 0; i < INPUTS; ++i) packs[k].of[i] = load_pack<WIDTH>(rows[i] + first);",
        "for (int i = 0; i < INPUTS; ++i) packs[k].of[i] = load_pack<WIDTH>(rows[0] + first);",
    ),
    ("softmax", "softmax_backward_block", "output += static_cast<INDEX>(blockIdx.x) * length;", ""),
    # --- along another axis ---
    ("softmax", "softmax_forward_columns", "any = column < outer * inner;", "any = column <= outer * inner;"),
    ("softmax", "softmax_forward_columns", "start = plane * length * inner +", "start = plane * inner +"),
    ("softmax", "softmax_forward_columns", "if (place < length) kept[k] = read(place);", "kept[k] = read(place);"),
    (
        "softmax",
        "softmax_forward_columns",
        "if (place < length) body(place, kept[k]);",
        "if (place <= length) body(place, kept[k]);",
    ),
    (
        "softmax",
        "softmax_forward_columns",
        "for (INDEX place = threadIdx.y; place < length;",
        "for (INDEX place = 0; place < length;",
    ),
    ("softmax", "softmax_forward_columns", "running[j].rescale(largest.values[j]);", ""),
    ("softmax", "softmax_forward_columns", "reduce_over_y<Larger>(largest);", "reduce_over_y<Sum>(largest);"),
    ("softmax", "softmax_forward_columns", "reduce_over_y<Sum>(total);", ""),
    (
        "softmax",
        "softmax_forward_columns",
        "    __syncthreads();\n#pragma unroll\n    for (int j = 0; j < WIDTH; ++j) pack.values[j] = shared",
        "#pragma unroll\n    for (int j = 0; j < WIDTH; ++j) pack.values[j] = shared",
    ),
    ("softmax", "softmax_backward_columns", "reduce_over_y<Sum>(sum);", ""),
    ("softmax", "softmax_backward_columns", "shared[j * threads + threadIdx.x];", "mine[j * threads];"),
    (
        "softmax",
        "softmax_backward_columns",
        "v.of[0] - exponential(v.of[1]) * sum.values[j]",
        "v.of[0] - exponential(v.of[0]) * sum.values[j]",
    ),
    (
        "softmax",
        "softmax_backward_columns",
        "sum.values[j] += log ? v.of[0] : v.of[0] * v.of[1];",
        "sum.values[j] += v.of[0];",
    ),
]
