// The threads of one block, all on one OS thread: which runs, which wait, which have exited.
//
// A fiber takes threads that have not started and runs them one after another in a plain loop; a thread that never
// waits costs no switch. One that waits keeps its fiber, and another fiber goes on.
#pragma once
#include <algorithm>

#include "failure.h"
#include "fibers.h"
#include "machine.h"

namespace cusim {

inline Machine machine;

enum class State : unsigned char { running, at_barrier, in_exchange, exited };

struct Thread {
    Index index;
    State state;
    int fiber;
    const void* site;    // where it waits
    Exchange* exchange;  // the values that it may still read
    long long steps_left;
};

// What the running kernel is, for all its blocks.
struct Launch {
    const char* kernel;
    void (*entry)(void**);
    void** arguments;
    unsigned threads, warps;
    unsigned first_in_order[max_warps];  // the lanes of a warp stand together in the order of the threads
    bool check;
    long long steps;  // that a thread may take, in check mode
};

// Called when something happens to a thread; the files about barriers, warps and memory define them.
void thread_exited(unsigned thread);
[[noreturn]] void nothing_can_run();

class Scheduler {
 public:
    Thread threads[max_threads];
    unsigned order[max_threads];  // the threads in the order in which they start and are woken
    unsigned current = 0, exited = 0;
    Fibers fibers;
    Launch launch;

    void run_block() {
        next_ = exited = ready_ = head_ = 0;
        fibers.reset(life);
        int first = fibers.get();
        machine.stack = fibers.stack(first);
        fibers.start(first);
    }

    // The running thread waits; returns when somebody has woken it.
    void wait(State state, const void* site) {
        Thread& me = threads[current];
        me.state = state;
        me.site = site;
        me.steps_left = machine.steps_left;
        if (ready_ != 0) {
            resume(pop());
        } else if (next_ < launch.threads) {
            go(fibers.get());
        } else {
            nothing_can_run();
        }
    }

    void wake(unsigned thread) {
        threads[thread].state = State::running;
        queue_[(head_ + ready_++) % max_threads] = thread;
    }

    [[noreturn]] void give_up() {
        fibers.leave();
        __builtin_unreachable();
    }

 private:
    unsigned queue_[max_threads];
    unsigned next_ = 0, head_ = 0, ready_ = 0;

    unsigned pop() {
        unsigned thread = queue_[head_];
        head_ = (head_ + 1) % max_threads;
        --ready_;
        return thread;
    }

    void enter(unsigned thread) {
        current = thread;
        machine.thread = threads[thread].index;
        machine.lane = thread % warp_size;
    }

    void go(int fiber) {
        machine.stack = fibers.stack(fiber);
        fibers.switch_to(fiber);
    }

    void resume(unsigned thread) {
        enter(thread);
        machine.steps_left = threads[thread].steps_left;
        go(threads[thread].fiber);
    }

    static void life();
};

inline Scheduler scheduler;

inline void Scheduler::life() {
    Scheduler& s = scheduler;
    for (;;) {
        if (s.ready_ != 0) {
            s.fibers.put_back(s.fibers.current);
            s.resume(s.pop());
        } else if (s.next_ < s.launch.threads) {
            const unsigned thread = s.order[s.next_++];
            Thread& me = s.threads[thread];
            me.fiber = s.fibers.current;
            me.state = State::running;
            s.enter(thread);
            machine.steps_left = s.launch.steps;
            s.launch.entry(s.launch.arguments);
            me.state = State::exited;
            ++s.exited;
            thread_exited(thread);
        } else if (s.exited == s.launch.threads) {
            s.fibers.leave();
        } else {
            nothing_can_run();
        }
    }
}

__attribute__((format(printf, 3, 4))) inline void note_failure(const char* kind, const void* site, const char* format,
                                                               ...) {
    va_list values;
    va_start(values, format);
    write_failure(machine.block, machine.thread, kind, site, format, values);
    va_end(values);
}

template <class... Values>
[[noreturn]] __attribute__((cold)) void fail(const char* kind, const void* site, const char* format, Values... values) {
    note_failure(kind, site, format, values...);
    scheduler.give_up();
}

}  // namespace cusim
