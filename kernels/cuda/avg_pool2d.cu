// Average pooling (N, C, H, W) -> (N, C, P, Q) and its transpose.
//
// One thread for each output, or for each element of the input in the backward, which gathers from the windows that
// cover it: no atomics, and sums in the order of the reference. Bytes: x and out once each; neighbouring windows find
// what they share in the L1 cache.
#include "common.cuh"
#include "windows.cuh"

// What the sum of a window is divided by: `divisor` if it is not 0, else the number of its elements inside the padded
// input (`count_pad`) or the input itself.
struct Divisor {
    int divisor, count_pad, bottom, right;

    // How many taps of one axis count, `after` being its padding behind.
    __device__ __forceinline__ int taps(const Axis& axis, int window, int after) const {
        return count_pad ? axis.taps_between(window, -axis.before, axis.size + after)
                         : axis.taps_between(window, 0, axis.size);
    }
    __device__ __forceinline__ int rows(const Axis& axis, int p) const { return divisor ? 1 : taps(axis, p, bottom); }
    __device__ __forceinline__ int columns(const Axis& axis, int q) const {
        return divisor ? divisor : taps(axis, q, right);
    }
    // A window in the padding alone has the sum 0 already. `divisor` may be negative.
    static __device__ __forceinline__ REAL of(int rows, int columns) {
        return static_cast<REAL>(rows * columns != 0 ? rows * columns : 1);
    }
};

// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, 4)
    avg_pool2d_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n, int height, int width,
                       int output_height, int output_width, int kernel_y, int kernel_x, int stride_y, int stride_x,
                       int top, int left, int dilation_y, int dilation_x, int bottom, int right, int count_pad,
                       int divisor) {
    const Axis vertical{height, output_height, kernel_y, stride_y, top, dilation_y};
    const Axis horizontal{width, output_width, kernel_x, stride_x, left, dilation_x};
    const Divisor divisors{divisor, count_pad, bottom, right};
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const INDEX line = i / output_width, plane = line / output_height;
        const int q = static_cast<int>(i - line * output_width), p = static_cast<int>(line - plane * output_height);
        REAL sum = 0;
        for (int r = 0; r < kernel_y; ++r) {
            const int row = vertical.element(p, r);
            if (!vertical.inside(row)) continue;
            for (int s = 0; s < kernel_x; ++s) {
                const int column = horizontal.element(q, s);
                if (horizontal.inside(column)) sum += to_real(x[(plane * height + row) * width + column]);
            }
        }
        out[i] = from_real<SCALAR>(sum / Divisor::of(divisors.rows(vertical, p), divisors.columns(horizontal, q)));
    }
}

// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring elements
extern "C" __global__ void __launch_bounds__(256, 4)
    avg_pool2d_backward(const SCALAR* __restrict__ grad, SCALAR* __restrict__ grad_x, INDEX n, int height, int width,
                        int output_height, int output_width, int kernel_y, int kernel_x, int stride_y, int stride_x,
                        int top, int left, int dilation_y, int dilation_x, int bottom, int right, int count_pad,
                        int divisor) {
    const Axis vertical{height, output_height, kernel_y, stride_y, top, dilation_y};
    const Axis horizontal{width, output_width, kernel_x, stride_x, left, dilation_x};
    const Divisor divisors{divisor, count_pad, bottom, right};
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const INDEX line = i / width, plane = line / height;
        const int column = static_cast<int>(i - line * width), row = static_cast<int>(line - plane * height);
        const SCALAR* windows = grad + plane * output_height * output_width;
        const int first_p = vertical.first_window(row), first_q = horizontal.first_window(column);
        const int last_q = horizontal.last_window(column);
        REAL sum = 0;
        for (int p = vertical.last_window(row); p >= first_p; --p) {  // the last window has the first tap here
            if (vertical.tap(p, row) < 0) continue;
            const int rows = divisors.rows(vertical, p);
            for (int q = last_q; q >= first_q; --q) {
                if (horizontal.tap(q, column) < 0) continue;
                sum += to_real(windows[static_cast<INDEX>(p) * output_width + q]) /
                       Divisor::of(rows, divisors.columns(horizontal, q));
            }
        }
        grad_x[i] = from_real<SCALAR>(sum);
    }
}
