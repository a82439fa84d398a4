#include "model/vision_transformer.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/trace.hpp"
#include "model/attention.hpp"
#include "model/layer_norm.hpp"
#include "model/linear.hpp"

namespace ctclip {
namespace {

constexpr double kEps = 1e-5;

}  // namespace

VisionTransformer::VisionTransformer(std::string name, std::int64_t depth, ParameterSet const& parameters,
                                     PrecisionPolicy const& policy, Recompute recompute)
    : name_(std::move(name)), policy_(policy), recompute_(recompute) {
    std::string const root = "visual_transformer.enc_" + name_ + "_transformer.";
    for (std::int64_t i = 0; i < depth; ++i) {
        layers_.push_back(make_layer(parameters, fmt::format("{}layers.{}.", root, i)));
    }
    norm_gain_ = parameters.at(root + "norm_out.gamma");
}

VisionTransformer::Layer VisionTransformer::make_layer(ParameterSet const& parameters,
                                                       std::string const& prefix) {
    auto const get = [&](char const* name) { return parameters.at(prefix + name); };
    return {{get("0.dsconv.weight"), get("0.dsconv.bias"), get("1.norm.gamma"), get("1.to_q.weight"),
             get("1.to_kv.weight")},
            get("1.q_scale"),
            get("1.k_scale"),
            get("1.to_out.weight"),
            {get("3.0.weight"), get("3.0.bias"), get("3.1.weight"), get("3.4.weight")}};
}

std::vector<at::Tensor> VisionTransformer::Layer::weights() const {
    return {projection.peg_weight,
            projection.peg_bias,
            projection.norm_gain,
            projection.to_query,
            projection.to_key_value,
            query_scale,
            key_scale,
            to_out,
            feed_forward.norm_gain,
            feed_forward.norm_bias,
            feed_forward.expand,
            feed_forward.contract};
}

at::Tensor VisionTransformer::run_layer(Layer const& layer, at::Tensor const& x, TokenView const& view,
                                        at::Tensor const& bias, PrecisionPolicy const& policy,
                                        std::string const& stage, StageObserver const& observer) {
    auto const as_sequences = [&](at::Tensor const& tokens) {
        return tokens.view({view.num_sequences, view.length, tokens.size(-1)});
    };
    ProjectedTokens const projected = project_tokens(x.view(view.grid), layer.projection, policy);
    at::Tensor const tokens = as_sequences(projected.tokens);
    show(observer, stage + "after_peg", tokens);
    at::Tensor const heads =
        attend(CosineAttention{as_sequences(projected.query), as_sequences(projected.key_value),
                               layer.query_scale, layer.key_scale, bias},
               policy);
    at::Tensor const attended =
        tokens + linear(heads, layer.to_out, at::Tensor(), policy, policy.of(Operation::kResidual));
    show(observer, stage + "after_attention", attended);
    return feed_forward(attended, layer.feed_forward, policy);
}

at::Tensor VisionTransformer::run_layer_recomputed(Layer const& layer, at::Tensor const& x,
                                                   TokenView const& view, at::Tensor const& bias) const {
    std::vector<at::Tensor> activations = {x};
    if (bias.defined()) {
        activations.push_back(bias);
    }
    return recomputed(
        [layer, view, policy = policy_](std::vector<at::Tensor> const& inputs) {
            at::Tensor const own_bias = inputs.size() > 1 ? inputs[1] : at::Tensor();
            return run_layer(layer, inputs[0], view, own_bias, policy, {}, {});
        },
        activations, layer.weights());
}

at::Tensor VisionTransformer::run(at::Tensor x, TokenView const& view, at::Tensor const& bias,
                                  StageObserver const& observer) const {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        TraceScope const scope("layer", static_cast<std::int64_t>(i));
        std::string const stage = fmt::format("{}.layer{}.", name_, i);
        x = recompute_ == Recompute::kLayers ? run_layer_recomputed(layers_[i], x, view, bias)
                                             : run_layer(layers_[i], x, view, bias, policy_, stage, observer);
        show(observer, stage + "out", x);
    }
    x = layer_norm(x, norm_gain_, at::Tensor(), kEps);
    show(observer, name_ + ".out", x);
    return x;
}

}  // namespace ctclip
