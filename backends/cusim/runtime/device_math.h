// Arithmetic: the names that CUDA has without any header.
#pragma once

// --- the C library's functions, which the compiler knows anyway ---------------------------------------------------

#define CUSIM_MATH_1(name)                                                        \
    extern "C" float name##f(float) noexcept;                                     \
    extern "C" double name(double) noexcept;                                      \
    CUSIM_INLINE float name(float x) { return name##f(x); }
#define CUSIM_MATH_2(name)                                                        \
    extern "C" float name##f(float, float) noexcept;                              \
    extern "C" double name(double, double) noexcept;                              \
    CUSIM_INLINE float name(float x, float y) { return name##f(x, y); }
CUSIM_MATH_1(sqrt) CUSIM_MATH_1(cbrt) CUSIM_MATH_1(exp) CUSIM_MATH_1(exp2) CUSIM_MATH_1(expm1)
CUSIM_MATH_1(log) CUSIM_MATH_1(log2) CUSIM_MATH_1(log10) CUSIM_MATH_1(log1p)
CUSIM_MATH_1(sin) CUSIM_MATH_1(cos) CUSIM_MATH_1(tan) CUSIM_MATH_1(asin) CUSIM_MATH_1(acos) CUSIM_MATH_1(atan)
CUSIM_MATH_1(sinh) CUSIM_MATH_1(cosh) CUSIM_MATH_1(tanh) CUSIM_MATH_1(asinh) CUSIM_MATH_1(acosh) CUSIM_MATH_1(atanh)
CUSIM_MATH_1(erf) CUSIM_MATH_1(erfc) CUSIM_MATH_1(tgamma) CUSIM_MATH_1(lgamma)
CUSIM_MATH_1(floor) CUSIM_MATH_1(ceil) CUSIM_MATH_1(trunc) CUSIM_MATH_1(round) CUSIM_MATH_1(rint)
CUSIM_MATH_1(nearbyint) CUSIM_MATH_1(fabs)
CUSIM_MATH_2(pow) CUSIM_MATH_2(atan2) CUSIM_MATH_2(fmod) CUSIM_MATH_2(remainder) CUSIM_MATH_2(copysign)
CUSIM_MATH_2(fmax) CUSIM_MATH_2(fmin) CUSIM_MATH_2(fdim) CUSIM_MATH_2(hypot) CUSIM_MATH_2(nextafter)
extern "C" float fmaf(float, float, float) noexcept;
extern "C" double fma(double, double, double) noexcept;
extern "C" float ldexpf(float, int) noexcept;
extern "C" double ldexp(double, int) noexcept;
extern "C" float frexpf(float, int*) noexcept;
extern "C" double frexp(double, int*) noexcept;
CUSIM_INLINE float fma(float x, float y, float z) { return fmaf(x, y, z); }
CUSIM_INLINE float ldexp(float x, int e) { return ldexpf(x, e); }
CUSIM_INLINE float scalbnf(float x, int e) { return ldexpf(x, e); }
CUSIM_INLINE double scalbn(double x, int e) { return ldexp(x, e); }
CUSIM_INLINE float rsqrtf(float x) { return 1.0f / sqrtf(x); }
CUSIM_INLINE double rsqrt(double x) { return 1.0 / sqrt(x); }
CUSIM_INLINE float rsqrt(float x) { return rsqrtf(x); }
CUSIM_INLINE float exp10f(float x) { return powf(10.0f, x); }
CUSIM_INLINE double exp10(double x) { return pow(10.0, x); }
CUSIM_INLINE void sincosf(float x, float* s, float* c) { *s = sinf(x), *c = cosf(x); }
CUSIM_INLINE void sincos(double x, double* s, double* c) { *s = sin(x), *c = cos(x); }
CUSIM_INLINE int abs(int x) { return x < 0 ? -x : x; }
CUSIM_INLINE long abs(long x) { return x < 0 ? -x : x; }
CUSIM_INLINE long long abs(long long x) { return x < 0 ? -x : x; }
CUSIM_INLINE float abs(float x) { return fabsf(x); }
CUSIM_INLINE double abs(double x) { return fabs(x); }
CUSIM_INLINE long long llabs(long long x) { return x < 0 ? -x : x; }

// Functions, as under CUDA, not macros.
CUSIM_INLINE bool isnan(float x) { return __builtin_isnan(x); }
CUSIM_INLINE bool isnan(double x) { return __builtin_isnan(x); }
CUSIM_INLINE bool isinf(float x) { return __builtin_isinf(x); }
CUSIM_INLINE bool isinf(double x) { return __builtin_isinf(x); }
CUSIM_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }
CUSIM_INLINE bool isfinite(double x) { return __builtin_isfinite(x); }
CUSIM_INLINE bool signbit(float x) { return __builtin_signbit(x); }
CUSIM_INLINE bool signbit(double x) { return __builtin_signbit(x); }

// Of two numbers; if one is NaN, the other.
#define CUSIM_MIN_MAX(type)                                             \
    CUSIM_INLINE type max(type a, type b) { return a < b ? b : a; }      \
    CUSIM_INLINE type min(type a, type b) { return b < a ? b : a; }
CUSIM_MIN_MAX(int) CUSIM_MIN_MAX(unsigned) CUSIM_MIN_MAX(long) CUSIM_MIN_MAX(unsigned long) CUSIM_MIN_MAX(long long)
CUSIM_MIN_MAX(unsigned long long)
CUSIM_INLINE float max(float a, float b) { return fmaxf(a, b); }
CUSIM_INLINE float min(float a, float b) { return fminf(a, b); }
CUSIM_INLINE double max(double a, double b) { return fmax(a, b); }
CUSIM_INLINE double min(double a, double b) { return fmin(a, b); }
CUSIM_INLINE double max(float a, double b) { return fmax(static_cast<double>(a), b); }
CUSIM_INLINE double min(float a, double b) { return fmin(static_cast<double>(a), b); }
CUSIM_INLINE double max(double a, float b) { return fmax(a, static_cast<double>(b)); }
CUSIM_INLINE double min(double a, float b) { return fmin(a, static_cast<double>(b)); }
CUSIM_INLINE unsigned max(unsigned a, int b) { return max(a, static_cast<unsigned>(b)); }
CUSIM_INLINE unsigned min(unsigned a, int b) { return min(a, static_cast<unsigned>(b)); }
CUSIM_INLINE unsigned max(int a, unsigned b) { return max(static_cast<unsigned>(a), b); }
CUSIM_INLINE unsigned min(int a, unsigned b) { return min(static_cast<unsigned>(a), b); }

// --- fast approximations; here as exact as the others ---------------------------------------------------------------

CUSIM_INLINE float __expf(float x) { return expf(x); }
CUSIM_INLINE float __exp10f(float x) { return exp10f(x); }
CUSIM_INLINE float __logf(float x) { return logf(x); }
CUSIM_INLINE float __log2f(float x) { return log2f(x); }
CUSIM_INLINE float __log10f(float x) { return log10f(x); }
CUSIM_INLINE float __powf(float x, float y) { return powf(x, y); }
CUSIM_INLINE float __sinf(float x) { return sinf(x); }
CUSIM_INLINE float __cosf(float x) { return cosf(x); }
CUSIM_INLINE float __tanf(float x) { return tanf(x); }
CUSIM_INLINE void __sincosf(float x, float* s, float* c) { sincosf(x, s, c); }
CUSIM_INLINE float __fdividef(float x, float y) { return x / y; }
CUSIM_INLINE float fdividef(float x, float y) { return x / y; }
CUSIM_INLINE float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }

// --- one rounding each, never contracted into a fused multiply-add ----------------------------------------------

#if defined(__x86_64__)
#define CUSIM_KEEP(x) asm("" : "+x"(x))
#else
#define CUSIM_KEEP(x) asm("" : "+w"(x))
#endif
#define CUSIM_ROUNDED(name, type, parameters, result) \
    CUSIM_INLINE type name parameters {               \
        type value = (result);                        \
        CUSIM_KEEP(value);                            \
        return value;                                 \
    }
CUSIM_ROUNDED(__fadd_rn, float, (float a, float b), a + b)
CUSIM_ROUNDED(__fsub_rn, float, (float a, float b), a - b)
CUSIM_ROUNDED(__fmul_rn, float, (float a, float b), a * b)
CUSIM_ROUNDED(__fdiv_rn, float, (float a, float b), a / b)
CUSIM_ROUNDED(__fsqrt_rn, float, (float a), sqrtf(a))
CUSIM_ROUNDED(__frcp_rn, float, (float a), 1.0f / a)
CUSIM_ROUNDED(__frsqrt_rn, float, (float a), static_cast<float>(1.0 / sqrt(static_cast<double>(a))))
CUSIM_ROUNDED(__fmaf_rn, float, (float a, float b, float c), fmaf(a, b, c))
CUSIM_ROUNDED(__dadd_rn, double, (double a, double b), a + b)
CUSIM_ROUNDED(__dsub_rn, double, (double a, double b), a - b)
CUSIM_ROUNDED(__dmul_rn, double, (double a, double b), a * b)
CUSIM_ROUNDED(__ddiv_rn, double, (double a, double b), a / b)
CUSIM_ROUNDED(__dsqrt_rn, double, (double a), sqrt(a))
CUSIM_ROUNDED(__drcp_rn, double, (double a), 1.0 / a)
CUSIM_ROUNDED(__fma_rn, double, (double a, double b, double c), fma(a, b, c))

// --- conversions: out of range gives the nearest integer there is, NaN gives 0 -----------------------------------

namespace cusim {
template <class I, class F>
CUSIM_INLINE I to_integer(F x, F low, F beyond) {
    if (__builtin_isnan(x)) return 0;
    const I least = static_cast<I>(-1) < 0 ? static_cast<I>(1ull << (8 * sizeof(I) - 1)) : 0;
    if (x < low) return least;
    if (x >= beyond) return static_cast<I>(~static_cast<unsigned long long>(least));
    return static_cast<I>(x);
}
}  // namespace cusim
#define CUSIM_TO_INTEGER(prefix, real, suffix, type, low, beyond)                                                  \
    CUSIM_INLINE type prefix##_rn(real x) { return cusim::to_integer<type, real>(rint##suffix(x), low, beyond); }  \
    CUSIM_INLINE type prefix##_rz(real x) { return cusim::to_integer<type, real>(trunc##suffix(x), low, beyond); } \
    CUSIM_INLINE type prefix##_rd(real x) { return cusim::to_integer<type, real>(floor##suffix(x), low, beyond); } \
    CUSIM_INLINE type prefix##_ru(real x) { return cusim::to_integer<type, real>(ceil##suffix(x), low, beyond); }
CUSIM_TO_INTEGER(__float2int, float, f, int, -0x1p31f, 0x1p31f)
CUSIM_TO_INTEGER(__float2uint, float, f, unsigned, 0.0f, 0x1p32f)
CUSIM_TO_INTEGER(__float2ll, float, f, long long, -0x1p63f, 0x1p63f)
CUSIM_TO_INTEGER(__float2ull, float, f, unsigned long long, 0.0f, 0x1p64f)
CUSIM_TO_INTEGER(__double2int, double, , int, -0x1p31, 0x1p31)
CUSIM_TO_INTEGER(__double2uint, double, , unsigned, 0.0, 0x1p32)
CUSIM_TO_INTEGER(__double2ll, double, , long long, -0x1p63, 0x1p63)
CUSIM_TO_INTEGER(__double2ull, double, , unsigned long long, 0.0, 0x1p64)
CUSIM_INLINE float __int2float_rn(int x) { return static_cast<float>(x); }
CUSIM_INLINE float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
CUSIM_INLINE float __ll2float_rn(long long x) { return static_cast<float>(x); }
CUSIM_INLINE float __ull2float_rn(unsigned long long x) { return static_cast<float>(x); }
CUSIM_INLINE double __int2double_rn(int x) { return x; }
CUSIM_INLINE double __uint2double_rn(unsigned x) { return x; }
CUSIM_INLINE double __ll2double_rn(long long x) { return static_cast<double>(x); }
CUSIM_INLINE double __ull2double_rn(unsigned long long x) { return static_cast<double>(x); }
CUSIM_INLINE float __double2float_rn(double x) { return static_cast<float>(x); }

// --- bits ---------------------------------------------------------------------------------------------------------

#define CUSIM_SAME_BITS(name, to, from)                  \
    CUSIM_INLINE to name(from x) {                       \
        static_assert(sizeof(to) == sizeof(from), "");   \
        to result;                                       \
        __builtin_memcpy(&result, &x, sizeof result);    \
        return result;                                   \
    }
CUSIM_SAME_BITS(__float_as_int, int, float)
CUSIM_SAME_BITS(__float_as_uint, unsigned, float)
CUSIM_SAME_BITS(__int_as_float, float, int)
CUSIM_SAME_BITS(__uint_as_float, float, unsigned)
CUSIM_SAME_BITS(__double_as_longlong, long long, double)
CUSIM_SAME_BITS(__longlong_as_double, double, long long)
CUSIM_INLINE int __double2hiint(double x) { return static_cast<int>(__double_as_longlong(x) >> 32); }
CUSIM_INLINE int __double2loint(double x) { return static_cast<int>(__double_as_longlong(x)); }
CUSIM_INLINE double __hiloint2double(int high, int low) {
    const unsigned long long upper = static_cast<unsigned>(high);
    return __longlong_as_double(static_cast<long long>(upper << 32 | static_cast<unsigned>(low)));
}
CUSIM_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
CUSIM_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
CUSIM_INLINE int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
CUSIM_INLINE int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }
CUSIM_INLINE int __ffs(int x) { return __builtin_ffs(x); }
CUSIM_INLINE int __ffsll(long long x) { return __builtin_ffsll(x); }
CUSIM_INLINE unsigned __brev(unsigned x) {
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(x);
}
CUSIM_INLINE unsigned long long __brevll(unsigned long long x) {
    const unsigned long long high = __brev(static_cast<unsigned>(x));
    return high << 32 | __brev(static_cast<unsigned>(x >> 32));
}
CUSIM_INLINE unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
    const unsigned long long bytes = static_cast<unsigned long long>(y) << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; ++i) result |= static_cast<unsigned>(bytes >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
    return result;
}
CUSIM_INLINE unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) << (shift & 31) >> 32);
}
CUSIM_INLINE unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) >> (shift & 31));
}
CUSIM_INLINE unsigned __funnelshift_lc(unsigned low, unsigned high, unsigned shift) {
    return shift >= 32 ? low : __funnelshift_l(low, high, shift);
}
CUSIM_INLINE unsigned __funnelshift_rc(unsigned low, unsigned high, unsigned shift) {
    return shift >= 32 ? high : __funnelshift_r(low, high, shift);
}

// --- integers -----------------------------------------------------------------------------------------------------

CUSIM_INLINE int __mulhi(int a, int b) { return static_cast<int>(static_cast<long long>(a) * b >> 32); }
CUSIM_INLINE unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
CUSIM_INLINE long long __mul64hi(long long a, long long b) {
    return static_cast<long long>(static_cast<__int128>(a) * b >> 64);
}
CUSIM_INLINE unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
CUSIM_INLINE int __mul24(int a, int b) {  // of the lower 24 bits, which are signed
    const int x = static_cast<int>(static_cast<unsigned>(a) << 8) >> 8;
    const int y = static_cast<int>(static_cast<unsigned>(b) << 8) >> 8;
    return static_cast<int>(static_cast<unsigned>(x) * static_cast<unsigned>(y));
}
CUSIM_INLINE unsigned __umul24(unsigned a, unsigned b) { return (a & 0xffffffu) * (b & 0xffffffu); }
CUSIM_INLINE int __hadd(int a, int b) { return static_cast<int>((static_cast<long long>(a) + b) >> 1); }
CUSIM_INLINE unsigned __sad(int a, int b, unsigned c) {
    const unsigned x = static_cast<unsigned>(a), y = static_cast<unsigned>(b);
    return c + (a < b ? y - x : x - y);
}
