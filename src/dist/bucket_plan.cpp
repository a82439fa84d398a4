#include "dist/bucket_plan.hpp"

#include "base/error.hpp"

namespace ctclip {

std::vector<Bucket> plan_buckets(std::span<std::int64_t const> counts, std::size_t item_size_bytes,
                                 std::size_t bucket_cap_bytes) {
    CTCLIP_EXPECT(item_size_bytes > 0);
    auto const cap = static_cast<std::int64_t>(bucket_cap_bytes / item_size_bytes);
    std::vector<Bucket> buckets;
    for (std::size_t i = counts.size(); i-- > 0;) {
        std::int64_t const padded = (counts[i] + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
        if (buckets.empty() || (buckets.back().count > 0 && buckets.back().count + padded > cap)) {
            buckets.emplace_back();
        }
        Bucket& bucket = buckets.back();
        bucket.slots.push_back({.parameter_index = i, .offset = bucket.count, .count = counts[i]});
        bucket.count += padded;
    }
    return buckets;
}

}  // namespace ctclip
