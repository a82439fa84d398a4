/// Learning rate as a pure function of the number of optimizer steps taken so far (skipped steps do not
/// count): linear warm-up from 0, so the first step moves nothing; then a cosine, or
/// constant.
#pragma once

#include <cstdint>
#include <vector>

#include "optim/optimizer_options.hpp"

namespace ctclip {

/// Throws Error kBadConfig for negative steps, a non-finite rate or a ratio outside [0, 1].
void validate(LrScheduleOptions const& options);

/// lr(step) / base_lr. Past total_steps the cosine rises again, as in the Python trainer.
double lr_factor(LrScheduleOptions const& options, std::int64_t step);

double learning_rate(LrScheduleOptions const& options, std::int64_t step);

/// Rates of steps 0 .. num_steps-1.
std::vector<double> learning_rate_table(LrScheduleOptions const& options, std::int64_t num_steps);

}  // namespace ctclip
