#include "loss/golden_losses.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "checkpoint/safetensors_file.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {
namespace {

std::string path_of(std::string const& file) {
    char const* const folder = std::getenv("CTCLIP_GOLDEN_MODEL");
    return (folder != nullptr ? std::string(folder) : std::string(CTCLIP_TEST_DATA) + "/loss") + "/" + file;
}

NamedArrays const& arrays() {
    static NamedArrays const kArrays = read_safetensors(path_of("losses.safetensors"));
    return kArrays;
}

}  // namespace

nlohmann::json const& loss_cases() {
    static nlohmann::json const kCases = [] {
        std::ifstream stream(path_of("losses.json"));
        return nlohmann::json::parse(stream);
    }();
    return kCases;
}

bool has_loss_tensor(std::string const& name) {
    return arrays().contains(name);
}

at::Tensor loss_tensor(std::string const& name) {
    if (!has_loss_tensor(name)) {
        throw std::out_of_range("no golden tensor " + name);
    }
    return to_tensor(arrays().at(name));
}

LossOptions loss_options_of(std::string const& kind) {
    LossOptions options;
    options.type = kind == "siglip" ? LossType::kSiglip : LossType::kSoftmax;
    options.denominator = kind == "decoupled" ? Denominator::kNegativesOnly : Denominator::kAll;
    options.form = kind == "cross_entropy" ? SoftmaxForm::kLogSumExp : SoftmaxForm::kReference;
    return options;
}

}  // namespace ctclip
