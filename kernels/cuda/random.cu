// Uniform and normal random numbers: a function of their index, see philox.cuh.
//
// A thread fills VECTOR neighbouring elements (16 bytes, from one Philox block; float16: two) and writes them with
// one 16-byte store; only the last thread may have fewer. Nothing is read: the n elements are written once. The
// arithmetic of a block (20 wide multiplications, then about 60 operations a normal pair) is what bounds the
// kernels, so 64-bit indices cost nothing that would be seen.
//
// `out` is a new array, which lies on 16 bytes.
#include "common.cuh"
#include "philox.cuh"

template <class Distribution>
static __device__ __forceinline__ void fill(
    SCALAR* out, long long n, unsigned long long seed, unsigned long long offset, unsigned long long stream
) {
    constexpr int BLOCKS = VECTOR / Distribution::made;  // Philox blocks in 16 bytes
    for (long long i = grid_start<long long>(); i * VECTOR < n; i += grid_stride<long long>()) {
        Pack<SCALAR, VECTOR> pack;
#pragma unroll
        for (int b = 0; b < BLOCKS; ++b) {
            const unsigned long long at = offset + static_cast<unsigned long long>(i * BLOCKS + b);  // wraps around
            Distribution::make(philox(seed, at, stream), pack.values + b * Distribution::made);
        }
        const long long start = i * VECTOR;
        if (start + VECTOR <= n) {
            store_pack(out + start, pack);
        } else {
#pragma unroll
            for (int j = 0; j < VECTOR; ++j) {
                if (start + j < n) out[start + j] = pack.values[j];
            }
        }
    }
}

// registers: 56
// vector: 128
extern "C" __global__ void __launch_bounds__(256) random_uniform(
    SCALAR* __restrict__ out, long long n, unsigned long long seed, unsigned long long offset,
    unsigned long long stream
) {
    fill<Uniform<SCALAR>>(out, n, seed, offset, stream);
}

// registers: 56
// vector: 128
extern "C" __global__ void __launch_bounds__(256) random_normal(
    SCALAR* __restrict__ out, long long n, unsigned long long seed, unsigned long long offset,
    unsigned long long stream
) {
    fill<Normal<SCALAR>>(out, n, seed, offset, stream);
}
