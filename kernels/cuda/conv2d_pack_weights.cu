// Weights (K, C/groups, R, S) in the order in which conv2d_backward_input.cu reads them 16 bytes at a time: packed (groups,
// phases, K/groups*taps, pitch), for every phase (conv2d_phase.cuh) its taps of every kernel, input channels innermost and
// filled up with zeros to `pitch`, a multiple of the tile's rows.
#include "conv2d_phase.cuh"

// A phase has room for `most_taps`. A thread takes 16 bytes of the result, VECTOR channels of one tap, neighbours the next
// ones; they gather the weights a kernel's size apart, one by one, which are few and soon in the cache. Bytes moved: the
// weights once, the result once.
// registers: 64
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(256)
    conv2d_pack_weights(const SCALAR* __restrict__ weight, SCALAR* __restrict__ packed, int groups, int channels,
                        int kernels, int kernel_height, int kernel_width, int stride_height, int stride_width, int top,
                        int left, int dilation_height, int dilation_width, int tap_step_height, int tap_step_width,
                        int most_taps, int pitch) {
    const INDEX rows = static_cast<INDEX>(kernels) * most_taps, across = pitch / VECTOR;
    const INDEX packs = static_cast<INDEX>(groups) * stride_height * stride_width * rows * across;
    const int kernel_size = kernel_height * kernel_width;
    for (INDEX i = grid_start<INDEX>(); i < packs; i += grid_stride<INDEX>()) {
        const INDEX line = i / across, block = line / rows;
        const int channel = static_cast<int>(i % across) * VECTOR, row = static_cast<int>(line % rows);
        const int phase = static_cast<int>(block % (stride_height * stride_width));
        const int group = static_cast<int>(block / (stride_height * stride_width));
        const Phases phases{
            Phase(phase / stride_width, kernel_height, stride_height, top, dilation_height, tap_step_height),
            Phase(phase % stride_width, kernel_width, stride_width, left, dilation_width, tap_step_width)};
        const int taps = phases.taps();
        if (taps == 0 || row >= kernels * taps) continue;  // room that this phase does not need, and nobody reads
        const INDEX kernel = static_cast<INDEX>(group) * kernels + row / taps;
        const SCALAR* const first =
            weight + (kernel * channels + channel) * kernel_size + phases.in_kernel(row % taps, kernel_width);
        Pack<SCALAR, VECTOR> pack{};
#pragma unroll
        for (int j = 0; j < VECTOR; ++j) {
            if (channel + j < channels) pack.values[j] = first[j * static_cast<INDEX>(kernel_size)];
        }
        store_pack<VECTOR>(packed + i * VECTOR, pack);
    }
}
