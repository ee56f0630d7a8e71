// NAdam (Dozat, "Incorporating Nesterov momentum into Adam", 2016) in PyTorch's form. Threads and bytes: see
// optimizer.cuh; 7 numbers an element move.
//
// With c = sqrt(1 - beta2^t), PyTorch's
//     lr * (a * gradient + b * mean) / (sqrt(variance) / c + eps)
// is computed as (lr * a * c * gradient + lr * b * c * mean) / (sqrt(variance) + eps * c): one division less.
#include "optimizer.cuh"

struct NAdam {
    static constexpr bool reads_states = true;
    REAL beta1, share1, beta2, share2;  // share of the new value: 1 - beta
    REAL weight_decay, keep;            // decay that is added to the gradient; factor of decoupled decay, or 1
    REAL grad_rate, mean_rate, floor;
    int maximize;

    __device__ __forceinline__ void operator()(REAL (&values)[3], REAL gradient) const {
        const REAL g = with_decay(gradient, values[0], weight_decay, maximize);
        const REAL mean = values[1] = beta1 * values[1] + share1 * g;
        const REAL variance = values[2] = beta2 * values[2] + share2 * (g * g);
        values[0] = keep * values[0] - (grad_rate * g + mean_rate * mean) / (square_root(variance) + floor);
    }
};

// `grad_share` and `mean_share` are a * c and b * c. The learning rate is `lr`, or what `lr_place` points to.
//
// registers: 72
// vector: 128
extern "C" __global__ void __launch_bounds__(256, 3) nadam_update(
    SCALAR* __restrict__ param, const SCALAR* __restrict__ grad, SCALAR* __restrict__ exp_avg,
    SCALAR* __restrict__ exp_avg_sq, const long long* __restrict__ record, long long n, double lr,
    const void* __restrict__ lr_place, int lr_type, double grad_share, double mean_share, REAL beta1, REAL share1,
    REAL beta2, REAL share2, REAL weight_decay, double decoupled_decay, REAL floor, int maximize
) {
    if (is_suppressed(record)) return;
    const double now = number(lr, lr_place, lr_type);
    const NAdam rule{
        beta1, share1, beta2, share2, weight_decay, static_cast<REAL>(1 - now * decoupled_decay),
        static_cast<REAL>(now * grad_share), static_cast<REAL>(now * mean_share), floor, maximize
    };
    update({param, exp_avg, exp_avg_sq}, grad, n, rule);
}
