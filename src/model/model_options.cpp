#include "model/model_options.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

struct NamedSize {
    char const* name;
    std::int64_t value;
};

std::vector<NamedSize> sizes_of(ModelOptions const& options) {
    ImageEncoderOptions const& image = options.image;
    TextEncoderOptions const& text = options.text;
    return {{"model.image_encoder.dim", image.dim},
            {"model.image_encoder.codebook_size", image.codebook_size},
            {"model.image_encoder.image_size (height)", image.image_height},
            {"model.image_encoder.image_size (width)", image.image_width},
            {"model.image_encoder.patch_size (height)", image.patch_height},
            {"model.image_encoder.patch_size (width)", image.patch_width},
            {"model.image_encoder.temporal_patch_size", image.temporal_patch_size},
            {"model.image_encoder.spatial_depth", image.spatial_depth},
            {"model.image_encoder.temporal_depth", image.temporal_depth},
            {"model.image_encoder.dim_head", image.dim_head},
            {"model.image_encoder.heads", image.heads},
            {"model.text_encoder vocabulary", text.vocab_size},
            {"model.text_encoder.hidden_size", text.hidden_size},
            {"model.text_encoder.num_layers", text.num_layers},
            {"model.text_encoder.num_heads", text.num_heads},
            {"model.text_encoder.intermediate_size", text.intermediate_size},
            {"model.text_encoder.max_positions", text.max_positions},
            {"model.clip.dim_latent", options.dim_latent}};
}

}  // namespace

std::int64_t ImageEncoderOptions::feed_forward_dim() const {
    constexpr double kMultiple = 4.0;
    return static_cast<std::int64_t>(kMultiple * (2.0 / 3.0) * static_cast<double>(dim));
}

void ModelOptions::validate() const {
    std::vector<std::string> problems;
    for (NamedSize const& size : sizes_of(*this)) {
        if (size.value < 1) {
            problems.push_back(fmt::format("{} is {}, but must be at least 1", size.name, size.value));
        }
    }
    auto const must_divide = [&](std::int64_t divisor, std::int64_t whole, char const* what) {
        if (divisor > 0 && whole % divisor != 0) {
            std::string problem = fmt::format("{}: {} is not a multiple of {}", what, whole, divisor);
            if (std::ranges::find(problems, problem) == problems.end()) {  // one key sets height and width
                problems.push_back(std::move(problem));
            }
        }
    };
    must_divide(image.patch_height, image.image_height,
                "model.image_encoder.patch_size must divide image_size");
    must_divide(image.patch_width, image.image_width,
                "model.image_encoder.patch_size must divide image_size");
    must_divide(text.num_heads, text.hidden_size, "model.text_encoder.num_heads must divide hidden_size");
    if (!(text.dropout >= 0.0 && text.dropout < 1.0)) {
        problems.push_back(fmt::format(
            "model.text_encoder.dropout is {}, but must be at least 0 and less than 1", text.dropout));
    }
    require(problems.empty(), ExitCode::kBadConfig, "the model cannot be built: {}",
            fmt::join(problems, "; "));
}

}  // namespace ctclip
