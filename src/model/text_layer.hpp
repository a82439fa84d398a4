/// One BERT layer: self-attention and feed-forward, each followed by dropout, residual and norm
/// (Devlin et al. 2019).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "kernels/model_dropout.hpp"
#include "model/model_options.hpp"
#include "model/parameter_set.hpp"
#include "model/precision_policy.hpp"

namespace ctclip {

/// LayerNorm eps of BERT.
inline constexpr double kTextNormEps = 1e-12;

/// Where a layer drops elements.
struct TextLayerDropout {
    DropoutKey probabilities, attention_output, output;
};

class TextLayer {
  public:
    /// Holds tensors of `parameters`, not the set itself. @param index  of the layer, from 0.
    TextLayer(ParameterSet const& parameters, std::int64_t index, TextEncoderOptions const& options,
              PrecisionPolicy const& policy);

    /// x (B, L, hidden) in kResidual. @param is_padding  (B, L) bool, undefined for none.
    at::Tensor run(at::Tensor const& x, at::Tensor const& is_padding, TextLayerDropout const& dropout) const;

    std::vector<at::Tensor> weights() const;

  private:
    struct Linear {
        at::Tensor weight, bias;
    };
    struct Norm {
        at::Tensor gain, bias;
    };

    at::Tensor self_attention(at::Tensor const& x, at::Tensor const& is_padding,
                              DropoutKey const& dropout) const;
    at::Tensor project(at::Tensor const& x, Linear const& linear, at::ScalarType result) const;

    std::int64_t num_heads_;
    std::int64_t max_positions_;
    PrecisionPolicy policy_;
    Linear query_, key_, value_, attention_output_, expand_, contract_;
    Norm attention_norm_, output_norm_;
};

}  // namespace ctclip
