#include "checkpoint/checkpoint_store.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/output_folder.hpp"

namespace ctclip {
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".h5";
constexpr std::size_t kLeastKept = 2;
constexpr char const* kPointerName = "latest.json";

std::optional<std::int64_t> step_of(std::string const& name) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) {
        return std::nullopt;
    }
    std::int64_t step = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
    return step >= 0 && checkpoint_name(step) == name ? std::optional(step) : std::nullopt;
}

}  // namespace

std::string checkpoint_name(std::int64_t step) {
    return fmt::format("{}{:08}{}", kPrefix, step, kSuffix);
}

std::vector<CheckpointEntry> list_checkpoints(std::filesystem::path const& folder) {
    std::vector<CheckpointEntry> entries;
    std::error_code error;
    std::filesystem::directory_iterator files(folder, error);
    if (error == std::errc::no_such_file_or_directory) {
        return entries;
    }
    for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
        if (auto const step = step_of(files->path().filename().string())) {
            entries.push_back({*step, files->path()});
        }
    }
    if (error) {
        fail_errno(ExitCode::kIoError, "cannot list folder " + folder.string(), error.value());
    }
    std::sort(entries.begin(), entries.end(), [](auto const& a, auto const& b) { return a.step < b.step; });
    return entries;
}

std::optional<LoadedCheckpoint> load_newest_valid(std::filesystem::path const& folder,
                                                  CheckpointParts parts) {
    auto const entries = list_checkpoints(folder);
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        try {
            return LoadedCheckpoint{entry->path, read_checkpoint(entry->path, parts)};
        } catch (Error const& error) {
            bool const is_damage = error.code() == ExitCode::kBadInput || error.code() == ExitCode::kIoError;
            if (!is_damage) {
                throw;
            }
            log_warning("{}. Falling back to the checkpoint before it", error.what());
        }
    }
    require(entries.empty(), ExitCode::kBadInput,
            "{}: none of the {} checkpoints can be read. Restore one from a copy, or start a new run folder",
            folder.string(), entries.size());
    return std::nullopt;
}

CheckpointStore::CheckpointStore(std::filesystem::path folder, RetentionPolicy policy)
    : folder_(std::move(folder)), policy_(std::move(policy)) {
    require(policy_.keep_last >= kLeastKept, ExitCode::kBadConfig,
            "keeping the last {} checkpoints is too few (the newest may turn out damaged). Keep at least {}",
            policy_.keep_last, kLeastKept);
    create_folder(folder_);
    if (std::size_t const count = sweep_partial_files(folder_); count > 0) {
        log_info("{}: removed {} unfinished checkpoint file(s) of an interrupted save", folder_.string(),
                 count);
    }
}

std::filesystem::path CheckpointStore::save(TrainState state) {
    std::int64_t const step = state.info.step;
    auto const metric = metric_of(state.metrics);
    std::filesystem::path const path = folder_ / checkpoint_name(step);
    std::error_code unknown;  // then there is nothing to tell
    if (std::filesystem::exists(path, unknown)) {
        log_info("{} exists and is replaced by this run's state at step {}", path.string(), step);
    }
    verified_.erase(path);
    write_checkpoint(path, std::move(state),
                     IfExists::kReplace);  // read back and compared before it gets its name
    verified_[path] = metric;
    damaged_.erase(path);
    log_debug("saved {}, read back and compared", path.string());

    try {
        point_to(path, step);
        prune();
    } catch (Error const& error) {
        log_warning("{}. The checkpoint {} is whole and counts", error.what(), path.string());
    }
    return path;
}

void CheckpointStore::point_to(std::filesystem::path const& path, std::int64_t step) const {
    FileDescriptor const file = open_for_reading(path);
    nlohmann::ordered_json const pointer{{"schema", "ctclip-latest-1"},
                                         {"name", path.filename().string()},
                                         {"step", step},
                                         {"bytes", file_size_bytes(file, path)}};
    write_durably(folder_ / kPointerName, pointer.dump(2) + "\n", IfExists::kReplace);
}

void CheckpointStore::prune() {
    auto const entries = list_checkpoints(folder_);
    if (entries.size() <= policy_.keep_last) {
        return;
    }
    std::vector<std::filesystem::path> verified;  // oldest first
    for (CheckpointEntry const& entry : entries) {
        if (is_verified(entry)) {
            verified.push_back(entry.path);
        }
    }
    std::size_t const num_old = verified.size() - std::min(verified.size(), policy_.keep_last);
    std::filesystem::path const kept = best();
    for (std::size_t i = 0; i < num_old; ++i) {
        std::error_code error;
        if (verified[i] == kept) {
            continue;
        }
        std::filesystem::remove(verified[i], error);
        if (error) {
            log_warning("cannot remove old checkpoint {}: {}", verified[i].string(), error.message());
        } else {
            log_debug("removed {}: newer checkpoints are verified", verified[i].string());
        }
        verified_.erase(verified[i]);
    }
}

bool CheckpointStore::is_verified(CheckpointEntry const& entry) {
    if (verified_.contains(entry.path) || damaged_.contains(entry.path)) {
        return verified_.contains(entry.path);
    }
    try {
        verified_[entry.path] = metric_of(read_checkpoint(entry.path, CheckpointParts::kInfo).metrics);
        return true;
    } catch (Error const& error) {
        log_warning("{}. The file is kept, but does not count as a checkpoint", error.what());
        damaged_.insert(entry.path);
        return false;
    }
}

std::optional<double> CheckpointStore::metric_of(StateGroup const& metrics) const {
    auto const found = metrics.scalars.find(policy_.metric);
    double const* value = found == metrics.scalars.end() ? nullptr : std::get_if<double>(&found->second);
    return value != nullptr && !std::isnan(*value) ? std::optional(*value) : std::nullopt;
}

std::filesystem::path CheckpointStore::best() const {
    std::filesystem::path path;
    std::optional<double> best_value;
    for (auto const& [candidate, value] : verified_) {
        bool const is_better =
            policy_.best != RetentionPolicy::Best::kNone && value &&
            (!best_value ||
             (policy_.best == RetentionPolicy::Best::kLowest ? *value < *best_value : *value > *best_value));
        if (is_better) {
            path = candidate;
            best_value = value;
        }
    }
    return path;
}

}  // namespace ctclip
