"""Convolutions and the layer `linear`, made wrong in one place: the parity cases in the simulator catch each."""

PRIMITIVES = ["conv2d_forward", "conv2d_backward_input", "conv2d_backward_weight", "linear_forward"]

FORWARD, INPUT, WEIGHT = "conv2d_forward", "conv2d_backward_input", "conv2d_backward_weight"
PACK, LINEAR = "conv2d_pack_weights", "linear_forward"
POINT, POINT_INPUT, POINT_WEIGHT = "pointwise_forward", "pointwise_backward_input", "pointwise_backward_weight"
DEEP, DEEP_INPUT, DEEP_WEIGHT = "depthwise_forward", "depthwise_backward_input", "depthwise_backward_weight"

BARRIER = """        if (!B_FIRST) b.stash(buffers.copies[next].b);
        __syncthreads();"""
CHUNK_BARRIER = """            __syncthreads();
            a.start(chunk.in_grad, head);"""
NO_CHUNK_BARRIER = "            a.start(chunk.in_grad, head);"
NO_BARRIER = "        if (!B_FIRST) b.stash(buffers.copies[next].b);"
TILE = "Tile64x64"  # of the larger tiles, for which the weights are packed
COUNT = "count = end - begin + missing < CHUNK ? static_cast<int>(end - begin) + missing : CHUNK;"
WHOLE_COUNT = "count = static_cast<int>(end - begin) + missing;"

#: (source, kernel, text that occurs once in the source or its headers, what stands there instead, and in which tile)
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
    ("conv2d_forward", FORWARD, "if (cursor.advance()) image += period;", "cursor.advance();"),
    ("conv2d_forward", FORWARD, "next[v] += T::depth;", "next[v] += head;"),
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
    ("conv2d_backward_input", INPUT, "if (cursor.advance()) image += period;", "cursor.advance();"),
    ("conv2d_backward_input", INPUT, "if (ends) rows[v] += period;", ""),
    # --- the weights, packed for it ---
    ("conv2d_pack_weights", PACK, "block = line / rows;", "block = line / kernels;", TILE),
    ("conv2d_pack_weights", PACK, "kernels + row / taps;", "kernels + row % kernels;", TILE),
    ("conv2d_pack_weights", PACK, "phases.in_kernel(row % taps, kernel_width)", "row % taps", TILE),
    ("conv2d_pack_weights", PACK, "(kernel * channels + channel)", "(kernel * channels + channel / VECTOR)", TILE),
    ("conv2d_pack_weights", PACK, "packed + i * VECTOR, pack", "packed + (i + 1) * VECTOR, pack", TILE),
    ("conv2d_pack_weights", PACK, "if (channel + j < channels)", "if (channel + j <= channels)", TILE),
    ("conv2d_backward_input", INPUT, "(gridDim.y) + part.phase) * phase_size", "(gridDim.y)) * phase_size", TILE),
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
    ("conv2d_backward_weight", WEIGHT, "begin += count - missing;", "begin += count;"),
    ("conv2d_backward_weight", WEIGHT, COUNT, WHOLE_COUNT),
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
    ("gemm_pointwise", POINT, "part.group * channels, channels);", "0, channels);"),
    (
        "gemm_pointwise",
        POINT,
        "(static_cast<INDEX>(part.group) * kernels + part.row0) * channels;",
        "part.row0 * channels;",
    ),
    ("gemm_pointwise", POINT, "next += head * pitch;", ""),
    ("gemm_pointwise", POINT_INPUT, "part.group * kernels, kernels);", "0, kernels);"),
    ("gemm_pointwise", POINT_INPUT, "static_cast<INDEX>(part.group) * kernels * channels + channel,", "channel,"),
    ("gemm_pointwise", POINT_WEIGHT, "(static_cast<INDEX>(at.z) * kernels + row0) * plane", "row0 * plane"),
    ("gemm_pointwise", POINT_WEIGHT, "(static_cast<INDEX>(at.z) * channels + column0) * plane", "column0 * plane"),
    ("gemm_pointwise", POINT_WEIGHT, "(static_cast<INDEX>(at.z) * kernels + row0) * channels;", "row0 * channels;"),
    # --- linear ---
    ("gemm_linear", LINEAR, "columns.offsets[j] = column < outputs ? column : -1;", "columns.offsets[j] = column;"),
    ("gemm_linear", LINEAR, "k + j < head ? to_real(matrix[next[v] + j]) : REAL(0)", "to_real(matrix[next[v] + j])"),
    ("gemm_linear", LINEAR, "bias && column < outputs ? to_real(bias[column])", "bias ? to_real(bias[column])"),
    ("gemm_linear", LINEAR, "if (row < count) {", "if (true) {"),
    ("gemm_linear", LINEAR, "product.sums[i][j] += added;", "product.sums[i][j] -= added;"),
    ("gemm_linear", LINEAR, "smaller_of(row + v * step, rows - 1) * pitch", "(row + v * step) * pitch"),
    ("gemm_linear", LINEAR, "next[v] += head;", ""),
    ("gemm_linear", LINEAR, "next[v] += T::depth;", ""),
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
    ("im2col", "im2col", "h >= 0 && h < height &&", "h < height &&"),
    ("im2col", "im2col", "h >= 0 && h < height &&", "h >= 0 &&"),
    ("im2col", "im2col", "r * dilation_height - top", "r - top"),
    ("im2col", "im2col", "s * dilation_width - left", "s - left"),
    ("im2col", "col2im", "h + top - r * dilation_height;", "h + top - r;"),
    ("im2col", "col2im", "w + left - s * dilation_width;", "w + left - s;"),
    ("im2col", "col2im", "below < 0 ||", ""),
]
