/// The samples of a list of shards, in shard order.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "loader/sample_source.hpp"
#include "shard/shard_reader.hpp"

namespace ctclip {

class ShardSource final : public SampleSource {
  public:
    /// Opens every shard and keeps it open. Member offsets come from sidecars; a shard without one is walked
    /// once (header blocks only).
    /// @throws Error kBadInput (shard, member, cause) for a damaged or incomplete shard, kIoError.
    explicit ShardSource(std::span<std::filesystem::path const> shards);

    std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
    SourceSample read(std::int64_t index, HostBuffer& voxels) const override;
    SourceSample read_in_planes(std::int64_t index, HostBuffer& voxels, PlaneSink const& use_plane) const override;
    bool has_labels(std::int64_t index) const override;
    std::string describe(std::int64_t index) const override;
    std::string study_id(std::int64_t index) const override;
    std::vector<SampleGroup> groups() const override;  ///< the shards
    std::uint64_t largest_volume_bytes() const override { return largest_volume_bytes_; }
    std::string const& digest() const override { return digest_; }

    /// Shards without a sidecar: their members are read without a checksum.
    std::size_t num_shards_without_checksums() const noexcept { return num_shards_without_checksums_; }

  private:
    struct Location {
        ShardReader const* shard;
        ShardSample const* sample;
    };

    SourceSample read_sample(std::int64_t index, HostBuffer& voxels, PlaneSink const* use_plane) const;
    Location const& location(std::int64_t index) const { return samples_[static_cast<std::size_t>(index)]; }

    std::vector<std::unique_ptr<ShardReader const>> shards_;
    std::vector<Location> samples_;
    std::uint64_t largest_volume_bytes_ = 0;
    std::size_t num_shards_without_checksums_ = 0;
    std::string digest_;
};

}  // namespace ctclip
