#include "loader/host_memory.hpp"

#include <utility>

#include "base/large_memory.hpp"

namespace ctclip {
namespace {

class OrdinaryMemory final : public HostMemory {
  public:
    std::byte* allocate(std::size_t size_bytes) override { return allocate_large(size_bytes).release(); }
    void release(std::byte* memory, std::size_t) noexcept override { FreeMemory()(memory); }
};

}  // namespace

HostMemory& ordinary_memory() {
    static OrdinaryMemory memory;
    return memory;
}

HostBuffer::HostBuffer(HostBuffer&& other) noexcept
    : memory_(other.memory_),
      data_(std::exchange(other.data_, nullptr)),
      capacity_bytes_(std::exchange(other.capacity_bytes_, 0)) {}

HostBuffer& HostBuffer::operator=(HostBuffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(capacity_bytes_, other.capacity_bytes_);
    return *this;
}

HostBuffer::~HostBuffer() {
    if (data_ != nullptr) {
        memory_->release(data_, capacity_bytes_);
    }
}

void HostBuffer::reserve(std::size_t size_bytes) {
    if (size_bytes <= capacity_bytes_) {
        return;
    }
    if (data_ != nullptr) {
        memory_->release(std::exchange(data_, nullptr), std::exchange(capacity_bytes_, 0));
    }
    data_ = memory_->allocate(size_bytes);
    capacity_bytes_ = size_bytes;
}

}  // namespace ctclip
