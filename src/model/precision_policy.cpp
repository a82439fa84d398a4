#include "model/precision_policy.hpp"

#include <ATen/Context.h>

#include "base/error.hpp"

namespace ctclip {
namespace {

at::ScalarType scalar_type_of(ComputeType type) {
    switch (type) {
        case ComputeType::kDouble:
            return at::kDouble;
        case ComputeType::kFloat:
            return at::kFloat;
        case ComputeType::kHalf:
            return at::kHalf;
        case ComputeType::kBFloat16:
            return at::kBFloat16;
    }
    fail(ExitCode::kInternal, "unknown compute type {}", static_cast<int>(type));
}

}  // namespace

ComputeType compute_type_from_name(std::string_view name) {
    for (ComputeType const type :
         {ComputeType::kDouble, ComputeType::kFloat, ComputeType::kHalf, ComputeType::kBFloat16}) {
        if (name == name_of(type)) {
            return type;
        }
    }
    fail(ExitCode::kBadConfig, "precision '{}' does not exist. Use fp16, bf16 or fp32.", name);
}

std::string_view name_of(ComputeType type) {
    switch (type) {
        case ComputeType::kDouble:
            return "fp64";
        case ComputeType::kFloat:
            return "fp32";
        case ComputeType::kHalf:
            return "fp16";
        case ComputeType::kBFloat16:
            return "bf16";
    }
    fail(ExitCode::kInternal, "unknown compute type {}", static_cast<int>(type));
}

std::array<PrecisionRule, kNumOperations> const& precision_rules() {
    static constexpr std::array<PrecisionRule, kNumOperations> kRules = {{
        {Operation::kLinear, "Linear",
         "patch embedding, projections, feed-forward, position bias network, latents", true,
         "most of the arithmetic; tensor cores; sums in float32"},
        {Operation::kConvolution, "Convolution", "position encoding generator (PEG)", true,
         "halves its memory traffic; sums in float32"},
        {Operation::kActivation, "Activation", "GELU, GEGLU, LeakyReLU", true,
         "bounded slopes: half is enough"},
        {Operation::kAttentionProduct, "Attention products", "Q K^T and P V", true,
         "cosine logits are bounded; scores stay in float32"},
        {Operation::kNorm, "Norm", "LayerNorm, L2 norms of queries, keys, latents, codes", false,
         "its statistics need the precision, its eps vanishes in half"},
        {Operation::kSoftmax, "Softmax", "attention scores, position bias, probabilities", false,
         "exponentials overflow in half"},
        {Operation::kEmbedding, "Embedding", "word, position and token type vectors", false,
         "a gather: nothing to gain"},
        {Operation::kResidual, "Residual sum", "the token stream of both encoders", false,
         "small updates to large values"},
        {Operation::kQuantiser, "Vector quantiser", "cosine search, codebook and its moving average", false,
         "near ties decide the index"},
        {Operation::kPooling, "Pooling", "mean over time", false, "a sum"},
        {Operation::kLoss, "Loss", "logits, log-sum-exp, temperature", false,
         "exponentials, and gradients that the loss scale multiplies"},
        {Operation::kGradient, "Gradient of weights", "accumulation over tokens, micro steps and ranks",
         false, "small gradients underflow in half"},
        {Operation::kOptimizer, "Optimizer", "master weights, moments, clipping", false,
         "at a learning rate of 1e-6 a half weight would not move"},
    }};
    return kRules;
}

void set_accurate_sums() {
    at::globalContext().setAllowFP16ReductionCuBLAS(false);
    at::globalContext().setAllowBF16ReductionCuBLAS(false);
}

PrecisionPolicy::PrecisionPolicy(ComputeType type) : type_(type), types_() {
    at::ScalarType const accurate = type == ComputeType::kDouble ? at::kDouble : at::kFloat;
    for (PrecisionRule const& rule : precision_rules()) {
        types_[static_cast<std::size_t>(rule.operation)] =
            rule.follows_compute ? scalar_type_of(type) : accurate;
    }
}

std::string PrecisionPolicy::to_text() const {
    std::string text = fmt::format("mixed precision: {}\n\n{:<22}{:<10}{}\n", name_of(type_), "operation",
                                   "type", "where, and why");
    for (PrecisionRule const& rule : precision_rules()) {
        text += fmt::format("{:<22}{:<10}{}: {}\n", rule.name, at::toString(of(rule.operation)), rule.where,
                            rule.reason);
    }
    return text;
}

}  // namespace ctclip
