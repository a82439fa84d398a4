/// The convert job: NPZ volumes and CSVs -> shards, sidecars, manifest.
///
/// Output folder:
///   plan.json               which study goes where; made once (convert_plan.hpp)
///   shard-%06d.tar          byte for byte the Python converter's, whatever the number of ranks
///   shard-%06d.index.json   sidecar of each shard (shard/sidecar.hpp)
///   shard-%06d.idx, shard-%06d.tar.idx, .nv-meta/, wids.json
///                           how NVIDIA DALI, Megatron-Energon and webdataset's wids reach single samples
///   conversion.json         sums, compression ratios, digests of all shards
///   manifest.json           the Python converter's; written last: its presence says that all is done
///
/// Every file appears complete or not at all. After any interruption the same command goes on: finished
/// shards are checked against their digests and kept, everything else is converted again to the same bytes.
/// Sources are only ever read.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/progress.hpp"
#include "convert/convert_options.hpp"
#include "convert/sample_converter.hpp"
#include "dist/communicator.hpp"

namespace ctclip {

/// What the job needs from the program around it.
struct ConvertEnvironment {
    Communicator& communicator;
    std::function<bool()> stop_requested;  ///< of this rank
    std::function<Progress(std::string what, std::string unit, std::int64_t total)> progress;
    std::function<void(std::string_view)> write;  ///< the result, for people; shown once
    VolumePreprocessor preprocess;                ///< for layout `preprocessed`
};

/// How the volumes of this run were decoded, on all ranks.
struct DecodedVolumes {
    std::int64_t num_whole = 0;      ///< in one buffer
    std::int64_t num_in_pieces = 0;  ///< because of convert.memory_limit_mb
};

/// Collective. Each rank converts whole shards of its own.
/// @throws Error kBadInput: an input is wrong, finished shards stay; kBadConfig: the output was begun with
/// other
///         settings; kCannotCreate: another job works there, or it holds files that are not ours; kIoError.
///         Stopped, on all ranks, after a stop request: the same command goes on.
DecodedVolumes convert(ConvertOptions const& options, ConvertEnvironment const& environment);

/// Collective, writes nothing. Reads the inputs' lists, a few volumes and the plan, and says what convert()
/// would do.
/// @throws Error as convert(); kCannotCreate if the output would not fit on its file system.
void dry_run_convert(ConvertOptions const& options, ConvertEnvironment const& environment);

}  // namespace ctclip
