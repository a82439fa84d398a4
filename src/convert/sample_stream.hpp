/// Samples in plan order, one ahead: while the caller takes and writes a sample's voxels, a second thread reads and
/// inflates the next one. Memory: two volumes as stored with their compressed sources, and their halves where all of
/// them are needed first (VoxelsWait); of volumes that stay in their files, next to nothing.
#pragma once

#include <array>
#include <cstddef>
#include <future>
#include <vector>

#include "convert/sample_converter.hpp"

namespace ctclip {

class SampleStream {
  public:
    /// Starts with the first study at once. @param converter  in use by this stream until it is destroyed.
    SampleStream(SampleConverter& converter, std::vector<PlannedStudy> studies);
    SampleStream(SampleStream const&) = delete;
    SampleStream& operator=(SampleStream const&) = delete;
    ~SampleStream();

    /// The sample of the next study; valid until the next call. Call at most once for each study.
    /// @throws Error what converting it threw.
    ConvertedSample& next();

  private:
    void start(std::size_t study_index);

    SampleConverter& converter_;
    std::vector<PlannedStudy> studies_;
    std::array<ConvertedSample, 2> slots_;
    std::size_t next_index_ = 0;
    std::future<void> pending_;
};

}  // namespace ctclip
