#include "train/validator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evaluate/evaluation_metrics.hpp"
#include "evaluate/zero_shot.hpp"
#include "study/study_table.hpp"

namespace ctclip {
namespace {

bool is_wanted(std::vector<std::string> const& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string ValidationResult::summary() const {
    std::string text;
    for (auto const& [name, value] : metrics) {
        text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", name, value);
    }
    return text.empty() ? "no class has both positives and negatives" : text;
}

Validator::Validator(ClipModel const& model, RunInputs const& inputs, TrainOptions const& options,
                     Communicator& host, at::Device device)
    : model_(model),
      inputs_(inputs),
      options_(options),
      host_(host),
      device_(device),
      prompts_(make_prompts("there_is", {kAbnormalityNames.begin(), kAbnormalityNames.end()})) {}

std::optional<ValidationResult> Validator::run(std::function<bool()> const& goes_on) const {
    DeviceLoader loader(inputs_.validation_set,
                        scoring_loader_options(options_.data, options_.validation.eval_samples, host_), nullptr,
                        SamplerState{}, device_, model_.policy().model_input());
    ZeroShotClassifier const classifier(model_, *inputs_.tokenizer, prompts_, options_.model.max_length,
                                        device_);
    bool is_complete = true;
    ZeroShotScores const mine =
        classifier.score(loader, KeepLatents::kNo, [&] { return is_complete = goes_on(); });
    if (!is_complete) {
        return std::nullopt;
    }
    ZeroShotScores const scores = gather_scores(mine, host_);

    MetricOptions metric_options;
    metric_options.threshold = options_.validation.threshold;
    metric_options.bootstrap.num_replicates = options_.validation.use_bootstrap ? 1000 : 0;
    EvaluationMetrics const evaluation = evaluate_scores(to_score_table(scores, prompts_), metric_options);

    ValidationResult result;
    for (std::size_t i = 0; i < kNumMetrics; ++i) {
        std::string const name(kMetricNames[i]);
        if (!is_wanted(options_.validation.metrics, name)) {
            continue;
        }
        auto const add = [&](std::string const& key, double value) {
            if (std::isfinite(value)) {
                result.metrics[key] = value;
            }
        };
        add(name, evaluation.macro.values[i]);
        add("weighted_" + name, evaluation.weighted.values[i]);
        add(name + "_ci_lower", evaluation.macro_intervals[i].lower);
        add(name + "_ci_upper", evaluation.macro_intervals[i].upper);
    }
    return result;
}

}  // namespace ctclip
