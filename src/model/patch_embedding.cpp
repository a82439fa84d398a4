#include "model/patch_embedding.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "model/block_size.hpp"
#include "model/layer_norm.hpp"
#include "model/matrix_product.hpp"
#include "model/saved_value.hpp"

namespace ctclip {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kEps = 1e-5;

/// The volume as slabs of patches: (B * t, frames, h, height, w, width).
class Slabs {
  public:
    Slabs(at::Tensor const& volume, PatchSize const& patch)
        : voxels_(volume.reshape({volume.size(0) * volume.size(2) / patch.frames, patch.frames,
                                  volume.size(3) / patch.height, patch.height, volume.size(4) / patch.width,
                                  patch.width})) {}

    std::int64_t count() const { return voxels_.size(0); }
    std::int64_t patches_per_slab() const { return voxels_.size(2) * voxels_.size(4); }
    std::int64_t per_block(std::int64_t patch_voxels) const {
        return block_size(voxels_, count(),
                          patches_per_slab() * patch_voxels * static_cast<std::int64_t>(sizeof(float)));
    }

    /// Patches of slabs [begin, begin + count): (count * h * w, voxels of a patch) in `type`.
    at::Tensor patches(std::int64_t begin, std::int64_t count, at::ScalarType type) const {
        at::Tensor const block = voxels_.narrow(0, begin, count).permute({0, 2, 4, 1, 3, 5}).to(type);
        return block.reshape({count * patches_per_slab(), -1});
    }

  private:
    at::Tensor voxels_;
};

struct PatchPlan {
    PatchSize patch;
    PrecisionPolicy policy;
};

/// Linear(LayerNorm(patch)); the gradients of the norm's gain and bias come from that of the weight, without
/// the gradient of the normalised patches: with G = dY^T xhat, dW = G gain +
/// dY^T 1 bias^T, dgain = colsum(W G), dbias = W^T colsum(dY).
class PatchProjection : public torch::autograd::Function<PatchProjection> {
  public:
    static at::Tensor forward(AutogradContext* context, at::Tensor const& volume, at::Tensor const& norm_gain,
                              at::Tensor const& norm_bias, at::Tensor const& weight, at::Tensor const& bias,
                              PatchSize const& patch, PrecisionPolicy const& policy) {
        context->save_for_backward({volume, norm_gain, norm_bias, weight});
        save_value(*context, PatchPlan{patch, policy});
        at::ScalarType const compute = policy.of(Operation::kLinear);
        at::Tensor const rounded = weight.to(compute).t();
        at::Tensor const rounded_bias = bias.to(compute);

        Slabs const slabs(volume, patch);
        std::int64_t const per_slab = slabs.patches_per_slab();
        at::Tensor const tokens = at::empty({slabs.count() * per_slab, weight.size(0)},
                                            weight.options().dtype(policy.of(Operation::kResidual)));
        for_each_block(
            slabs.count(), slabs.per_block(patch.num_voxels()), [&](std::int64_t begin, std::int64_t count) {
                at::Tensor const patches = slabs.patches(begin, count, policy.of(Operation::kNorm));
                at::Tensor const normalised =
                    normalise_rows(patches, norm_gain, norm_bias, kEps).value.to(compute);
                tokens.narrow(0, begin * per_slab, count * per_slab)
                    .copy_(affine_product(normalised, rounded, rounded_bias, tokens.scalar_type()));
            });
        return tokens.view({volume.size(0), volume.size(2) / patch.frames, volume.size(3) / patch.height,
                            volume.size(4) / patch.width, weight.size(0)});
    }

    static variable_list backward(AutogradContext* context, variable_list const& gradients) {
        variable_list const saved = context->get_saved_variables();
        at::Tensor const& weight = saved[3];
        auto const& [patch, policy] = saved_value<PatchPlan>(*context);
        at::ScalarType const compute = policy.of(Operation::kLinear);

        Slabs const slabs(saved[0], patch);
        std::int64_t const per_slab = slabs.patches_per_slab();
        at::Tensor const gradient = gradients[0].reshape({-1, weight.size(0)});
        at::Tensor product =
            at::zeros(weight.sizes(), weight.options().dtype(policy.of(Operation::kGradient)));
        for_each_block(
            slabs.count(), slabs.per_block(patch.num_voxels()), [&](std::int64_t begin, std::int64_t count) {
                at::Tensor const patches = slabs.patches(begin, count, policy.of(Operation::kNorm));
                at::Tensor const normalised = normalise_rows(patches, {}, {}, kEps).value.to(compute);
                at::Tensor const block = gradient.narrow(0, begin * per_slab, count * per_slab).to(compute);
                add_matrix_product(product, block.t(), normalised);
            });
        at::Tensor const bias_gradient = gradient.sum({0}, false, product.scalar_type());
        at::Tensor const gain_gradient = (weight * product).sum({0});
        product.mul_(saved[1]).addr_(bias_gradient, saved[2]);
        return {{}, gain_gradient, weight.t().mv(bias_gradient), product, bias_gradient, {}, {}};
    }
};

}  // namespace

at::Tensor patch_embedding(at::Tensor const& volume, PatchSize const& patch,
                           PatchEmbeddingWeights const& weights, PrecisionPolicy const& policy) {
    at::Tensor const projected =
        PatchProjection::apply(volume, weights.patch_norm_gain, weights.patch_norm_bias, weights.weight,
                               weights.bias, patch, policy);
    return layer_norm(projected, weights.token_norm_gain, weights.token_norm_bias, kEps);
}

}  // namespace ctclip
