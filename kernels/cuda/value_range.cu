// Checks of float values: is low <= x <= high for all of them? One launch that nobody waits for, as index_range.cu is,
// which says how threads share the work and how the FIRST wrong value is found. NaN is wrong. Each value is read once.
#include "common.cuh"

// record: {1 if it holds an error, the number of the message, the bits of the value as a double, 2: it is a float}
// tickets: 4 zeros, which are zero again afterwards. The first counts blocks; the last two are one 64-bit number, the
// largest n - position of a wrong value.
//
// registers: 40
// vector: 128 loads
extern "C" __global__ void __launch_bounds__(256)
    check_value_range(const SCALAR* __restrict__ x, long long n, REAL low, REAL high, long long* __restrict__ record,
                      long long message, unsigned* __restrict__ tickets) {
    const long long packs = is_aligned(x) ? n / VECTOR : 0;
    long long position = n;  // of this thread's first wrong value
    for (long long i = grid_start<long long>(); i < packs && position == n; i += grid_stride<long long>()) {
        const Pack<SCALAR, VECTOR> pack = load_pack<VECTOR>(x + i * VECTOR);
#pragma unroll
        for (int j = VECTOR - 1; j >= 0; --j) {
            const REAL value = to_real(pack.values[j]);
            if (!(low <= value && value <= high)) position = i * VECTOR + j;
        }
    }
    for (long long i = packs * VECTOR + grid_start<long long>(); i < n && position == n; i += grid_stride<long long>()) {
        const REAL value = to_real(x[i]);
        if (!(low <= value && value <= high)) position = i;
    }

    unsigned long long* const found = reinterpret_cast<unsigned long long*>(tickets + 2);
    if (position < n) atomicMax(found, static_cast<unsigned long long>(n - position));
    if (is_last_block(tickets, gridDim.x) && threadIdx.x == 0) {
        const long long distance = static_cast<long long>(atomicExch(found, 0ull));
        if (distance != 0 && record[0] == 0) {
            record[1] = message;
            record[2] = __double_as_longlong(static_cast<double>(to_real(x[n - distance])));
            record[3] = 2;
            record[0] = 1;
        }
    }
}
