#include "dist/gather_bytes.hpp"

#include <algorithm>
#include <cstdint>

namespace ctclip {

std::vector<std::string> gather_bytes(std::string_view local, Communicator& communicator) {
    auto const world_size = static_cast<std::size_t>(communicator.world_size());
    std::uint64_t const length = local.size();
    std::vector<std::uint64_t> lengths(world_size);
    communicator.all_gather(&length, lengths.data(), sizeof length);

    std::size_t const longest = *std::ranges::max_element(lengths);
    std::string sent(local);
    sent.resize(longest);
    std::string received(longest * world_size, '\0');
    if (longest > 0) {
        communicator.all_gather(sent.data(), received.data(), longest);
    }
    std::vector<std::string> parts;
    for (std::size_t rank = 0; rank < world_size; ++rank) {
        parts.push_back(received.substr(rank * longest, lengths[rank]));
    }
    return parts;
}

std::string broadcast_text(std::string text, int root, Communicator& communicator) {
    std::uint64_t length = text.size();
    communicator.broadcast(&length, sizeof length, root);
    text.resize(length);
    communicator.broadcast(text.data(), length, root);
    return text;
}

}  // namespace ctclip
