/// One tiny CT-CLIP of golden/model: its weights, its batch, and what a training step needs.
#pragma once

#include <map>
#include <string>

#include "dist/self_communicator.hpp"
#include "loss/contrastive_loss.hpp"
#include "model/clip_model.hpp"
#include "model/golden.hpp"

namespace ctclip {

/// What must not change the result.
struct GoldenSettings {
    ComputeType type = ComputeType::kFloat;
    Recompute recompute = Recompute::kNone;
    at::Device device = at::kCPU;
};

class GoldenRun {
  public:
    /// @param name  "tiny_a", "tiny_b".
    GoldenRun(std::string const& name, GoldenSettings const& settings);

    /// Loss of the batch; in Mode::kTrain the codebook's moving average follows, as in the reference.
    at::Tensor forward(Mode mode, LossOptions const& options = {});
    /// Gradients of all trained parameters by name, undefined where there is none. Clears them.
    std::map<std::string, at::Tensor> take_gradients();

    /// Outputs of the stages of the last forward.
    at::Tensor stage(std::string const& name) const { return stages_.at(name); }

    nlohmann::json const& json() const { return json_; }
    bool is_zero_by_symmetry(std::string const& parameter) const;
    ParameterSet& parameters() { return parameters_; }
    PrecisionPolicy const& policy() const { return policy_; }

  private:
    PrecisionPolicy policy_;
    nlohmann::json json_;
    ModelOptions options_;
    ParameterSet parameters_;
    ClipModel model_;
    ObserverScope observing_;
    at::Tensor volume_;
    TextBatch text_;
    std::map<std::string, at::Tensor> stages_;
};

}  // namespace ctclip
