/// What a step leaves behind on this rank, on the device. Nothing waits for it, and it is looked at only when
/// the step turns out to have been skipped: by then the next step runs and the gradients are gone.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace ctclip {

struct StepTraces {
    at::Tensor loss;  ///< 0-d: this rank's own, mean over micro-batches
    std::vector<at::Tensor>
        image_sums;  ///< a micro-batch each, (B): sum of every row's latent; as finite as it
    std::vector<at::Tensor> text_sums;      ///< likewise
    std::vector<at::Tensor> gradient_sums;  ///< GradientSync::local_sums()
};

}  // namespace ctclip
