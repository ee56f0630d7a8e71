// conv2d with as many groups as channels: each output channel is one input channel under one kernel. `multiplier` output
// channels share an input channel. There is little arithmetic for each number, so these kernels do it directly, and
// what matters is that memory is read once: what neighbours share comes from the cache and from registers.
#include "activation_codes.cuh"
#include "conv2d_phase.cuh"

// Outputs that lie side by side and that one thread computes: 16 bytes.
constexpr int RUN = VECTOR;

// sums[j] += sum over the taps s of line[first + j * run_step + s * tap_step] * weights[s * weight_step]
//
// Where the taps are as far apart as the outputs, tap s + 1 of output j meets what tap s of output j + 1 met: then the
// run is a window that slides along the line, and each number is loaded once for all taps.
static __device__ __forceinline__ void add_line(REAL (&sums)[RUN], const SCALAR* __restrict__ line, int size, int first,
                                                int run_step, int taps, int tap_step,
                                                const SCALAR* __restrict__ weights, int weight_step) {
    const auto load = [&](int column) { return is_inside(column, size) ? to_real(line[column]) : REAL(0); };
    if (tap_step < 0) {  // from the last tap to the first
        first += (taps - 1) * tap_step;
        weights += (taps - 1) * weight_step;
        tap_step = -tap_step;
        weight_step = -weight_step;
    }
    const bool slides = tap_step == run_step;
    REAL window[RUN];
#pragma unroll
    for (int j = 0; j < RUN; ++j) window[j] = load(first + j * run_step);
#pragma unroll 1
    for (int s = 0;;) {
        const REAL weight = to_real(*weights);
#pragma unroll
        for (int j = 0; j < RUN; ++j) sums[j] += window[j] * weight;
        if (++s == taps) return;
        first += tap_step;
        weights += weight_step;
        if (slides) {
#pragma unroll
            for (int j = 0; j + 1 < RUN; ++j) window[j] = window[j + 1];
            window[RUN - 1] = load(first + (RUN - 1) * run_step);
        } else {
#pragma unroll
            for (int j = 0; j < RUN; ++j) window[j] = load(first + j * run_step);
        }
    }
}

// Writes the `count` numbers of a run that there are, `step` apart; `vector`: all, side by side and aligned.
static __device__ __forceinline__ void store_run(SCALAR* __restrict__ out, const REAL (&values)[RUN], int count,
                                                 int step, bool vector) {
    Pack<SCALAR, RUN> pack;
#pragma unroll
    for (int j = 0; j < RUN; ++j) pack.values[j] = from_real<SCALAR>(values[j]);
    if (vector) {
        store_pack<RUN>(out, pack);
    } else {
#pragma unroll
        for (int j = 0; j < RUN; ++j) {
            if (j < count) out[j * step] = pack.values[j];
        }
    }
}

// One thread, one run of a line of outputs; neighbours the next run, then the next line, then the next channel. Bytes
// moved: x and the weights once, out once.
// registers: 128
// vector: 128 stores
// scalar: loads, a window begins anywhere
extern "C" __global__ void __launch_bounds__(256, 2)
    depthwise_forward(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                      const SCALAR* __restrict__ bias, SCALAR* __restrict__ out, INDEX runs, int channels,
                      int multiplier, int height, int width, int kernel_height, int kernel_width, int out_height,
                      int out_width, int stride_height, int stride_width, int top, int left, int dilation_height,
                      int dilation_width, int activation, REAL alpha) {
    const int runs_across = ceil_divide(out_width, RUN), kernels = channels * multiplier;
    const bool vector = out_width % RUN == 0 && is_aligned(out);
    for (INDEX i = grid_start<INDEX>(); i < runs; i += grid_stride<INDEX>()) {
        const INDEX line = i / runs_across, plane = line / out_height;  // of all images and channels
        const int q = static_cast<int>(i - line * runs_across) * RUN;
        const int p = static_cast<int>(line - plane * out_height);
        const INDEX image = plane / kernels;
        const int kernel = static_cast<int>(plane - image * kernels);
        const SCALAR* const source = x + (image * channels + kernel / multiplier) * height * width;
        const SCALAR* const weights = weight + static_cast<INDEX>(kernel) * kernel_height * kernel_width;
        REAL sums[RUN] = {};
#pragma unroll 1
        for (int r = 0; r < kernel_height; ++r) {
            const int h = p * stride_height - top + r * dilation_height;
            if (!is_inside(h, height)) continue;
            add_line(sums, source + static_cast<INDEX>(h) * width, width, q * stride_width - left, stride_width,
                     kernel_width, dilation_width, weights + r * kernel_width, 1);
        }
        if (bias) {
            const REAL added = to_real(bias[kernel]);
#pragma unroll
            for (int j = 0; j < RUN; ++j) sums[j] += added;
        }
        activate(sums, activation, alpha);
        store_run(out + line * out_width + q, sums, out_width - q, 1, vector);
    }
}

// Phase by phase, see conv2d_phase.cuh: y is the phase, and a run is RUN inputs of one phase, `stride_width` apart.
// Bytes moved: grad and the weights once, out once.
// registers: 128
// vector: 128 stores
// scalar: loads, a window begins anywhere
extern "C" __global__ void __launch_bounds__(256, 2)
    depthwise_backward_input(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ weight,
                             SCALAR* __restrict__ out, INDEX planes, int channels, int multiplier, int height,
                             int width, int kernel_height, int kernel_width, int out_height, int out_width,
                             int stride_height, int stride_width, int top, int left, int dilation_height,
                             int dilation_width, int tap_step_height, int tap_step_width) {
    const int phase_row = static_cast<int>(blockIdx.y) / stride_width;
    const int phase_column = static_cast<int>(blockIdx.y) % stride_width;
    const Phase rows(phase_row, kernel_height, stride_height, top, dilation_height, tap_step_height);
    const Phase columns(phase_column, kernel_width, stride_width, left, dilation_width, tap_step_width);
    const int lines = (height - phase_row + stride_height - 1) / stride_height;
    const int phase_width = (width - phase_column + stride_width - 1) / stride_width;
    const int runs_across = ceil_divide(phase_width, RUN);
    const bool vector = stride_width == 1 && width % RUN == 0 && is_aligned(out);
    for (INDEX i = grid_start<INDEX>(); i < planes * lines * runs_across; i += grid_stride<INDEX>()) {
        const INDEX line = i / runs_across, plane = line / lines;
        const int across = static_cast<int>(i - line * runs_across) * RUN;
        const int down = static_cast<int>(line - plane * lines);
        const int channel = static_cast<int>(plane % channels);
        REAL sums[RUN] = {};
#pragma unroll 1
        for (int m = 0; m < multiplier; ++m) {
            const SCALAR* const source = grad + (plane * multiplier + m) * out_height * out_width;
            const INDEX kernel = static_cast<INDEX>(channel) * multiplier + m;
            const SCALAR* const weights = weight + kernel * kernel_height * kernel_width + columns.first;
#pragma unroll 1
            for (int r = 0; r < rows.count; ++r) {
                const int p = down + rows.place + r * rows.place_step;
                if (!is_inside(p, out_height) || columns.count == 0) continue;
                add_line(sums, source + static_cast<INDEX>(p) * out_width, out_width, across + columns.place, 1,
                         columns.count, columns.place_step, weights + (rows.first + r * rows.step) * kernel_width,
                         columns.step);
            }
        }
        const INDEX h = static_cast<INDEX>(down) * stride_height + phase_row;
        store_run(out + (plane * height + h) * width + (across * stride_width + phase_column), sums,
                  phase_width - across, stride_width, vector);
    }
}

// --- backward weight ----------------------------------------------------------------------------------------------

// Taps that a block sums at a time, in registers: a kernel of 3x3.
constexpr int TAPS = 9;
constexpr int THREADS_OF_SUM = 256;

// Block x: an output channel and some taps of it, y: a split of the lines of all images. A thread goes down a column
// of outputs, of which `columns` (a power of two, at most the block) lie side by side. Each split writes its sums to
// `partials` (blocks x, splits, TAPS), and the last one adds them up in their order. Bytes moved: grad and x once for each
// TAPS taps.
// registers: 128
// scalar: a window begins anywhere; a warp's threads take neighbouring outputs
extern "C" __global__ void __launch_bounds__(THREADS_OF_SUM, 2)
    depthwise_backward_weight(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                              SCALAR* __restrict__ out, REAL* partials, unsigned* tickets, INDEX lines, int channels,
                              int multiplier, int height, int width, int kernel_height, int kernel_width,
                              int out_height, int out_width, int stride_height, int stride_width, int top, int left,
                              int dilation_height, int dilation_width, unsigned magic, int shift, int columns) {
    __shared__ Tap taps[TAPS];
    __shared__ REAL sums_of_warps[THREADS_OF_SUM / 32];
    __shared__ REAL totals[TAPS];
    const int all_taps = kernel_height * kernel_width, chunks = ceil_divide(all_taps, TAPS);
    const int kernel = static_cast<int>(blockIdx.x) / chunks, first = static_cast<int>(blockIdx.x) % chunks * TAPS;
    const int count = smaller_of(TAPS, all_taps - first), kernels = channels * multiplier;
    const INDEX plane = static_cast<INDEX>(height) * width;
    const TapGrid grid{kernel_height, kernel_width, dilation_height, dilation_width};
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < TAPS) taps[thread] = thread < count ? tap_at(first + thread, grid, width, plane) : Tap{0, NO_TAP};
    __syncthreads();

    REAL sums[TAPS] = {};
    const int splits = static_cast<int>(gridDim.y), split = static_cast<int>(blockIdx.y);
    const INDEX length = (lines + splits - 1) / splits;
    const INDEX end = (split + 1) * length < lines ? (split + 1) * length : lines;
    for (int q = thread % columns; q < out_width; q += columns) {
        const int w = q * stride_width - left;
#pragma unroll 1
        for (INDEX line = split * length + thread / columns; line < end; line += THREADS_OF_SUM / columns) {
            const INDEX n = divide<INDEX>(line, out_height, magic, shift);
            const int p = static_cast<int>(line - n * out_height), h = p * stride_height - top;
            const REAL g = to_real(grad[((n * kernels + kernel) * out_height + p) * out_width + q]);
            const SCALAR* const origin = x + (n * channels + kernel / multiplier) * plane;
            const INDEX place = h * static_cast<INDEX>(width) + w;
            const unsigned outside = ~inside_bits(grid, h, w, height, width);
#pragma unroll
            for (int t = 0; t < TAPS; ++t) {
                if ((taps[t].bits & outside) == 0) sums[t] += g * to_real(origin[place + taps[t].offset]);
            }
        }
    }
#pragma unroll
    for (int t = 0; t < TAPS; ++t) {
        const REAL total = block_reduce<Sum, THREADS_OF_SUM>(sums[t], sums_of_warps);
        if (thread == 0) totals[t] = total;
    }
    __syncthreads();
    SCALAR* const result = out + static_cast<INDEX>(kernel) * all_taps + first;
    if (splits == 1) {
        if (thread < count) result[thread] = from_real<SCALAR>(totals[thread]);
        return;
    }
    partials += static_cast<long long>(blockIdx.x) * splits * TAPS;
    if (thread < TAPS) partials[split * TAPS + thread] = totals[thread];
    if (!is_last_block(tickets + blockIdx.x, static_cast<unsigned>(splits))) return;
    if (thread < count) {
        REAL total = 0;
        for (int i = 0; i < splits; ++i) total += partials[i * TAPS + thread];
        result[thread] = from_real<SCALAR>(total);
    }
}
