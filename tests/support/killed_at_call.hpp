/// kill -9 at a chosen system call.
#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace ctclip {

/// Runs `work` in a child that dies at its system call number `fatal_call` (of all its threads).
/// @return false if it ended before.
template <class Work>
bool killed_at_call(int fatal_call, Work const& work) {
    pid_t const child = ::fork();
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        work();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
             PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    for (int num_stops = 0;;) {
        pid_t const stopped = ::waitpid(-1, &status, __WALL);
        if (stopped == child && (WIFEXITED(status) || WIFSIGNALED(status))) {
            EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0);
            return WIFSIGNALED(status);
        }
        if (!WIFSTOPPED(status)) {
            continue;  // a thread ended
        }
        bool const is_system_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        if (is_system_call && ++num_stops == 2 * fatal_call) {  // entry and exit stop each
            ::kill(child, SIGKILL);
        }
        bool const is_own_signal =
            !is_system_call && WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP;
        ::ptrace(PTRACE_SYSCALL, stopped, nullptr, is_own_signal ? WSTOPSIG(status) : 0);
    }
}

}  // namespace ctclip
