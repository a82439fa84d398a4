/// From the names in a weight file to the names of CT-CLIP's state dict. Three layouts are known: CT-CLIP's
/// own, that of the fork CTCLIP_MODERN (the text encoder one level deeper, decoder stacks beside it), and a
/// BERT alone (Hugging Face), which fills the text encoder only.
#pragma once

#include <string>
#include <vector>

#include "base/array.hpp"
#include "checkpoint/weight_file.hpp"

namespace ctclip {

/// One tensor that the model has.
struct KeySpec {
    std::string name;
    DType type = DType::kF32;
    Shape shape;
    bool may_be_absent = false;  ///< a weight file without it is complete: constant, or unused
};
using KeyTable = std::vector<KeySpec>;

enum class WeightLayout { kClip, kFork, kBert };
std::string_view layout_name(WeightLayout layout);  ///< "CT-CLIP", "CTCLIP_MODERN", "BERT"

struct WeightMapping {
    WeightLayout layout = WeightLayout::kClip;
    NamedArrays tensors;  ///< those that fit, by the model's names and dtypes

    std::vector<std::string> missing;  ///< the model needs them, the file lacks them
    std::vector<std::string> absent;   ///< the file lacks them and may; for a BERT, all but the text encoder
    std::vector<std::string> mismatched;  ///< "NAME has shape [2], the model needs [3]"
    std::vector<std::string> unexpected;  ///< in the file, of no known use
    std::vector<std::string> ignored;     ///< in the file, known to have no place in the model
    std::string
        conflict;  ///< why the weights are of another model although names and shapes may agree (SwiGLU)

    bool fits() const {
        return missing.empty() && mismatched.empty() && unexpected.empty() && conflict.empty();
    }
};

/// Half precision is widened exactly, float64 rounded, integers stay integers; any other dtype is a mismatch.
/// @throws Error kBadInput when the file says that it holds another architecture with the same names
/// (SwiGLU).
WeightMapping map_weights(WeightFile file, KeyTable const& model, std::string const& what);

/// @throws Error kBadInput listing the conflict, the missing, mismatched and unexpected names (the first few
/// of each).
void require_fit(WeightMapping const& mapping, std::string const& what);

/// @throws Error kBadInput naming every tensor with a NaN or an infinity: such weights can only be a mistake.
void require_finite(NamedArrays const& tensors, std::string const& what);

}  // namespace ctclip
