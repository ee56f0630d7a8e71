"""Convolutions and the layer `linear`, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["conv2d_forward", "conv2d_backward_input", "conv2d_backward_weight", "linear_forward"]

FORWARD, INPUT, WEIGHT = "conv2d_forward", "conv2d_backward_input", "conv2d_backward_weight"
PACK, LINEAR = "conv2d_pack_weights", "linear_forward"
POINT, POINT_INPUT, POINT_WEIGHT = "pointwise_forward", "pointwise_backward_input", "pointwise_backward_weight"
DEEP, DEEP_INPUT, DEEP_WEIGHT = "depthwise_forward", "depthwise_backward_input", "depthwise_backward_weight"

BARRIER = """            b.stash(buffers.b[current ^ 1]);
            __syncthreads();"""
CHUNK_BARRIER = """            __syncthreads();
            a.start(chunk.in_grad, head);"""
NO_CHUNK_BARRIER = "            a.start(chunk.in_grad, head);"
NO_BARRIER = "            b.stash(buffers.b[current ^ 1]);"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead)
MUTANTS = [
    # --- forward ---
    ("conv2d_forward", FORWARD, "* stride_height - top;", "* stride_height;"),
    ("conv2d_forward", FORWARD, "* stride_width - left;", "- left;"),
    ("conv2d_forward", FORWARD, "if ((tap.bits & outside) == 0) values[v]", "values[v]"),
    ("conv2d_forward", FORWARD, "if (row < count) {", "if (row <= count) {"),
    ("conv2d_forward", FORWARD, "bias ? to_real(bias[row]) : REAL(0)", "REAL(0)"),
    (
        "conv2d_forward",
        FORWARD,
        "image * groups * kernels * out_plane + place : -1",
        "image * kernels * out_plane + place : -1",
    ),
    ("conv2d_forward", FORWARD, BARRIER, NO_BARRIER),
    # --- backward input ---
    (
        "conv2d_backward_input",
        INPUT,
        "place = (phase + before - first * dilation) / stride;",
        "place = phase / stride;",
    ),
    ("conv2d_backward_input", INPUT, "place_step(-(step * dilation / stride))", "place_step(step * dilation / stride)"),
    ("conv2d_backward_input", INPUT, "count = (taps - first - 1) / step + 1;", "count = (taps - first) / step;"),
    ("conv2d_backward_input", INPUT, "if ((tap.bits & outside) == 0) values[v]", "values[v]"),
    ("conv2d_backward_input", INPUT, "if (row < count) {", "if (row <= count) {"),
    ("conv2d_backward_input", INPUT, "first == step || first >= taps", "first == step"),
    # --- the weights, packed for it ---
    ("conv2d_pack_weights", PACK, "block = line / rows;", "block = line / kernels;"),
    ("conv2d_pack_weights", PACK, "kernels + row / taps;", "kernels + row % kernels;"),
    ("conv2d_pack_weights", PACK, "phases.in_kernel(row % taps, kernel_width)", "row % taps"),
    ("conv2d_pack_weights", PACK, "(kernel * channels + channel)", "(kernel * channels + channels - 1 - channel)"),
    ("conv2d_pack_weights", PACK, "packed[i] = value;", "packed[i + 1] = value;"),
    # --- backward weight ---
    (
        "conv2d_backward_weight",
        WEIGHT,
        "values[j * run + l] += pack.values[l];",
        "values[j * run + l] = pack.values[l];",
    ),
    ("conv2d_backward_weight", WEIGHT, "if (!sum.add(product)) return;", "sum.add(product);"),
    ("conv2d_backward_weight", WEIGHT, "here ? ~inside_bits(grid, h, w, height, width) : ~0u", "0u"),
    ("conv2d_backward_weight", WEIGHT, CHUNK_BARRIER, NO_CHUNK_BARRIER),
    (
        "conv2d_backward_weight",
        WEIGHT,
        "columns.offsets[j] = column < pitch ? column : -1;",
        "columns.offsets[j] = column;",
    ),
    ("conv2d_backward_weight", WEIGHT, "* stride_height - top, w =", "* stride_height, w ="),
    # --- 1x1 ---
    ("gemm_pointwise", POINT, "bias ? bias + first : bias", "bias"),
    (
        "gemm_pointwise",
        POINT,
        "pixel < pixels ? n * static_cast<int>(gridDim.y)",
        "true ? n * static_cast<int>(gridDim.y)",
    ),
    ("gemm_pointwise", POINT, BARRIER, NO_BARRIER),
    ("gemm_pointwise", POINT_INPUT, "if (pixel >= pixels) pixel = pixels - QUAD;", ""),
    ("gemm_pointwise", POINT_INPUT, "if (k + v * step < head) quads[v] =", "quads[v] ="),
    (
        "gemm_pointwise",
        POINT_WEIGHT,
        "chunk.in_x[i] = n * groups * channels * plane + place;",
        "chunk.in_x[i] = place;",
    ),
    (
        "gemm_pointwise",
        POINT_WEIGHT,
        "columns.offsets[j] = column < channels ? column : -1;",
        "columns.offsets[j] = column;",
    ),
    # --- linear ---
    ("gemm_linear", LINEAR, "columns.offsets[j] = column < outputs ? column : -1;", "columns.offsets[j] = column;"),
    ("gemm_linear", LINEAR, "k + j < head ? to_real(next[v][j]) : REAL(0)", "to_real(next[v][j])"),
    ("gemm_linear", LINEAR, "bias && column < outputs ? to_real(bias[column])", "bias ? to_real(bias[column])"),
    ("gemm_linear", LINEAR, "if (row < count) {", "if (true) {"),
    ("gemm_linear", LINEAR, "product.sums[i][j] += added;", "product.sums[i][j] -= added;"),
    ("gemm_linear", LINEAR, "smaller_of(row + v * step, rows - 1) * pitch", "(row + v * step) * pitch"),
    # --- depthwise ---
    ("depthwise", DEEP, "q * stride_width - left, stride_width", "q * stride_width, stride_width"),
    (
        "depthwise",
        DEEP,
        "(image * channels + kernel / multiplier) * height",
        "(image * channels + kernel % channels) * height",
    ),
    ("depthwise", DEEP, "window[j] = window[j + 1];", "window[j + 1] = window[j];"),
    ("depthwise", DEEP_INPUT, "if (j < count) out[j * step]", "out[j * step]"),
    ("depthwise", DEEP_INPUT, "weights += (taps - 1) * weight_step;", ""),
    ("depthwise", DEEP_WEIGHT, "if ((taps[t].bits & outside) == 0) sums[t]", "sums[t]"),
    ("depthwise", DEEP_WEIGHT, "for (int i = 0; i < splits; ++i) total", "for (int i = 1; i < splits; ++i) total"),
    # --- by way of columns ---
    ("im2col", "im2col", "w >= 0 && w < width", "w < width"),
    ("im2col", "im2col", "q * stride_width + s * dilation_width - left", "q * stride_width + s * dilation_width"),
    ("im2col", "im2col", "channel = rest / kernel_height;", "channel = rest / kernel_width;"),
    ("im2col", "col2im", "below / stride_height >= out_height", "below / stride_height > out_height"),
    ("im2col", "col2im", "sum += to_real(own", "sum = to_real(own"),
    ("im2col", "col2im", "(r * kernel_width + s) * plane + pixel", "(s * kernel_height + r) * plane + pixel"),
]
