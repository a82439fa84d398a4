/// Programs under test as processes: exit code, stdout and stderr.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/temp_dir.hpp"

namespace ctclip {

struct ProcessResult {
    int exit_code = -1;  ///< 128 + n after signal n, as in a shell
    std::string out;
    std::string err;
    std::int64_t peak_memory_bytes = 0;  ///< largest resident size
};

/// A running program. Its output goes to files, so that it never blocks on a full pipe. Killed by the
/// destructor if it still runs, and by wait() after a minute.
class Process {
  public:
    explicit Process(std::vector<std::string> words) : words_(std::move(words)) {
        pid_ = ::fork();
        if (pid_ < 0) {
            throw std::runtime_error("fork failed");
        }
        if (pid_ == 0) {
            execute();
        }
    }
    Process(Process const&) = delete;
    Process& operator=(Process const&) = delete;
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    pid_t pid() const { return pid_; }
    void signal(int signal_number) const { ::kill(pid_, signal_number); }

    std::string error_text() const { return read(err_path()); }

    void wait_for_error_text(std::string const& text) const {
        for (int i = 0; i < 1500; ++i) {
            if (read(err_path()).find(text) != std::string::npos) {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        throw std::runtime_error("the program never wrote '" + text + "'; it wrote: " + read(err_path()));
    }

    ProcessResult wait() {
        int status = 0;
        rusage usage{};
        for (int i = 0; ::wait4(pid_, &status, WNOHANG, &usage) == 0; ++i) {
            if (i == 6000) {
                ::kill(pid_, SIGKILL);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        pid_ = -1;
        int const code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return {code, read(out_path()), read(err_path()), std::int64_t{usage.ru_maxrss} * 1024};
    }

  private:
    std::string out_path() const { return (folder_ / "out").string(); }
    std::string err_path() const { return (folder_ / "err").string(); }

    static std::string read(std::string const& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

    [[noreturn]] void execute() {
        redirect(out_path(), STDOUT_FILENO);
        redirect(err_path(), STDERR_FILENO);
        std::vector<char*> arguments;
        for (std::string& word : words_) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }

    static void redirect(std::string const& path, int descriptor) {
        int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file < 0 || ::dup2(file, descriptor) < 0) {
            ::_exit(126);
        }
    }

    TempDir folder_;
    std::vector<std::string> words_;
    pid_t pid_ = -1;
};

/// Runs `words` (program and arguments) to its end.
inline ProcessResult run_process(std::vector<std::string> words) {
    return Process(std::move(words)).wait();
}

}  // namespace ctclip
