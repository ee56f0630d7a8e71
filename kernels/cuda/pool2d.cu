// Max and min pooling (N, C, H, W) -> (N, C, P, Q), and moves along the places that they found.
//
// One thread for each output, or for each element of the input in the backward, which gathers from the windows that
// cover it: no atomics, and sums in the order of the reference. PLACE is the type of a place in the window, r * S + s.
// Bytes: x, the maxima and the places once each; neighbouring windows find what they share in the L1 cache.
#include "common.cuh"
#include "windows.cuh"

// Where thread i stands in an array (planes, height, width).
struct Position {
    INDEX plane;
    int y, x;
    __device__ __forceinline__ Position(INDEX i, int height, int width) {
        const INDEX row = i / width;
        plane = row / height;
        x = static_cast<int>(i - row * width);
        y = static_cast<int>(row - plane * height);
    }
};

// Whether a value takes the place of the best one so far: NaN beats everything, and the first of equals stays.
struct Higher {
    static __device__ __forceinline__ bool beats(REAL value, REAL best) {
        return value > best || (value != value && best == best);
    }
    static __device__ __forceinline__ REAL worst() { return -infinity(REAL()); }
};
struct Lower {
    static __device__ __forceinline__ bool beats(REAL value, REAL best) {
        return value < best || (value != value && best == best);
    }
    static __device__ __forceinline__ REAL worst() { return infinity(REAL()); }
};

// A window that lies in the padding altogether gives the worst value and the place 0.
template <class Order>
static __device__ __forceinline__ void extreme(const SCALAR* __restrict__ x, SCALAR* __restrict__ out,
                                               PLACE* __restrict__ places, INDEX n, const Axis& vertical,
                                               const Axis& horizontal) {
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, vertical.outputs, horizontal.outputs);
        const SCALAR* plane = x + at.plane * vertical.size * horizontal.size;
        REAL best = Order::worst();
        int place = -1;
        for (int r = 0; r < vertical.kernel; ++r) {
            const int row = vertical.element(at.y, r);
            if (!vertical.inside(row)) continue;
            for (int s = 0; s < horizontal.kernel; ++s) {
                const int column = horizontal.element(at.x, s);
                if (!horizontal.inside(column)) continue;
                const REAL value = to_real(plane[static_cast<INDEX>(row) * horizontal.size + column]);
                if (place < 0 || Order::beats(value, best)) {
                    best = value;
                    place = r * horizontal.kernel + s;
                }
            }
        }
        out[i] = from_real<SCALAR>(best);
        places[i] = static_cast<PLACE>(place < 0 ? 0 : place);
    }
}

// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, 4)
    max_pool2d_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, PLACE* __restrict__ places, INDEX n,
                       int height, int width, int output_height, int output_width, int kernel_y, int kernel_x,
                       int stride_y, int stride_x, int top, int left, int dilation_y, int dilation_x) {
    extreme<Higher>(x, out, places, n, Axis{height, output_height, kernel_y, stride_y, top, dilation_y},
                    Axis{width, output_width, kernel_x, stride_x, left, dilation_x});
}

// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, 4)
    min_pool2d_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, PLACE* __restrict__ places, INDEX n,
                       int height, int width, int output_height, int output_width, int kernel_y, int kernel_x,
                       int stride_y, int stride_x, int top, int left, int dilation_y, int dilation_x) {
    extreme<Lower>(x, out, places, n, Axis{height, output_height, kernel_y, stride_y, top, dilation_y},
                   Axis{width, output_width, kernel_x, stride_x, left, dilation_x});
}

// out[i] = x at places[i] of window i; 0 where that is padding.
// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, 4)
    index_pool2d_gather(const SCALAR* __restrict__ x, const PLACE* __restrict__ places, SCALAR* __restrict__ out,
                        INDEX n, int height, int width, int output_height, int output_width, int kernel_y,
                        int kernel_x, int stride_y, int stride_x, int top, int left, int dilation_y, int dilation_x) {
    const Axis vertical{height, output_height, kernel_y, stride_y, top, dilation_y};
    const Axis horizontal{width, output_width, kernel_x, stride_x, left, dilation_x};
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, output_height, output_width);
        const int place = places[i], r = place / kernel_x;
        const int row = vertical.element(at.y, r), column = horizontal.element(at.x, place - r * kernel_x);
        SCALAR value{};
        if (r < kernel_y && vertical.inside(row) && horizontal.inside(column)) {
            value = x[(at.plane * height + row) * width + column];
        }
        out[i] = value;
    }
}

// grad_x[i] = the sum of grad over the windows whose place is element i, in the order of the taps.
// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring elements
extern "C" __global__ void __launch_bounds__(256, 4)
    index_pool2d_scatter(const SCALAR* __restrict__ grad, const PLACE* __restrict__ places,
                         SCALAR* __restrict__ grad_x, INDEX n, int height, int width, int output_height,
                         int output_width, int kernel_y, int kernel_x, int stride_y, int stride_x, int top, int left,
                         int dilation_y, int dilation_x) {
    const Axis vertical{height, output_height, kernel_y, stride_y, top, dilation_y};
    const Axis horizontal{width, output_width, kernel_x, stride_x, left, dilation_x};
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, height, width);
        const INDEX plane = at.plane * output_height * output_width;
        const int first_row = vertical.first_window(at.y), first_column = horizontal.first_window(at.x);
        const int last_column = horizontal.last_window(at.x);
        REAL sum = 0;
        for (int p = vertical.last_window(at.y); p >= first_row; --p) {  // the last window has the first tap here
            const int r = vertical.tap(p, at.y);
            if (r < 0) continue;
            for (int q = last_column; q >= first_column; --q) {
                const int s = horizontal.tap(q, at.x);
                const INDEX window = plane + static_cast<INDEX>(p) * output_width + q;
                if (s >= 0 && places[window] == r * kernel_x + s) sum += to_real(grad[window]);
            }
        }
        grad_x[i] = from_real<SCALAR>(sum);
    }
}
