/// Notices when a run gets nowhere: a loss that is not a number, steps skipped without end, a loss scale that
/// cannot fall any further, a codebook of which only a few codes are used. What cannot heal stops the run
/// with advice in this run's numbers.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "optim/optimizer.hpp"
#include "train/overflow_forensics.hpp"
#include "train/train_options.hpp"

namespace ctclip {

/// A step that is done, as all ranks know it.
struct FinishedStep {
    std::int64_t step = 0;  ///< from 1
    double loss = 0.0;
    StepReport report;
    at::Tensor used_codes;  ///< StepResult::used_codes
    Finding finding;        ///< of a skipped step
};

class TrainingGuard {
  public:
    TrainingGuard(TrainingOptions const& options, bool is_speaking);

    /// Of every step, in order, on every rank.
    /// @throws Error on every rank: kBadInput where a volume holds NaN, kInternal where training has
    /// diverged.
    void review(FinishedStep const& finished);

  private:
    void require_progress(FinishedStep const& finished) const;
    void warn_of_smallest_scale(FinishedStep const& finished);
    void watch_codebook(FinishedStep const& finished);
    std::string advice(FinishedStep const& finished) const;

    TrainingOptions options_;
    bool is_speaking_;  // one rank of all
    bool is_scale_known_to_be_smallest_ = false;
    double last_finite_norm_ = 0.0;
    at::Tensor codes_of_window_;
    std::int64_t num_steps_of_window_ = 0;
};

}  // namespace ctclip
