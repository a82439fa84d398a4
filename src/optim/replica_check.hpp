/// Do all ranks still hold the same weights? Data-parallel ranks never exchange weights, so a bit flipped in
/// one of them stays, and the run quietly trains two models.
#pragma once

#include <cstdint>

#include "dist/communicator.hpp"
#include "optim/named_tensor.hpp"

namespace ctclip {

/// Collective; waits for the device. Compares a 64-bit digest of every tensor's bits over the ranks: any
/// single flipped bit is found. Costs one read of the tensors.
/// @param tensors       float32, float64 or int64, contiguous; the same list on every rank.
/// @param communicator  for host memory.
/// @param step          for the message.
/// @throws Error kTryAgain on every rank, naming the first tensor that differs and the ranks that do.
void require_equal_replicas(NamedTensors const& tensors, Communicator& communicator, std::int64_t step);

}  // namespace ctclip
