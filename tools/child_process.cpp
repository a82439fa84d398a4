#include "tools/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/stop_signal.hpp"

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
/// From its start until `forward_to` they wait: none may come too early to be passed on.
class SignalsGoToChild {
  public:
    SignalsGoToChild() {
        sigset_t stops;
        ::sigemptyset(&stops);
        for (int const signal : stop_signals()) {
            ::sigaddset(&stops, signal);
        }
        ::pthread_sigmask(SIG_BLOCK, &stops, &mask_before_);
    }
    SignalsGoToChild(SignalsGoToChild const&) = delete;
    SignalsGoToChild& operator=(SignalsGoToChild const&) = delete;
    ~SignalsGoToChild() {
        for (Handler const& handler : before_) {
            ::sigaction(handler.signal, &handler.action, nullptr);
        }
        running_child = 0;
        ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    }

    /// What the child is to start with.
    sigset_t const& mask_before() const { return mask_before_; }

    void forward_to(pid_t child) {
        running_child = child;
        struct sigaction action {};
        action.sa_handler = pass_on;
        for (int const signal : stop_signals()) {
            if (!is_under_nohup(signal)) {
                Handler& handler = before_.emplace_back(Handler{.signal = signal, .action = {}});
                ::sigaction(signal, &action, &handler.action);
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    }

  private:
    struct Handler {
        int signal;
        struct sigaction action;
    };

    sigset_t mask_before_{};
    std::vector<Handler> before_;
};

/// The process id. Both outputs of the child go to `output`.
pid_t spawn(std::vector<std::string> const& words, FileDescriptor const& output, sigset_t const& signal_mask) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDERR_FILENO);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setsigmask(&attributes, &signal_mask);
    std::vector<char*> arguments;
    for (std::string const& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    pid_t child = 0;
    int const error = ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        fail_errno(ExitCode::kUnavailable, "cannot start " + words[0], error);
    }
    return child;
}

}  // namespace

std::filesystem::path program_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

int run_and_wait(std::vector<std::string> const& words, std::filesystem::path const& log) {
    SignalsGoToChild signals;
    FileDescriptor const output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!output) {
        fail_errno(ExitCode::kCannotCreate, "cannot open " + log.string(), errno);
    }
    pid_t const child = spawn(words, output, signals.mask_before());
    signals.forward_to(child);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            fail_errno(ExitCode::kInternal, "cannot wait for " + words[0], errno);
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ctclip
