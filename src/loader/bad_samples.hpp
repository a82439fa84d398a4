/// What happens when a sample cannot be read or does not make sense. The default is to stop; the alternative
/// replaces it by another one, chosen by arithmetic alone, so that every world size and thread count sees the
/// same batches.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace ctclip {

/// `data.bad_samples`
enum class BadSamplePolicy : std::uint8_t {
    kFail,     ///< the run stops and names shard, member and cause
    kReplace,  ///< another sample takes its place; counted, and limited by data.max_bad_samples
};

/// The dataset index that takes the place of the sample at `position`, for attempt 0, 1, ...
std::int64_t replacement_index(std::uint64_t seed, std::int64_t epoch, std::int64_t position,
                               std::int64_t attempt, std::int64_t num_samples);

/// A name for logs that tells nobody whose study it is: 12 hex digits that depend on the run's seed.
std::string pseudonym(std::uint64_t seed, std::string_view study_id);

/// The distinct bad samples of a run on this rank. Thread-safe.
class BadSampleLedger {
  public:
    /// @param checker  the command that names bad samples.
    BadSampleLedger(std::int64_t limit, std::string_view checker) : limit_(limit), checker_(checker) {}

    /// True if this sample was not known to be bad. @throws Error kBadInput beyond the limit.
    bool add(std::int64_t index);
    std::int64_t count() const;

  private:
    std::int64_t limit_;
    std::string checker_;
    mutable std::mutex mutex_;
    std::unordered_set<std::int64_t> indices_;
};

}  // namespace ctclip
