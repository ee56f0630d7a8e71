// Signals while a kernel runs: a wild pointer, a stack that overflows, a division by zero or Control-C ends the kernel,
// not the process.
#pragma once
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "modules.h"
#include "scheduler.h"

namespace cusim {

class Faults {
 public:
    volatile sig_atomic_t interrupted = 0;

    // From here to `release`, faults of this OS thread are faults of the kernel.
    void guard(const Module* module) {
        module_ = module;
        owner_ = pthread_self();
        interrupted = 0;
        stack_t stack = {};
        stack.ss_sp = stack_;
        stack.ss_size = sizeof stack_;
        sigaltstack(&stack, &old_stack_);
        struct sigaction action = {};
        action.sa_sigaction = handle;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        for (int i = 0; i < count; ++i) sigaction(signals[i], &action, &old_[i]);
    }

    void release() {
        for (int i = 0; i < count; ++i) sigaction(signals[i], &old_[i], nullptr);
        sigaltstack(&old_stack_, nullptr);
    }

 private:
    static constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGINT};
    static constexpr int count = 5;

    const Module* module_ = nullptr;
    pthread_t owner_{};
    stack_t old_stack_{};
    struct sigaction old_[count] = {};
    alignas(16) char stack_[64 * 1024];
    alignas(16) char exit_stack_[16 * 1024];

    static void handle(int number, siginfo_t* info, void* context);
    void pass_on(int number, siginfo_t* info, void* context);
};

inline Faults faults;

inline void Faults::pass_on(int number, siginfo_t* info, void* context) {
    for (int i = 0; i < count; ++i) {
        if (signals[i] != number) continue;
        if (old_[i].sa_flags & SA_SIGINFO) {
            old_[i].sa_sigaction(number, info, context);
        } else if (old_[i].sa_handler != SIG_DFL && old_[i].sa_handler != SIG_IGN) {
            old_[i].sa_handler(number);
        } else if (old_[i].sa_handler == SIG_DFL) {
            sigaction(number, &old_[i], nullptr);  // the fault comes again, and is treated as without us
            if (number == SIGINT) raise(number);
        }
    }
}

[[noreturn]] inline void leave_block() { scheduler.give_up(); }

inline void Faults::handle(int number, siginfo_t* info, void* context) {
    Faults& f = faults;
    if (!pthread_equal(pthread_self(), f.owner_)) {
        if (number == SIGINT) {
            pthread_kill(f.owner_, number);  // any thread of the process may get it first
        } else {
            f.pass_on(number, info, context);
        }
        return;
    }
    if (number == SIGINT) {
        f.pass_on(number, info, context);  // Python notes it, and raises KeyboardInterrupt after the launch
        f.interrupted = 1;
    }
    auto* machine_context = &static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    const address place = static_cast<address>(machine_context->gregs[REG_RIP]);
#else
    const address place = machine_context->pc;
#endif
    if (number == SIGINT && place - f.module_->code_low >= f.module_->code_high - f.module_->code_low) {
        machine.steps_left = 0;  // amid the runtime: stop at the next step
        return;
    }
    const void* site = reinterpret_cast<const void*>(place + 1);  // sites are return addresses
    const address where = reinterpret_cast<address>(info->si_addr);
    if (number == SIGINT) {
        note_failure("interrupted", site, "interrupted");
    } else if (number == SIGFPE) {
        note_failure("arithmetic", site, "integer division by zero, or of the least integer by -1");
    } else if (number == SIGILL) {
        note_failure("illegal instruction", site, "illegal instruction");
    } else if (scheduler.fibers.in_guard(where)) {
        note_failure("stack overflow", site, "the stack of %zu bytes that a thread has is exhausted", stack_size);
    } else {
        note_failure("illegal address", site, "illegal address %p", info->si_addr);
    }
    // Return from the signal into leave_block, on a stack that is whole.
    char* top = f.exit_stack_ + sizeof f.exit_stack_ - 64;
#if defined(__x86_64__)
    machine_context->gregs[REG_RSP] = reinterpret_cast<long long>(top - 8);  // aligned as after a call
    machine_context->gregs[REG_RIP] = reinterpret_cast<long long>(&leave_block);
#else
    machine_context->sp = reinterpret_cast<address>(top);
    machine_context->pc = reinterpret_cast<address>(&leave_block);
#endif
}

}  // namespace cusim
