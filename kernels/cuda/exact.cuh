// Arithmetic as IEEE 754 has it: each operation rounded to nearest by itself, never joined with the next one into a
// fused multiply-add, and with numbers below the smallest normal one kept.
//
// What must have the same bits on every device is computed with these. The compiler's own intrinsics (__fmul_rn)
// do not contract either, but the option -ftz=true, which CuPy always gives, makes them flush such numbers to zero;
// inline PTX without .ftz does not. The option leaves double alone.
#pragma once

#ifdef __CUSIM__
static __device__ __forceinline__ float add_rn(float x, float y) { return __fadd_rn(x, y); }
static __device__ __forceinline__ float sub_rn(float x, float y) { return __fsub_rn(x, y); }
static __device__ __forceinline__ float mul_rn(float x, float y) { return __fmul_rn(x, y); }
static __device__ __forceinline__ float div_rn(float x, float y) { return __fdiv_rn(x, y); }
static __device__ __forceinline__ float sqrt_rn(float x) { return __fsqrt_rn(x); }
#else
static __device__ __forceinline__ float add_rn(float x, float y) {
    float result;
    asm("add.rn.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
    return result;
}
static __device__ __forceinline__ float sub_rn(float x, float y) {
    float result;
    asm("sub.rn.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
    return result;
}
static __device__ __forceinline__ float mul_rn(float x, float y) {
    float result;
    asm("mul.rn.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
    return result;
}
static __device__ __forceinline__ float div_rn(float x, float y) {
    float result;
    asm("div.rn.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
    return result;
}
static __device__ __forceinline__ float sqrt_rn(float x) {
    float result;
    asm("sqrt.rn.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}
#endif

static __device__ __forceinline__ double add_rn(double x, double y) { return __dadd_rn(x, y); }
static __device__ __forceinline__ double sub_rn(double x, double y) { return __dsub_rn(x, y); }
static __device__ __forceinline__ double mul_rn(double x, double y) { return __dmul_rn(x, y); }
static __device__ __forceinline__ double div_rn(double x, double y) { return __ddiv_rn(x, y); }
static __device__ __forceinline__ double sqrt_rn(double x) { return __dsqrt_rn(x); }
