/// Bytes that look random and are always the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/splitmix64.hpp"

namespace ctclip {

inline std::vector<std::byte> random_bytes(std::uint64_t seed, std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::byte>(splitmix64(seed, i));
    }
    return bytes;
}

}  // namespace ctclip
