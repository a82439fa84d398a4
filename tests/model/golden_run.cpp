#include "model/golden_run.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

namespace ctclip {

GoldenRun::GoldenRun(std::string const& name, GoldenSettings const& settings)
    : policy_(settings.type),
      json_(golden_json(name + ".json")),
      options_(options_of(json_.at("config"))),
      parameters_(parameters_of(options_, golden_arrays(name + "_weights.safetensors"), policy_,
                                settings.device)),
      model_(options_, parameters_, policy_, settings.recompute),
      observing_(model_, [this](std::string const& stage, at::Tensor const& output) { stages_[stage] = output; }) {
    at::set_num_threads(1);  // nothing here is worth dividing
    set_accurate_sums();
    NamedArrays const inputs = golden_arrays(name + "_inputs.safetensors");
    volume_ = golden_tensor(inputs, "volume").to(settings.device);
    text_ = {golden_tensor(inputs, "input_ids").to(settings.device),
             golden_tensor(inputs, "attention_mask").to(settings.device)};
}

at::Tensor GoldenRun::forward(Mode mode, LossOptions const& options) {
    SelfCommunicator self;
    ImageLatents const image = model_.encode_image(volume_, mode);
    at::Tensor const text = model_.encode_text(text_);
    stages_["image_latents"] = image.latents;
    stages_["text_latents"] = text;
    stages_["temperature_exp"] = model_.temperature().exp();
    stages_["logits"] = at::mm(text, image.latents.t()) * model_.temperature().exp();
    at::Tensor const loss = contrastive_loss(text, image.latents, {model_.temperature(), model_.logit_bias()},
                                             options, RowPartition::even(1, text.size(0)), self);
    if (mode == Mode::kTrain) {
        model_.update_codebook(image.statistics);
    }
    return loss;
}

std::map<std::string, at::Tensor> GoldenRun::take_gradients() {
    std::map<std::string, at::Tensor> gradients;
    for (Parameter const& entry : parameters_.entries()) {
        if (entry.spec.kind == ParameterKind::kParameter) {
            gradients[entry.spec.name] = entry.tensor.grad();
            entry.tensor.mutable_grad() = at::Tensor();
        }
    }
    return gradients;
}

bool GoldenRun::is_zero_by_symmetry(std::string const& parameter) const {
    nlohmann::json const& names = json_.at("zero_gradient_by_symmetry");
    return std::find(names.begin(), names.end(), parameter) != names.end();
}

}  // namespace ctclip
