// The gradient of the input with a stride: which taps reach which pixels.
//
// Along one axis, tap r brings the gradient of output p to input h = p * stride + r * dilation - before. So the inputs
// of one phase, h = phase + i * stride, get theirs from the taps for which stride divides phase + before - r * dilation,
// at p = i + (phase + before - r * dilation) / stride: a convolution with stride 1 and some of the taps. Taken phase by
// phase, no multiplication is wasted on the zeros that a stride would put between the gradients.
#pragma once
#include "conv2d_taps.cuh"

struct Phase {
    int first, step, count;  // the taps first, first + step, ...: so many
    int place, place_step;   // where they lie in the gradient for i = 0, and how far apart

    // `step` is stride / gcd(stride, dilation): taps that far apart are in one phase.
    __device__ __forceinline__ Phase(int phase, int taps, int stride, int before, int dilation, int step)
        : first(0), step(step), count(0), place(0), place_step(-(step * dilation / stride)) {
        while (first < step && (phase + before - first * dilation) % stride != 0) ++first;
        if (first == step || first >= taps) return;  // no tap reaches this phase
        count = (taps - first - 1) / step + 1;
        place = (phase + before - first * dilation) / stride;
    }
};

// A phase of both axes.
struct Phases {
    Phase rows, columns;

    __device__ __forceinline__ int taps() const { return rows.count * columns.count; }
    __device__ __forceinline__ TapGrid grid() const {
        return TapGrid{rows.count, columns.count, rows.place_step, columns.place_step};
    }
    // The place of tap number `tap` of the phase in the kernel.
    __device__ __forceinline__ int in_kernel(int tap, int kernel_width) const {
        const int r = rows.first + tap / columns.count * rows.step;
        const int s = columns.first + tap % columns.count * columns.step;
        return r * kernel_width + s;
    }
};
