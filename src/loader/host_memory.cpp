#include "loader/host_memory.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace ctclip {
namespace {

constexpr std::size_t kCacheLineBytes = 64;
constexpr std::size_t kLargePageBytes = std::size_t{2} << 20;

std::size_t alignment_of(std::size_t size_bytes) {
    return size_bytes >= kLargePageBytes ? kLargePageBytes : kCacheLineBytes;
}

class OrdinaryMemory final : public HostMemory {
  public:
    std::byte* allocate(std::size_t size_bytes) override {
        std::size_t const alignment = alignment_of(size_bytes);
        std::size_t const rounded_bytes = allocated_bytes(size_bytes);
        void* const memory = std::aligned_alloc(alignment, rounded_bytes);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        if (alignment == kLargePageBytes) {
            ::madvise(memory, rounded_bytes, MADV_HUGEPAGE);  // only faster: a refusal changes nothing
        }
        return static_cast<std::byte*>(memory);
    }

    void release(std::byte* memory, std::size_t) noexcept override { std::free(memory); }
};

}  // namespace

std::size_t allocated_bytes(std::size_t size_bytes) {
    std::size_t const alignment = alignment_of(size_bytes);
    return (size_bytes + alignment - 1) / alignment * alignment;
}

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
