#include "model/dropout.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>

#include "model/device_launch.hpp"
#include "model/parallel_ranges.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The bits of 1 / (1 - drop_probability) in an element type.
std::uint64_t keep_bits(DropoutKey const& key, at::ScalarType type) {
    at::Tensor const keep =
        at::full({1}, 1.0 / (1.0 - key.drop_probability), at::TensorOptions().dtype(type));
    std::uint64_t bits = 0;
    std::memcpy(&bits, keep.const_data_ptr(), keep.nbytes());
    return bits;
}

class DropoutFunction : public torch::autograd::Function<DropoutFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x, DropoutKey const& key) {
        save_value(*context, key);
        return x * mask_of(x, key);
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        return {gradients[0] * mask_of(gradients[0], saved_value<DropoutKey>(*context)), {}};
    }

  private:
    static at::Tensor mask_of(at::Tensor const& x, DropoutKey const& key) {
        return dropout_mask({x.size(0), 1, x.size(1), x.size(2), 0, x.size(2)}, key, x);
    }
};

}  // namespace

at::Tensor dropout_mask(DropoutGrid const& grid, DropoutKey const& key, at::Tensor const& like) {
    at::Tensor const mask = at::empty({grid.samples * grid.outer, grid.middle, grid.inner}, like.options());
    auto const item_size = static_cast<int>(mask.element_size());
    std::uint64_t const keep = keep_bits(key, mask.scalar_type());
    if (mask.is_cpu()) {
        void* const data = mask.mutable_data_ptr();
        parallel_ranges(grid.num_rows(), 1 + 65536 / std::max<std::int64_t>(grid.inner, 1),
                        [&](std::int64_t begin, std::int64_t end) {
                            fill_dropout_mask(grid, key, keep, data, item_size, begin, end);
                        });
    }
#if defined(CTCLIP_CUDA)
    if (mask.is_cuda()) {
        require_launched(
            launch_dropout_mask(grid, key, keep, mask.mutable_data_ptr(), item_size, stream_of(mask)),
            "dropout");
    }
#endif
    return mask;
}

at::Tensor dropout(at::Tensor const& x, DropoutKey const& key) {
    return key.drop_probability == 0.0 ? x : DropoutFunction::apply(x, key);
}

}  // namespace ctclip
