// Values along one axis, such as biases or class weights, beside an array that is seen as (outer, channels, inner):
// element i belongs to channel i / inner % channels. inner = 1 is the last axis, channels = 1 a single value.
#pragma once
#include "common.cuh"

// The values that belong to the elements first, ..., first + WIDTH - 1.
template <int WIDTH>
static __device__ __forceinline__ Pack<SCALAR, WIDTH> channel_values(const SCALAR* __restrict__ values, INDEX first,
                                                                     INDEX channels, INDEX inner) {
    if (inner == 1 && channels % WIDTH == 0 && is_aligned(values)) return load_pack<WIDTH>(values + first % channels);
    const INDEX row = first / inner;
    INDEX place = first - row * inner;
    INDEX channel = row % channels;
    SCALAR value = values[channel];  // read once, as often as not for the whole pack
    Pack<SCALAR, WIDTH> pack;
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) {
        pack.values[j] = value;
        if (++place == inner && j + 1 < WIDTH) {
            place = 0;
            if (++channel == channels) channel = 0;
            value = values[channel];
        }
    }
    return pack;
}
