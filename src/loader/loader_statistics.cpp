#include "loader/loader_statistics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ctclip {
namespace {

constexpr double kStarvedShare = 0.3;  // of a step's time spent waiting for data

std::string_view remedy_for(std::string_view stage) {
    if (stage == "reading") {
        return "Put the shards on faster storage, or raise data.num_workers if the storage can serve more "
               "readers at a time.";
    }
    if (stage == "preprocessing") {
        return "Raise data.num_workers (and the CPUs of the job), or convert to preprocessed shards.";
    }
    return "Raise data.num_workers (and the CPUs of the job).";
}

}  // namespace

StageTimes& StageTimes::operator+=(StageTimes const& other) {
    read_s += other.read_s;
    preprocess_s += other.preprocess_s;
    text_s += other.text_s;
    num_samples += other.num_samples;
    bytes_read += other.bytes_read;
    return *this;
}

StageTimes StageTimes::operator-(StageTimes const& earlier) const {
    return {read_s - earlier.read_s, preprocess_s - earlier.preprocess_s, text_s - earlier.text_s,
            num_samples - earlier.num_samples, bytes_read - earlier.bytes_read};
}

std::string_view StageTimes::slowest_stage() const {
    if (read_s >= preprocess_s && read_s >= text_s) {
        return "reading";
    }
    return preprocess_s >= text_s ? "preprocessing" : "tokenizing";
}

std::optional<std::string> warning_about(DataWait const& wait) {
    if (wait.data_s <= kStarvedShare * wait.step_s) {
        return std::nullopt;
    }
    std::string_view const stage = wait.stages.slowest_stage();
    double const share_of_loading =
        wait.stages.busy_s() > 0.0
            ? std::max({wait.stages.read_s, wait.stages.preprocess_s, wait.stages.text_s}) /
                  wait.stages.busy_s()
            : 0.0;
    return fmt::format(
        "{:.0f} % of the time of the last {} steps went into waiting for data; loading threads spent "
        "{:.0f} % of their time on {}. {}",
        100.0 * wait.data_s / wait.step_s, wait.num_steps, 100.0 * share_of_loading, stage,
        remedy_for(stage));
}

}  // namespace ctclip
