#include "train/train_step.hpp"

#include <algorithm>
#include <vector>

#include "base/splitmix64.hpp"
#include "dist/pulse.hpp"
#include "model/tensor_element.hpp"

namespace ctclip {
namespace {

/// Pieces that differ by at most a row; fewer than asked where there are fewer rows.
std::vector<RowRange> split_rows(std::int64_t num_rows, std::int64_t num_chunks) {
    std::int64_t const count = std::min(num_rows, num_chunks);
    std::vector<RowRange> chunks;
    for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t const first = num_rows * i / count;
        chunks.push_back({first, num_rows * (i + 1) / count - first});
    }
    return chunks;
}

RowLatents detached(RowLatents const& latents) {
    return {latents.text.detach(), latents.image.detach(), latents.statistics, latents.volume_sums};
}

}  // namespace

TrainStep::TrainStep(ClipModel const& model, Optimizer& optimizer, GradientSync& gradient_sync,
                     Communicator& communicator, StepSettings const& settings)
    : model_(model),
      optimizer_(optimizer),
      gradient_sync_(gradient_sync),
      communicator_(communicator),
      settings_(settings),
      dropout_seed_(derive_seed(settings.seed, "dropout")) {}

StepResult TrainStep::run(std::int64_t step, MicroBatches const& micro_batches, StepTimer timer) {
    std::int64_t const num_micro_steps = micro_batches.count;
    StepResult result;
    CodebookStatistics statistics;
    gradient_sync_.zero();
    for (std::int64_t i = 0; i < num_micro_steps; ++i) {
        UploadedBatch const batch = micro_batches.next();
        timer.lap(StepPart::kData);
        MicroStep const micro_step{.batch = batch,
                                   .dropout_seed = dropout_seed(step, i, num_micro_steps),
                                   .weight = 1.0 / static_cast<double>(num_micro_steps),
                                   .is_last = i + 1 == num_micro_steps};
        auto const [latents, loss] =
            settings_.num_chunks > 1 ? compute_in_chunks(micro_step, timer) : compute(micro_step, timer);
        statistics.defined() ? statistics.add(latents.statistics) : void(statistics = latents.statistics);
        result.loss = result.loss.defined() ? result.loss + loss : loss;
        result.traces.volume_sums.push_back(latents.volume_sums);
        result.traces.image_sums.push_back(latents.image.sum({1}));
        result.traces.text_sums.push_back(latents.text.sum({1}));
    }
    gradient_sync_.finish();
    result.sync_hidden_share = gradient_sync_.hidden_share();
    result.traces.gradient_sums = gradient_sync_.local_sums();
    result.traces.loss = result.loss.clone();
    result.traces.token_sum = statistics.sums.sum();
    sum_over_ranks(statistics);
    average_over_ranks(result.loss);
    timer.lap(StepPart::kSync);

    result.outcome = optimizer_.step(gradient_sync_.gradients());
    model_.update_codebook(statistics, result.outcome.skipped());
    result.used_codes = statistics.counts.gt(0);
    timer.lap(StepPart::kOptimizer);
    result.timer = timer;
    return result;
}

std::uint64_t TrainStep::dropout_seed(std::int64_t step, std::int64_t micro_step,
                                      std::int64_t num_micro_steps) const {
    return splitmix64(dropout_seed_, static_cast<std::uint64_t>(step * num_micro_steps + micro_step));
}

std::pair<RowLatents, at::Tensor> TrainStep::compute(MicroStep const& micro_step, StepTimer& timer) {
    RowLatents const latents = encode(micro_step.batch, {0, micro_step.batch.host().shape.num_rows},
                                      micro_step.dropout_seed, Mode::kTrain);
    at::Tensor const loss = loss_of(latents) * micro_step.weight;
    timer.lap(StepPart::kForward);
    if (micro_step.is_last) {
        gradient_sync_.start();
    }
    optimizer_.scaled(loss).backward();
    timer.lap(StepPart::kBackward);
    return {detached(latents), loss.detach()};
}

std::pair<RowLatents, at::Tensor> TrainStep::compute_in_chunks(MicroStep const& micro_step,
                                                               StepTimer& timer) {
    std::vector<RowRange> const chunks =
        split_rows(micro_step.batch.host().shape.num_rows, settings_.num_chunks);
    RowLatents cached = encode_without_gradient(micro_step, chunks);
    cached.text.requires_grad_();
    cached.image.requires_grad_();
    at::Tensor const loss = loss_of(cached) * micro_step.weight;
    timer.lap(StepPart::kForward);

    optimizer_.scaled(loss).backward();  // to the latents, and to what only the loss has: the temperature
    for (RowRange const rows : chunks) {
        // The same dropout; the codebook has its statistics already.
        RowLatents const again = encode(micro_step.batch, rows, micro_step.dropout_seed, Mode::kEvaluate);
        at::Tensor const text_gradient = cached.text.grad().narrow(0, rows.first, rows.count);
        at::Tensor const image_gradient = cached.image.grad().narrow(0, rows.first, rows.count);
        if (micro_step.is_last && rows.first == chunks.back().first) {
            gradient_sync_.start();
        }
        ((again.text * text_gradient).sum() + (again.image * image_gradient).sum()).backward();
    }
    timer.lap(StepPart::kBackward);
    return {detached(cached), loss.detach()};
}

RowLatents TrainStep::encode_without_gradient(MicroStep const& micro_step,
                                              std::span<RowRange const> chunks) const {
    at::NoGradGuard const no_grad;
    std::vector<at::Tensor> texts;
    std::vector<at::Tensor> images;
    std::vector<at::Tensor> volume_sums;
    CodebookStatistics statistics;
    for (RowRange const rows : chunks) {
        RowLatents const latents = encode(micro_step.batch, rows, micro_step.dropout_seed, Mode::kTrain);
        texts.push_back(latents.text);
        images.push_back(latents.image);
        volume_sums.push_back(latents.volume_sums);
        statistics.add(latents.statistics);
    }
    return {at::cat(texts), at::cat(images), statistics, at::cat(volume_sums)};
}

RowLatents TrainStep::encode(UploadedBatch const& uploaded, RowRange rows, std::uint64_t dropout_seed,
                             Mode mode) const {
    DeviceBatch const batch = uploaded.rows(rows);
    Pulse::of_process().beat();
    ImageLatents const image = model_.encode_image(batch.volume, mode);
    Pulse::of_process().beat();
    std::int64_t const first_sample = communicator_.rank() * uploaded.host().shape.num_rows + rows.first;
    at::Tensor const text = model_.encode_text(batch.text, TextDropout{dropout_seed, first_sample});
    at::Tensor const volume_sums = mode == Mode::kTrain ? batch.volume.sum({1, 2, 3, 4}) : at::Tensor();
    return {text, image.latents, image.statistics, volume_sums};
}

at::Tensor TrainStep::loss_of(RowLatents const& latents) const {
    RowPartition const partition = RowPartition::even(communicator_.world_size(), latents.text.size(0));
    LossScalars const scalars{model_.temperature(), model_.logit_bias()};
    return contrastive_loss(latents.text, latents.image, scalars, settings_.loss, partition, communicator_);
}

void TrainStep::sum_over_ranks(CodebookStatistics const& statistics) const {
    for (at::Tensor const& tensor : {statistics.sums, statistics.counts}) {
        communicator_.all_reduce(tensor.mutable_data_ptr(), static_cast<std::size_t>(tensor.numel()),
                                 element_of(tensor), Reduction::kSum);
    }
}

void TrainStep::average_over_ranks(at::Tensor const& loss) const {
    communicator_.all_reduce(loss.mutable_data_ptr(), 1, element_of(loss), Reduction::kAverage);
}

}  // namespace ctclip
