// Batch normalisation of channels that a block holds in registers: all of a pass in one launch, each byte once.
//
//   *_planes   a block has one channel, up to HELD_STEPS packs of 16 bytes a thread: 8192 floats; where planes do not
//              consist of such packs, HELD_SINGLES single elements
//   *_columns  inner = 1: a block of (x, y) threads has x * WIDTH neighbouring channels, its y threads share the rows
//
// Longer channels are for batch_norm.cu.
#include "batch_norm.cuh"

#define HELD_BLOCKS (SCALAR_BYTES == 8 ? 1 : 2)  // a multiprocessor: doubles take more than 128 registers
#define HELD_STEPS (32 / VECTOR)
#define HELD_SINGLES 16

// What a thread holds of INPUTS arrays, WIDTH elements at a time. visit(body): body(packs, first) for the elements
// first, ..., first + WIDTH - 1.
template <int WIDTH, int INPUTS, int STEPS>
struct HeldPlanes {
    static constexpr int COLUMNS = 1;
    struct {
        Pack<SCALAR, WIDTH> of[INPUTS];
    } packs[STEPS];
    INDEX outer, channels, inner;

    template <class Body>
    __device__ __forceinline__ void visit(Body body) {
        // Of one channel everything is counted in 32 bits.
        const int threads = blockDim.x, packs_in_plane = static_cast<int>(inner) / WIDTH;
        const int planes = static_cast<int>(outer), count = planes * packs_in_plane;
        const int step_planes = threads / packs_in_plane, step_places = threads - step_planes * packs_in_plane;
        int plane = threadIdx.x / packs_in_plane, place = threadIdx.x - plane * packs_in_plane;
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            if (k * threads >= count) break;  // the same for all threads
            if (plane < planes) body(packs[k].of, (plane * channels + blockIdx.x) * inner + place * WIDTH);
            plane += step_planes;
            place += step_places;
            if (place >= packs_in_plane) {
                place -= packs_in_plane;
                ++plane;
            }
        }
    }
    __device__ __forceinline__ INDEX channel() const { return blockIdx.x; }
    __device__ __forceinline__ bool inside() const { return true; }
    __device__ __forceinline__ bool writes() const { return threadIdx.x == 0; }
    static __device__ __forceinline__ int column(int) { return 0; }
    static __device__ __forceinline__ void total(Pack<REAL, 1>& pack) {
        __shared__ REAL shared[NORM_THREADS / 32];
        pack.values[0] = block_reduce<Sum>(pack.values[0], shared);
    }
};

template <int WIDTH, int INPUTS, int STEPS>
struct HeldColumns {
    static constexpr int COLUMNS = WIDTH;
    struct {
        Pack<SCALAR, WIDTH> of[INPUTS];
    } packs[STEPS];
    INDEX rows, channels, inner;

    template <class Body>
    __device__ __forceinline__ void visit(Body body) {
        if (!inside()) return;
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            const INDEX row = threadIdx.y + k * static_cast<INDEX>(blockDim.y);
            if (row < rows) body(packs[k].of, row * channels + channel());
        }
    }
    __device__ __forceinline__ INDEX channel() const { return first_column<WIDTH>(); }
    __device__ __forceinline__ bool inside() const { return channel() < channels; }
    __device__ __forceinline__ bool writes() const { return inside() && threadIdx.y == 0; }
    static __device__ __forceinline__ int column(int j) { return j; }
    static __device__ __forceinline__ void total(Pack<REAL, WIDTH>& pack) { reduce_over_y<Sum>(pack); }
};

struct Total {
    template <class Held>
    struct Of {
        template <int N>
        __device__ __forceinline__ void operator()(Pack<REAL, N>& pack) const {
            if constexpr (N == Held::COLUMNS) {
                Held::total(pack);
            } else {  // a count beside several columns
                reduce_over_y<Sum>(pack);
            }
        }
    };
};

static __device__ __forceinline__ void add_to(Moments<1>& found, const Pack<REAL, 1>& values, const Pack<REAL, 1>&) {
    found.add_all(values);
}
template <int WIDTH>
static __device__ __forceinline__ void add_to(Moments<1>& found, const Pack<REAL, WIDTH>& values,
                                              const Pack<REAL, 1>&) {
    found.add_all(values);
}
template <int WIDTH>
static __device__ __forceinline__ void add_to(Moments<WIDTH>& found, const Pack<REAL, WIDTH>& values,
                                              const Pack<REAL, WIDTH>&) {
    found.add(values);
}

// --- forward -------------------------------------------------------------------------------------

template <int WIDTH, class Held>
static __device__ __forceinline__ void forward(Held& held, const SCALAR* __restrict__ x,
                                               const SCALAR* __restrict__ weight, const SCALAR* __restrict__ bias,
                                               const StoreStatistics& store, SCALAR* __restrict__ out) {
    constexpr int COLUMNS = Held::COLUMNS;
    const INDEX channel = held.channel();
    Pack<REAL, COLUMNS> around{};  // the first values of the channels
    if (held.inside()) around = to_reals(load_pack<COLUMNS>(x + channel * held.inner));
    held.visit([&](Pack<SCALAR, WIDTH>(&packs)[1], INDEX first) { packs[0] = load_pack<WIDTH>(x + first); });
    Moments<COLUMNS> found;
    held.visit([&](Pack<SCALAR, WIDTH>(&packs)[1], INDEX) {
        Pack<REAL, WIDTH> values = to_reals(packs[0]);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) values.values[j] -= around.values[Held::column(j)];
        add_to(found, values, around);
    });
    found.combine(Total::Of<Held>());
    if (held.writes()) store(channel, found, around);
    if (!held.inside()) return;
    Line lines[COLUMNS];
#pragma unroll
    for (int j = 0; j < COLUMNS; ++j) {
        lines[j] = result_line(found.statistic(j, around.values[j], store.eps), weight, bias, channel + j);
    }
    held.visit([&](Pack<SCALAR, WIDTH>(&packs)[1], INDEX first) {
        Pack<SCALAR, WIDTH> result;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const SCALAR value = packs[0].values[j];
            result.values[j] = from_real<SCALAR>(along(lines[Held::column(j)], nullptr, value, x, value));
        }
        store_pack<WIDTH>(out + first, result);
    });
}

// Grid: channels. `width`: VECTOR where alignment and inner allow it, else 1. `batches` (or null) counts one more.
// Bytes: each of x and out once.
// registers: 128 where SCALAR=float,half_t
// registers: 160
// vector: 128
extern "C" __global__ void __launch_bounds__(NORM_THREADS, HELD_BLOCKS)
    batch_norm_forward_planes(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                              const SCALAR* __restrict__ bias, REAL* statistics, SCALAR* running_mean,
                              SCALAR* running_var, long long* batches, SCALAR* __restrict__ out, INDEX outer,
                              INDEX channels, INDEX inner, int width, REAL momentum, REAL eps) {
    if (batches && grid_start<INDEX>() == 0) ++*batches;
    const StoreStatistics store{statistics, running_mean, running_var, nullptr, channels, 0, momentum, eps};
    if (width == VECTOR) {
        HeldPlanes<VECTOR, 1, HELD_STEPS> held;
        held.outer = outer, held.channels = channels, held.inner = inner;
        forward<VECTOR>(held, x, weight, bias, store, out);
    } else {
        HeldPlanes<1, 1, HELD_SINGLES> held;
        held.outer = outer, held.channels = channels, held.inner = inner;
        forward<1>(held, x, weight, bias, store, out);
    }
}

// Grid: ceil(channels / (x * width)).
// registers: 128 where SCALAR=float,half_t
// registers: 160
// vector: 128
extern "C" __global__ void __launch_bounds__(NORM_THREADS, HELD_BLOCKS)
    batch_norm_forward_columns(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                               const SCALAR* __restrict__ bias, REAL* statistics, SCALAR* running_mean,
                               SCALAR* running_var, long long* batches, SCALAR* __restrict__ out, INDEX rows,
                               INDEX channels, int width, REAL momentum, REAL eps) {
    if (batches && blockIdx.x + threadIdx.x + threadIdx.y == 0) ++*batches;
    const StoreStatistics store{statistics, running_mean, running_var, nullptr, channels, 0, momentum, eps};
    if (width == VECTOR) {
        HeldColumns<VECTOR, 1, HELD_STEPS> held;
        held.rows = rows, held.channels = channels, held.inner = 1;
        forward<VECTOR>(held, x, weight, bias, store, out);
    } else {
        HeldColumns<1, 1, HELD_SINGLES> held;
        held.rows = rows, held.channels = channels, held.inner = 1;
        forward<1>(held, x, weight, bias, store, out);
    }
}

// --- backward ------------------------------------------------------------------------------------

template <int WIDTH, class Held>
static __device__ __forceinline__ void backward(Held& held, const SCALAR* __restrict__ grad,
                                                const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                                                const REAL* __restrict__ statistics, SCALAR* weight_grad,
                                                SCALAR* bias_grad, SCALAR* __restrict__ grad_x, REAL elements) {
    constexpr int COLUMNS = Held::COLUMNS;
    const INDEX channel = held.channel();
    Statistic of_column[COLUMNS]{};
    if (held.inside()) {
#pragma unroll
        for (int j = 0; j < COLUMNS; ++j) of_column[j] = load_statistic(statistics, held.channels, channel + j);
    }
    held.visit([&](Pack<SCALAR, WIDTH>(&packs)[2], INDEX first) {
        packs[0] = load_pack<WIDTH>(grad + first);
        packs[1] = load_pack<WIDTH>(x + first);
    });
    Sums<COLUMNS> found;
    held.visit([&](Pack<SCALAR, WIDTH>(&packs)[2], INDEX) {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const int c = Held::column(j);
            const REAL g = to_real(packs[0].values[j]);
            found.first.values[c] += g;
            found.second.values[c] += g * of_column[c].deviation(to_real(packs[1].values[j]));
        }
    });
    found.combine(Total::Of<Held>());
    if (!held.inside()) return;
    Line lines[COLUMNS];
#pragma unroll
    for (int j = 0; j < COLUMNS; ++j) {
        const Gradients of = gradients(of_column[j], found, j, weight ? weight + channel + j : nullptr, elements);
        lines[j] = of.x;
        if (held.writes()) {
            weight_grad[channel + j] = from_real<SCALAR>(of.weight);
            bias_grad[channel + j] = from_real<SCALAR>(of.bias);
        }
    }
    held.visit([&](Pack<SCALAR, WIDTH>(&packs)[2], INDEX first) {
        Pack<SCALAR, WIDTH> result;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const Line& line = lines[Held::column(j)];
            result.values[j] = from_real<SCALAR>(along(line, grad, packs[0].values[j], x, packs[1].values[j]));
        }
        store_pack<WIDTH>(grad_x + first, result);
    });
}

// As the forward. Bytes: each of grad, x and grad_x once.
// registers: 128 where SCALAR=float,half_t
// registers: 208
// vector: 128
extern "C" __global__ void __launch_bounds__(NORM_THREADS, HELD_BLOCKS)
    batch_norm_backward_planes(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                               const SCALAR* __restrict__ weight, const REAL* __restrict__ statistics,
                               SCALAR* weight_grad, SCALAR* bias_grad, SCALAR* __restrict__ grad_x, INDEX outer,
                               INDEX channels, INDEX inner, int width, REAL elements) {
    if (width == VECTOR) {
        HeldPlanes<VECTOR, 2, HELD_STEPS> held;
        held.outer = outer, held.channels = channels, held.inner = inner;
        backward<VECTOR>(held, grad, x, weight, statistics, weight_grad, bias_grad, grad_x, elements);
    } else {
        HeldPlanes<1, 2, HELD_SINGLES> held;
        held.outer = outer, held.channels = channels, held.inner = inner;
        backward<1>(held, grad, x, weight, statistics, weight_grad, bias_grad, grad_x, elements);
    }
}

// registers: 128 where SCALAR=float,half_t
// registers: 208
// vector: 128
extern "C" __global__ void __launch_bounds__(NORM_THREADS, HELD_BLOCKS)
    batch_norm_backward_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                const SCALAR* __restrict__ weight, const REAL* __restrict__ statistics,
                                SCALAR* weight_grad, SCALAR* bias_grad, SCALAR* __restrict__ grad_x, INDEX rows,
                                INDEX channels, int width, REAL elements) {
    if (width == VECTOR) {
        HeldColumns<VECTOR, 2, HELD_STEPS> held;
        held.rows = rows, held.channels = channels, held.inner = 1;
        backward<VECTOR>(held, grad, x, weight, statistics, weight_grad, bias_grad, grad_x, elements);
    } else {
        HeldColumns<1, 2, HELD_SINGLES> held;
        held.rows = rows, held.channels = channels, held.inner = 1;
        backward<1>(held, grad, x, weight, statistics, weight_grad, bias_grad, grad_x, elements);
    }
}
