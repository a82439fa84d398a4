#include "model/golden.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "checkpoint/safetensors_file.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {
namespace {

std::int64_t component(nlohmann::json const& size, std::size_t index) {
    return size.is_array() ? size.at(index).get<std::int64_t>() : size.get<std::int64_t>();
}

at::Tensor flat_double(at::Tensor const& tensor) {
    return tensor.detach().to(at::kCPU, at::kDouble).reshape({-1});
}

}  // namespace

std::string golden_path(std::string const& file) {
    char const* const folder = std::getenv("CTCLIP_GOLDEN_MODEL");
    return (folder != nullptr ? std::string(folder) : std::string(CTCLIP_TEST_DATA) + "/model") + "/" + file;
}

bool has_golden(std::string const& file) {
    return std::filesystem::exists(golden_path(file));
}

NamedArrays golden_arrays(std::string const& file) {
    return read_safetensors(golden_path(file));
}

nlohmann::json golden_json(std::string const& file) {
    std::ifstream stream(golden_path(file));
    return nlohmann::json::parse(stream);
}

at::Tensor golden_tensor(NamedArrays const& arrays, std::string const& name) {
    auto const found = arrays.find(name);
    if (found == arrays.end()) {
        throw std::out_of_range("no golden tensor " + name);
    }
    return to_tensor(found->second);
}

ModelOptions options_of(nlohmann::json const& config) {
    nlohmann::json const& vit = config.at("vit");
    nlohmann::json const& bert = config.at("bert");
    ModelOptions options;
    options.image = {.dim = vit.at("dim"),
                     .codebook_size = vit.at("codebook_size"),
                     .image_height = component(vit.at("image_size"), 0),
                     .image_width = component(vit.at("image_size"), 1),
                     .patch_height = component(vit.at("patch_size"), 0),
                     .patch_width = component(vit.at("patch_size"), 1),
                     .temporal_patch_size = vit.at("temporal_patch_size"),
                     .spatial_depth = vit.at("spatial_depth"),
                     .temporal_depth = vit.at("temporal_depth"),
                     .dim_head = vit.at("dim_head"),
                     .heads = vit.at("heads")};
    options.text = {.vocab_size = bert.at("vocab_size"),
                    .hidden_size = bert.at("hidden_size"),
                    .num_layers = bert.at("num_hidden_layers"),
                    .num_heads = bert.at("num_attention_heads"),
                    .intermediate_size = bert.at("intermediate_size"),
                    .max_positions = bert.at("max_position_embeddings"),
                    .dropout = 0.0};
    options.dim_latent = config.at("latent");
    return options;
}

ParameterSet parameters_of(ModelOptions const& options, NamedArrays const& weights,
                           PrecisionPolicy const& policy, at::Device device) {
    ParameterSet parameters(options, device, policy.master());
    parameters.load(weights);
    return parameters;
}

double max_abs_difference(at::Tensor const& actual, at::Tensor const& expected) {
    if (expected.numel() == 0 && actual.numel() == 0) {
        return 0.0;
    }
    return (flat_double(actual) - flat_double(expected)).abs().max().item<double>();
}

double relative_l2(at::Tensor const& actual, at::Tensor const& expected) {
    at::Tensor const reference = flat_double(expected);
    return ((flat_double(actual) - reference).norm() / reference.norm()).item<double>();
}

}  // namespace ctclip
