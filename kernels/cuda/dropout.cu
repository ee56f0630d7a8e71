// Dropout (Srivastava et al., 2014) with no mask in memory: element i is kept where the upper 24 bits of word i of
// the Philox sequence are at least `bound` = round(p * 2**24), and the backward pass computes the same words again.
// Forward and backward are the same kernel.
//
// A thread handles ELEMENTS neighbouring elements, 16 bytes of them (float64: 32), since four elements share one
// Philox block: loads and stores of 16 bytes where the arrays lie on them and the elements are all there. Bytes
// moved: x once, out once.
#include "common.cuh"
#include "philox.cuh"

constexpr int ELEMENTS = VECTOR < 4 ? 4 : VECTOR;

struct Dropout {
    unsigned bound;
    REAL scale;

    __device__ __forceinline__ SCALAR operator()(SCALAR x, unsigned word) const {
        return from_real<SCALAR>((word >> 8) >= bound ? mul_rn(to_real(x), scale) : REAL(0));
    }
};

// registers: 40
extern "C" __global__ void __launch_bounds__(256) dropout(
    const SCALAR* __restrict__ x, SCALAR* __restrict__ out, long long n, unsigned bound, REAL scale,
    unsigned long long seed, unsigned long long offset, unsigned long long stream
) {
    const Dropout apply{bound, scale};
    const bool aligned = is_aligned(x) && is_aligned(out);
    for (long long i = grid_start<long long>(); i * ELEMENTS < n; i += grid_stride<long long>()) {
        const long long start = i * ELEMENTS;
        unsigned words[ELEMENTS];
#pragma unroll
        for (int b = 0; b < ELEMENTS / 4; ++b) {
            const unsigned long long at = offset + static_cast<unsigned long long>(start / 4 + b);  // wraps around
            const PhiloxBlock block = philox(seed, at, stream);
#pragma unroll
            for (int j = 0; j < 4; ++j) words[4 * b + j] = block.words[j];
        }
        if (aligned && start + ELEMENTS <= n) {
#pragma unroll
            for (int part = 0; part < ELEMENTS; part += VECTOR) {
                Pack<SCALAR, VECTOR> pack = load_pack<VECTOR>(x + start + part);
#pragma unroll
                for (int j = 0; j < VECTOR; ++j) pack.values[j] = apply(pack.values[j], words[part + j]);
                store_pack(out + start + part, pack);
            }
        } else {
#pragma unroll
            for (int j = 0; j < ELEMENTS; ++j) {
                if (start + j < n) out[start + j] = apply(x[start + j], words[j]);
            }
        }
    }
}
