/// The loss cases of golden/model: tests/data/loss, or the folder that CTCLIP_GOLDEN_MODEL names.
#pragma once

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <string>

#include "loss/contrastive_loss.hpp"

namespace ctclip {

nlohmann::json const& loss_cases();
bool has_loss_tensor(std::string const& name);
at::Tensor loss_tensor(std::string const& name);  ///< float64 as stored, or float32 latents

/// "official", "decoupled", "cross_entropy", "siglip".
LossOptions loss_options_of(std::string const& kind);

}  // namespace ctclip
