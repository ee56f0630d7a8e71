// Cross-entropy of the softmax of logits (rows, classes) with class probabilities: loss and gradient in one launch.
//
// With t = w * ((1 - smoothing) * target + smoothing / classes) of a row and p = softmax(logits):
//
//     loss = -sum(t * log p)        gradient = p * sum(t) - t
//
// A class whose t is 0 adds nothing to the loss, be its log p -inf. A warp works on a row of up to 1024 classes and holds
// it in registers, a block on a longer one, which it reads three times: once from memory, then from the caches, for a
// row is some ten or hundred KB. Bytes: each of logits, target and gradient once.
#include "row_losses.cuh"

// What every row is told.
struct Shared {
    const SCALAR* __restrict__ logits;
    const SCALAR* __restrict__ target;
    const SCALAR* __restrict__ weight;  // (classes), or null: all are 1
    SCALAR* __restrict__ gradient;
    INDEX classes;
    REAL smoothing;
    REAL scale;  // of the gradient: 1, or 1 / rows

    // t of the WIDTH classes from `first` on.
    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> targets(INDEX first, const Pack<SCALAR, WIDTH>& given) const {
        const REAL share = smoothing / classes;
        Pack<SCALAR, WIDTH> weights{};
        if (weight != nullptr) weights = load_pack<WIDTH>(weight + first);
        Pack<REAL, WIDTH> wanted;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            wanted.values[j] = (1 - smoothing) * to_real(given.values[j]) + share;
            if (weight != nullptr) wanted.values[j] *= to_real(weights.values[j]);
        }
        return wanted;
    }
};

// Writes the gradient of a row and returns its loss.
template <class Rows, int THREADS>
static __device__ __forceinline__ REAL row_loss(INDEX row, const Shared& all, Group<THREADS> group) {
    constexpr int WIDTH = Rows::WIDTH;
    const Rows both({all.logits + row * all.classes, all.target + row * all.classes}, all.classes);
    const Statistics found = softmax_statistics(both, group);
    const REAL log_total = logarithm(found.total);
    REAL target_sum = 0;
    both.visit([&](INDEX first, const Packs<WIDTH, 2>& packs) {
        const Pack<REAL, WIDTH> wanted = all.template targets<WIDTH>(first, packs.of[1]);
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) target_sum += wanted.values[j];
    });
    target_sum = group.template reduce<Sum>(target_sum);
    REAL loss = 0;
    both.visit([&](INDEX first, const Packs<WIDTH, 2>& packs) {
        const Pack<REAL, WIDTH> wanted = all.template targets<WIDTH>(first, packs.of[1]);
        Pack<SCALAR, WIDTH> result;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL log_p = to_real(packs.of[0].values[j]) - found.largest - log_total;
            if (wanted.values[j] != 0) loss -= wanted.values[j] * log_p;
            result.values[j] = from_real<SCALAR>((exponential(log_p) * target_sum - wanted.values[j]) * all.scale);
        }
        store_pack<WIDTH>(all.gradient + row * all.classes + first, result);
    });
    return group.template reduce<Sum>(loss);
}

template <class Rows, int THREADS>
static __device__ __forceinline__ void all_rows(const Shared& all, SCALAR* __restrict__ loss, REAL* partials,
                                                unsigned* ticket, INDEX rows, int reduction, REAL* shared) {
    const auto lost_by = [&](INDEX row, Group<THREADS> group) { return row_loss<Rows>(row, all, group); };
    each_row<THREADS>(lost_by, loss, partials, ticket, rows, all.scale, reduction, shared);
}

static __device__ __forceinline__ REAL scale_of(int reduction, INDEX rows) {
    return reduction == REDUCTION_MEAN ? reciprocal_or_nan(static_cast<REAL>(rows)) : REAL(1);
}

// `width`: VECTOR where 16-byte accesses are possible, else 1.
// registers: 128 where SCALAR=float,half_t
// registers: 240
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    soft_cross_entropy_warp(const SCALAR* __restrict__ logits, const SCALAR* __restrict__ target,
                            const SCALAR* __restrict__ weight, SCALAR* __restrict__ loss,
                            SCALAR* __restrict__ gradient, REAL* partials, unsigned* ticket, INDEX rows, INDEX classes,
                            REAL smoothing, int reduction, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Shared all{logits, target, weight, gradient, classes, smoothing, scale_of(reduction, rows)};
    if (width == VECTOR) {
        all_rows<RegisterRows<32, VECTOR, 2, VECTOR_STEPS>, 32>(all, loss, partials, ticket, rows, reduction, shared);
    } else {
        all_rows<MemoryRows<32, 1, 2>, 32>(all, loss, partials, ticket, rows, reduction, shared);
    }
}

// registers: 128
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 2)
    soft_cross_entropy_block(const SCALAR* __restrict__ logits, const SCALAR* __restrict__ target,
                             const SCALAR* __restrict__ weight, SCALAR* __restrict__ loss,
                             SCALAR* __restrict__ gradient, REAL* partials, unsigned* ticket, INDEX rows,
                             INDEX classes, REAL smoothing, int reduction, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    const Shared all{logits, target, weight, gradient, classes, smoothing, scale_of(reduction, rows)};
    if (width == VECTOR) {
        all_rows<MemoryRows<ROW_THREADS, VECTOR, 2>, ROW_THREADS>(all, loss, partials, ticket, rows, reduction, shared);
    } else {
        all_rows<MemoryRows<ROW_THREADS, 1, 2>, ROW_THREADS>(all, loss, partials, ticket, rows, reduction, shared);
    }
}
