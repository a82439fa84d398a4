/// What a finished conversion amounts to, from the sidecars of all its shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "convert/convert_plan.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {

inline constexpr char const* kSummaryName = "conversion.json";

/// One line of the list of shards.
struct ShardSummary {
    std::string name;
    std::uint64_t size_bytes = 0;
    std::string fsverity_sha256;
    std::string sidecar_sha256;
    std::size_t num_samples = 0;
    std::uint64_t payload_bytes = 0;
};

struct ConversionSummary {
    std::size_t samples_per_shard = 0;
    std::vector<ShardSummary> shards;

    std::uint64_t num_samples = 0;
    std::uint64_t num_quarantined = 0;
    std::uint64_t source_array_bytes = 0;  ///< of the arrays as numpy held them
    std::uint64_t source_file_bytes = 0;   ///< of the NPZ and NIfTI files
    std::uint64_t volume_bytes = 0;        ///< of the .bin members
    std::uint64_t shard_bytes = 0;         ///< of the tars

    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    std::int64_t num_inexact = 0;
    std::int64_t num_saturated = 0;
    double worst_abs_error = 0.0;

    /// How much smaller the shards are.
    double logical_ratio() const;  ///< source arrays to fp16 volumes
    double on_disk_ratio() const;  ///< source files to shards

    void add(ShardSidecar const& sidecar);
};

/// Reads the sidecars of all planned shards. @throws Error kBadInput, kIoError.
ConversionSummary summarise(ConvertPlan const& plan, std::filesystem::path const& output);

/// manifest.json, byte for byte the Python converter's (tests/data/convert).
std::string encode_manifest(ConversionSummary const& summary);
/// conversion.json: what manifest.json has no place for.
std::string encode_summary(ConversionSummary const& summary, ConvertPlan const& plan);
/// Compares a folder with its conversion.json, if it has one: the same shards, each with the index and the
/// digest on record. @throws Error kBadInput naming what differs.
void require_conversion_agrees(std::filesystem::path const& folder,
                               std::vector<std::filesystem::path> const& shard_paths);

/// The indexes that a finished conversion put on record are the ones that are there: so that going on does not put a
/// damaged one on record instead. Shards that were moved away are no matter.
/// @throws Error kBadInput naming what differs.
void require_indexes_on_record(std::filesystem::path const& folder);

/// Takes shards that are not there off conversion.json, and manifest.json away, before they are converted anew: what a
/// finished conversion put on record of them need not be true of the next ones. Follows require_indexes_on_record(), which
/// holds conversion.json to its form. @throws Error kIoError.
void forget_missing_shards(std::filesystem::path const& folder);

/// For people, a few lines.
std::string summary_text(ConversionSummary const& summary);

}  // namespace ctclip
