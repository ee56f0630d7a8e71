// Dropout (Srivastava et al., 2014) with no mask in memory: element i is kept where the upper 24 bits of word i of
// the Philox sequence are at least `bound` = round(p * 2**24), and the backward pass computes the same words again.
// Forward and backward are the same kernel.
//
// A thread handles VECTOR neighbouring elements with one load and one store of 16 bytes, if the arrays lie on 16 bytes
// and the elements are all there, else one by one. Four elements share a Philox block; with float64 two threads make
// the same one, which is cheaper than what 32 bytes a thread would cost the coalescing. Bytes moved: x once, out once.
#include "common.cuh"
#include "philox.cuh"

struct Dropout {
    unsigned bound;
    REAL scale;

    __device__ __forceinline__ SCALAR operator()(SCALAR x, unsigned word) const {
        return from_real<SCALAR>((word >> 8) >= bound ? mul_rn(to_real(x), scale) : REAL(0));
    }
};

// All 16 bytes at once. From an ordinary load the compiler for sm_100 and sm_120 takes only the elements that are
// kept, one by one; this one it cannot take apart.
static __device__ __forceinline__ Pack<SCALAR, VECTOR> load_whole(const SCALAR* p) {
    const uint4 bits = __ldcs(reinterpret_cast<const uint4*>(p));
    return reinterpret_cast<const Pack<SCALAR, VECTOR>&>(bits);
}

// The words of elements start..start+VECTOR-1
static __device__ __forceinline__ void words_for(
    long long start, unsigned long long seed, unsigned long long offset, unsigned long long stream,
    unsigned (&words)[VECTOR]
) {
    constexpr int BLOCKS = (VECTOR + 3) / 4;
#pragma unroll
    for (int b = 0; b < BLOCKS; ++b) {
        const unsigned long long at = offset + static_cast<unsigned long long>(start / 4 + b);  // wraps around
        const PhiloxBlock block = philox(seed, at, stream);
        const bool second_half = VECTOR == 2 && start % 4 != 0;
#pragma unroll
        for (int j = 0; j < (VECTOR < 4 ? VECTOR : 4); ++j) {
            words[4 * b + j] = second_half ? block.words[(2 + j) % 4] : block.words[j];
        }
    }
}

// registers: 48
// vector: 128
extern "C" __global__ void __launch_bounds__(256) dropout(
    const SCALAR* __restrict__ x, SCALAR* __restrict__ out, long long n, unsigned bound, REAL scale,
    unsigned long long seed, unsigned long long offset, unsigned long long stream
) {
    const Dropout apply{bound, scale};
    const bool aligned = is_aligned(x) && is_aligned(out);
    for (long long i = grid_start<long long>(); i * VECTOR < n; i += grid_stride<long long>()) {
        const long long start = i * VECTOR;
        unsigned words[VECTOR];
        words_for(start, seed, offset, stream, words);
        if (aligned && start + VECTOR <= n) {
            Pack<SCALAR, VECTOR> pack = load_whole(x + start);
#pragma unroll
            for (int j = 0; j < VECTOR; ++j) pack.values[j] = apply(pack.values[j], words[j]);
            store_pack(out + start, pack);
        } else {
#pragma unroll
            for (int j = 0; j < VECTOR; ++j) {
                if (start + j < n) out[start + j] = apply(x[start + j], words[j]);
            }
        }
    }
}
