#include "loader/batch_sequence.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace ctclip {

std::int64_t SequenceOptions::batches_per_epoch() const {
    std::int64_t const global = global_batch_size();
    return remainder == Remainder::kDrop ? order.num_samples / global
                                         : (order.num_samples + global - 1) / global;
}

BatchSequence::BatchSequence(SequenceOptions const& options, SamplerState state)
    : options_(options), state_(std::move(state)), order_(order_of_epoch()) {
    require(options_.order.num_samples > 0, ExitCode::kBadInput, "the dataset has no samples");
    require(options_.batches_per_epoch() > 0, ExitCode::kBadConfig,
            "{} samples do not fill one global batch of {} ranks x data.batch_size {}. Use fewer ranks or a "
            "smaller batch.",
            options_.order.num_samples, options_.world_size, options_.batch_size);
    require(state_.epoch >= 0 && state_.position >= 0 && state_.position <= options_.order.num_samples,
            ExitCode::kBadInput,
            "the data position to resume from (epoch {}, sample {}) does not fit a dataset of {} samples",
            state_.epoch, state_.position, options_.order.num_samples);
    std::string const rule = options_.order.rule_name();
    require(state_.order.empty() || state_.order == rule, ExitCode::kBadInput,
            "the data position to resume from counts samples in the order '{}', this run in '{}': samples "
            "would be used twice or not at all. Resume with the program and the data.shuffle settings that "
            "the run was started with, or begin a new run from its weights (model.init_from).",
            state_.order, rule);
    state_.order = rule;
}

SampleOrder BatchSequence::order_of_epoch() const {
    return {options_.order, state_.seed, state_.dataset_digest, state_.epoch};
}

std::optional<BatchRows> BatchSequence::next() {
    if (!has_batch()) {
        if (options_.epochs == Epochs::kOne) {
            return std::nullopt;
        }
        ++state_.epoch;
        state_.position = 0;
        order_ = order_of_epoch();
    }
    BatchRows batch;
    std::int64_t const first = state_.position + options_.rank * options_.batch_size;
    for (std::int64_t row = 0; row < options_.batch_size; ++row) {
        std::int64_t position = first + row;
        if (position >= options_.order.num_samples && options_.remainder == Remainder::kPad) {
            batch.rows.push_back({position, kPaddingRow});
            continue;
        }
        position %= options_.order.num_samples;
        batch.rows.push_back({position, order_.at(position)});
    }
    state_.position = std::min(state_.position + options_.global_batch_size(), options_.order.num_samples);
    batch.state_after = state_;
    return batch;
}

bool BatchSequence::has_batch() const {
    std::int64_t const num_left = options_.order.num_samples - state_.position;
    return options_.remainder == Remainder::kDrop ? num_left >= options_.global_batch_size() : num_left > 0;
}

}  // namespace ctclip
