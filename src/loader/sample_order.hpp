/// In which order samples are used: a pure function of (seed, epoch, dataset). World size, thread count and
/// interruptions change who reads a sample, never when it comes. Any position is computed on its own, so that
/// a run resumes in the middle of an epoch without going through its beginning.
///
///     key of an epoch = splitmix64(derive_seed(seed, "sample order " + dataset digest), epoch)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "loader/keyed_permutation.hpp"
#include "loader/window_order.hpp"

namespace ctclip {

enum class SampleShuffle : std::uint8_t {
    kNone,    ///< dataset order
    kGlobal,  ///< all samples of the dataset among each other (KeyedPermutation)
    kWindow,  ///< those of a few shards at a time (WindowOrder)
};

struct OrderOptions {
    std::int64_t num_samples = 0;
    SampleShuffle shuffle = SampleShuffle::kGlobal;
    std::uint64_t window_bytes = 0;        ///< of kWindow
    std::vector<SampleGroup> groups = {};  ///< of kWindow: num_samples in all

    /// The rule by name and version, for checkpoints: positions mean the same only under the same rule.
    std::string rule_name() const;
};

class SampleOrder {
  public:
    SampleOrder(OrderOptions const& options, std::uint64_t seed, std::string_view dataset_digest,
                std::int64_t epoch);

    std::int64_t size() const noexcept { return num_samples_; }
    /// The dataset index of the sample at `position` of the epoch, in [0, size()).
    std::int64_t at(std::int64_t position) const;

  private:
    struct DatasetOrder {
        std::int64_t at(std::int64_t position) const { return position; }
    };
    using Rule = std::variant<DatasetOrder, KeyedPermutation, WindowOrder>;
    static Rule make_rule(OrderOptions const& options, std::uint64_t key);

    std::int64_t num_samples_;
    Rule rule_;
};

}  // namespace ctclip
