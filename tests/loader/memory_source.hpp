/// A dataset without files: as many samples as a test likes, of one voxel each, and a record of what is read.
#pragma once

#include <fmt/format.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "loader/sample_source.hpp"

namespace ctclip {

class MemorySource final : public SampleSource {
  public:
    /// @param groups  of all samples.
    MemorySource(std::vector<SampleGroup> groups, std::string digest)
        : groups_(std::move(groups)), digest_(std::move(digest)) {
        for (SampleGroup const& group : groups_) {
            size_ += group.num_samples;
        }
    }

    std::int64_t size() const override { return size_; }
    SourceSample read(std::int64_t index, HostBuffer& voxels) const override {
        std::lock_guard const lock(mutex_);
        indices_read_.push_back(index);
        SourceSample sample;
        sample.key = fmt::format("{}", index);
        sample.metadata.study_id = sample.key;
        sample.metadata.volume_shape = {1, 1, 1};
        sample.metadata.xy_spacing_mm = 0.75;
        sample.metadata.z_spacing_mm = 1.5;
        std::span<std::uint16_t> const halves = voxels.resize<std::uint16_t>(1);
        halves[0] = 0;
        sample.voxels = halves;
        return sample;
    }
    bool has_labels(std::int64_t) const override { return false; }
    std::string describe(std::int64_t index) const override { return fmt::format("sample {}", index); }
    std::string study_id(std::int64_t index) const override { return fmt::format("{}", index); }
    std::vector<SampleGroup> groups() const override { return groups_; }
    std::uint64_t largest_volume_bytes() const override { return 2; }
    std::string const& digest() const override { return digest_; }

    /// In the order of the reads.
    std::vector<std::int64_t> indices_read() const {
        std::lock_guard const lock(mutex_);
        return indices_read_;
    }

  private:
    std::vector<SampleGroup> groups_;
    std::string digest_;
    std::int64_t size_ = 0;
    mutable std::mutex mutex_;
    mutable std::vector<std::int64_t> indices_read_;
};

}  // namespace ctclip
