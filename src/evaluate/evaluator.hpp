/// The evaluate job: checkpoint + shards -> scores and metrics.
#pragma once

#include <ATen/ATen.h>

#include <functional>

#include "dist/communicator.hpp"
#include "evaluate/evaluate_options.hpp"
#include "evaluate/evaluation.hpp"

namespace ctclip {

struct EvaluateWorld {
    Communicator& host;  ///< over host memory
    at::Device device;
    std::function<bool()> stop_requested;  ///< of this rank; asked before each batch
    bool is_dry_run = false;               ///< read the inputs, score nothing
};

/// Collective: the ranks share the studies, each study is scored once; every rank returns the same. Goes on from the
/// scores that a stopped evaluation of the same inputs left in options.output, a folder that exists.
/// @throws Stopped on every rank once one was asked to stop and the scores so far are saved.
/// @throws Error kBadInput for a checkpoint, vocabulary or shards that cannot be used, and for shards without
/// labels;
///         kBadConfig.
Evaluation evaluate(EvaluateOptions const& options, EvaluateWorld const& world);

}  // namespace ctclip
