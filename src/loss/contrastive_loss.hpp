/// The losses that pull a report and its volume together (CLIP:
/// Radford et al. 2021, decoupled: Yeh et al. 2021, SigLIP: Zhai et al. 2023). Everything in float32
/// (float64).
///
/// Text latents a and image latents b are L2-normalised, S_ij = exp(temperature) <a_i, b_j>.
///   softmax:   1/2 [ mean_i (ln sum_j e^S_ij - S_ii) + mean_j (ln sum_i e^S_ij - S_jj) ]
///   decoupled: the same with the diagonal left out of the sums
///   siglip:    -1/N sum_ij ln sigmoid(y_ij (S_ij + logit_bias)), y = 1 on the diagonal, else -1
///
/// Over R ranks, rank r owns n_r of the N rows and columns. It returns R n_r / N times the loss over its own
/// rows and columns against all of them, which is what it must back-propagate: with gather_rows' gradient,
/// the *mean* of parameter gradients over ranks is then the gradient of the loss over the global batch, and
/// the mean of the returned values is that loss.
#pragma once

#include <ATen/ATen.h>

#include "loss/gather.hpp"
#include "model/model_options.hpp"

namespace ctclip {

enum class Negatives {
    kGlobal,  ///< all samples of the global batch
    kLocal,   ///< those of the rank's own batch only, as the Python models do
};

/// What the softmax denominator sums over.
enum class Denominator { kAll, kNegativesOnly };

/// How the softmax loss is evaluated.
enum class SoftmaxForm {
    kLogSumExp,  ///< cross-entropy: never overflows, never flat. Train with this one.
    kReference,  ///< ln(. + 1e-20) of every exponential, as the Python code has it, which is flat below S =
                 ///< -46
};

struct LossOptions {
    LossType type = LossType::kSoftmax;
    Denominator denominator = Denominator::kAll;
    SoftmaxForm form = SoftmaxForm::kLogSumExp;
    Negatives negatives = Negatives::kGlobal;
};

/// Both learned scalars, 0-d. logit_bias is for SigLIP only.
struct LossScalars {
    at::Tensor temperature;
    at::Tensor logit_bias;
};

/// @param text, image  this rank's latents (n, E), L2-normalised, float32 or float64, row i of one sample.
/// @returns            0-d, differentiable. Collective where negatives are global.
/// @throws Error kBadConfig where a decoupled loss has no negative: a single sample.
at::Tensor contrastive_loss(at::Tensor const& text, at::Tensor const& image, LossScalars const& scalars,
                            LossOptions const& options, RowPartition const& partition,
                            Communicator& communicator);

}  // namespace ctclip
