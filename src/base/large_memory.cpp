#include "base/large_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace ctclip {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kLargePageBytes = std::size_t{2} << 20;

std::size_t alignment_of(std::size_t size_bytes) {
    return size_bytes >= kLargePageBytes ? kLargePageBytes : kCacheLineBytes;
}

}  // namespace

LargeMemory allocate_large(std::size_t size_bytes) {
    if (size_bytes > PTRDIFF_MAX) {
        throw std::bad_alloc();
    }
    std::size_t const alignment = alignment_of(size_bytes);
    std::size_t const rounded_bytes = allocated_bytes(size_bytes);
    LargeMemory memory(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded_bytes)));
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    if (alignment == kLargePageBytes) {
        ::madvise(memory.get(), rounded_bytes, MADV_HUGEPAGE);  // only faster: a refusal changes nothing
    }
    return memory;
}

std::size_t allocated_bytes(std::size_t size_bytes) {
    std::size_t const alignment = alignment_of(size_bytes);
    return (size_bytes + alignment - 1) / alignment * alignment;
}

}  // namespace ctclip
