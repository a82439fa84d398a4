/// ctclip-convert under mpirun, and its ranks as processes.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "convert/convert_options.hpp"
#include "support/process.hpp"

namespace ctclip {

namespace fs = std::filesystem;

/// The program by itself. @param more  further words.
inline std::vector<std::string> convert_words(ConvertOptions const& options,
                                              std::vector<std::string> const& more = {}) {
    std::vector<std::string> words{CTCLIP_BIN "/ctclip-convert", "-q",
                                   "--volumes", options.volumes,
                                   "--reports", options.reports,
                                   "--metadata", options.metadata,
                                   "--labels", options.labels,
                                   "--output", options.output,
                                   "--samples_per_shard", std::to_string(options.samples_per_shard)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

inline std::vector<std::string> words_of_ranks(int num_ranks, ConvertOptions const& options,
                                               std::vector<std::string> const& more = {}) {
    std::vector<std::string> words{CTCLIP_MPIRUN, "--oversubscribe",        "--bind-to", "none",
                                   "-n",          std::to_string(num_ranks)};
    std::vector<std::string> const program = convert_words(options, more);
    words.insert(words.end(), program.begin(), program.end());
    return words;
}

inline std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    for (auto const& task : fs::directory_iterator(fmt::format("/proc/{}/task", parent))) {
        std::ifstream file(task.path() / "children");
        children.insert(children.end(), std::istream_iterator<pid_t>(file), {});
    }
    return children;
}

/// False for the dead too that nobody has reaped yet (in containers nobody may).
inline bool is_running(pid_t process) {
    std::ifstream file(fmt::format("/proc/{}/stat", process));
    std::string line;
    std::getline(file, line);
    std::size_t const state = line.rfind(')') + 2;
    return state < line.size() && line[state] != 'Z' && line[state] != 'X';
}

/// The launcher may return before the last of its ranks is gone, and as long as that one lives the output is
/// its.
inline void end_and_await(std::vector<pid_t> const& processes) {
    for (pid_t const process : processes) {
        for (int i = 0; i < 1000 && is_running(process); ++i) {
            ::kill(process, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

}  // namespace ctclip
