#include "model/vector_quantiser.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "model/block_size.hpp"
#include "model/row_lookup.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class StraightThrough : public torch::autograd::Function<StraightThrough> {
  public:
    static at::Tensor forward(AutogradContext* /*context*/, at::Tensor const& /*x*/,
                              at::Tensor const& indices, at::Tensor const& embed) {
        return rows_at(embed, indices);
    }

    static variable_list backward(AutogradContext* /*context*/, variable_list const& gradients) {
        return {gradients[0], {}, {}};
    }
};

class L2Normalise : public torch::autograd::Function<L2Normalise> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& x) {
        at::Tensor const norm = x.norm(2, {-1}, true).clamp_min_(kQuantiserEps);
        at::Tensor const unit = x / norm;
        context->save_for_backward({unit, norm});
        return unit;
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        at::Tensor const radial = (gradients[0] * saved[0]).sum({-1}, true);
        return {(gradients[0] - saved[0] * radial).div_(saved[1])};
    }
};

}  // namespace

void CodebookStatistics::add(CodebookStatistics const& other) {
    if (!defined()) {
        sums = other.sums.clone();
        counts = other.counts.clone();
    } else if (other.defined()) {
        sums.add_(other.sums);
        counts.add_(other.counts);
    }
}

at::Tensor l2_normalise(at::Tensor const& x) {
    return L2Normalise::apply(x);
}

at::Tensor nearest_codes(at::Tensor const& x, at::Tensor const& embed) {
    at::NoGradGuard const no_grad;
    at::Tensor const codes = l2_normalise(embed).t();
    at::Tensor const tokens = l2_normalise(x);
    at::Tensor const indices = at::empty({x.size(0)}, x.options().dtype(at::kLong));
    std::int64_t const rows = block_size(x, x.size(0), embed.size(0) * x.element_size());
    for_each_block(x.size(0), rows, [&](std::int64_t begin, std::int64_t count) {
        indices.narrow(0, begin, count).copy_(at::argmax(at::mm(tokens.narrow(0, begin, count), codes), 1));
    });
    return indices;
}

at::Tensor quantise(at::Tensor const& x, at::Tensor const& indices, at::Tensor const& embed) {
    return StraightThrough::apply(x, indices, embed);
}

CodebookStatistics codebook_statistics(at::Tensor const& x, at::Tensor const& indices,
                                       std::int64_t num_codes) {
    at::NoGradGuard const no_grad;
    at::Tensor const detached = x.detach();
    at::Tensor const counts = at::zeros({num_codes}, detached.options());
    counts.index_add_(0, indices, at::ones({indices.size(0)}, detached.options()));  // whole numbers: exact
    return {sum_rows_by_index(l2_normalise(detached), indices, num_codes), counts};
}

void update_codebook(at::Tensor const& embed, at::Tensor const& cluster_size,
                     CodebookStatistics const& statistics, at::Tensor const& skip) {
    at::NoGradGuard const no_grad;
    at::Tensor sums = statistics.sums;
    at::Tensor rate = at::full({}, 1.0 - kCodebookDecay, embed.options());
    if (skip.defined()) {
        at::Tensor const is_skipped = skip.reshape(at::IntArrayRef()) != 0;
        sums = sums.masked_fill(is_skipped, 0);  // the sums of a skipped step may hold NaN
        rate.masked_fill_(is_skipped, 0);
    }
    at::Tensor const is_unused = statistics.counts.eq(0).to(embed.scalar_type()).unsqueeze(1);
    at::Tensor const target = l2_normalise(sums).addcmul_(l2_normalise(embed), is_unused);
    embed.add_(target.sub_(embed).mul_(rate));
    cluster_size.add_((statistics.counts - cluster_size).mul_(rate));
}

}  // namespace ctclip
