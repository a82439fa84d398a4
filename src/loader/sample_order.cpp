#include "loader/sample_order.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/splitmix64.hpp"

namespace ctclip {
namespace {

std::uint64_t key_of_epoch(std::uint64_t seed, std::string_view dataset_digest, std::int64_t epoch) {
    return splitmix64(derive_seed(seed, fmt::format("sample order {}", dataset_digest)),
                      static_cast<std::uint64_t>(epoch));
}

}  // namespace

std::string OrderOptions::rule_name() const {
    switch (shuffle) {
        case SampleShuffle::kNone:
            return "dataset order";
        case SampleShuffle::kGlobal:
            return "global, swap-or-not";
        case SampleShuffle::kWindow:
            break;
    }
    return fmt::format("windows of {} bytes, swap-or-not", window_bytes);
}

SampleOrder::SampleOrder(OrderOptions const& options, std::uint64_t seed, std::string_view dataset_digest,
                         std::int64_t epoch)
    : num_samples_(options.num_samples),
      rule_(make_rule(options, key_of_epoch(seed, dataset_digest, epoch))) {}

SampleOrder::Rule SampleOrder::make_rule(OrderOptions const& options, std::uint64_t key) {
    switch (options.shuffle) {
        case SampleShuffle::kNone:
            return DatasetOrder{};
        case SampleShuffle::kGlobal:
            return KeyedPermutation(options.num_samples, key);
        case SampleShuffle::kWindow:
            break;
    }
    return WindowOrder(options.groups, options.window_bytes, key);
}

std::int64_t SampleOrder::at(std::int64_t position) const {
    CTCLIP_EXPECT(position >= 0 && position < num_samples_);
    return std::visit([position](auto const& rule) { return rule.at(position); }, rule_);
}

}  // namespace ctclip
