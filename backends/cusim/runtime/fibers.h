// Fibers: stacks, and a switch from one to another. A CUDA thread that has to wait keeps its fiber until it goes on.
#pragma once
#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "machine.h"

extern "C" __attribute__((visibility("hidden"))) void cusim_switch(void** save, void* resume);

// Saves what a called function must preserve, swaps stacks, and returns into the other fiber.
#if defined(__x86_64__)
asm(R"(
.text
.globl cusim_switch
.hidden cusim_switch
.type cusim_switch, @function
cusim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size cusim_switch, .-cusim_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl cusim_switch
.hidden cusim_switch
.type cusim_switch, %function
cusim_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
.size cusim_switch, .-cusim_switch
)");
#else
#error "the CUDA simulator switches stacks by hand, on x86-64 and aarch64 only"
#endif

namespace cusim {

class Fibers {
 public:
    static constexpr size guard = 64 * 1024;  // no access: an overflow of the stack is a fault, not a silent write
    static constexpr size slot = guard + stack_size;

    // Every stack is free again. Fibers that were given up in the middle are forgotten.
    void reset(void (*life)()) {
        life_ = life;
        made_ = free_count_ = 0;
    }

    bool reserve() {
        if (memory_ != nullptr) return true;
        void* memory = mmap(nullptr, slot * count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return false;
        memory_ = static_cast<char*>(memory);
        return true;
    }

    int get() {
        if (free_count_ != 0) return free_[--free_count_];
        int fiber = made_++;
        if (fiber >= usable_) {
            mprotect(memory_ + slot * fiber + guard, stack_size, PROT_READ | PROT_WRITE);
            usable_ = fiber + 1;
        }
        void** top = reinterpret_cast<void**>(stack(fiber) + stack_size - 64);
#if defined(__x86_64__)
        *--top = nullptr;  // aligns the stack as after a call
        *--top = reinterpret_cast<void*>(life_);
        top -= 6;
        memset(top, 0, 6 * sizeof(void*));
#else
        top -= 20;
        memset(top, 0, 20 * sizeof(void*));
        top[11] = reinterpret_cast<void*>(life_);  // x30, the return address
#endif
        saved_[fiber] = top;
        return fiber;
    }

    void put_back(int fiber) { free_[free_count_++] = fiber; }

    void switch_to(int fiber) {
        if (fiber == current) return;
        int me = current;
        current = fiber;
        cusim_switch(&saved_[me], saved_[fiber]);
    }

    // From outside, and back. The caller's stack must live on while the fibers run.
    void start(int fiber) {
        current = fiber;
        cusim_switch(&outside_, saved_[fiber]);
    }
    void leave() { cusim_switch(&saved_[current], outside_); }

    address stack(int fiber) const { return reinterpret_cast<address>(memory_) + slot * fiber + guard; }

    bool contains(address where) const { return where - reinterpret_cast<address>(memory_) < slot * count; }

    bool in_guard(address where) const {
        return contains(where) && (where - reinterpret_cast<address>(memory_)) % slot < guard;
    }

    int current = 0;

 private:
    static constexpr int count = max_threads + 1;

    char* memory_ = nullptr;
    void (*life_)() = nullptr;
    void* saved_[count];
    void* outside_ = nullptr;
    int free_[count];
    int free_count_ = 0, made_ = 0, usable_ = 0;
};

}  // namespace cusim
