/// Divides work among the threads that LibTorch's own operators use (at::set_num_threads), so that the two
/// never compete for cores.
#pragma once

#include <cstdint>
#include <functional>

namespace ctclip {

/// Calls body(begin, end) on disjoint ranges that cover [0, count), on several threads when count exceeds
/// `grain`. body must not throw and must not depend on how the range is cut.
void parallel_ranges(std::int64_t count, std::int64_t grain,
                     std::function<void(std::int64_t begin, std::int64_t end)> const& body);

}  // namespace ctclip
