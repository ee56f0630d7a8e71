// Normalisation of rows: of each sample's groups of channels, or, with one group, of the features of each sample.
//
// x is (samples, channels, inner). A group of `per_group` channels of one sample lies in one piece: a row of
// per_group * inner elements, which a warp (up to 1024 elements) or a block holds in registers, or, above 8192
// elements, reads twice. The gradients of weight and bias are sums over the rows, in a launch of their own.
#include "normalization.cuh"
#include "rows.cuh"

// What weight and bias are for the places first, ..., first + WIDTH - 1 of a row; `values` are its group's, or null.
template <int WIDTH>
static __device__ __forceinline__ Pack<REAL, WIDTH> values_of_channels(const SCALAR* __restrict__ values, INDEX first,
                                                                       INDEX inner, REAL absent) {
    Pack<REAL, WIDTH> pack;
    if (!values) {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) pack.values[j] = absent;
        return pack;
    }
    if (inner == 1) return to_reals(load_pack<WIDTH>(values + first));
    INDEX channel = first / inner, place = first - channel * inner;
    REAL value = to_real(values[channel]);  // read once, as often as not for the whole pack
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
        pack.values[j] = value;
        if (++place == inner && j + 1 < WIDTH) {
            place = 0;
            value = to_real(values[++channel]);
        }
    }
    return pack;
}

// The weights of the group that a row belongs to.
static __device__ __forceinline__ const SCALAR* of_group(const SCALAR* values, INDEX row, INDEX groups,
                                                         INDEX per_group) {
    return values ? values + row % groups * per_group : nullptr;
}

// --- forward -------------------------------------------------------------------------------------

template <class Rows, int THREADS>
static __device__ __forceinline__ void forward_row(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                                                   const SCALAR* __restrict__ bias, REAL* __restrict__ statistics,
                                                   SCALAR* __restrict__ out, INDEX row, INDEX rows, INDEX length,
                                                   INDEX inner, REAL eps, Group<THREADS> group) {
    constexpr int WIDTH = Rows::WIDTH;
    const Rows held({x}, length);
    const REAL around = to_real(x[0]);
    Moments<1> found;
    held.visit([&](INDEX, const Packs<WIDTH, 1>& packs) {
        Pack<REAL, WIDTH> values = to_reals(packs.of[0]);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) values.values[j] -= around;
        found.add_all(values);
    });
    found.combine([&](Pack<REAL, 1>& pack) { pack.values[0] = group.template reduce<Sum>(pack.values[0]); });
    const Statistic s = found.statistic(0, around, eps);
    if (group.thread() == 0) store_statistic(statistics, rows, row, s);
    held.visit([&](INDEX first, const Packs<WIDTH, 1>& packs) {
        const Pack<REAL, WIDTH> factors = values_of_channels<WIDTH>(weight, first, inner, 1);
        const Pack<REAL, WIDTH> constants = values_of_channels<WIDTH>(bias, first, inner, 0);
        Pack<SCALAR, WIDTH> result;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL value = s.normalised(to_real(packs.of[0].values[j]));
            result.values[j] = from_real<SCALAR>(value * factors.values[j] + constants.values[j]);
        }
        store_pack<WIDTH>(out + first, result);
    });
}

// Grid: ceil(rows / warps of a block). Bytes: each of x and out once, weight and bias once a row from a cache.
// `width`: VECTOR where 16-byte accesses are possible, else 1.
// registers: 96 where SCALAR=float,half_t
// registers: 128
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 2)
    group_norm_forward_warp(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                            const SCALAR* __restrict__ bias, REAL* __restrict__ statistics, SCALAR* __restrict__ out,
                            INDEX rows, INDEX groups, INDEX per_group, INDEX inner, int width, REAL eps) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    const Group<32> warp{nullptr};
    const INDEX length = per_group * inner;
    x += row * length;
    out += row * length;
    weight = of_group(weight, row, groups, per_group);
    bias = of_group(bias, row, groups, per_group);
    using Short = RegisterRows<32, 1, 1, SCALAR_STEPS>;
    if (width == VECTOR) {
        using Held = RegisterRows<32, VECTOR, 1, VECTOR_STEPS>;
        forward_row<Held>(x, weight, bias, statistics, out, row, rows, length, inner, eps, warp);
    } else if (length <= Short::MOST) {
        forward_row<Short>(x, weight, bias, statistics, out, row, rows, length, inner, eps, warp);
    } else {
        forward_row<MemoryRows<32, 1, 1>>(x, weight, bias, statistics, out, row, rows, length, inner, eps, warp);
    }
}

// Grid: rows. Bytes: each of x and out once, x twice above 8192 elements.
// registers: 96 where SCALAR=float,half_t
// registers: 128
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 2)
    group_norm_forward_block(const SCALAR* __restrict__ x, const SCALAR* __restrict__ weight,
                             const SCALAR* __restrict__ bias, REAL* __restrict__ statistics, SCALAR* __restrict__ out,
                             INDEX rows, INDEX groups, INDEX per_group, INDEX inner, int width, REAL eps) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Group<ROW_THREADS> block{shared};
    const INDEX row = blockIdx.x, length = per_group * inner;
    x += row * length;
    out += row * length;
    weight = of_group(weight, row, groups, per_group);
    bias = of_group(bias, row, groups, per_group);
    using Held = RegisterRows<ROW_THREADS, VECTOR, 1, VECTOR_STEPS>;
    if (width == VECTOR && length <= Held::MOST) {
        forward_row<Held>(x, weight, bias, statistics, out, row, rows, length, inner, eps, block);
    } else if (width == VECTOR) {
        using Read = MemoryRows<ROW_THREADS, VECTOR, 1>;
        forward_row<Read>(x, weight, bias, statistics, out, row, rows, length, inner, eps, block);
    } else {
        using Read = MemoryRows<ROW_THREADS, 1, 1>;
        forward_row<Read>(x, weight, bias, statistics, out, row, rows, length, inner, eps, block);
    }
}

// --- backward: the gradient of x -----------------------------------------------------------------

// inverse * (u - mean(u) - normalised * mean(u * normalised)), where u = grad * weight.
template <class Rows, int THREADS>
static __device__ __forceinline__ void backward_row(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                    const SCALAR* __restrict__ weight, const Statistic& s,
                                                    SCALAR* __restrict__ grad_x, INDEX length, INDEX inner,
                                                    Group<THREADS> group) {
    constexpr int WIDTH = Rows::WIDTH;
    const Rows held({grad, x}, length);
    REAL sum = 0, product = 0;
    held.visit([&](INDEX first, const Packs<WIDTH, 2>& packs) {
        const Pack<REAL, WIDTH> factors = values_of_channels<WIDTH>(weight, first, inner, 1);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL u = to_real(packs.of[0].values[j]) * factors.values[j];
            sum += u;
            product += u * s.normalised(to_real(packs.of[1].values[j]));
        }
    });
    sum = group.template reduce<Sum>(sum) / length;
    product = group.template reduce<Sum>(product) / length;
    held.visit([&](INDEX first, const Packs<WIDTH, 2>& packs) {
        const Pack<REAL, WIDTH> factors = values_of_channels<WIDTH>(weight, first, inner, 1);
        Pack<SCALAR, WIDTH> result;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL u = to_real(packs.of[0].values[j]) * factors.values[j];
            const REAL value = s.normalised(to_real(packs.of[1].values[j]));
            result.values[j] = from_real<SCALAR>(s.inverse * (u - sum - value * product));
        }
        store_pack<WIDTH>(grad_x + first, result);
    });
}

// As group_norm_forward_warp. Bytes: each of grad, x and grad_x once, the weight twice a row from a cache.
// registers: 128 where SCALAR=float,half_t
// registers: 192
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    group_norm_backward_warp(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                             const SCALAR* __restrict__ weight, const REAL* __restrict__ statistics,
                             SCALAR* __restrict__ grad_x, INDEX rows, INDEX groups, INDEX per_group, INDEX inner,
                             int width) {
    const INDEX row = static_cast<INDEX>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row >= rows) return;  // the whole warp
    const Group<32> warp{nullptr};
    const INDEX length = per_group * inner;
    const Statistic s = load_statistic(statistics, rows, row);
    grad += row * length;
    x += row * length;
    grad_x += row * length;
    weight = of_group(weight, row, groups, per_group);
    using Short = RegisterRows<32, 1, 2, SCALAR_STEPS>;
    if (width == VECTOR) {
        backward_row<RegisterRows<32, VECTOR, 2, VECTOR_STEPS>>(grad, x, weight, s, grad_x, length, inner, warp);
    } else if (length <= Short::MOST) {
        backward_row<Short>(grad, x, weight, s, grad_x, length, inner, warp);
    } else {
        backward_row<MemoryRows<32, 1, 2>>(grad, x, weight, s, grad_x, length, inner, warp);
    }
}

// As group_norm_forward_block.
// registers: 128 where SCALAR=float,half_t
// registers: 192
// vector: 128 stores
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    group_norm_backward_block(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                              const SCALAR* __restrict__ weight, const REAL* __restrict__ statistics,
                              SCALAR* __restrict__ grad_x, INDEX rows, INDEX groups, INDEX per_group, INDEX inner,
                              int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Group<ROW_THREADS> block{shared};
    const INDEX row = blockIdx.x, length = per_group * inner;
    const Statistic s = load_statistic(statistics, rows, row);
    grad += row * length;
    x += row * length;
    grad_x += row * length;
    weight = of_group(weight, row, groups, per_group);
    using Held = RegisterRows<ROW_THREADS, VECTOR, 2, VECTOR_STEPS>;
    if (width == VECTOR && length <= Held::MOST) {
        backward_row<Held>(grad, x, weight, s, grad_x, length, inner, block);
    } else if (width == VECTOR) {
        backward_row<MemoryRows<ROW_THREADS, VECTOR, 2>>(grad, x, weight, s, grad_x, length, inner, block);
    } else {
        backward_row<MemoryRows<ROW_THREADS, 1, 2>>(grad, x, weight, s, grad_x, length, inner, block);
    }
}

// --- backward: the gradients of weight and bias ----------------------------------------------------

struct StoreSums {
    SCALAR* __restrict__ weight_grad;
    SCALAR* __restrict__ bias_grad;

    template <int WIDTH>
    __device__ __forceinline__ void operator()(INDEX channel, const Sums<WIDTH>& found) const {
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            weight_grad[channel + j] = from_real<SCALAR>(found.second.values[j]);
            bias_grad[channel + j] = from_real<SCALAR>(found.first.values[j]);
        }
    }
};

// A sample has `groups` statistics. The channels of a pack may belong to several.
template <int WIDTH>
static __device__ __forceinline__ void sums_of_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                       const REAL* __restrict__ statistics, const StoreSums& store,
                                                       REAL* partials, unsigned* tickets, INDEX samples,
                                                       INDEX channels, INDEX groups, INDEX per_group) {
    const INDEX column = first_column<WIDTH>();
    reduce_columns<WIDTH, Sums<WIDTH>>(
        samples, channels,
        [&](Sums<WIDTH>& found, INDEX sample, INDEX first) {
            const Pack<REAL, WIDTH> g = to_reals(load_pack<WIDTH>(grad + first));
            const Pack<REAL, WIDTH> values = to_reals(load_pack<WIDTH>(x + first));
            INDEX group = column / per_group;
            Statistic s = load_statistic(statistics, samples * groups, sample * groups + group);
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                if (j > 0 && groups > 1 && (column + j) / per_group != group) {
                    group = (column + j) / per_group;
                    s = load_statistic(statistics, samples * groups, sample * groups + group);
                }
                found.first.values[j] += g.values[j];
                found.second.values[j] += g.values[j] * s.normalised(values.values[j]);
            }
        },
        store, partials, tickets);
}

// inner = 1. Bytes: each of grad and x once, a sample's statistics from a cache, three a pack and three
// more for each further group that it reaches into, and the partial sums. `width` as above.
// registers: 80 where INDEX=int
// registers: 128
// vector: 128 loads except 24
extern "C" __global__ void __launch_bounds__(NORM_THREADS, COLUMN_BLOCKS)
    group_norm_sums_columns(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                            const REAL* __restrict__ statistics, SCALAR* weight_grad, SCALAR* bias_grad,
                            REAL* partials, unsigned* tickets, INDEX samples, INDEX channels, INDEX groups,
                            INDEX per_group, int width) {
    const StoreSums store{weight_grad, bias_grad};
    if (width == VECTOR) {
        sums_of_columns<VECTOR>(grad, x, statistics, store, partials, tickets, samples, channels, groups, per_group);
    } else {
        sums_of_columns<1>(grad, x, statistics, store, partials, tickets, samples, channels, groups, per_group);
    }
}

template <int WIDTH>
static __device__ __forceinline__ void sums_of_planes(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                                                      const REAL* __restrict__ statistics, const StoreSums& store,
                                                      REAL* partials, unsigned* tickets, INDEX samples,
                                                      INDEX channels, INDEX inner, INDEX groups, INDEX per_group) {
    const INDEX group = static_cast<INDEX>(blockIdx.x) / per_group;
    reduce_planes<WIDTH, Sums<1>>(
        samples, channels, inner,
        [&](Sums<1>& found, INDEX sample, INDEX first) {
            const Pack<REAL, WIDTH> g = to_reals(load_pack<WIDTH>(grad + first));
            const Pack<REAL, WIDTH> values = to_reals(load_pack<WIDTH>(x + first));
            const Statistic s = load_statistic(statistics, samples * groups, sample * groups + group);
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                found.first.values[0] += g.values[j];
                found.second.values[0] += g.values[j] * s.normalised(values.values[j]);
            }
        },
        store, partials, tickets);
}

// Bytes: each of grad and x once, a sample's statistics once a pack from a cache.
// registers: 64 where INDEX=int
// registers: 128
// vector: 128 loads except 12
extern "C" __global__ void __launch_bounds__(NORM_THREADS, PLANE_BLOCKS)
    group_norm_sums_planes(const SCALAR* __restrict__ grad, const SCALAR* __restrict__ x,
                           const REAL* __restrict__ statistics, SCALAR* weight_grad, SCALAR* bias_grad,
                           REAL* partials, unsigned* tickets, INDEX samples, INDEX channels, INDEX inner,
                           INDEX groups, INDEX per_group, int width) {
    const StoreSums store{weight_grad, bias_grad};
    if (width == VECTOR) {
        sums_of_planes<VECTOR>(grad, x, statistics, store, partials, tickets, samples, channels, inner, groups,
                               per_group);
    } else {
        sums_of_planes<1>(grad, x, statistics, store, partials, tickets, samples, channels, inner, groups, per_group);
    }
}
