#include "optim/lr_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace ctclip {

void validate(LrScheduleOptions const& options) {
    require(std::isfinite(options.base_lr) && options.base_lr >= 0.0, ExitCode::kBadConfig,
            "the learning rate is {} (it must be finite and not negative)", options.base_lr);
    require(options.warmup_steps >= 0 && options.total_steps >= 0, ExitCode::kBadConfig,
            "the learning-rate schedule has {} warm-up steps of {} (neither may be negative)",
            options.warmup_steps, options.total_steps);
    require(options.min_lr_ratio >= 0.0 && options.min_lr_ratio <= 1.0, ExitCode::kBadConfig,
            "min_lr_ratio is {} (it must be in 0..1)", options.min_lr_ratio);
}

double lr_factor(LrScheduleOptions const& options, std::int64_t step) {
    CTCLIP_EXPECT(step >= 0);
    if (step < options.warmup_steps) {
        return static_cast<double>(step) / static_cast<double>(options.warmup_steps);
    }
    if (options.kind == LrScheduleKind::kConstant) {
        return 1.0;
    }
    std::int64_t const decay_steps = std::max<std::int64_t>(1, options.total_steps - options.warmup_steps);
    double const progress =
        static_cast<double>(step - options.warmup_steps) / static_cast<double>(decay_steps);
    double const cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return options.min_lr_ratio + (1.0 - options.min_lr_ratio) * cosine;
}

double learning_rate(LrScheduleOptions const& options, std::int64_t step) {
    return options.base_lr * lr_factor(options, step);
}

std::vector<double> learning_rate_table(LrScheduleOptions const& options, std::int64_t num_steps) {
    std::vector<double> rates;
    rates.reserve(static_cast<std::size_t>(num_steps));
    for (std::int64_t step = 0; step < num_steps; ++step) {
        rates.push_back(learning_rate(options, step));
    }
    return rates;
}

}  // namespace ctclip
