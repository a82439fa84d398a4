/// Samples out of one shard: every member is read by its offset, checked against its CRC-32C where a sidecar
/// has one, and held to the format's rules. All methods are const and thread-safe (pread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "shard/sample.hpp"
#include "shard/shard_index.hpp"

namespace ctclip {

class ShardReader {
  public:
    /// @throws Error as index_shard.
    explicit ShardReader(std::filesystem::path const& path) : ShardReader(index_shard(path)) {}
    explicit ShardReader(ShardIndex index);

    ShardIndex const& index() const noexcept { return index_; }

    /// All below: @throws Error kBadInput (shard, member, cause), kIoError.

    /// Sizes and names only: every sample has .bin, .json and .txt, and .labels unless its writer is known to
    /// leave them out. Call once before the first sample is used: a shard is refused as a whole.
    void require_complete_samples() const;

    SampleMetadata read_metadata(ShardSample const& sample) const;  ///< the .bin's size fits the shape
    std::string read_report(ShardSample const& sample) const;
    std::vector<float> read_labels(
        ShardSample const& sample) const;  ///< empty if the sample may lack them and does
    /// @param halves  num_voxels(read_metadata(sample).volume_shape) elements.
    /// @returns seconds of its time that went into the checksum.
    double read_volume(ShardSample const& sample, std::span<std::uint16_t> halves) const;
    /// The same volume in parts as long as `part`, which is overwritten by each and whose length divides the volume's.
    /// `use` is called after each, before anybody knows whether the checksum is right.
    double read_volume_in_parts(ShardSample const& sample, std::span<std::uint16_t> part,
                                std::function<void()> const& use) const;

    /// `out` has `member.size_bytes` bytes. @returns seconds of its time that went into the checksum.
    double read_member(ShardMember const& member, std::span<std::byte> out) const;

  private:
    ShardMember const& member_of(ShardSample const& sample, std::string_view suffix) const;
    std::string read_text_member(ShardMember const& member, std::uint64_t limit_bytes) const;
    std::string where(ShardMember const& member) const;

    ShardIndex index_;
    FileDescriptor file_;
};

}  // namespace ctclip
