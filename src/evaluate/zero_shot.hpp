/// Zero-shot classification: a volume is compared with two sentences per abnormality.
/// Prompt latents are computed once, each volume is encoded once.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "evaluate/prompts.hpp"
#include "evaluate/score_table.hpp"
#include "model/clip_model.hpp"
#include "model/device_loader.hpp"
#include "text/wordpiece_tokenizer.hpp"

namespace ctclip {

enum class KeepLatents { kNo, kYes };

/// One row a sample. Tensors are in host memory.
struct ZeroShotScores {
    std::vector<std::int64_t> dataset_indices;  ///< (N), ascending
    std::vector<std::string> study_ids;         ///< (N)
    at::Tensor probabilities;                   ///< (N, C) float32
    at::Tensor labels;                          ///< (N, C) float32: 0, 1, or NaN where a sample has no labels
    at::Tensor image_latents;                   ///< (N, E) float32, L2-normalised; undefined unless kept
    at::Tensor text_latents;                    ///< likewise, of the reports
};

/// Every study once, in dataset order, on the ranks of `host` in turns; none takes the place of another, whatever
/// data.bad_samples says for training: it would count twice.
/// @param num_samples  only the first so many; null: all.
LoaderOptions scoring_loader_options(DataOptions data, std::optional<std::int64_t> num_samples,
                                     Communicator const& host);

/// Adds the rows of `more`, which hold the same tensors. Nothing has been scored yet: takes `more` as it is.
void append(ZeroShotScores& scores, ZeroShotScores more);

class ZeroShotClassifier {
  public:
    /// Encodes the prompts. @param max_tokens  of a prompt.
    ZeroShotClassifier(ClipModel const& model, WordPieceTokenizer const& tokenizer,
                       std::vector<PromptPair> const& prompts, std::int64_t max_tokens, at::Device device);

    /// (B, E) -> (B, C) float32: softmax over the two logits of each class, that of the positive sentence.
    at::Tensor probabilities(at::Tensor const& image_latents) const;

    /// This rank's share of a dataset: all rows that `loader` gives and that are no padding. Every batch is a beat
    /// of the process's pulse.
    /// @param loader   of scoring_loader_options.
    /// @param goes_on  asked before each batch, on every rank as often, so that it may be collective; false ends
    /// the scoring there, with what there is.
    /// @throws Error of the first study that cannot be used.
    ZeroShotScores score(DeviceLoader& loader, KeepLatents keep, std::function<bool()> const& goes_on) const;

  private:
    ClipModel const& model_;
    at::Tensor prompt_latents_;  // (C, 2, E): positive, negative
};

/// For the metrics, without the samples that have no labels. `prompts`: the columns' classes, at most
/// kNumLabels.
ScoreTable to_score_table(ZeroShotScores const& scores, std::vector<PromptPair> const& prompts);

/// Puts the shares of all ranks together on every rank, in dataset order. Collective.
ZeroShotScores gather_scores(ZeroShotScores const& local, Communicator& communicator);

}  // namespace ctclip
