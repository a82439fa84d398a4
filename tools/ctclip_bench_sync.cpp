// ctclip-bench sync, under mpirun: how much of the gradients' all-reduce disappears behind the backward pass.
// The same steps with gradients sent bucket by bucket during backward, and all of them after it, in turns; on GPUs,
// whose waiting no host sees, with gradients that stay where they are too.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "dist/self_communicator.hpp"
#include "jobs/compute_place.hpp"
#include "jobs/program_frame.hpp"
#include "model/batch_uploader.hpp"
#include "optim/host_copy.hpp"
#include "tools/bench_batch.hpp"
#include "tools/bench_model.hpp"
#include "tools/ctclip_bench.hpp"
#include "tools/median.hpp"
#include "train/state_capture.hpp"
#include "train/train_step.hpp"

namespace ctclip {
namespace {

struct BenchSyncOptions {
    BenchModel size = BenchModel::kSmall;
    std::int64_t num_rounds = 5;
    std::int64_t bucket_mib = 25;
    std::int64_t num_threads = 1;
    bool use_cuda = false;
};

/// Seconds of one kind of step, one entry a step.
struct SyncSeconds {
    std::vector<double> exposed;  // waiting after backward, of the rank that was last
    std::vector<double> step;
};

class SyncBench {
  public:
    SyncBench(BenchSyncOptions const& options, Communicator& host, ComputePlace const& place)
        : options_(options),
          host_(host),
          place_(place),
          sizes_(bench_model_options(options.size)),
          parameters_(sizes_, place.device(), policy_.master()),
          model_(sizes_, parameters_, policy_),
          optimizer_(trained_tensors(parameters_), {}, 3 * options.num_rounds + 3),
          batch_(sizes_, {.frames = options.size == BenchModel::kFull ? 240 : 60}),
          uploader_(place.device()) {
        parameters_.initialise(1);
    }

    void run(nlohmann::json& record) {
        SyncSeconds overlapped;
        SyncSeconds afterwards;
        SyncSeconds without;
        SelfCommunicator nobody;
        bool const is_on_gpu = place_.device().is_cuda();
        for (std::int64_t round = 0; round <= options_.num_rounds; ++round) {
            bool const is_warm_up = round == 0;
            SyncSeconds unused;
            run_step(place_.ranks(), SyncOverlap::kWithBackward, is_warm_up ? unused : overlapped);
            run_step(place_.ranks(), SyncOverlap::kAfterBackward, is_warm_up ? unused : afterwards);
            if (is_on_gpu) {
                run_step(nobody, SyncOverlap::kAfterBackward, is_warm_up ? unused : without);
            }
        }
        auto const exposed = [&](SyncSeconds const& seconds) {
            return is_on_gpu ? median(seconds.step) - median(without.step) : median(seconds.exposed);
        };
        double const exposed_s = exposed(overlapped);
        double const whole_s = exposed(afterwards);
        record.update({{"sync_s", whole_s},
                       {"exposed_s", exposed_s},
                       {"step_overlapped_s", median(overlapped.step)},
                       {"step_afterwards_s", median(afterwards.step)},
                       {"buckets", num_buckets_},
                       {"overlapped_buckets", num_overlapped_},
                       {"gradient_bytes", 4 * parameters_.num_trained_parameters()}});
        if (whole_s > 0.0) {  // differences of measured times: noise can take either past the other, or below 0
            record["hidden_share"] = std::clamp(1.0 - exposed_s / whole_s, 0.0, 1.0);
        }
    }

  private:
    void run_step(Communicator& averaging, SyncOverlap overlap, SyncSeconds& seconds) {
        GradientSync sync(
            optimizer_.parameters(), averaging,
            {.bucket_cap_bytes = static_cast<std::size_t>(options_.bucket_mib) << 20, .overlap = overlap});
        TrainStep step(model_, optimizer_, sync, place_.ranks(), {.loss = {}, .seed = 1});
        UploadedBatch uploaded = uploader_.upload(borrowed(batch_.batch()));
        host_.barrier();
        StepTimer timer;
        timer.start();
        StepResult const result = step.run(num_steps_++, {1, [&] { return std::move(uploaded); }}, timer);
        HostCopy(result.loss).read();  // behind all that the device was given
        // The rank that comes last waits for the sums alone, not for others.
        double exposed_s = sync.exposed_s();
        double step_s = result.timer.total_s();
        host_.all_reduce(&exposed_s, 1, Element::kF64, Reduction::kMin);
        host_.all_reduce(&step_s, 1, Element::kF64, Reduction::kMax);
        seconds.exposed.push_back(exposed_s);
        seconds.step.push_back(step_s);
        if (overlap == SyncOverlap::kWithBackward) {
            num_buckets_ = sync.num_buckets();
            num_overlapped_ = sync.num_overlapped_buckets();
        }
    }

    BenchSyncOptions options_;
    Communicator& host_;
    ComputePlace const& place_;
    PrecisionPolicy policy_{ComputeType::kFloat};
    ModelOptions sizes_;
    ParameterSet parameters_;
    ClipModel model_;
    Optimizer optimizer_;
    RandomBatch batch_;
    BatchUploader uploader_;
    std::int64_t num_steps_ = 0;
    std::size_t num_buckets_ = 0;
    std::size_t num_overlapped_ = 0;
};

ExitCode bench_sync(ToolContext& tool, BenchSyncOptions const& options) {
    MpiSession const session;
    Communicator& host = session.communicator();
    require(host.world_size() > 1, ExitCode::kUsage,
            "one rank has nothing to average. Start it as: mpirun -n 2 ctclip-bench sync");
    Failure const failure = failure_of([&] {
        ComputePlace const place(session, {.device = {.use_cuda = options.use_cuda,
                                                      .require_cuda = options.use_cuda,
                                                      .num_threads = options.num_threads},
                                           .gpu_link = GpuLink::kNccl});
        nlohmann::json record = {{"schema", "ctclip.bench.sync/1"}, {"size", name_of(options.size)},
                                 {"device", place.name()},          {"software", software_name()},
                                 {"ranks", host.world_size()},      {"threads_per_rank", options.num_threads},
                                 {"rounds", options.num_rounds},    {"bucket_mib", options.bucket_mib}};
        SyncBench(options, host, place).run(record);
        if (host.rank() == 0) {
            tool.write_json(record);
        }
    });
    if (failure) {  // the others may wait for this rank
        log_failure(failure);
        session.abort(failure.code);
    }
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_sync_command() {
    return make_command<BenchSyncOptions>(
        "sync", "share of the gradients' all-reduce that is hidden behind the backward pass",
        {{"mpirun -n 2 ctclip-bench sync", "two ranks of one thread each, the small model"},
         {"mpirun -n 8 ctclip-bench sync --cuda --size full", "a rank on every GPU, over NCCL"}},
        [](Schema& schema, BenchSyncOptions& options) {
            bind_bench_model(schema, options.size);
            schema.key("rounds", options.num_rounds, "measured steps of each kind")
                .positive()
                .flag("--rounds");
            schema.key("bucket_mib", options.bucket_mib, "size of a bucket").positive().flag("--bucket-mib");
            schema.key("cuda", options.use_cuda, "over NCCL, a rank on each GPU").flag("--cuda");
            schema.key("threads", options.num_threads, "of a rank").positive().max(1024).flag("--threads");
        },
        bench_sync);
}

}  // namespace ctclip
