// IEEE binary16 as bits, for sources that bring their own type for it.
#pragma once

namespace cusim {

#if defined(__F16C__)
typedef short Halves __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));
CUSIM_INLINE float half_to_float(unsigned short bits) {
    return __builtin_ia32_vcvtph2ps(Halves{static_cast<short>(bits)})[0];
}
CUSIM_INLINE unsigned short float_to_half(float value) {  // to nearest, ties to even
    return static_cast<unsigned short>(__builtin_ia32_vcvtps2ph(Floats{value}, 0)[0]);
}
#else
CUSIM_INLINE float half_to_float(unsigned short bits) {
    const unsigned sign = static_cast<unsigned>(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
                   fraction = bits & 1023;
    if (exponent == 31) return __uint_as_float(sign | 0x7f800000 | fraction << 13 | (fraction != 0 ? 0x400000 : 0));
    if (exponent != 0) return __uint_as_float(sign | (exponent + 112) << 23 | fraction << 13);
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -value : value;
}
CUSIM_INLINE unsigned short float_to_half(float value) {  // to nearest, ties to even
    const unsigned bits = __float_as_uint(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    unsigned result;
    if (magnitude > 0x7f800000) {
        result = 0x7e00 | (magnitude >> 13 & 1023);
    } else if (magnitude >= 0x477ff000) {  // 65520, which rounds beyond the largest number
        result = 0x7c00;
    } else if (magnitude >= 0x38800000) {
        const unsigned rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
        result = (rounded - (112u << 23)) >> 13;
    } else {  // subnormal: the sum leaves the rounded multiple of 2^-24 in the lowest bits
        result = __float_as_uint(__uint_as_float(magnitude) + 0.5f) & 0x7ff;
    }
    return static_cast<unsigned short>(sign | result);
}
#endif

}  // namespace cusim
