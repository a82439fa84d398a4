/// Writes one shard with the exact bytes of the Python converter (tests/data/shard), and its sidecar.
///
/// Durable and never half there: the tar is written to a private temporary, synced and read back; then the
/// sidecar with its digest is committed; only then the tar gets its name. So a shard that exists has its
/// sidecar.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/durable_file.hpp"
#include "shard/sample.hpp"
#include "shard/sidecar.hpp"

namespace ctclip {

/// "shard-000012.tar"
std::string shard_name(std::size_t shard_index);
/// "000012_000003"
std::string sample_key(std::size_t shard_index, std::size_t position);

class ShardWriter {
  public:
    /// @param plan_sha256  of the conversion's plan, for the sidecar.
    /// @throws Error kCannotCreate, kNoPermission.
    ShardWriter(std::filesystem::path const& path, std::string plan_sha256);

    /// Appends .bin, .json, .txt, .labels.
    /// @param key     new in this shard; letters, digits, '_' and '-', at most 64.
    /// @param halves  num_voxels(metadata.volume_shape) bit patterns, C order.
    /// @throws Error kIoError, kBadInput if a value does not fit the format.
    void add(std::string const& key, SampleMetadata const& metadata, std::span<std::uint16_t const> halves,
             std::string const& report, std::span<float const> labels,
             std::optional<ConversionRecord> conversion);

    /// add() for a volume that is never in memory as a whole: begin_sample(), append_voxels() piece by piece,
    /// end_sample() once num_voxels(metadata.volume_shape) halves have come. A shard with a sample that was begun but
    /// not ended can no longer be committed. @throws as add().
    void begin_sample(std::string const& key, SampleMetadata const& metadata, std::string const& report,
                      std::span<float const> labels);
    void append_voxels(std::span<std::uint16_t const> halves);
    void end_sample(std::optional<ConversionRecord> conversion);

    void add_quarantined(QuarantineRecord record);

    /// After a throw the shard does not exist under its name. @throws Error kIoError, kCannotCreate if it
    /// exists.
    ShardSidecar commit();

  private:
    /// A sample whose voxels are coming.
    struct OpenSample {
        SidecarSample sample;
        std::string json;
        std::string report;
        std::vector<float> labels;
        std::uint64_t num_missing_bytes = 0;  ///< of .bin
    };

    ShardMember& begin_member(ShardSample& sample, std::string_view suffix, std::uint64_t size_bytes);
    void end_member(ShardMember const& member);
    void append(ShardSample& sample, std::string_view suffix, std::span<std::byte const> content);

    std::filesystem::path path_;
    DurableFile file_;
    std::optional<OpenSample> open_;
    ShardSidecar sidecar_;
};

}  // namespace ctclip
