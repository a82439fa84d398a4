#include "train/bad_sample_budget.hpp"

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "dist/gather_bytes.hpp"

namespace ctclip {
namespace {

constexpr char const* kArrayName = "bad_samples";

std::vector<std::int64_t> indices_in(std::span<char const> bytes) {
    std::vector<std::int64_t> indices(bytes.size() / sizeof(std::int64_t));
    std::memcpy(indices.data(), bytes.data(), indices.size() * sizeof(std::int64_t));
    return indices;
}

}  // namespace

void BadSampleBudget::note(HostBatch const& batch) {
    for (BatchRow const& row : batch.rows) {
        for (std::int64_t const index : row.replaced) {
            if (!indices_.contains(index)) {
                news_.insert(index);
            }
        }
    }
}

void BadSampleBudget::share(Communicator& host) {
    std::int32_t has_news = news_.empty() ? 0 : 1;
    host.all_reduce(&has_news, 1, Element::kI32, Reduction::kMax);
    if (has_news == 0) {
        return;
    }
    std::vector<std::int64_t> const mine(news_.begin(), news_.end());
    std::string_view const bytes(reinterpret_cast<char const*>(mine.data()), mine.size() * sizeof mine[0]);
    for (std::string const& of_rank : gather_bytes(bytes, host)) {
        std::vector<std::int64_t> const indices = indices_in(of_rank);
        indices_.insert(indices.begin(), indices.end());
    }
    news_.clear();
    require(count() <= limit_, ExitCode::kBadInput,
            "{} different samples of this run are bad (all ranks, all its starts), data.max_bad_samples allows {}. "
            "Warnings in the logs of the run name each of them, and what checks the data.",
            count(), limit_);
}

void BadSampleBudget::save_to(StateGroup& sampler) const {
    if (indices_.empty()) {
        return;
    }
    std::vector<std::int64_t> const indices(indices_.begin(), indices_.end());
    auto const bytes = std::as_bytes(std::span(indices));
    sampler.arrays[kArrayName] = {DType::kI64, {count()}, {bytes.begin(), bytes.end()}};
}

void BadSampleBudget::restore_from(StateGroup const& sampler) {
    auto const found = sampler.arrays.find(kArrayName);
    if (found == sampler.arrays.end()) {
        return;
    }
    require(found->second.type == DType::kI64, ExitCode::kBadInput,
            "the checkpoint's list of bad samples is no list of whole numbers");
    std::span<std::int64_t const> const indices = found->second.as<std::int64_t>();
    indices_.insert(indices.begin(), indices.end());
}

}  // namespace ctclip
