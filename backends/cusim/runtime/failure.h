// How a kernel fails: the first failure is written down, the block is given up, and the launch returns.
#pragma once
#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "machine.h"

namespace cusim {

// In `text`, an address in a module stands between two bytes of value 1; it becomes file and line where the module's
// line table can be read.
struct Failure {
    int failed;
    const void* site;
    const void* accessed;  // the address, if it was an access to memory
    unsigned block[3], thread[3];
    char kind[48];
    char text[1400];
};

inline Failure failure;

#define CUSIM_PLACE "\1%p\1"  // in a format, for an address in a module

inline void write_failure(const Index& block, const Index& thread, const char* kind, const void* site,
                          const char* format, va_list values) {
    failure.failed = 1;
    failure.site = site;
    failure.accessed = nullptr;
    const unsigned b[] = {block.x, block.y, block.z}, t[] = {thread.x, thread.y, thread.z};
    for (int i = 0; i < 3; ++i) failure.block[i] = b[i], failure.thread[i] = t[i];
    snprintf(failure.kind, sizeof failure.kind, "%s", kind);
    vsnprintf(failure.text, sizeof failure.text, format, values);
}

}  // namespace cusim
