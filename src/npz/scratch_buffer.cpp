#include "npz/scratch_buffer.hpp"

#include <sys/mman.h>

#include <new>

namespace ctclip {

std::span<std::byte> ScratchBuffer::resize(std::size_t size_bytes) {
    constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
    if (size_bytes > capacity_bytes_) {
        memory_.reset();
        capacity_bytes_ = 0;
        size_bytes_ = 0;
        std::size_t const alignment = size_bytes >= kHugePageBytes ? kHugePageBytes : 64;
        std::size_t const rounded = (size_bytes + alignment - 1) / alignment * alignment;
        memory_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
        if (memory_ == nullptr) {
            throw std::bad_alloc();
        }
        if (alignment == kHugePageBytes) {
            ::madvise(memory_.get(), rounded, MADV_HUGEPAGE);  // a hint: a refusal costs speed only
        }
        capacity_bytes_ = rounded;
    }
    size_bytes_ = size_bytes;
    return bytes();
}

}  // namespace ctclip
