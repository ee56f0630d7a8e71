// Adaptive pooling (N, C, H, W) -> (N, C, P, Q), and moves along the places of the maxima.
//
// Part i of P of an axis of size H is floor(i*H/P) <= element < ceil((i+1)*H/P), and the parts that an element is in are
// found by the same rule with H and P exchanged. One thread for each output, or for each element of the input in the
// backward, which gathers from the parts that it is in: no atomics, and sums in the order of the reference.
// Bytes: x, out and the places once each; neighbouring parts share a row or column at most, which the L1 cache holds.
#include "common.cuh"

// What `begin <= i < end` of an axis of size `other` belongs to item i of an axis of size `own`.
struct Range {
    int begin, end;
    __device__ __forceinline__ Range(int item, int own, int other) {
        begin = static_cast<int>(static_cast<long long>(item) * other / own);
        end = static_cast<int>((static_cast<long long>(item + 1) * other + own - 1) / own);
    }
    __device__ __forceinline__ int size() const { return end - begin; }
};

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

// Blocks on a multiprocessor; three leave a thread the 80 registers that averages in float64 need.
constexpr int AVG_BLOCKS = sizeof(REAL) > 4 ? 3 : 4;

// registers: 80 where SCALAR=double
// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, AVG_BLOCKS)
    adaptive_avg_pool2d_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n, int height, int width,
                                int output_height, int output_width) {
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, output_height, output_width);
        const Range rows(at.y, output_height, height), columns(at.x, output_width, width);
        const SCALAR* plane = x + at.plane * height * width;
        REAL sum = 0;
        for (int row = rows.begin; row < rows.end; ++row) {
            for (int column = columns.begin; column < columns.end; ++column) {
                sum += to_real(plane[static_cast<INDEX>(row) * width + column]);
            }
        }
        out[i] = from_real<SCALAR>(sum / static_cast<REAL>(rows.size() * columns.size()));
    }
}

// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring elements
extern "C" __global__ void __launch_bounds__(256, 4)
    adaptive_avg_pool2d_backward(const SCALAR* __restrict__ grad, SCALAR* __restrict__ grad_x, INDEX n, int height,
                                 int width, int output_height, int output_width) {
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, height, width);
        const Range down(at.y, height, output_height), across(at.x, width, output_width);
        const SCALAR* parts = grad + at.plane * output_height * output_width;
        REAL sum = 0;
        for (int p = down.begin; p < down.end; ++p) {
            const int rows = Range(p, output_height, height).size();
            for (int q = across.begin; q < across.end; ++q) {
                const int columns = Range(q, output_width, width).size();
                sum += to_real(parts[static_cast<INDEX>(p) * output_width + q]) / static_cast<REAL>(rows * columns);
            }
        }
        grad_x[i] = from_real<SCALAR>(sum);
    }
}

// Of equal values the first stays, and NaN beats everything.
// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, 4)
    adaptive_max_pool2d_forward(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, long long* __restrict__ places,
                                INDEX n, int height, int width, int output_height, int output_width) {
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, output_height, output_width);
        const Range rows(at.y, output_height, height), columns(at.x, output_width, width);
        const SCALAR* plane = x + at.plane * height * width;
        INDEX place = static_cast<INDEX>(rows.begin) * width + columns.begin;
        REAL best = to_real(plane[place]);
        for (int row = rows.begin; row < rows.end; ++row) {
            for (int column = columns.begin; column < columns.end; ++column) {
                const INDEX here = static_cast<INDEX>(row) * width + column;
                const REAL value = to_real(plane[here]);
                if (value > best || (value != value && best == best)) {
                    best = value;
                    place = here;
                }
            }
        }
        out[i] = from_real<SCALAR>(best);
        places[i] = place;
    }
}

// out[i] = x at places[i], in the plane of output i.
// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring windows
extern "C" __global__ void __launch_bounds__(256, 4)
    adaptive_pool2d_gather(const SCALAR* __restrict__ x, const long long* __restrict__ places,
                           SCALAR* __restrict__ out, INDEX n, int height, int width, int output_height,
                           int output_width) {
    const INDEX outputs = static_cast<INDEX>(output_height) * output_width;
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        out[i] = x[i / outputs * height * width + static_cast<INDEX>(places[i])];
    }
}

// grad_x[i] = the sum of grad over the parts whose place is element i.
// registers: 64
// scalar: a window begins anywhere; a warp's threads take neighbouring elements
extern "C" __global__ void __launch_bounds__(256, 4)
    adaptive_pool2d_scatter(const SCALAR* __restrict__ grad, const long long* __restrict__ places,
                            SCALAR* __restrict__ grad_x, INDEX n, int height, int width, int output_height,
                            int output_width) {
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        const Position at(i, height, width);
        const Range down(at.y, height, output_height), across(at.x, width, output_width);
        const INDEX plane = at.plane * output_height * output_width;
        const long long own = static_cast<long long>(at.y) * width + at.x;
        REAL sum = 0;
        for (int p = down.begin; p < down.end; ++p) {
            for (int q = across.begin; q < across.end; ++q) {
                const INDEX part = plane + static_cast<INDEX>(p) * output_width + q;
                if (places[part] == own) sum += to_real(grad[part]);
            }
        }
        grad_x[i] = from_real<SCALAR>(sum);
    }
}
