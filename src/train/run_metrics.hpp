/// The figures that a checkpoint keeps of its run: loss and learning rate of its step, the validation of that step, the
/// best validation so far, and whether a stop cut a validation short, which the next start then makes up for.
#pragma once

#include <map>
#include <string>

#include "checkpoint/train_state.hpp"
#include "train/train_options.hpp"

namespace ctclip {

class RunMetrics {
  public:
    /// @param options  say which validation is the best; used, not owned.
    explicit RunMetrics(CheckpointOptions const& options) : options_(options) {}

    /// The last step done. The validation of a step before is not this one's.
    void note_step(double loss, double lr);
    /// Of the last step; unfinished until finish_validation.
    void begin_validation();
    /// @returns whether the model is the best so far, by checkpoint.best_metric.
    bool finish_validation(std::map<std::string, double> const& values);
    bool is_validation_unfinished() const;

    /// For a checkpoint's metrics, and back from there.
    std::map<std::string, Scalar> const& scalars() const { return scalars_; }
    void restore_from(StateGroup const& metrics) { scalars_ = metrics.scalars; }

  private:
    std::string best_name() const { return "best_" + options_.best_metric; }

    CheckpointOptions const& options_;
    std::map<std::string, Scalar> scalars_;
};

}  // namespace ctclip
