/// Ranks as threads of one process, for tests of collective code: run_ranks(n, body) calls body(communicator)
/// on n threads at once and rethrows the first exception.
#pragma once

#include <functional>

#include "dist/communicator.hpp"

namespace ctclip {

void run_ranks(int world_size, std::function<void(Communicator&)> const& body);

}  // namespace ctclip
