// Adam (Kingma, Ba, 2015), AdamW (Loshchilov, Hutter, 2019) and their AMSGrad variants (Reddi, Kale, Kumar, 2018).
// Threads and bytes: see optimizer.cuh; 7 numbers an element move, 9 with AMSGrad.
//
// With c = sqrt(1 - beta2^t), PyTorch's
//     lr / (1 - beta1^t) * mean / (sqrt(variance) / c + eps)   is computed as   rate * mean / (sqrt(variance) + floor)
// where rate = lr / (1 - beta1^t) * c and floor = eps * c: one division less for each element.
#include "optimizer.cuh"

template <bool AMSGRAD>
struct Adam {
    static constexpr bool reads_states = true;
    static constexpr int count = 3 + AMSGRAD;
    REAL beta1, share1, beta2, share2;  // share of the new value: 1 - beta
    REAL weight_decay, keep;            // decay that is added to the gradient; factor of decoupled decay, or 1
    REAL rate, floor;
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[count], REAL gradient) const {
        const REAL g = with_decay(gradient, values[0], weight_decay, maximize);
        const REAL mean = values[1] = beta1 * values[1] + share1 * g;
        REAL variance = values[2] = beta2 * values[2] + share2 * (g * g);
        if constexpr (AMSGRAD) variance = values[3] = larger(values[3], variance);
        values[0] = keep * values[0] - rate * mean / (square_root(variance) + floor);
    }
};

// registers: 72
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) adam_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ exp_avg,
    SCALAR* __restrict__ exp_avg_sq, SCALAR* __restrict__ max_exp_avg_sq, const long long* __restrict__ record,
    long long n, REAL beta1, REAL share1, REAL beta2, REAL share2, REAL weight_decay, int maximize, REAL keep,
    REAL rate, REAL floor
) {
    if (is_suppressed(record)) return;
    if (max_exp_avg_sq == nullptr) {
        const Adam<false> rule{beta1, share1, beta2, share2, weight_decay, keep, rate, floor, maximize};
        update({param, exp_avg, exp_avg_sq}, grad, n, rule);
    } else {
        const Adam<true> rule{beta1, share1, beta2, share2, weight_decay, keep, rate, floor, maximize};
        update({param, exp_avg, exp_avg_sq, max_exp_avg_sq}, grad, n, rule);
    }
}

// The same with the learning rate, the step or both in device memory: what `lr_place` and `step_place` point to, or
// `lr` and `step` where they are null. The first thread of each block combines them, in double as the host would.
// `decoupled_decay` is AdamW's, 0 without it.
//
// registers: 80
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) adam_update_scheduled(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ exp_avg,
    SCALAR* __restrict__ exp_avg_sq, SCALAR* __restrict__ max_exp_avg_sq, const long long* __restrict__ record,
    long long n, double beta1, double beta2, REAL weight_decay, int maximize, double decoupled_decay, double eps,
    double lr, const void* __restrict__ lr_place, int lr_type, double step, const void* __restrict__ step_place,
    int step_type
) {
    if (is_suppressed(record)) return;  // all threads of all blocks alike
    __shared__ REAL combined[3];
    if (threadIdx.x == 0) {
        const double now = number(lr, lr_place, lr_type), t = number(step, step_place, step_type);
        const double c = sqrt(1 - pow(beta2, t));
        combined[0] = static_cast<REAL>(1 - now * decoupled_decay);
        combined[1] = static_cast<REAL>(now / (1 - pow(beta1, t)) * c);
        combined[2] = static_cast<REAL>(eps * c);
    }
    __syncthreads();
    const REAL b1 = static_cast<REAL>(beta1), s1 = static_cast<REAL>(1 - beta1);
    const REAL b2 = static_cast<REAL>(beta2), s2 = static_cast<REAL>(1 - beta2);
    if (max_exp_avg_sq == nullptr) {
        const Adam<false> rule{b1, s1, b2, s2, weight_decay, combined[0], combined[1], combined[2], maximize};
        update({param, exp_avg, exp_avg_sq}, grad, n, rule);
    } else {
        const Adam<true> rule{b1, s1, b2, s2, weight_decay, combined[0], combined[1], combined[2], maximize};
        update({param, exp_avg, exp_avg_sq, max_exp_avg_sq}, grad, n, rule);
    }
}
