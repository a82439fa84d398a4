#include "evaluate/zero_shot.hpp"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.hpp"
#include "dist/gather_bytes.hpp"
#include "dist/pulse.hpp"

namespace ctclip {
namespace {

TextBatch tokenize(std::vector<std::string> const& texts, WordPieceTokenizer const& tokenizer,
                   std::int64_t max_tokens, at::Device device) {
    std::vector<TokenSequence> sequences;
    std::size_t longest = 0;
    for (std::string const& text : texts) {
        sequences.push_back(tokenizer.encode(text, static_cast<std::size_t>(max_tokens)));
        longest = std::max(longest, sequences.back().ids.size());
    }
    auto const rows = static_cast<std::int64_t>(texts.size());
    auto const columns = static_cast<std::int64_t>(longest);
    at::Tensor const ids = at::full({rows, columns}, tokenizer.vocabulary().pad_id(), at::kLong);
    at::Tensor const mask = at::zeros({rows, columns}, at::kLong);
    for (std::int64_t row = 0; row < rows; ++row) {
        auto const& sequence = sequences[static_cast<std::size_t>(row)].ids;
        std::copy(sequence.begin(), sequence.end(), ids.mutable_data_ptr<std::int64_t>() + row * columns);
        std::fill_n(mask.mutable_data_ptr<std::int64_t>() + row * columns, sequence.size(), 1);
    }
    return {ids.to(device), mask.to(device)};
}

at::Tensor rows_to_tensor(std::vector<float> const& values, std::int64_t num_rows, std::int64_t num_columns) {
    return at::from_blob(const_cast<float*>(values.data()), {num_rows, num_columns}, at::kFloat).clone();
}

/// (n_r, K) float32 of each rank -> (N, K), rank 0 first.
at::Tensor gather_tensor_rows(at::Tensor const& local, Communicator& communicator) {
    at::Tensor const contiguous = local.contiguous();
    std::string_view const bytes(static_cast<char const*>(contiguous.const_data_ptr()), contiguous.nbytes());
    std::string all;
    for (std::string const& part : gather_bytes(bytes, communicator)) {
        all += part;
    }
    std::int64_t const width = contiguous.size(1);
    auto const num_rows =
        static_cast<std::int64_t>(all.size() / sizeof(float)) / std::max<std::int64_t>(width, 1);
    at::Tensor const gathered = at::empty({num_rows, width}, at::kFloat);
    std::memcpy(gathered.mutable_data_ptr(), all.data(), all.size());
    return gathered;
}

std::vector<std::int64_t> gather_indices(std::vector<std::int64_t> const& local, Communicator& communicator) {
    std::string_view const bytes(reinterpret_cast<char const*>(local.data()),
                                 local.size() * sizeof(std::int64_t));
    std::vector<std::int64_t> all;
    for (std::string const& part : gather_bytes(bytes, communicator)) {
        std::size_t const begin = all.size();
        all.resize(begin + part.size() / sizeof(std::int64_t));
        std::memcpy(all.data() + begin, part.data(), part.size());
    }
    return all;
}

std::vector<std::string> gather_names(std::vector<std::string> const& local, Communicator& communicator) {
    std::string joined;
    for (std::string const& name : local) {
        joined += name;
        joined += '\0';
    }
    std::vector<std::string> names;
    for (std::string const& part : gather_bytes(joined, communicator)) {
        for (std::size_t begin = 0; begin < part.size();) {
            std::size_t const end = part.find('\0', begin);
            names.push_back(part.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    return names;
}

/// Nothing after the last batch, or once `goes_on` says no.
std::optional<UploadedBatch> next_batch(DeviceLoader& loader, std::function<bool()> const& goes_on) {
    if (!goes_on()) {
        return std::nullopt;
    }
    try {
        return loader.next();
    } catch (Error const& error) {
        fail(error.code(),
             "{}. Scores are of every study, so that none takes the place of a bad one here, whatever "
             "data.bad_samples says. Repair the study or leave it out of the shards.",
             error.what());
    }
}

}  // namespace

LoaderOptions scoring_loader_options(DataOptions data, std::optional<std::int64_t> num_samples,
                                     Communicator const& host) {
    LoaderOptions options;
    options.data = std::move(data);
    options.data.shuffle = false;
    options.data.bad_samples = BadSamplePolicy::kFail;
    options.remainder = Remainder::kPad;
    options.epochs = Epochs::kOne;
    options.num_samples = num_samples;
    options.rank = host.rank();
    options.world_size = host.world_size();
    return options;
}

void append(ZeroShotScores& scores, ZeroShotScores more) {
    if (scores.study_ids.empty()) {
        scores = std::move(more);
        return;
    }
    scores.dataset_indices.insert(scores.dataset_indices.end(), more.dataset_indices.begin(),
                                  more.dataset_indices.end());
    scores.study_ids.insert(scores.study_ids.end(), more.study_ids.begin(), more.study_ids.end());
    for (auto const tensor : {&ZeroShotScores::probabilities, &ZeroShotScores::labels, &ZeroShotScores::image_latents,
                              &ZeroShotScores::text_latents}) {
        if ((scores.*tensor).defined()) {
            scores.*tensor = at::cat({scores.*tensor, more.*tensor});
        }
    }
}

ZeroShotClassifier::ZeroShotClassifier(ClipModel const& model, WordPieceTokenizer const& tokenizer,
                                       std::vector<PromptPair> const& prompts, std::int64_t max_tokens,
                                       at::Device device)
    : model_(model) {
    at::NoGradGuard const no_grad;
    std::vector<std::string> sentences;
    for (PromptPair const& pair : prompts) {
        sentences.push_back(pair.positive);
        sentences.push_back(pair.negative);
    }
    at::Tensor const latents = model_.encode_text(tokenize(sentences, tokenizer, max_tokens, device));
    prompt_latents_ = latents.view({static_cast<std::int64_t>(prompts.size()), 2, latents.size(1)});
}

at::Tensor ZeroShotClassifier::probabilities(at::Tensor const& image_latents) const {
    at::NoGradGuard const no_grad;
    at::Tensor const similarity = at::einsum("be,cpe->bcp", {image_latents, prompt_latents_});
    return at::softmax(similarity * model_.temperature().exp(), -1).select(-1, 0).to(at::kFloat);
}

ZeroShotScores ZeroShotClassifier::score(DeviceLoader& loader, KeepLatents keep,
                                         std::function<bool()> const& goes_on) const {
    at::NoGradGuard const no_grad;
    ActivityScope const activity(Activity::kValidation);
    ZeroShotScores scores;
    std::vector<at::Tensor> probabilities_parts;
    std::vector<at::Tensor> labels;
    std::vector<at::Tensor> image_latents;
    std::vector<at::Tensor> text_latents;
    // Every rank goes through all batches, their number is the same everywhere; not all have rows to score.
    std::optional<UploadedBatch> uploaded = next_batch(loader, goes_on);
    while (uploaded) {
        Pulse::of_process().beat();
        HostBatch const& batch = uploaded->host();
        std::int64_t const num_rows = batch.num_valid;
        at::Tensor image;
        at::Tensor text;
        if (num_rows > 0) {
            DeviceBatch const input = uploaded->rows();
            image = model_.encode_image(input.volume, Mode::kEvaluate).latents.narrow(0, 0, num_rows);
            text = keep == KeepLatents::kYes ? model_.encode_text(input.text).narrow(0, 0, num_rows) : text;
        }
        std::optional<UploadedBatch> following = next_batch(loader, goes_on);  // a GPU computes meanwhile
        if (num_rows > 0) {
            probabilities_parts.push_back(probabilities(image).cpu());
            labels.push_back(
                rows_to_tensor(batch.labels, batch.shape.num_rows, kNumLabels).narrow(0, 0, num_rows));
        }
        if (num_rows > 0 && keep == KeepLatents::kYes) {
            image_latents.push_back(image.to(at::kFloat).cpu());
            text_latents.push_back(text.to(at::kFloat).cpu());
        }
        for (std::int64_t row = 0; row < num_rows; ++row) {
            scores.study_ids.push_back(batch.study_ids[static_cast<std::size_t>(row)]);
            scores.dataset_indices.push_back(batch.rows[static_cast<std::size_t>(row)].index);
        }
        uploaded = std::move(following);
    }
    auto const joined = [](std::vector<at::Tensor> const& parts, std::int64_t width) {
        return parts.empty() ? at::empty({0, width}, at::kFloat) : at::cat(parts);
    };
    std::int64_t const num_classes = prompt_latents_.size(0);
    scores.probabilities = joined(probabilities_parts, num_classes);
    scores.labels = joined(labels, kNumLabels);
    if (keep == KeepLatents::kYes) {
        scores.image_latents = joined(image_latents, prompt_latents_.size(2));
        scores.text_latents = joined(text_latents, prompt_latents_.size(2));
    }
    return scores;
}

ScoreTable to_score_table(ZeroShotScores const& scores, std::vector<PromptPair> const& prompts) {
    std::vector<std::string> names;
    for (PromptPair const& pair : prompts) {
        names.push_back(pair.class_name);
    }
    auto const values = [](at::Tensor const& tensor) {
        return std::span<float const>(tensor.const_data_ptr<float>(),
                                      static_cast<std::size_t>(tensor.numel()));
    };
    return make_score_table(std::move(names), values(scores.probabilities), values(scores.labels));
}

ZeroShotScores gather_scores(ZeroShotScores const& local, Communicator& communicator) {
    std::vector<std::int64_t> const indices = gather_indices(local.dataset_indices, communicator);
    std::vector<std::string> const names = gather_names(local.study_ids, communicator);
    std::vector<std::int64_t> order(indices.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](std::int64_t row) { return indices[static_cast<std::size_t>(row)]; });

    ZeroShotScores all;
    for (std::int64_t const row : order) {
        all.dataset_indices.push_back(indices[static_cast<std::size_t>(row)]);
        all.study_ids.push_back(names[static_cast<std::size_t>(row)]);
    }
    at::Tensor const permutation =
        at::from_blob(order.data(), {static_cast<std::int64_t>(order.size())}, at::kLong).clone();
    auto const collect = [&](at::Tensor const& rows) {
        return rows.defined() ? gather_tensor_rows(rows, communicator).index_select(0, permutation)
                              : at::Tensor();
    };
    all.probabilities = collect(local.probabilities);
    all.labels = collect(local.labels);
    all.image_latents = collect(local.image_latents);
    all.text_latents = collect(local.text_latents);
    return all;
}

}  // namespace ctclip
