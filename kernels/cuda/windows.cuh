// One axis of a 2-D pooling: which elements a window covers, and which windows cover an element.
#pragma once

struct Axis {
    int size, outputs;  // elements of the input, windows
    int kernel, stride, before, dilation;

    // The element under tap `tap` of a window; it may lie in the padding.
    __device__ __forceinline__ int element(int window, int tap) const {
        return window * stride - before + tap * dilation;
    }
    __device__ __forceinline__ bool inside(int element) const { return 0 <= element && element < size; }

    // The windows that may cover an element are first_window() <= window <= last_window(), and those of them for which
    // tap() is not -1 do.
    __device__ __forceinline__ int last_window(int element) const {
        const int last = (element + before) / stride;
        return last < outputs ? last : outputs - 1;
    }
    __device__ __forceinline__ int first_window(int element) const {
        const int beyond = element + before - dilation * (kernel - 1);  // where a window that just reaches it begins
        return beyond <= 0 ? 0 : (beyond + stride - 1) / stride;
    }
    __device__ __forceinline__ int tap(int window, int element) const {
        const int distance = element + before - window * stride;
        return dilation == 1 ? distance : distance % dilation == 0 ? distance / dilation : -1;
    }

    // How many taps of a window lie at begin <= element < end.
    __device__ __forceinline__ int taps_between(int window, int begin, int end) const {
        const int start = element(window, 0);
        const int first = start >= begin ? 0 : (begin - start + dilation - 1) / dilation;
        const int beyond = start >= end ? 0 : (end - 1 - start) / dilation + 1;
        const int last = beyond < kernel ? beyond : kernel;
        return last > first ? last - first : 0;
    }
};
