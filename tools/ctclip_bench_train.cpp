// ctclip-bench train: time and memory of whole training steps (both encoders, loss, backward, clipping,
// AdamW) on made-up data, at the sizes of the published model or small ones. The peer is
// tests/peers/train_peer.py.
#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "base/machine.hpp"
#include "dist/self_communicator.hpp"
#include "model/batch_uploader.hpp"
#include "optim/host_copy.hpp"
#include "tools/bench_batch.hpp"
#include "tools/bench_model.hpp"
#include "tools/ctclip_bench.hpp"
#include "tools/spread.hpp"
#include "train/peak_rate.hpp"
#include "train/state_capture.hpp"
#include "train/train_step.hpp"

namespace ctclip {
namespace {

/// Of one rank, far above what any memory holds: a slip of the hand, not a machine that is busy (75: try again).
constexpr std::int64_t kMaxBatch = 4096;

struct BenchTrainOptions {
    BenchModel size = BenchModel::kSmall;
    std::int64_t batch_size = 1;
    std::int64_t num_frames = 0;  ///< slices of each volume; 0: as many as the size is made for
    std::int64_t text_tokens = 200;
    std::int64_t num_steps = 3;
    std::int64_t num_warmup_steps = 1;
    std::int64_t num_threads = 0;
    ComputeType precision = ComputeType::kFloat;
    bool use_cuda = false;

    std::int64_t frames() const {
        return num_frames > 0 ? num_frames : (size == BenchModel::kFull ? 240 : 60);
    }
    at::Device device() const { return use_cuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU); }
};

std::vector<double> time_steps(BenchTrainOptions const& options, nlohmann::json& record) {
    ModelOptions const sizes = bench_model_options(options.size);
    PrecisionPolicy const policy(options.precision);
    ParameterSet parameters(sizes, options.device(), policy.master());
    parameters.initialise(1);
    ClipModel const model(sizes, parameters, policy);
    Optimizer optimizer(trained_tensors(parameters), {}, options.num_warmup_steps + options.num_steps);
    SelfCommunicator self;
    GradientSync gradient_sync(optimizer.parameters(), self);
    TrainStep step(model, optimizer, gradient_sync, self, {.loss = {}, .seed = 1});
    RandomBatch const batch(sizes, {.num_rows = options.batch_size,
                                    .frames = options.frames(),
                                    .text_tokens = options.text_tokens});
    BatchUploader uploader(options.device());

    std::vector<double> seconds;
    for (std::int64_t i = 0; i < options.num_warmup_steps + options.num_steps; ++i) {
        // There before the clock runs: loading is measured by itself (ctclip-bench loader).
        UploadedBatch uploaded = uploader.upload(borrowed(batch.batch()));
        StepTimer timer;
        timer.start();
        StepResult const result = step.run(i, {1, [&] { return std::move(uploaded); }}, timer);
        double const loss = HostCopy(result.loss).read().item<double>();  // behind all that the device was given
        if (i >= options.num_warmup_steps) {
            seconds.push_back(result.timer.total_s());
            for (std::size_t part = 1; part < kStepPartNames.size(); ++part) {
                record[std::string(kStepPartNames[part]) + "_s"] = result.timer.seconds()[part];
            }
            record["loss"] = loss;
            record["grad_norm"] = result.outcome.read().grad_norm;
        }
    }
    return seconds;
}

ExitCode bench_train(ToolContext& tool, BenchTrainOptions const& options) {
    require(options.frames() % 10 == 0, ExitCode::kUsage,
            "--frames {}: must be a multiple of 10, the slices of a patch", options.frames());
    require(!options.use_cuda || at::hasCUDA(), ExitCode::kUnavailable,
            "--cuda, but this build or this machine has no GPU");
    if (options.num_threads > 0) {
        at::set_num_threads(static_cast<int>(options.num_threads));
    }
    nlohmann::json record;
    set_accurate_sums();
    nlohmann::ordered_json const step_s = spread(time_steps(options, record));
    for (auto const& [name, value] : step_s.items()) {
        record["step_s_" + name] = value;
    }
    record.update({{"schema", "ctclip.bench.train/1"},
                   {"size", name_of(options.size)},
                   {"batch", options.batch_size},
                   {"frames", options.frames()},
                   {"text_tokens", options.text_tokens},
                   {"precision", name_of(options.precision)},
                   {"device", options.device().str()},
                   {"threads", at::get_num_threads()},
                   {"steps", options.num_steps},
                   {"peak_memory_bytes", peak_memory_bytes()},
                   {"capability", at::get_cpu_capability()},
                   {"software", software_name()}});
    if (auto const device_bytes = peak_device_memory_bytes(options.device())) {
        record["peak_device_memory_bytes"] = *device_bytes;
    }
    tool.write_json(record);
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_train_command() {
    return make_command<BenchTrainOptions>(
        "train", "time and peak memory of training steps on made-up data",
        {{"ctclip-bench train --size full --threads 2", "one volume of 480x480x240 at the published sizes"}},
        [](Schema& schema, BenchTrainOptions& options) {
            bind_bench_model(schema, options.size);
            schema.key("batch", options.batch_size, "samples of a step").min(1).max(kMaxBatch).flag("--batch");
            schema
                .key("frames", options.num_frames,
                     "slices of each volume, a multiple of 10; 0: 240 (full) or 60 (small)")
                .min(0)
                .max(240)
                .flag("--frames");
            schema.key("text_tokens", options.text_tokens, "tokens of each report")
                .min(2)
                .max(512)
                .flag("--text-tokens");
            schema.key("steps", options.num_steps, "measured steps").positive().flag("--steps");
            schema.key("warmup", options.num_warmup_steps, "steps before them").min(0).flag("--warmup");
            schema.key("cuda", options.use_cuda, "on the first GPU instead of the CPU").flag("--cuda");
            schema.key("threads", options.num_threads, "0: LibTorch's choice")
                .min(0)
                .max(1024)
                .flag("--threads");
            schema
                .choice("precision", options.precision,
                        {{"fp32", ComputeType::kFloat},
                         {"bf16", ComputeType::kBFloat16},
                         {"fp16", ComputeType::kHalf}},
                        "compute type")
                .flag("--precision");
        },
        bench_train);
}

}  // namespace ctclip
