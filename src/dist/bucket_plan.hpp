/// Which gradients travel together. A pure function of the parameters' sizes, so every rank makes the same
/// plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ctclip {

struct BucketSlot {
    std::size_t parameter_index = 0;
    std::int64_t offset = 0;  ///< first element in the bucket, a multiple of kSlotAlignment
    std::int64_t count = 0;   ///< elements
};

struct Bucket {
    std::vector<BucketSlot> slots;
    std::int64_t count = 0;  ///< elements, padding included
};

/// Elements: a gradient starts on a cache line, as vectorised kernels want it.
constexpr std::int64_t kSlotAlignment = 32;

/// Buckets in the order in which backward fills them: last parameter first, each closed before it would
/// exceed the cap. A parameter larger than the cap is a bucket of its own; an empty one takes part with no
/// elements.
/// @param counts            elements of each parameter, in the order of registration (roughly that of the
/// forward).
/// @param bucket_cap_bytes  of one bucket; smaller ones start to travel earlier, larger ones travel faster.
std::vector<Bucket> plan_buckets(std::span<std::int64_t const> counts, std::size_t item_size_bytes,
                                 std::size_t bucket_cap_bytes);

}  // namespace ctclip
