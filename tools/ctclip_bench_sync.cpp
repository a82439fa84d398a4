// ctclip-bench sync, under mpirun: how much of the gradients' all-reduce disappears behind the backward pass.
// The same steps with gradients sent bucket by bucket during backward, and all of them after it, in turns.
#include <ATen/Parallel.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/build_info.hpp"
#include "base/error.hpp"
#include "jobs/program_frame.hpp"
#include "model/batch_uploader.hpp"
#include "mpi/mpi_session.hpp"
#include "tools/bench_batch.hpp"
#include "tools/bench_model.hpp"
#include "tools/ctclip_bench.hpp"
#include "train/state_capture.hpp"
#include "train/train_step.hpp"
#include "tools/median.hpp"

namespace ctclip {
namespace {

struct BenchSyncOptions {
    BenchModel size = BenchModel::kSmall;
    std::int64_t num_rounds = 5;
    std::int64_t bucket_mib = 25;
    std::int64_t num_threads = 1;
};

/// Seconds of one kind of step, one entry a step.
struct SyncSeconds {
    std::vector<double> exposed;  // waiting after backward, of the rank that was last
    std::vector<double> step;
};

class SyncBench {
  public:
    SyncBench(BenchSyncOptions const& options, Communicator& ranks)
        : options_(options),
          ranks_(ranks),
          sizes_(bench_model_options(options.size)),
          parameters_(sizes_, at::kCPU, policy_.master()),
          model_(sizes_, parameters_, policy_),
          optimizer_(trained_tensors(parameters_), {}, 2 * options.num_rounds + 2),
          batch_(sizes_, {.frames = options.size == BenchModel::kFull ? 240 : 60}) {
        parameters_.initialise(1);
    }

    void run(nlohmann::json& record) {
        SyncSeconds overlapped;
        SyncSeconds afterwards;
        for (std::int64_t round = 0; round <= options_.num_rounds; ++round) {
            bool const is_warm_up = round == 0;
            SyncSeconds unused;
            run_step(SyncOverlap::kWithBackward, is_warm_up ? unused : overlapped);
            run_step(SyncOverlap::kAfterBackward, is_warm_up ? unused : afterwards);
        }
        double const exposed_s = median(overlapped.exposed);
        double const whole_s = median(afterwards.exposed);
        record.update({{"sync_s", whole_s},
                       {"exposed_s", exposed_s},
                       {"hidden_share", 1.0 - exposed_s / whole_s},
                       {"step_overlapped_s", median(overlapped.step)},
                       {"step_afterwards_s", median(afterwards.step)},
                       {"buckets", num_buckets_},
                       {"overlapped_buckets", num_overlapped_},
                       {"gradient_bytes", 4 * parameters_.num_trained_parameters()}});
    }

  private:
    void run_step(SyncOverlap overlap, SyncSeconds& seconds) {
        GradientSync sync(
            optimizer_.parameters(), ranks_,
            {.bucket_cap_bytes = static_cast<std::size_t>(options_.bucket_mib) << 20, .overlap = overlap});
        TrainStep step(model_, optimizer_, sync, ranks_, {.loss = {}, .seed = 1});
        ranks_.barrier();
        StepTimer timer;
        timer.start();
        auto const next = [this] { return uploader_.upload(borrowed(batch_.batch())); };
        StepResult const result = step.run(num_steps_++, {1, next}, timer);
        // The rank that comes last waits for the sums alone, not for others.
        double exposed_s = sync.exposed_s();
        double step_s = result.timer.total_s();
        ranks_.all_reduce(&exposed_s, 1, Element::kF64, Reduction::kMin);
        ranks_.all_reduce(&step_s, 1, Element::kF64, Reduction::kMax);
        seconds.exposed.push_back(exposed_s);
        seconds.step.push_back(step_s);
        if (overlap == SyncOverlap::kWithBackward) {
            num_buckets_ = sync.num_buckets();
            num_overlapped_ = sync.num_overlapped_buckets();
        }
    }

    BenchSyncOptions options_;
    Communicator& ranks_;
    PrecisionPolicy policy_{ComputeType::kFloat};
    ModelOptions sizes_;
    ParameterSet parameters_;
    ClipModel model_;
    Optimizer optimizer_;
    RandomBatch batch_;
    BatchUploader uploader_{at::kCPU};
    std::int64_t num_steps_ = 0;
    std::size_t num_buckets_ = 0;
    std::size_t num_overlapped_ = 0;
};

ExitCode bench_sync(ToolContext& tool, BenchSyncOptions const& options) {
    MpiSession const session;
    Communicator& ranks = session.communicator();
    require(ranks.world_size() > 1, ExitCode::kUsage,
            "one rank has nothing to average. Start it as: mpirun -n 2 ctclip-bench sync");
    Failure const failure = failure_of([&] {
        at::set_num_threads(static_cast<int>(options.num_threads));
        nlohmann::json record = {{"schema", "ctclip.bench.sync/1"}, {"size", name_of(options.size)},
                                 {"ranks", ranks.world_size()},     {"threads_per_rank", options.num_threads},
                                 {"rounds", options.num_rounds},    {"bucket_mib", options.bucket_mib},
                                 {"software", software_name()}};
        SyncBench(options, ranks).run(record);
        if (ranks.rank() == 0) {
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
        {{"mpirun -n 2 ctclip-bench sync", "two ranks of one thread each, the small model"}},
        [](Schema& schema, BenchSyncOptions& options) {
            bind_bench_model(schema, options.size);
            schema.key("rounds", options.num_rounds, "measured steps of each kind")
                .positive()
                .flag("--rounds");
            schema.key("bucket_mib", options.bucket_mib, "size of a bucket").positive().flag("--bucket-mib");
            schema.key("threads", options.num_threads, "of a rank").positive().max(1024).flag("--threads");
        },
        bench_sync);
}

}  // namespace ctclip
