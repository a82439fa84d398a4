/// Deletes the sources of finished shards, when nothing is left to doubt.
/// Conversion never deletes; this is the only part of the suite that does, and it takes two steps: a dry run,
/// which proves everything, deletes nothing and ends with a confirmation word; and a run with that word,
/// which proves each shard once more.
///
/// A source is deleted only if, in this run,
///   - the shard and its sidecar were synced, dropped from the page cache and read back from storage, and
///   agree with
///     each other and with the folder's plan,
///   - the source is byte for byte the file that was converted, and every voxel of its sample equals a fresh
///   conversion,
///   - it is a regular file of one name inside the folder of sources, and has not changed since it was
///   compared,
///   - its deletion is on record, on disk, in reap.jsonl.
/// After an interruption the same command goes on. Quarantined and unmatched volumes are never touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/progress.hpp"
#include "convert/sample_converter.hpp"

namespace ctclip {

struct ReapOptions {
    std::filesystem::path shards;        ///< output folder of a conversion
    std::filesystem::path sources;       ///< its folder of volumes
    std::optional<std::string> confirm;  ///< the word of the dry run; none: dry run
};

struct ReapEnvironment {
    VolumePreprocessor preprocess;
    std::function<Progress(std::string what, std::string unit, std::int64_t total)> progress;
};

struct ReapReport {
    std::size_t num_shards = 0;      ///< proven
    std::size_t num_unfinished = 0;  ///< planned shards that are not there; their sources stay
    std::size_t num_sources = 0;     ///< deleted, or of a dry run: proven
    std::uint64_t source_bytes = 0;
    // What their shards do not give back.
    std::int64_t num_rounded_voxels = 0;    ///< to the nearest fp16
    double worst_abs_error = 0.0;           ///< of these, in the sources' units
    std::int64_t num_saturated_voxels = 0;  ///< beyond fp16
    std::size_t num_resampled = 0;          ///< sources whose shards have layout `preprocessed`
    std::size_t num_gone = 0;  ///< deleted by earlier runs
    std::string confirmation_word;
};

/// @throws Error kBadInput: anything differs, naming it; nothing of that shard was deleted. kUsage: a wrong
/// word.
///         kCannotCreate: another job works in the folder of shards. kIoError, kNoPermission.
ReapReport reap(ReapOptions const& options, ReapEnvironment const& environment);

}  // namespace ctclip
