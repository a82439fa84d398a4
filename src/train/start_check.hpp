/// Whether a run could start here and hold out, found out without writing anything (--dry-run).
#pragma once

#include "dist/communicator.hpp"
#include "train/train_options.hpp"

namespace ctclip {

/// Checkpoints that lie in the run's folder at the same time, at most: those kept, the best one, and the one being
/// written.
std::int64_t most_checkpoints(CheckpointOptions const& options);

/// The folders of the run can be made and written, nobody else uses them, and their file system takes the checkpoints
/// to come; those of an earlier start make room for them. Not collective.
/// @param checkpoint_bytes  of one file
/// @throws Error kCannotCreate, kNoPermission, kIoError.
void require_room_for_files(TrainOptions const& options, double checkpoint_bytes);

/// Every host has the memory for its ranks. Collective.
/// @param needed_bytes  of this rank
/// @throws Error kBadConfig on the ranks of a host that has less.
void require_room_in_memory(double needed_bytes, Communicator& host);

}  // namespace ctclip
