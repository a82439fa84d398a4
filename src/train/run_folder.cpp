#include "train/run_folder.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/output_folder.hpp"

namespace ctclip {
namespace {

std::filesystem::path create(TrainOptions const& options) {
    require_new_or_resumable(options);
    create_folder(options.run.dir);
    return options.run.dir;
}

RetentionPolicy make_retention(CheckpointOptions const& options) {
    RetentionPolicy policy;
    policy.keep_last = static_cast<std::size_t>(options.keep_last_n);
    if (options.save_best) {
        policy.best = options.best_metric_mode == "max" ? RetentionPolicy::Best::kHighest
                                                        : RetentionPolicy::Best::kLowest;
        policy.metric = options.best_metric;
    }
    return policy;
}

}  // namespace

std::filesystem::path checkpoint_folder(TrainOptions const& options) {
    return options.checkpoint.save_dir.empty() ? options.run.dir / "checkpoints"
                                               : options.checkpoint.save_dir;
}

void require_new_or_resumable(TrainOptions const& options) {
    std::filesystem::path const& dir = options.run.dir;
    std::error_code ignored;
    require(!options.from_scratch || !std::filesystem::exists(dir, ignored) ||
                std::filesystem::is_empty(dir, ignored),
            ExitCode::kCannotCreate,
            "--from-scratch, but the run folder {} is not empty: a finished run is never overwritten. Choose "
            "another run.dir, or leave --from-scratch out to resume",
            dir.string());
}

RunFolder::RunFolder(TrainOptions const& options)
    : dir_(create(options)),
      lock_(dir_, "ctclip-train"),
      store_(checkpoint_folder(options), make_retention(options.checkpoint)),
      saver_(store_),
      use_tensorboard_(options.logging.use_tensorboard) {}

void RunFolder::start(std::string const& config_yaml, nlohmann::ordered_json const& run_record,
                      LastSteps const& last) {
    write_durably(dir_ / "config.yaml", config_yaml, IfExists::kReplace);
    write_durably(dir_ / "run.json", run_record.dump(2) + "\n", IfExists::kReplace);
    metrics_ = std::make_unique<MetricsLog>(dir_ / "metrics.jsonl", last);
    if (use_tensorboard_) {
        create_folder(dir_ / "tensorboard");
        tensorboard_ = std::make_unique<TensorboardWriter>(dir_ / "tensorboard", last.trained + 1);
    }
}

void RunFolder::log(std::int64_t step, nlohmann::ordered_json const& record, std::string const& tag_prefix) {
    metrics_->append(record);
    if (!tensorboard_) {
        return;
    }
    std::vector<std::pair<std::string, double>> scalars;
    for (auto const& [name, value] : record.items()) {
        if (value.is_number() && name != "step") {
            scalars.emplace_back(tag_prefix + name, value.get<double>());
        }
    }
    tensorboard_->write_scalars(step, scalars);
}

}  // namespace ctclip
