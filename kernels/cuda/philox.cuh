// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) and the
// numbers made from its words, bit for bit those of dlcore/reference/philox.py and normal.py.
//
// A block of four 32-bit words is a function of the key (the seed) and of the counter (offset, stream). Word i of a
// sequence is word i % 4 of the block at offset + i / 4, so every thread makes its own words from nothing but its
// index: no state, no memory, no order.
#pragma once
#include "exact.cuh"

struct PhiloxBlock {
    unsigned words[4];
};

static __device__ __forceinline__ PhiloxBlock philox(
    unsigned long long seed, unsigned long long offset, unsigned long long stream
) {
    unsigned c0 = static_cast<unsigned>(offset), c1 = static_cast<unsigned>(offset >> 32);
    unsigned c2 = static_cast<unsigned>(stream), c3 = static_cast<unsigned>(stream >> 32);
    unsigned k0 = static_cast<unsigned>(seed), k1 = static_cast<unsigned>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const unsigned long long product0 = 0xD2511F53ull * c0, product1 = 0xCD9E8D57ull * c2;
        c0 = static_cast<unsigned>(product1 >> 32) ^ c1 ^ k0;
        c1 = static_cast<unsigned>(product1);
        c2 = static_cast<unsigned>(product0 >> 32) ^ c3 ^ k1;
        c3 = static_cast<unsigned>(product0);
        k0 += 0x9E3779B9u;  // the golden ratio, and sqrt(3) - 1
        k1 += 0xBB67AE85u;
    }
    return PhiloxBlock{{c0, c1, c2, c3}};
}

// 53 bits of two words
static __device__ __forceinline__ unsigned long long bits53(unsigned first, unsigned second) {
    return (static_cast<unsigned long long>(first >> 5) << 26) + (second >> 6);
}
// A 64-bit draw of two words, the low word first
static __device__ __forceinline__ unsigned long long draw64(unsigned low, unsigned high) {
    return static_cast<unsigned long long>(high) << 32 | low;
}

// --- numbers on [0, 1); all exact ---------------------------------------------------------------

static __device__ __forceinline__ float unit24(unsigned bits) { return mul_rn(static_cast<float>(bits), 0x1p-24f); }
static __device__ __forceinline__ double unit53(unsigned long long bits) {
    return mul_rn(static_cast<double>(bits), 0x1p-53);
}

// Uniform<SCALAR>::made elements from one block; float16 has 11 bits, so that it stays below 1
template <class T>
struct Uniform;
template <>
struct Uniform<float> {
    static constexpr int made = 4;
    static __device__ __forceinline__ void make(const PhiloxBlock& block, float* values) {
#pragma unroll
        for (int i = 0; i < 4; ++i) values[i] = unit24(block.words[i] >> 8);
    }
};
template <>
struct Uniform<half_t> {
    static constexpr int made = 4;
    static __device__ __forceinline__ void make(const PhiloxBlock& block, half_t* values) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            values[i] = float_to_half(mul_rn(static_cast<float>(block.words[i] >> 21), 0x1p-11f));
        }
    }
};
template <>
struct Uniform<double> {
    static constexpr int made = 2;
    static __device__ __forceinline__ void make(const PhiloxBlock& block, double* values) {
#pragma unroll
        for (int i = 0; i < 2; ++i) values[i] = unit53(bits53(block.words[2 * i], block.words[2 * i + 1]));
    }
};

// --- our own logarithm, sine and cosine: dlcore/reference/normal.py, line by line ----------------

// (...((c0*z + c1)*z + c2)*z + ... + cn)*z; the coefficients are rounded to T
template <class T>
static __device__ __forceinline__ T horner_rest(T z, T result) {
    return mul_rn(result, z);
}
template <class T, class... Rest>
static __device__ __forceinline__ T horner_rest(T z, T result, double next, Rest... rest) {
    return horner_rest(z, add_rn(mul_rn(result, z), static_cast<T>(next)), rest...);
}
template <class T, class... Rest>
static __device__ __forceinline__ T horner(T z, double first, Rest... rest) {
    return horner_rest(z, static_cast<T>(first), rest...);
}

static __device__ __forceinline__ float log_series(float z) {
    return horner(z, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3);
}
static __device__ __forceinline__ double log_series(double z) {
    return horner(
        z, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3
    );
}
static __device__ __forceinline__ float sine_series(float z) {
    return horner(z, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6);
}
static __device__ __forceinline__ double sine_series(double z) {
    return horner(
        z, 1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880,
        -1.0 / 5040, 1.0 / 120, -1.0 / 6
    );
}
static __device__ __forceinline__ float cosine_series(float z) {
    return horner(z, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -1.0 / 2);
}
static __device__ __forceinline__ double cosine_series(double z) {
    return horner(
        z, -1.0 / 6402373705728000, 1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800,
        1.0 / 40320, -1.0 / 720, 1.0 / 24, -1.0 / 2
    );
}

// ln 2 in two parts, the first with so many zero bits at its end that its multiples up to 64 are exact
static __device__ __forceinline__ float ln2_high(float) { return 0x1.62e3p-1f; }
static __device__ __forceinline__ float ln2_low(float) { return 0x1.2fefa2p-17f; }
static __device__ __forceinline__ double ln2_high(double) { return 0x1.62e42fee00000p-1; }
static __device__ __forceinline__ double ln2_low(double) { return 0x1.a39ef35793c76p-33; }

// u = mantissa * 2**exponent with 1/2 <= mantissa < 1, for normal u > 0
static __device__ __forceinline__ void split(float u, float& mantissa, int& exponent) {
    const int bits = __float_as_int(u);
    exponent = (bits >> 23) - 126;
    mantissa = __int_as_float((bits & 0x007fffff) | 0x3f000000);
}
static __device__ __forceinline__ void split(double u, double& mantissa, int& exponent) {
    const long long bits = __double_as_longlong(u);
    exponent = static_cast<int>(bits >> 52) - 1022;
    mantissa = __longlong_as_double((bits & 0x000fffffffffffffLL) | 0x3fe0000000000000LL);
}

// ln u for 2**-64 <= u <= 1
template <class T>
static __device__ __forceinline__ T log_rn(T u) {
    T mantissa;
    int exponent;
    split(u, mantissa, exponent);
    if (mantissa < static_cast<T>(0x1.6a09e667f3bcdp-1)) {  // sqrt(1/2)
        mantissa = mul_rn(mantissa, T(2));
        exponent -= 1;
    }
    const T e = static_cast<T>(exponent);
    const T f = sub_rn(mantissa, T(1));
    const T s = div_rn(f, add_rn(T(2), f));
    const T z = mul_rn(s, s);
    const T rest = log_series(z);
    const T half_square = mul_rn(mul_rn(T(0.5), f), f);
    const T tail = add_rn(mul_rn(s, add_rn(half_square, rest)), mul_rn(e, ln2_low(u)));
    return sub_rn(mul_rn(e, ln2_high(u)), sub_rn(sub_rn(half_square, tail), f));
}

// cos(2 pi u) and sin(2 pi u) for 0 <= u < 1
template <class T>
static __device__ __forceinline__ void cos_sin_turns(T u, T& cosine, T& sine) {
    const T quarters = mul_rn(T(4), u);
    const T nearest = floor(add_rn(quarters, T(0.5)));
    const T t = mul_rn(sub_rn(quarters, nearest), static_cast<T>(0x1.921fb54442d18p+0));  // pi / 2
    const T z = mul_rn(t, t);
    const T s = add_rn(t, mul_rn(t, sine_series(z)));
    const T c = add_rn(T(1), cosine_series(z));
    const int quadrant = static_cast<int>(nearest);  // 0, 1, 2, 3 or 4
    const bool odd = quadrant & 1;
    cosine = odd ? s : c;
    sine = odd ? c : s;
    if (quadrant == 1 || quadrant == 2) cosine = -cosine;
    if (quadrant == 2 || quadrant == 3) sine = -sine;
}

// Two normal numbers from two uniform ones, 0 < u1 <= 1 and 0 <= u2 < 1 (Box, Muller, 1958)
template <class T>
static __device__ __forceinline__ void box_muller(T u1, T u2, T& first, T& second) {
    const T radius = sqrt_rn(mul_rn(T(-2), log_rn(u1)));
    T cosine, sine;
    cos_sin_turns(u2, cosine, sine);
    first = mul_rn(radius, cosine);
    second = mul_rn(radius, sine);
}

// Normal<SCALAR>::made elements from one block
template <class T>
struct Normal {  // float and half_t: two words for two elements
    static constexpr int made = 4;
    static __device__ __forceinline__ void make(const PhiloxBlock& block, T* values) {
#pragma unroll
        for (int i = 0; i < 4; i += 2) {
            float first, second;
            box_muller(unit24((block.words[i] >> 8) + 1), unit24(block.words[i + 1] >> 8), first, second);
            values[i] = from_real<T>(first);
            values[i + 1] = from_real<T>(second);
        }
    }
};
template <>
struct Normal<double> {
    static constexpr int made = 2;
    static __device__ __forceinline__ void make(const PhiloxBlock& block, double* values) {
        const unsigned long long first = bits53(block.words[0], block.words[1]);
        const unsigned long long second = bits53(block.words[2], block.words[3]);
        box_muller(unit53(first + 1), unit53(second), values[0], values[1]);
    }
};
