// Convolution by way of its matrix of columns: im2col writes it, cuBLAS multiplies, and col2im sums a matrix of columns
// back into an image. What the tiled kernels do not take goes this way, and it is what they are measured against.
//
// columns (N, C, R, S, P*Q): what tap (r, s) sees of channel c at every output pixel; 0 in the padding.
#include "common.cuh"

// One thread, one element of the columns: neighbours are neighbouring output pixels, which at stride 1 read neighbouring
// elements of the image. Bytes moved: x once for each tap, mostly from the cache, the columns once.
// registers: 40
// scalar: what a tap sees begins anywhere; a warp's threads take neighbouring pixels
extern "C" __global__ void __launch_bounds__(256)
    im2col(const SCALAR* __restrict__ x, SCALAR* __restrict__ columns, INDEX size, int height, int width,
           int kernel_height, int kernel_width, int out_height, int out_width, int stride_height, int stride_width,
           int top, int left, int dilation_height, int dilation_width) {
    for (INDEX i = grid_start<INDEX>(); i < size; i += grid_stride<INDEX>()) {
        const int q = static_cast<int>(i % out_width);
        INDEX rest = i / out_width;
        const int p = static_cast<int>(rest % out_height);
        rest /= out_height;
        const int s = static_cast<int>(rest % kernel_width);
        rest /= kernel_width;
        const int r = static_cast<int>(rest % kernel_height);
        const INDEX channel = rest / kernel_height;  // of all images
        const int h = p * stride_height + r * dilation_height - top, w = q * stride_width + s * dilation_width - left;
        const bool inside = h >= 0 && h < height && w >= 0 && w < width;
        columns[i] = inside ? x[(channel * height + h) * width + w] : from_real<SCALAR>(REAL(0));
    }
}

// One thread, one element of the image: it adds up, in the order of the taps, the columns that saw it. Bytes moved: the
// columns once, out once.
// registers: 48
// scalar: what a tap saw begins anywhere; a warp's threads take neighbouring elements
extern "C" __global__ void __launch_bounds__(256)
    col2im(const SCALAR* __restrict__ columns, SCALAR* __restrict__ out, INDEX size, int height, int width,
           int kernel_height, int kernel_width, int out_height, int out_width, int stride_height, int stride_width,
           int top, int left, int dilation_height, int dilation_width) {
    const INDEX plane = static_cast<INDEX>(out_height) * out_width;
    for (INDEX i = grid_start<INDEX>(); i < size; i += grid_stride<INDEX>()) {
        const int w = static_cast<int>(i % width), h = static_cast<int>(i / width % height);
        const SCALAR* const own = columns + i / width / height * kernel_height * kernel_width * plane;
        REAL sum = 0;
        for (int r = 0; r < kernel_height; ++r) {
            const int below = h + top - r * dilation_height;  // p * stride, if there is such a p
            if (below < 0 || below % stride_height != 0 || below / stride_height >= out_height) continue;
            for (int s = 0; s < kernel_width; ++s) {
                const int right = w + left - s * dilation_width;
                if (right < 0 || right % stride_width != 0 || right / stride_width >= out_width) continue;
                const INDEX pixel = static_cast<INDEX>(below / stride_height) * out_width + right / stride_width;
                sum += to_real(own[(r * kernel_width + s) * plane + pixel]);
            }
        }
        out[i] = from_real<SCALAR>(sum);
    }
}
