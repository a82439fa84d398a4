/// Large files around the page cache: a shard is written once and read by others, so its pages would only
/// push out theirs, and copying them costs more processor time than everything else about writing. Where a
/// file system has no direct I/O the same calls go through the page cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/file_descriptor.hpp"
#include "base/large_memory.hpp"

namespace ctclip {

/// Sizes, offsets and memory of direct I/O are multiples of this.
inline constexpr std::size_t kDirectAlignment = 4096;
/// What is read or written at a time.
inline constexpr std::size_t kDirectBlockBytes = std::size_t{4} << 20;

/// One block of aligned memory. @throws std::bad_alloc
class DirectBlock {
  public:
    DirectBlock() : memory_(allocate_large(kDirectBlockBytes)) {}
    std::span<std::byte> bytes() const noexcept { return {memory_.get(), kDirectBlockBytes}; }

  private:
    LargeMemory memory_;
};

/// Turns direct I/O of an open file on or off; false if the file system refuses.
bool set_direct_io(FileDescriptor const& file, bool is_on) noexcept;
bool is_direct_io(FileDescriptor const& file) noexcept;

/// Up to one block at `offset` (a multiple of kDirectBlockBytes), from storage where that can be had.
/// @throws Error kBadInput if the file is shorter, kIoError.
std::span<std::byte const> read_stored_block(FileDescriptor const& file, std::filesystem::path const& path,
                                             std::uint64_t offset, std::uint64_t num_bytes,
                                             DirectBlock const& block);

/// Calls `use(std::span<std::byte const>)` for the bytes [begin, end) of a file, block by block, in order.
/// @param begin  a multiple of kDirectBlockBytes.
/// @param block  what each one is read into.
template <class Use>
void for_each_stored_block(FileDescriptor const& file, std::filesystem::path const& path, std::uint64_t begin,
                           std::uint64_t end, DirectBlock const& block, Use const& use) {
    set_direct_io(file, true);
    for (std::uint64_t offset = begin; offset < end; offset += kDirectBlockBytes) {
        use(read_stored_block(file, path, offset, std::min<std::uint64_t>(kDirectBlockBytes, end - offset), block));
    }
}

}  // namespace ctclip
