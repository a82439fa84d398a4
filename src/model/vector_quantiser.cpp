#include "model/vector_quantiser.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "model/block_size.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class StraightThrough : public torch::autograd::Function<StraightThrough> {
  public:
    static at::Tensor forward(AutogradContext* /*context*/, at::Tensor const& /*x*/,
                              at::Tensor const& indices, at::Tensor const& embed) {
        return embed.index_select(0, indices);
    }

    static variable_list backward(AutogradContext* /*context*/, variable_list const& gradients) {
        return {gradients[0], {}, {}};
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
    return x / x.norm(2, {-1}, true).clamp_min(kQuantiserEps);
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
    return {
        at::zeros({num_codes, x.size(1)}, detached.options()).index_add_(0, indices, l2_normalise(detached)),
        at::zeros({num_codes}, detached.options())
            .index_add_(0, indices, at::ones({indices.size(0)}, detached.options()))};
}

void update_codebook(at::Tensor const& embed, at::Tensor const& cluster_size,
                     CodebookStatistics const& statistics, at::Tensor const& skip) {
    at::NoGradGuard const no_grad;
    at::Tensor const is_empty = (statistics.counts == 0).unsqueeze(1);
    at::Tensor const target = at::where(is_empty, l2_normalise(embed), l2_normalise(statistics.sums));
    at::Tensor new_embed = embed.lerp(target, 1.0 - kCodebookDecay);
    at::Tensor new_size = cluster_size * kCodebookDecay + statistics.counts * (1.0 - kCodebookDecay);
    if (skip.defined()) {
        at::Tensor const is_skipped = skip.reshape(at::IntArrayRef()) != 0;
        new_embed = at::where(is_skipped, embed, new_embed);
        new_size = at::where(is_skipped, cluster_size, new_size);
    }
    embed.copy_(new_embed);
    cluster_size.copy_(new_size);
}

}  // namespace ctclip
