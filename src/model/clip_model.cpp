#include "model/clip_model.hpp"

#include "base/trace.hpp"
#include "model/latent_projection.hpp"
#include "model/linear.hpp"

namespace ctclip {

ClipModel::ClipModel(ModelOptions const& options, ParameterSet const& parameters,
                     PrecisionPolicy const& policy, Recompute recompute)
    : policy_(policy),
      vision_(options.image, parameters, policy, recompute),
      text_(options.text, parameters, policy, recompute),
      to_visual_latent_(parameters.at("to_visual_latent.weight")),
      to_text_latent_(parameters.at("to_text_latent.weight")),
      temperature_(parameters.at("temperature")),
      logit_bias_(options.loss_type == LossType::kSiglip ? parameters.at("logit_bias") : at::Tensor()) {}

ImageLatents ClipModel::encode_image(at::Tensor const& volume, Mode mode) const {
    TraceScope const scope("vision");
    EncodedVolume const encoded = vision_.encode(volume, mode, observer_);
    at::Tensor const pooled = encoded.tokens.mean({1}, false, policy_.of(Operation::kPooling)).flatten(1);
    show(observer_, "pooled_flat", pooled);
    at::Tensor const latents = latent_projection(pooled, to_visual_latent_, policy_);
    show(observer_, "image_latent_unnormalised", latents);
    return {l2_normalise(latents), encoded.statistics};
}

at::Tensor ClipModel::encode_text(TextBatch const& batch, std::optional<TextDropout> const& dropout) const {
    TraceScope const scope("text");
    at::Tensor const cls = text_.encode(batch, dropout, observer_);
    show(observer_, "text_cls", cls);
    at::Tensor const latents =
        linear(cls, to_text_latent_, at::Tensor(), policy_, policy_.of(Operation::kLoss));
    show(observer_, "text_latent_unnormalised", latents);
    return l2_normalise(latents);
}

void ClipModel::update_codebook(CodebookStatistics const& statistics, at::Tensor const& skip) const {
    vision_.update_codebook(statistics, skip);
}

}  // namespace ctclip
