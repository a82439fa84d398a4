/// Memory for whole volumes and blocks of files: in large pages where the system gives them, since faulting in small ones,
/// and pinning them for direct I/O, costs as much as filling them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace ctclip {

struct FreeMemory {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
};
using LargeMemory = std::unique_ptr<std::byte, FreeMemory>;

/// Uninitialised; 64-byte aligned, from 2 MiB on aligned to large pages. @throws std::bad_alloc
LargeMemory allocate_large(std::size_t size_bytes);

/// What an allocation of `size_bytes` takes: from 2 MiB on, whole large pages; below, whole cache lines (to which the
/// allocator adds its own rounding, up to a fifth of them).
std::size_t allocated_bytes(std::size_t size_bytes);

}  // namespace ctclip
