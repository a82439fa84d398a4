/// Samples by index, wherever they are stored.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loader/host_memory.hpp"
#include "loader/window_order.hpp"
#include "shard/sample.hpp"

namespace ctclip {

struct SourceSample {
    std::string key;  ///< as in its shard
    SampleMetadata metadata;
    std::span<std::uint16_t const> voxels;  ///< fp16 bit patterns, C order (x, y, z), in the caller's buffer
    std::string report;                     ///< findings, newline, impressions; uncleaned
    std::vector<float> labels;              ///< empty if the sample has none
    double checksum_s = 0.0;                ///< of the time of `read`: what the volume's checksum took
};

/// Takes the planes of a volume that was preprocessed before it was stored, x = 0, 1, ...: each (y, z), fp16, valid
/// during the call.
using PlaneSink =
    std::function<void(SampleMetadata const& metadata, std::int64_t x, std::span<std::uint16_t const> plane_yz)>;

/// All methods are const and thread-safe.
class SampleSource {
  public:
    virtual ~SampleSource() = default;

    virtual std::int64_t size() const = 0;
    /// Checked against its checksum where one is on record.
    /// @param voxels  memory for the volume, reused from call to call; one per thread.
    /// @throws Error kBadInput (file, member, cause), kIoError.
    virtual SourceSample read(std::int64_t index, HostBuffer& voxels) const = 0;
    /// As `read`, but the planes of a preprocessed volume go to `use_plane` one by one, where a source can while they
    /// are in the processor's cache: whether the checksum is right is then known only at the end, and nothing of the
    /// volume is left in `voxels`.
    virtual SourceSample read_in_planes(std::int64_t index, HostBuffer& voxels, PlaneSink const& use_plane) const;
    virtual bool has_labels(std::int64_t index) const = 0;
    /// "shard-000003.tar: sample 000003_000017": for messages.
    virtual std::string describe(std::int64_t index) const = 0;
    /// The study that pseudonyms stand for; the sample's key where its metadata cannot be read.
    virtual std::string study_id(std::int64_t index) const = 0;
    /// Consecutive samples that lie together on their storage; size() of them in all.
    virtual std::vector<SampleGroup> groups() const = 0;
    /// The command that names every sample that cannot be used, for messages.
    virtual std::string_view checker() const { return "ctclip-shard verify"; }
    /// Of the largest stored volume: what `read` makes its buffer grow to.
    virtual std::uint64_t largest_volume_bytes() const = 0;
    /// What `read` needs beside its buffer, per thread that reads at the same time.
    virtual std::uint64_t scratch_bytes_per_thread() const { return 0; }
    /// SHA-256 of what the dataset consists of (names, sizes, checksums), not of where it lies.
    virtual std::string const& digest() const = 0;

  protected:
    SampleSource() = default;
    SampleSource(SampleSource const&) = default;
    SampleSource& operator=(SampleSource const&) = default;
};

}  // namespace ctclip
