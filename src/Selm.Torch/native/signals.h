// Signals and oneDNN. The kernels of its sgemm (seen in 2.7, Debian 12) keep values on the stack further below the stack
// pointer than the 128 bytes that a signal handler leaves alone. A handler that runs on the same stack, as .NET's do for
// Ctrl-C, SIGTERM, a resized window or an ended child, then writes over them, and the kernel writes to wrong places: one run
// in twelve that was interrupted broke its heap. Signals are therefore held back for the microseconds of such a product.
#pragma once
#include <pthread.h>

#include <csignal>

namespace selm {

// All signals but faults wait until this goes out of scope.
class SignalsHeld {
public:
    SignalsHeld() {
        sigset_t held;
        sigfillset(&held);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&held, fault);
        pthread_sigmask(SIG_BLOCK, &held, &before);
    }

    ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }

    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

private:
    sigset_t before;
};

// Threads inherit the mask of the thread that starts them: OpenMP's workers of the calling thread are started here, once,
// so that no signal ever lands on them.
inline void start_workers() {
    static thread_local const bool started = [] {
        const SignalsHeld held;
#pragma omp parallel
        { asm volatile("" ::: "memory"); }
        return true;
    }();
    (void)started;
}

} // namespace selm
