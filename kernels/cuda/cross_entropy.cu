// Cross-entropy of the softmax of logits (rows, classes) with integer labels: loss and gradient in one launch.
//
// With t = the (smoothed, weighted) target distribution of a row and p = softmax(logits):
//
//     loss = -sum(t * log p)        gradient = p * sum(t) - t
//
// A warp works on a row of up to 1024 classes, a block on a longer one, as in softmax.cu; the row is held in registers up
// to 8192 classes (without 16-byte accesses up to 128) and read twice beyond. Bytes: each of logits and gradient once.
//
// The gradient of the mean needs the summed weights of all labels that count before the first one is written. Up to
// TOTAL_IN_BLOCK rows (backends/cupy/losses.py) every block adds them up for itself: at most 16 KB of labels, which lie
// in the L2 cache, in the same order everywhere. Beyond that, where a second launch weighs little,
// cross_entropy_total has done it before.
#include "channel_sums.cuh"
#include "row_losses.cuh"

// Labels come in every integer type: the type is looked at where a label is read, once for a row.
#define LABELS_OF(SIZE, SIGNED) (2 * (SIZE) + (SIGNED))

struct Targets {
    const void* __restrict__ labels;
    int label_type;                     // LABELS_OF(size in bytes, 1 if signed)
    const SCALAR* __restrict__ weight;  // (classes), or null: all are 1
    INDEX classes;
    long long ignore_index;

    template <class T>
    __device__ __forceinline__ long long read(INDEX row) const {
        return static_cast<long long>(static_cast<const T*>(labels)[row]);
    }
    __device__ __forceinline__ long long label(INDEX row) const {
        switch (label_type) {
            case LABELS_OF(1, 0): return read<unsigned char>(row);
            case LABELS_OF(1, 1): return read<signed char>(row);
            case LABELS_OF(2, 0): return read<unsigned short>(row);
            case LABELS_OF(2, 1): return read<short>(row);
            case LABELS_OF(4, 0): return read<unsigned>(row);
            case LABELS_OF(4, 1): return read<int>(row);
            default: return read<long long>(row);
        }
    }

    // Labels are checked elsewhere, later perhaps: one that is out of range must not reach beyond the arrays.
    __device__ __forceinline__ bool in_range(long long label) const { return 0 <= label && label < classes; }

    __device__ __forceinline__ REAL class_weight(long long label) const {
        return weight == nullptr ? REAL(1) : in_range(label) ? to_real(weight[label]) : REAL(0);
    }
    // Of WIDTH neighbouring classes.
    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> class_weights(INDEX first) const {
        Pack<SCALAR, WIDTH> stored{};
        if (weight != nullptr) stored = load_pack<WIDTH>(weight + first);
        Pack<REAL, WIDTH> weights;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) weights.values[j] = weight != nullptr ? to_real(stored.values[j]) : REAL(1);
        return weights;
    }
    // The weight of a row, 0 if its label is ignored.
    __device__ __forceinline__ REAL row_weight(INDEX row) const {
        const long long chosen = label(row);
        return chosen == ignore_index ? REAL(0) : class_weight(chosen);
    }
};

// What every row is told.
struct Shared {
    Targets targets;
    REAL smoothing;
    REAL scale;  // of the gradient: 1, or 1 / the summed weights
};

// Writes the gradient of a row and returns its loss.
template <class Rows, int THREADS>
static __device__ __forceinline__ REAL row_loss(const SCALAR* __restrict__ logits, SCALAR* __restrict__ gradient,
                                                INDEX row, const Shared& all, Group<THREADS> group) {
    constexpr int WIDTH = Rows::WIDTH;
    const Targets& targets = all.targets;
    const Rows x({logits + row * targets.classes}, targets.classes);
    const Statistics found = softmax_statistics(x, group);
    const REAL log_total = logarithm(found.total);

    const long long label = targets.label(row);
    const bool counts = label != targets.ignore_index;
    const REAL hard = (1 - all.smoothing) * targets.class_weight(label);  // of the label's own class
    const REAL share = all.smoothing / targets.classes;                   // of each class, times its weight
    REAL loss = 0, target_sum = hard;
    if (counts && targets.in_range(label)) {
        loss = -hard * (to_real(logits[row * targets.classes + label]) - found.largest - log_total);
    }
    if (all.smoothing > 0) {
        REAL weights = 0, weighted = 0;
        x.visit([&](INDEX first, const Packs<WIDTH, 1>& packs) {
            const Pack<REAL, WIDTH> weight = targets.template class_weights<WIDTH>(first);
#pragma unroll
            for (int j = 0; j < WIDTH; ++j) {
                weights += weight.values[j];
                weighted += weight.values[j] * (to_real(packs.of[0].values[j]) - found.largest - log_total);
            }
        });
        loss -= share * group.template reduce<Sum>(weighted);
        target_sum += share * group.template reduce<Sum>(weights);
    }
    x.visit([&](INDEX first, const Packs<WIDTH, 1>& packs) {
        Pack<REAL, WIDTH> target{};
        if (all.smoothing > 0) target = targets.template class_weights<WIDTH>(first);
        Pack<SCALAR, WIDTH> result;
#pragma unroll
        for (int j = 0; j < WIDTH; ++j) {
            const REAL wanted = share * target.values[j] + (first + j == label ? hard : REAL(0));
            const REAL p = exponential(to_real(packs.of[0].values[j]) - found.largest - log_total);
            // a choice, not a product: the scale of an ignored row may be infinite
            result.values[j] = from_real<SCALAR>(counts ? (p * target_sum - wanted) * all.scale : REAL(0));
        }
        store_pack<WIDTH>(gradient + row * targets.classes + first, result);
    });
    return counts ? loss : REAL(0);
}

// The summed weights of the rows; every thread of every block gets the same bits.
static __device__ __forceinline__ REAL summed_weights(const Targets& targets, INDEX rows, REAL* shared) {
    REAL sum = 0;
    for (INDEX row = threadIdx.x; row < rows; row += blockDim.x) sum += targets.row_weight(row);
    return block_reduce<Sum>(sum, shared);
}

template <class Rows, int THREADS>
static __device__ __forceinline__ void all_rows(const SCALAR* __restrict__ logits, SCALAR* __restrict__ loss,
                                                SCALAR* __restrict__ gradient, REAL* partials, unsigned* ticket,
                                                INDEX rows, const Shared& all, int reduction, REAL* shared) {
    const auto lost_by = [&](INDEX row, Group<THREADS> group) {
        return row_loss<Rows>(logits, gradient, row, all, group);
    };
    each_row<THREADS>(lost_by, loss, partials, ticket, rows, all.scale, reduction, shared);
}

// `total`: the summed weights, or null: computed here. `width`: VECTOR where 16-byte accesses are possible, else 1.
// registers: 128 where SCALAR=float,half_t
// registers: 208
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    cross_entropy_warp(const SCALAR* __restrict__ logits, const void* __restrict__ labels, int label_type,
                       const SCALAR* __restrict__ weight, const REAL* __restrict__ total, SCALAR* __restrict__ loss,
                       SCALAR* __restrict__ gradient, REAL* partials, unsigned* ticket, INDEX rows, INDEX classes,
                       long long ignore_index, REAL smoothing, int reduction, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    Shared all{{labels, label_type, weight, classes, ignore_index}, smoothing, 1};
    if (reduction == REDUCTION_MEAN) {
        all.scale = reciprocal_or_nan(total ? *total : summed_weights(all.targets, rows, shared));
    }
    using Held = RegisterRows<32, VECTOR, 1, VECTOR_STEPS>;
    using Short = RegisterRows<32, 1, 1, SCALAR_STEPS>;
    if (width == VECTOR) {
        all_rows<Held, 32>(logits, loss, gradient, partials, ticket, rows, all, reduction, shared);
    } else if (classes <= Short::MOST) {
        all_rows<Short, 32>(logits, loss, gradient, partials, ticket, rows, all, reduction, shared);
    } else {
        all_rows<MemoryRows<32, 1, 1>, 32>(logits, loss, gradient, partials, ticket, rows, all, reduction, shared);
    }
}

// registers: 128 where SCALAR=float,half_t
// registers: 208
// vector: 128
extern "C" __global__ void __launch_bounds__(ROW_THREADS, ROW_BLOCKS)
    cross_entropy_block(const SCALAR* __restrict__ logits, const void* __restrict__ labels, int label_type,
                        const SCALAR* __restrict__ weight, const REAL* __restrict__ total, SCALAR* __restrict__ loss,
                        SCALAR* __restrict__ gradient, REAL* partials, unsigned* ticket, INDEX rows, INDEX classes,
                        long long ignore_index, REAL smoothing, int reduction, int width) {
    __shared__ REAL shared[ROW_THREADS / 32];
    Shared all{{labels, label_type, weight, classes, ignore_index}, smoothing, 1};
    if (reduction == REDUCTION_MEAN) {
        all.scale = reciprocal_or_nan(total ? *total : summed_weights(all.targets, rows, shared));
    }
    using Held = RegisterRows<ROW_THREADS, VECTOR, 1, VECTOR_STEPS>;
    if (width == VECTOR && classes <= Held::MOST) {
        all_rows<Held, ROW_THREADS>(logits, loss, gradient, partials, ticket, rows, all, reduction, shared);
    } else if (width == VECTOR) {
        all_rows<MemoryRows<ROW_THREADS, VECTOR, 1>, ROW_THREADS>(logits, loss, gradient, partials, ticket, rows, all,
                                                                  reduction, shared);
    } else {
        all_rows<MemoryRows<ROW_THREADS, 1, 1>, ROW_THREADS>(logits, loss, gradient, partials, ticket, rows, all,
                                                             reduction, shared);
    }
}

// --- the summed weights of many rows -------------------------------------------------------------

struct RowWeights {
    Targets targets;
    template <int WIDTH>
    __device__ __forceinline__ Pack<REAL, WIDTH> at(INDEX first) const {
        static_assert(WIDTH == 1, "labels are read one by one");
        return Pack<REAL, 1>{{targets.row_weight(first)}};
    }
};

struct StoreTotal {
    REAL* total;
    __device__ __forceinline__ void operator()(INDEX, REAL sum) const { *total = sum; }
};

// registers: 64
// scalar: labels are of eight types, and each looks up a weight
extern "C" __global__ void __launch_bounds__(SUM_THREADS, 4)
    cross_entropy_total(const void* __restrict__ labels, int label_type, const SCALAR* __restrict__ weight, REAL* total,
                        REAL* partials, unsigned* ticket, INDEX rows, INDEX classes, long long ignore_index) {
    const RowWeights weights{{labels, label_type, weight, classes, ignore_index}};
    sum_planes<1>(1, 1, rows, weights, StoreTotal{total}, partials, ticket);
}
