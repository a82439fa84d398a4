/// One checkpoint file: TrainState <-> envelope + HDF5 (docs/checkpoint_format.md). Equal states give equal
/// bytes.
#pragma once

#include <filesystem>

#include "base/durable_file.hpp"
#include "checkpoint/envelope.hpp"
#include "checkpoint/file_image.hpp"
#include "checkpoint/train_state.hpp"

namespace ctclip {

/// Serialises and commits (DurableFile). Consumes the state: every array is freed once it is in the image, so
/// that memory peaks at about one checkpoint beside what the caller keeps.
/// @throws Error kBadInput for a state the format cannot hold, kTryAgain when memory runs out, kCannotCreate,
/// kIoError, kNoPermission; then nothing new is under `path`.
void write_checkpoint(std::filesystem::path const& path, TrainState state,
                      IfExists if_exists = IfExists::kRefuse);

/// The file's bytes without writing them.
FileImage serialise_checkpoint(TrainState state);

enum class CheckpointParts {
    kAll,
    kModel,  ///< `info`, `metrics` and `model`; the other members stay empty
    kInfo,   ///< `info` and `metrics`
};

/// Checks the envelope and the SHA-256 of the whole file, then reads. Memory: what is read.
/// @throws Error kBadInput naming what is wrong: damage, a newer format, a part that is missing.
TrainState read_checkpoint(std::filesystem::path const& path, CheckpointParts parts = CheckpointParts::kAll);

/// Length and digest of the whole file against its envelope. Returns the envelope.
/// @throws Error kBadInput when anything differs.
Envelope verify_checkpoint_digest(std::filesystem::path const& path);

/// verify_checkpoint_digest, and every chunk of every array is decoded.
void verify_checkpoint(std::filesystem::path const& path);

/// True if the file begins with a checkpoint's envelope.
bool is_checkpoint(std::filesystem::path const& path);

}  // namespace ctclip
