/// Text and other bytes of any length between ranks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dist/communicator.hpp"

namespace ctclip {

/// What every rank passed, rank 0's first; lengths may differ. Collective, over a host communicator.
std::vector<std::string> gather_bytes(std::string_view local, Communicator& communicator);

/// Rank `root`'s text on every rank. Collective, over a host communicator.
std::string broadcast_text(std::string text, int root, Communicator& communicator);

}  // namespace ctclip
