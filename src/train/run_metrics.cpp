#include "train/run_metrics.hpp"

namespace ctclip {
namespace {

constexpr char const* kUnfinishedName = "validation_unfinished";

}  // namespace

void RunMetrics::note_step(double loss, double lr) {
    auto best = scalars_.extract(best_name());
    scalars_ = {{"loss", loss}, {"lr", lr}};
    scalars_.insert(std::move(best));
}

void RunMetrics::begin_validation() {
    scalars_[kUnfinishedName] = std::int64_t{1};
}

bool RunMetrics::finish_validation(std::map<std::string, double> const& values) {
    scalars_.erase(kUnfinishedName);
    scalars_.insert(values.begin(), values.end());
    auto const found = values.find(options_.best_metric);
    if (!options_.save_best || found == values.end()) {
        return false;
    }
    auto const [best, is_first] = scalars_.try_emplace(best_name(), found->second);
    double const before = std::get<double>(best->second);
    bool const is_better = options_.best_metric_mode == "max" ? found->second > before : found->second < before;
    if (is_better) {
        best->second = found->second;
    }
    return is_first || is_better;
}

bool RunMetrics::is_validation_unfinished() const {
    return scalars_.contains(kUnfinishedName);
}

}  // namespace ctclip
