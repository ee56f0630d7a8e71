// CUDA's vector types, with their alignment.
#pragma once
#include "machine.h"

typedef cusim::Index uint3;
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator uint3() const { return {x, y, z}; }
};

#define CUSIM_VECTOR_1(type, base, alignment)            \
    struct __attribute__((aligned(alignment))) type##1 { \
        base x;                                          \
    };                                                   \
    static inline type##1 make_##type##1(base x) { return {x}; }
#define CUSIM_VECTOR_2(type, base, alignment)            \
    struct __attribute__((aligned(alignment))) type##2 { \
        base x, y;                                       \
    };                                                   \
    static inline type##2 make_##type##2(base x, base y) { return {x, y}; }
#define CUSIM_VECTOR_3(type, base) \
    struct type##3 {               \
        base x, y, z;              \
    };                             \
    static inline type##3 make_##type##3(base x, base y, base z) { return {x, y, z}; }
#define CUSIM_VECTOR_4(type, base, alignment)            \
    struct __attribute__((aligned(alignment))) type##4 { \
        base x, y, z, w;                                 \
    };                                                   \
    static inline type##4 make_##type##4(base x, base y, base z, base w) { return {x, y, z, w}; }
#define CUSIM_VECTORS(type, base, bytes, most)                                    \
    CUSIM_VECTOR_1(type, base, bytes)                                             \
    CUSIM_VECTOR_2(type, base, (2 * bytes < most ? 2 * bytes : most))             \
    CUSIM_VECTOR_4(type, base, (4 * bytes < most ? 4 * bytes : most))

CUSIM_VECTORS(char, signed char, 1, 16)
CUSIM_VECTORS(uchar, unsigned char, 1, 16)
CUSIM_VECTORS(short, short, 2, 16)
CUSIM_VECTORS(ushort, unsigned short, 2, 16)
CUSIM_VECTORS(int, int, 4, 16)
CUSIM_VECTORS(uint, unsigned, 4, 16)
CUSIM_VECTORS(float, float, 4, 16)
CUSIM_VECTORS(longlong, long long, 8, 16)
CUSIM_VECTORS(ulonglong, unsigned long long, 8, 16)
CUSIM_VECTORS(double, double, 8, 16)
CUSIM_VECTOR_3(char, signed char)
CUSIM_VECTOR_3(uchar, unsigned char)
CUSIM_VECTOR_3(short, short)
CUSIM_VECTOR_3(ushort, unsigned short)
CUSIM_VECTOR_3(int, int)
CUSIM_VECTOR_3(float, float)
CUSIM_VECTOR_3(longlong, long long)
CUSIM_VECTOR_3(ulonglong, unsigned long long)
CUSIM_VECTOR_3(double, double)
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
