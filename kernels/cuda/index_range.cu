// Checks of index values: is first <= index <= last for all of them? One launch that nobody waits for. If not, the
// FIRST wrong value goes into the device's error record, which the host reads when it next waits anyway, and which
// the optimizer updates look at (see backends/cupy/errors.py).
//
// Threads take 16 bytes of indices in turn (single values where the array does not lie on 16 bytes, and after the
// last whole 16), each its first wrong one; integer atomics find the first of all, and the last block to finish
// reports it. Each index is read once.
//
// VALUE is the type of the indices, and of the bounds: no comparison converts anything.
#include "common.cuh"

constexpr int PACK = 16 / sizeof(VALUE);

struct Range {
    VALUE first, last, ignore;
    int has_ignore;

    __device__ __forceinline__ bool is_wrong(VALUE value) const {
        return (value < first || value > last) && !(has_ignore && value == ignore);
    }
};

// record: {1 if it holds an error, the number of the message, the value, 1 if the value is unsigned}
// tickets: 4 zeros, which are zero again afterwards. The first counts blocks; the last two are one 64-bit number, the
// largest n - position of a wrong value.
//
// registers: 40
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(256) check_index_range(
    const VALUE* __restrict__ index, long long n, VALUE first, VALUE last, VALUE ignore, int has_ignore,
    long long* __restrict__ record, long long message, unsigned* __restrict__ tickets
) {
    const Range range{first, last, ignore, has_ignore};
    const long long packs = is_aligned(index) ? n / PACK : 0;
    long long position = n;  // of this thread's first wrong value
    for (long long i = grid_start<long long>(); i < packs && position == n; i += grid_stride<long long>()) {
        const Pack<VALUE, PACK> pack = load_pack<PACK>(index + i * PACK);
#pragma unroll
        for (int j = PACK - 1; j >= 0; --j) {
            if (range.is_wrong(pack.values[j])) position = i * PACK + j;
        }
    }
    for (long long i = packs * PACK + grid_start<long long>(); i < n && position == n; i += grid_stride<long long>()) {
        if (range.is_wrong(index[i])) position = i;
    }

    unsigned long long* const found = reinterpret_cast<unsigned long long*>(tickets + 2);
    if (position < n) atomicMax(found, static_cast<unsigned long long>(n - position));
    if (is_last_block(tickets, gridDim.x) && threadIdx.x == 0) {
        const long long distance = static_cast<long long>(atomicExch(found, 0ull));
        if (distance != 0 && record[0] == 0) {
            record[1] = message;
            record[2] = static_cast<long long>(index[n - distance]);
            record[3] = static_cast<VALUE>(-1) > static_cast<VALUE>(0);
            record[0] = 1;
        }
    }
}
