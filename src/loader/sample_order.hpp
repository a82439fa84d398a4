/// In which order samples are used: a pure function of (seed, epoch, number of samples). World size, thread
/// count and interruptions change who reads a sample, never when it comes.
#pragma once

#include <cstdint>
#include <vector>

namespace ctclip {

enum class SampleShuffle : std::uint8_t {
    kNone,    ///< dataset order
    kGlobal,  ///< every order of the whole dataset is possible; only indices are shuffled, never payloads
};

class SampleOrder {
  public:
    SampleOrder(std::int64_t num_samples, SampleShuffle shuffle, std::uint64_t seed, std::int64_t epoch);

    std::int64_t size() const noexcept { return num_samples_; }
    /// The dataset index of the sample at `position` of the epoch, in [0, size()).
    std::int64_t at(std::int64_t position) const;

  private:
    std::int64_t num_samples_;
    std::vector<std::int64_t> indices_;  // empty: dataset order
};

}  // namespace ctclip
