/// Zero-shot evaluation while training: how well the model does on validation studies.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "evaluate/prompts.hpp"
#include "model/clip_model.hpp"
#include "train/run_inputs.hpp"
#include "train/train_options.hpp"

namespace ctclip {

struct ValidationResult {
    /// Macro means under their plain names ("auroc"), means weighted by positives as "weighted_auroc"; those
    /// that are defined.
    std::map<std::string, double> metrics;

    std::string summary() const;  ///< "auroc 0.713, auprc 0.402, ..."
};

class Validator {
  public:
    /// All are used, not owned. @param host  communicator over host memory.
    Validator(ClipModel const& model, RunInputs const& inputs, TrainOptions const& options,
              Communicator& host, at::Device device);

    /// Collective: the ranks share the samples. Every rank gets the result.
    /// @param goes_on  as ZeroShotClassifier::score's. Once it says no, on all ranks, there is no result.
    std::optional<ValidationResult> run(std::function<bool()> const& goes_on) const;

  private:
    ClipModel const& model_;
    RunInputs const& inputs_;
    TrainOptions const& options_;
    Communicator& host_;
    at::Device device_;
    std::vector<PromptPair> prompts_;
};

}  // namespace ctclip
