#include "model/row_lookup.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class LookUpFunction : public torch::autograd::Function<LookUpFunction> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& table, at::Tensor const& indices) {
        context->save_for_backward({indices});
        save_value(*context, table.size(0));
        return rows_at(table, indices);
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        return {sum_rows_by_index(gradients[0], context->get_saved_variables()[0],
                                  saved_value<std::int64_t>(*context)),
                {}};
    }
};

}  // namespace

// LibTorch's embedding operators sum in a fixed order on GPUs too (index_add_ uses atomics there), but have
// no shape function for the meta device.

at::Tensor rows_at(at::Tensor const& table, at::Tensor const& indices) {
    if (table.is_meta()) {
        std::vector<std::int64_t> sizes = indices.sizes().vec();
        sizes.push_back(table.size(1));
        return at::empty(sizes, table.options());
    }
    return at::embedding(table.detach(), indices);
}

at::Tensor sum_rows_by_index(at::Tensor const& rows, at::Tensor const& indices, std::int64_t num_rows) {
    if (rows.is_meta()) {
        return at::empty({num_rows, rows.size(-1)}, rows.options());
    }
    return at::embedding_dense_backward(rows, indices, num_rows, -1, false);
}

at::Tensor look_up(at::Tensor const& table, at::Tensor const& indices) {
    return LookUpFunction::apply(table, indices);
}

}  // namespace ctclip
