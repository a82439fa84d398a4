/// Whether going on from a checkpoint gives, bit for bit, what the unbroken run would have given.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/train_state.hpp"
#include "train/train_world.hpp"

namespace ctclip {

/// What differs between the run that saved `then` and the one that goes on, a line each ("training.eps: 1e-08 then,
/// 1e-06 now"): versions, threads, samples a step, and every setting that reaches the mathematics. Settings of logs,
/// intervals, limits of time, places of files and numbers of loading threads do not. Another world size with as many
/// samples a step is no difference: its sample sequence is the same, and its sums differ by rounding only.
/// @param compares_threads  false on a GPU, where the threads of the host change no bit.
std::vector<std::string> find_resume_differences(CheckpointInfo const& then, CheckpointInfo const& now,
                                                 bool compares_threads);

/// @param path       of the checkpoint, for messages
/// @param not_exact  warn of differences (on rank 0) instead of refusing them
/// @throws Error kBadConfig naming each difference.
void require_same_run(CheckpointInfo const& then, CheckpointInfo const& now, std::string const& path,
                      TrainWorld const& world, bool not_exact);

}  // namespace ctclip
