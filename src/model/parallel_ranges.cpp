#include "model/parallel_ranges.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

namespace ctclip {

// at::parallel_for is a header-only OpenMP loop: in a program built without OpenMP it runs on one thread. The
// iterator's for_each is compiled into libtorch_cpu and runs on its thread pool; the bytes it visits are
// never read, their addresses tell the range.
void parallel_ranges(std::int64_t count, std::int64_t grain,
                     std::function<void(std::int64_t begin, std::int64_t end)> const& body) {
    if (count <= grain || at::get_num_threads() == 1) {
        if (count > 0) {
            body(0, count);
        }
        return;
    }
    at::Tensor const counter = at::empty({count}, at::kByte);
    auto const* const origin = static_cast<char const*>(counter.const_data_ptr());
    at::TensorIterator iterator = at::TensorIterator::borrowing_nullary_op(counter);
    iterator.for_each(
        [&](char** data, int64_t const* /*strides*/, int64_t size) {
            std::int64_t const begin = data[0] - origin;
            body(begin, begin + size);
        },
        grain);
}

}  // namespace ctclip
