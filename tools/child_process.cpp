#include "tools/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace ctclip {
namespace {

std::atomic<pid_t> running_child{0};

void pass_on(int signal) {
    pid_t const child = running_child.load();
    if (child > 0) {
        ::kill(child, signal);
    }
}

/// While it lives, signals that ask a job to stop go to the child, which saves and ends with an exit code of its own.
class SignalsGoToChild {
  public:
    explicit SignalsGoToChild(pid_t child) {
        running_child = child;
        struct sigaction action {};
        action.sa_handler = pass_on;
        for (std::size_t i = 0; i < kSignals.size(); ++i) {
            ::sigaction(kSignals[i], &action, &before_[i]);
        }
    }
    SignalsGoToChild(SignalsGoToChild const&) = delete;
    SignalsGoToChild& operator=(SignalsGoToChild const&) = delete;
    ~SignalsGoToChild() {
        for (std::size_t i = 0; i < kSignals.size(); ++i) {
            ::sigaction(kSignals[i], &before_[i], nullptr);
        }
        running_child = 0;
    }

  private:
    static constexpr std::array kSignals{SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace

std::filesystem::path program_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

int run_and_wait(std::vector<std::string> const& words, std::filesystem::path const& log) {
    FileDescriptor const output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!output) {
        fail_errno(ExitCode::kCannotCreate, "cannot open " + log.string(), errno);
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDERR_FILENO);
    std::vector<char*> arguments;
    for (std::string const& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    pid_t child = 0;
    int const error = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        fail_errno(ExitCode::kUnavailable, "cannot start " + words[0], error);
    }
    SignalsGoToChild const forwarding(child);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            fail_errno(ExitCode::kInternal, "cannot wait for " + words[0], errno);
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ctclip
