#include "train/run_description.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/byte_units.hpp"
#include "base/durable_file.hpp"
#include "base/machine.hpp"
#include "train/run_size.hpp"
#include "train/start_check.hpp"

namespace ctclip {
namespace {

constexpr double kFlopsPerTera = 1e12;

}  // namespace

std::vector<std::string> describe_run(TrainOptions const& options, RunInputs const& inputs,
                                      ParameterSet const& parameters, TrainWorld const& world) {
    std::string_view const precision = name_of(options.training.precision);
    StepPlan const& plan = inputs.plan;
    RunSize const size = size_of_run(options, inputs, parameters, world);
    return {
        fmt::format("device: {}, {} threads a rank; {} rank{}", world.device_name, world.num_threads,
                    world.host.world_size(), world.host.world_size() == 1 ? "" : "s"),
        fmt::format("mixed precision: {} (fp16 = {}, bf16 = {}); master weights, norms, softmax, loss and "
                    "optimizer in fp32",
                    precision, options.training.precision == ComputeType::kHalf,
                    options.training.precision == ComputeType::kBFloat16),
        fmt::format("parameters: {} in all, {} trained; {:.2f} GiB a rank for weights, gradients and moments",
                    parameters.num_parameters(), parameters.num_trained_parameters(), size.model_bytes / kBytesPerGiB),
        fmt::format("memory for loading: at most {:.2f} GiB a rank; checkpoints: {:.2f} GiB each, at most {} of them",
                    size.loading_bytes / kBytesPerGiB, size.checkpoint_bytes / kBytesPerGiB,
                    most_checkpoints(options.checkpoint)),
        fmt::format("data: {} training samples, {} validation samples; model input {} x {} x {}",
                    inputs.training_set->size(), inputs.validation_set ? inputs.validation_set->size() : 0,
                    options.data.target_shape[0], options.data.target_shape[1], options.data.target_shape[2]),
        fmt::format("steps: {} of {} samples ({} x {} ranks x {} micro-batches), {:.2f} epochs; warm-up {}, "
                    "learning rate {:g}",
                    plan.max_steps, global_batch(options, world.host.world_size()), options.data.batch_size,
                    world.host.world_size(), options.training.gradient_accumulation_steps,
                    static_cast<double>(plan.max_steps) / static_cast<double>(plan.steps_per_epoch), plan.warmup_steps,
                    options.training.optimizer.lr_schedule.base_lr),
    };
}

nlohmann::ordered_json run_record(TrainOptions const& options, RunInputs const& inputs,
                                  ParameterSet const& parameters, TrainWorld const& world, PeakRate const& peak,
                                  std::int64_t first_step) {
    return {{"schema", "ctclip.run/1"},
            {"name", options.experiment.name},
            {"tags", options.experiment.tags},
            {"notes", options.experiment.notes},
            {"started", utc_now()},
            {"first_step", first_step},
            {"software", build_info_json("ctclip-train")},
            {"host", host_name()},
            {"ranks", world.host.world_size()},
            {"device", world.device_name},
            {"threads_per_rank", world.num_threads},
            {"precision", name_of(options.training.precision)},
            {"peak_tflops_per_rank", {{"value", peak.flops_per_s / kFlopsPerTera}, {"source", peak.source}}},
            {"parameters", parameters.num_parameters()},
            {"trained_parameters", parameters.num_trained_parameters()},
            {"training_samples", inputs.training_set->size()},
            {"dataset_digest", inputs.training_set->digest()}};
}

}  // namespace ctclip
