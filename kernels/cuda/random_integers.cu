// The words of Philox themselves, and integers on [low, high) made of them: see philox.cuh.
//
// A thread makes one Philox block and writes its 16 bytes with one store: four words, or two integers of two words
// each; only the last thread may have fewer elements. Nothing is read, the n elements are written once.
//
// `out` is a new array, which lies on 16 bytes.
#include "common.cuh"
#include "philox.cuh"

template <class T, int N>
static __device__ __forceinline__ void store_up_to(T* out, long long start, long long n, const Pack<T, N>& pack) {
    if (start + N <= n) {
        store_pack(out + start, pack);
    } else {
#pragma unroll
        for (int j = 0; j < N; ++j) {
            if (start + j < n) out[start + j] = pack.values[j];
        }
    }
}

// registers: 48
// vector: 128
extern "C" __global__ void __launch_bounds__(256) philox_words(
    unsigned* __restrict__ out, long long n, unsigned long long seed, unsigned long long offset,
    unsigned long long stream
) {
    for (long long i = grid_start<long long>(); i * 4 < n; i += grid_stride<long long>()) {
        const PhiloxBlock block = philox(seed, offset + static_cast<unsigned long long>(i), stream);
        Pack<unsigned, 4> pack;
#pragma unroll
        for (int j = 0; j < 4; ++j) pack.values[j] = block.words[j];
        store_up_to(out, i * 4, n, pack);
    }
}

// low + floor(w * span / 2**64) for 64-bit draws w; span = 0 stands for 2**64. Modulo 2**64, so that `low` may be a
// negative number.
//
// registers: 48
// vector: 128
extern "C" __global__ void __launch_bounds__(256) random_integers(
    long long* __restrict__ out, long long n, unsigned long long seed, unsigned long long offset,
    unsigned long long stream, unsigned long long low, unsigned long long span
) {
    for (long long i = grid_start<long long>(); i * 2 < n; i += grid_stride<long long>()) {
        const PhiloxBlock block = philox(seed, offset + static_cast<unsigned long long>(i), stream);
        Pack<long long, 2> pack;
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            const unsigned long long draw = draw64(block.words[2 * j], block.words[2 * j + 1]);
            pack.values[j] = static_cast<long long>(low + (span == 0 ? draw : __umul64hi(draw, span)));
        }
        store_up_to(out, i * 2, n, pack);
    }
}
