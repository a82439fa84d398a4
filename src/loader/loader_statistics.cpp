#include "loader/loader_statistics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ctclip {
namespace {

constexpr double kStarvedShare = 0.3;  // of a step's time spent waiting for data

struct Stage {
    std::string_view name;
    double StageTimes::*seconds;
};
constexpr Stage kStages[] = {{"reading", &StageTimes::read_s},
                             {"verifying checksums", &StageTimes::checksum_s},
                             {"preprocessing", &StageTimes::preprocess_s},
                             {"tokenizing", &StageTimes::text_s}};

Stage const& slowest_of(StageTimes const& times) {
    return *std::ranges::max_element(kStages, {}, [&](Stage const& stage) { return times.*stage.seconds; });
}

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
    for (Stage const& stage : kStages) {
        this->*stage.seconds += other.*stage.seconds;
    }
    num_samples += other.num_samples;
    bytes_read += other.bytes_read;
    return *this;
}

StageTimes StageTimes::operator-(StageTimes const& earlier) const {
    StageTimes since = *this;
    for (Stage const& stage : kStages) {
        since.*stage.seconds -= earlier.*stage.seconds;
    }
    since.num_samples -= earlier.num_samples;
    since.bytes_read -= earlier.bytes_read;
    return since;
}

std::string_view StageTimes::slowest_stage() const {
    return slowest_of(*this).name;
}

double StageTimes::slowest_stage_s() const {
    return this->*slowest_of(*this).seconds;
}

std::optional<std::string> warning_about(DataWait const& wait) {
    if (wait.data_s <= kStarvedShare * wait.step_s) {
        return std::nullopt;
    }
    std::string_view const stage = wait.stages.slowest_stage();
    double const share_of_loading =
        wait.stages.busy_s() > 0.0 ? wait.stages.slowest_stage_s() / wait.stages.busy_s() : 0.0;
    return fmt::format(
        "{:.0f} % of the time of the last {} steps went into waiting for data; loading threads spent "
        "{:.0f} % of their time on {}. {}",
        100.0 * wait.data_s / wait.step_s, wait.num_steps, 100.0 * share_of_loading, stage,
        remedy_for(stage));
}

}  // namespace ctclip
