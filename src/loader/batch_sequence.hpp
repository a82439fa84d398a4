/// Which samples make which batch on which rank: pure arithmetic, no I/O, no communication.
///
/// A global batch is world_size * batch_size consecutive positions of the epoch's order; rank r takes the
/// r-th batch_size of them. All ranks therefore make the same number of batches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/sample_order.hpp"

namespace ctclip {

/// What happens to the last samples of an epoch when they do not fill a global batch.
enum class Remainder : std::uint8_t {
    kDrop,  ///< left out this epoch (training)
    kPad,   ///< the batch is filled with rows that are marked as padding (evaluation: each sample exactly
            ///< once)
    kWrap,  ///< the batch is filled from the beginning of the epoch's order
};

enum class Epochs : std::uint8_t { kOne, kEndless };

/// Where a run stands in its data; goes into the checkpoint, in less than 200 bytes. Valid for any world size
/// and worker count.
struct SamplerState {
    std::uint64_t seed = 0;
    std::int64_t epoch = 0;
    std::int64_t position = 0;        ///< samples of this epoch that are used up, over all ranks
    std::string dataset_digest = {};  ///< of the source; empty: not checked
    std::string order = {};           ///< OrderOptions::rule_name(); empty: not checked

    friend bool operator==(SamplerState const&, SamplerState const&) = default;
};

struct SequenceOptions {
    OrderOptions order;
    Remainder remainder = Remainder::kDrop;
    Epochs epochs = Epochs::kEndless;
    std::int64_t batch_size = 1;  ///< rows of one rank
    int rank = 0;
    int world_size = 1;

    std::int64_t global_batch_size() const { return batch_size * world_size; }
    /// Of a whole epoch.
    std::int64_t batches_per_epoch() const;
};

struct BatchRow {
    std::int64_t position = 0;  ///< in the epoch
    std::int64_t index = 0;     ///< in the dataset; kPaddingRow: no sample
    std::vector<std::int64_t> replaced = {};  ///< bad samples whose place `index` took, in the order tried
};
inline constexpr std::int64_t kPaddingRow = -1;

/// One rank's part of a global batch.
struct BatchRows {
    std::vector<BatchRow> rows;  ///< batch_size of them, padding last
    SamplerState state_after;    ///< once every rank has used this global batch
};

class BatchSequence {
  public:
    /// @throws Error kBadConfig when an epoch has no batch, kBadInput when `state` does not fit the dataset
    /// or counts in another order.
    BatchSequence(SequenceOptions const& options, SamplerState state);

    /// The next batch; nothing after the last (Epochs::kOne).
    std::optional<BatchRows> next();

  private:
    SampleOrder order_of_epoch() const;
    bool has_batch() const;

    SequenceOptions options_;
    SamplerState state_;
    SampleOrder order_;  // of state_.epoch
};

}  // namespace ctclip
