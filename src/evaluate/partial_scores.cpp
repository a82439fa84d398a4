#include "evaluate/partial_scores.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.hpp"
#include "base/log.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "model/tensor_array.hpp"

namespace ctclip {
namespace {

/// The tensors of the scores by their names in the file.
template <class Scores, class Visit>
void for_each_tensor(Scores& scores, Visit const& visit) {
    visit("probabilities", scores.probabilities);
    visit("labels", scores.labels);
    visit("image_latents", scores.image_latents);
    visit("text_latents", scores.text_latents);
}

std::filesystem::path partial_path(std::filesystem::path const& folder) {
    return folder / "partial.safetensors";
}

ZeroShotScores read_scores(std::filesystem::path const& path, StringMap const& metadata) {
    NamedArrays const arrays = read_safetensors(path);
    ZeroShotScores scores;
    for_each_tensor(scores, [&](char const* name, at::Tensor& tensor) {
        auto const found = arrays.find(name);
        tensor = found == arrays.end() ? at::Tensor() : to_tensor(found->second);
    });
    scores.study_ids = nlohmann::json::parse(metadata.at("study_ids")).get<std::vector<std::string>>();
    for (std::size_t row = 0; row < scores.study_ids.size(); ++row) {
        scores.dataset_indices.push_back(static_cast<std::int64_t>(row));
    }
    return scores;
}

}  // namespace

void save_partial_scores(std::filesystem::path const& folder, ZeroShotScores const& scores,
                         std::string const& inputs) {
    NamedArrays arrays;
    for_each_tensor(scores, [&](char const* name, at::Tensor const& tensor) {
        if (tensor.defined()) {
            arrays.emplace(name, to_array(tensor));
        }
    });
    write_safetensors(partial_path(folder), arrays,
                      {{"inputs", inputs}, {"study_ids", nlohmann::json(scores.study_ids).dump()}},
                      IfExists::kReplace);
}

ZeroShotScores load_partial_scores(std::filesystem::path const& folder, std::string const& inputs) {
    std::filesystem::path const path = partial_path(folder);
    if (!std::filesystem::exists(path)) {
        return {};
    }
    StringMap const metadata = read_safetensors_metadata(path);
    auto const found = metadata.find("inputs");
    if (found == metadata.end() || found->second != inputs) {
        log_info("{} holds scores of another checkpoint, dataset or setting: scoring starts anew", path.string());
        return {};
    }
    return read_scores(path, metadata);
}

void remove_partial_scores(std::filesystem::path const& folder) {
    std::error_code is_none;
    std::filesystem::remove(partial_path(folder), is_none);
}

}  // namespace ctclip
