#include "npz/scratch_buffer.hpp"

namespace ctclip {

std::span<std::byte> ScratchBuffer::resize(std::size_t size_bytes) {
    if (size_bytes > capacity_bytes_) {
        memory_.reset();  // never old and new memory at the same time
        capacity_bytes_ = 0;
        size_bytes_ = 0;
        memory_ = allocate_large(size_bytes);
        capacity_bytes_ = allocated_bytes(size_bytes);
    }
    size_bytes_ = size_bytes;
    return bytes();
}

}  // namespace ctclip
