/// What a conversion writes beside its shards: sums, and how foreign loaders reach the samples.
#pragma once

#include <filesystem>

#include "convert/conversion_summary.hpp"
#include "convert/convert_plan.hpp"

namespace ctclip {

/// How DALI and Energon reach the samples of a finished shard. Leaves what is there.
void write_shard_indexes(std::filesystem::path const& shard);

/// For rank 0, once all shards are there: sums, indexes of the folder, the manifest last.
ConversionSummary write_results(ConvertPlan const& plan, std::filesystem::path const& output);

}  // namespace ctclip
