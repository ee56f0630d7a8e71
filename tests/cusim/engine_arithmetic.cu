// One result a row: what CUDA's names compute, for each pair of operands.
#define ROW(value) out[row++ * n + i] = (value)

extern "C" __global__ void integers(const unsigned* a, const unsigned* b, unsigned* out, int n) {
    const int i = threadIdx.x;
    if (i >= n) return;
    const unsigned x = a[i], y = b[i], s = y & 31;
    const int u = static_cast<int>(x), v = static_cast<int>(y);
    int row = 0;
    ROW(__umulhi(x, y));
    ROW(__mulhi(u, v));
    ROW(__popc(x));
    ROW(__clz(u));
    ROW(__ffs(u));
    ROW(__brev(x));
    ROW(__funnelshift_l(x, y, s));
    ROW(__funnelshift_r(x, y, s));
    ROW(__funnelshift_lc(x, y, 40));
    ROW(__funnelshift_rc(x, y, 40));
    ROW(__byte_perm(x, y, 0x7351));
    ROW(min(u, v));
    ROW(max(x, y));
    ROW(max(u, y));
    ROW(__umul24(x, y));
    ROW(__hadd(u, v));
    ROW(__mul24(u, v));
    ROW(__sad(u, v, y));
    ROW(abs(u / 2));
    ROW(__float_as_uint(__uint_as_float(x)));
}
extern "C" __global__ void long_integers(const unsigned long long* a, const unsigned long long* b, unsigned long long* out, int n) {
    const int i = threadIdx.x;
    if (i >= n) return;
    const unsigned long long x = a[i], y = b[i];
    int row = 0;
    ROW(__umul64hi(x, y));
    ROW(__mul64hi(static_cast<long long>(x), static_cast<long long>(y)));
    ROW(__popcll(x));
    ROW(__clzll(static_cast<long long>(x)));
    ROW(__ffsll(static_cast<long long>(x)));
    ROW(__brevll(x));
    ROW(__double_as_longlong(__longlong_as_double(static_cast<long long>(x))));
    ROW(static_cast<unsigned>(__double2hiint(__longlong_as_double(static_cast<long long>(x)))));
    ROW(static_cast<unsigned>(__double2loint(__longlong_as_double(static_cast<long long>(x)))));
    ROW(min(x, y));
}
extern "C" __global__ void floats(const float* a, const float* b, float* out, int n) {
    const int i = threadIdx.x;
    if (i >= n) return;
    const float x = a[i], y = b[i];
    int row = 0;
    ROW(__fadd_rn(x, y));
    ROW(__fsub_rn(x, y));
    ROW(__fmul_rn(x, y));
    ROW(__fdiv_rn(x, y));
    ROW(__fsqrt_rn(fabsf(x)));
    ROW(__frcp_rn(y));
    ROW(max(x, y));
    ROW(fminf(x, y));
    ROW(isnan(x) + 2 * isinf(x) + 4 * isfinite(x) + 8 * signbit(x));
    ROW(__float2int_rn(x));
    ROW(__float2int_rz(x));
    ROW(__float2int_rd(x));
    ROW(__float2int_ru(x));
    ROW(__float2uint_rz(x));
    ROW(copysignf(x, y));
    ROW(rsqrtf(fabsf(x)));
    ROW(__saturatef(x));
    ROW(exp(x));
    ROW(__ldcs(a + i));
}
extern "C" __global__ void doubles(const double* a, const double* b, double* out, int n) {
    const int i = threadIdx.x;
    if (i >= n) return;
    const double x = a[i], y = b[i];
    int row = 0;
    ROW(__dadd_rn(x, y));
    ROW(__dmul_rn(x, y));
    ROW(__ddiv_rn(x, y));
    ROW(__dsqrt_rn(fabs(x)));
    ROW(__fma_rn(x, y, 1.0));
    ROW(max(x, y));
    ROW(static_cast<double>(__double2ll_rn(x)));
    ROW(__hiloint2double(__double2hiint(x), __double2loint(x)));
    ROW(log1p(fabs(x)));
}
// x * x - 1 in one rounding or in two: only what may be fused is.
extern "C" __global__ void contraction(const float* x, float* out) {
    out[0] = __fsub_rn(__fmul_rn(x[0], x[0]), 1.0f);
    out[1] = __fadd_rn(__fmul_rn(x[0], x[0]), -1.0f);
    out[2] = fmaf(x[0], x[0], -1.0f);
    out[3] = __fmaf_rn(x[0], x[0], -1.0f);
    out[4] = x[0] * x[0] - 1.0f;
    out[5] = __fmul_rn(x[0], x[0]) - 1.0f;
}
struct half_bits {
    unsigned short bits;
};
extern "C" __global__ void halves(const half_bits* x, float* out, half_bits* again, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        out[i] = cusim::half_to_float(x[i].bits);
        again[i].bits = cusim::float_to_half(out[i]);
    }
}
extern "C" __global__ void atomics(const int* a, int* i, unsigned* u, unsigned long long* l, float* f, double* d, int* olds) {
    const int v = a[threadIdx.x];
    atomicAdd(&i[0], v);
    atomicSub(&i[1], v);
    atomicMin(&i[2], v);
    atomicMax(&i[3], v);
    atomicXor(&i[4], v);
    atomicAnd(&i[5], v | 4);
    atomicOr(&i[6], v);
    olds[threadIdx.x] = static_cast<int>(atomicInc(&u[0], 9));
    atomicDec(&u[1], 9);
    atomicAdd(&u[2], 3);
    atomicCAS(&u[3], 7u, threadIdx.x);
    if (threadIdx.x == 3) atomicExch(&u[4], 11u);
    atomicAdd(&l[0], 1ull << 40);
    atomicMax(&l[1], static_cast<unsigned long long>(v));
    atomicAdd(&f[0], 0.5f);
    atomicAdd(&d[0], 0.25);
}
