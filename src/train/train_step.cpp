#include "train/train_step.hpp"

#include "base/splitmix64.hpp"
#include "model/device_batch.hpp"

namespace ctclip {
namespace {

Element element_of(at::Tensor const& tensor) {
    return tensor.scalar_type() == at::kDouble ? Element::kF64 : Element::kF32;
}

}  // namespace

TrainStep::TrainStep(ClipModel const& model, Optimizer& optimizer, GradientSync& gradient_sync,
                     Communicator& communicator, LossOptions const& loss_options, std::uint64_t seed,
                     at::Device device)
    : model_(model),
      optimizer_(optimizer),
      gradient_sync_(gradient_sync),
      communicator_(communicator),
      loss_options_(loss_options),
      dropout_seed_(derive_seed(seed, "dropout")),
      device_(device) {}

StepResult TrainStep::run(std::int64_t step, std::span<HostBatch const* const> micro_batches,
                          StepTimer timer) {
    auto const num_micro_steps = static_cast<std::int64_t>(micro_batches.size());
    at::Tensor loss;
    CodebookStatistics statistics;
    gradient_sync_.zero();
    for (std::int64_t micro_step = 0; micro_step < num_micro_steps; ++micro_step) {
        auto const draw = static_cast<std::uint64_t>(step * num_micro_steps + micro_step);
        HostBatch const& batch = *micro_batches[static_cast<std::size_t>(micro_step)];
        Forward const result = forward(batch, splitmix64(dropout_seed_, draw));
        at::Tensor const share = result.loss / static_cast<double>(num_micro_steps);
        statistics.defined() ? statistics.add(result.statistics) : void(statistics = result.statistics);
        loss = loss.defined() ? loss + share.detach() : share.detach();
        timer.lap(StepPart::kForward);

        if (micro_step + 1 == num_micro_steps) {
            gradient_sync_.start();
        }
        optimizer_.scaled(share).backward();
        timer.lap(StepPart::kBackward);
    }
    gradient_sync_.finish();
    sum_over_ranks(statistics);
    average_over_ranks(loss);
    timer.lap(StepPart::kSync);

    StepOutcome const outcome = optimizer_.step(gradient_sync_.gradients());
    model_.update_codebook(statistics, outcome.skipped());
    timer.lap(StepPart::kOptimizer);
    return {loss, outcome, timer};
}

TrainStep::Forward TrainStep::forward(HostBatch const& host_batch, std::uint64_t dropout_seed) const {
    DeviceBatch const batch = to_device(host_batch, device_);
    ImageLatents const image = model_.encode_image(batch.volume, Mode::kTrain);
    std::int64_t const num_rows = host_batch.shape.num_rows;
    at::Tensor const text =
        model_.encode_text(batch.text, TextDropout{dropout_seed, communicator_.rank() * num_rows});
    RowPartition const partition = RowPartition::even(communicator_.world_size(), num_rows);
    LossScalars const scalars{model_.temperature(), model_.logit_bias()};
    return {contrastive_loss(text, image.latents, scalars, loss_options_, partition, communicator_),
            image.statistics};
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
