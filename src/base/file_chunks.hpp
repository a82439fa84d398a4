/// A stretch of a file in bounded memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

inline constexpr std::size_t kFileChunkBytes = std::size_t{1} << 20;

/// Calls `use(std::span<std::byte const>)` for the bytes [offset, offset + num_bytes), in order.
/// @throws Error as read_exactly.
template <class Use>
void for_each_chunk(FileDescriptor const& file, std::filesystem::path const& path, std::uint64_t offset,
                    std::uint64_t num_bytes, Use const& use) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(num_bytes, kFileChunkBytes));
    while (num_bytes > 0) {
        std::span<std::byte> const chunk(buffer.data(), std::min<std::uint64_t>(num_bytes, buffer.size()));
        read_exactly(file, path, offset, chunk);
        use(std::span<std::byte const>(chunk));
        offset += chunk.size();
        num_bytes -= chunk.size();
    }
}

}  // namespace ctclip
