/// What the update step is told. LibTorch-free; the defaults are those of the Python trainer and torch.amp.
#pragma once

#include <cstdint>

namespace ctclip {

enum class LossScaling {
    kDynamic,  ///< fp16
    kNone,     ///< bf16, fp32: scale 1; steps with non-finite gradients are still skipped and counted
};

struct LossScalerOptions {
    LossScaling scaling = LossScaling::kDynamic;
    double initial = 65536.0;  ///< powers of two keep scaling exact
    double growth_factor = 2.0;
    double backoff_factor = 0.5;
    std::int64_t growth_interval = 2000;      ///< steps without overflow before the scale grows
    double minimum = 1.0;                     ///< 0 is torch's behaviour: the scale may vanish for good
    std::int64_t max_consecutive_skips = 20;  ///< then the run stops with a diagnosis
};

enum class LrScheduleKind { kCosine, kConstant };

struct LrScheduleOptions {
    LrScheduleKind kind = LrScheduleKind::kCosine;
    double base_lr = 1.25e-6;
    std::int64_t warmup_steps = 1000;
    std::int64_t total_steps = 10000;  ///< where the cosine reaches min_lr_ratio
    double min_lr_ratio = 0.01;
};

struct AdamWOptions {
    double beta1 = 0.9;
    double beta2 = 0.99;
    double eps = 1e-8;
    double weight_decay = 0.01;  ///< for parameters with two or more dimensions; 0 is plain Adam
};

struct OptimizerOptions {
    LossScalerOptions loss_scaler;
    LrScheduleOptions lr_schedule;
    AdamWOptions adamw;
    double max_grad_norm = 0.5;
};

}  // namespace ctclip
