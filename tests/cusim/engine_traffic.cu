// Kernels whose traffic can be counted by hand.
#define GRID_INDEX (blockIdx.x * blockDim.x + threadIdx.x)

extern "C" __global__ void contiguous(const float* x, float* out, int n) {
    int i = GRID_INDEX;
    if (i < n) out[i] = x[i];  // <- contiguous
}
extern "C" __global__ void vectors(const float4* x, float4* out, int n) {
    int i = GRID_INDEX;
    if (i < n / 4) out[i] = x[i];
}
extern "C" __global__ void grid_stride(const double* x, double* out, int n) {
    for (int i = GRID_INDEX; i < n; i += gridDim.x * blockDim.x) out[i] = x[i];
}
extern "C" __global__ void strided(const float* x, float* out, int stride) {
    out[GRID_INDEX] =
        x[GRID_INDEX * stride];  // <- strided
}
extern "C" __global__ void broadcast(const float* x, float* out, int n) {
    out[GRID_INDEX] =
        x[blockIdx.x];  // <- broadcast
}
extern "C" __global__ void off_by_one(const float* x, float* out, int n) {
    out[GRID_INDEX] =
        x[GRID_INDEX + 1];  // <- off_by_one
}
extern "C" __global__ void read_twice(const float* x, float* out, int n) {
    float a = x[GRID_INDEX];
    float b = x[GRID_INDEX];
    out[GRID_INDEX] = a + b;
}
// The lanes of a warp come to one line in different turns of a loop, and on different ways.
extern "C" __global__ void diverging(const float* x, float* out, int n) {
    float sum = 0.0f;
    for (int i = 0; i < (threadIdx.x % 2 ? 4 : 2); ++i)
        sum += x[i * 32 + threadIdx.x];  // <- diverging
    if (threadIdx.x % 2) sum += 1.0f;
    out[threadIdx.x] = sum;
}
extern "C" __global__ void shared_access(const float* x, float* out, int stride) {
    __shared__ float s[32 * 33];
    for (int i = threadIdx.x; i < 32 * 33; i += 32) s[i] = x[i % 32];
    __syncthreads();
    out[threadIdx.x] =
        s[threadIdx.x * stride];  // <- shared_access
}
extern "C" __global__ void shared_vectors(const float* x, float* out, int stride) {
    __shared__ __align__(16) float s[32 * 8];
    for (int i = threadIdx.x; i < 32 * 8; i += 32) s[i] = x[i % 32];
    __syncthreads();
    float4 v =
        *reinterpret_cast<float4*>(s + threadIdx.x * stride);  // <- shared_vectors
    out[threadIdx.x] = v.x + v.w;
}
extern "C" __global__ void shared_broadcast(const float* x, float* out, int n) {
    __shared__ float s[32];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] =
        s[threadIdx.x / 8];  // <- shared_broadcast
}
