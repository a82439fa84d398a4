/// What a step leaves behind on this rank, on the device. Nothing waits for it, and it is looked at only when
/// the step turns out to have been skipped: by then the next step runs and the gradients are gone.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace ctclip {

struct StepTraces {
    at::Tensor loss;  ///< 0-d: this rank's own, mean over micro-batches
    // A micro-batch each, (B): sums over every row, as finite as it.
    std::vector<at::Tensor> volume_sums;
    std::vector<at::Tensor> image_sums;  ///< of the latent
    std::vector<at::Tensor> text_sums;
    /// 0-d: over the tokens before quantisation, which hides from the latents what is not finite before it.
    at::Tensor token_sum;
    std::vector<at::Tensor> gradient_sums;  ///< GradientSync::local_sums()
};

}  // namespace ctclip
