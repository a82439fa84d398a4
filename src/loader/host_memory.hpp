/// Where batches live: ordinary memory in large pages, or page-locked memory that a GPU copies from by
/// itself.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace ctclip {

class HostMemory {
  public:
    virtual ~HostMemory() = default;

    /// 64-byte aligned, uninitialised. Thread-safe. @throws std::bad_alloc, or Error that says why.
    virtual std::byte* allocate(std::size_t size_bytes) = 0;
    virtual void release(std::byte* memory, std::size_t size_bytes) noexcept = 0;

  protected:
    HostMemory() = default;
    HostMemory(HostMemory const&) = default;
    HostMemory& operator=(HostMemory const&) = default;
};

/// Lives as long as the program.
HostMemory& ordinary_memory();

#if defined(CTCLIP_CUDA)
/// Locked for GPU number `device`, whichever thread asks. Must outlive its buffers. Its allocate throws Error
/// kUnavailable where the driver gives no more.
std::unique_ptr<HostMemory> make_page_locked_memory(int device);
#endif

/// Grow-only memory that is reused from sample to sample.
class HostBuffer {
  public:
    explicit HostBuffer(HostMemory& memory = ordinary_memory()) noexcept : memory_(&memory) {}
    HostBuffer(HostBuffer&& other) noexcept;
    HostBuffer& operator=(HostBuffer&& other) noexcept;
    ~HostBuffer();

    /// `count` writable elements; earlier content is lost when the buffer grows. @throws as HostMemory.
    template <class T>
    std::span<T> resize(std::size_t count) {
        reserve(count * sizeof(T));
        return {reinterpret_cast<T*>(data_), count};
    }
    std::size_t capacity_bytes() const noexcept { return capacity_bytes_; }

  private:
    void reserve(std::size_t size_bytes);

    HostMemory* memory_;
    std::byte* data_ = nullptr;
    std::size_t capacity_bytes_ = 0;
};

}  // namespace ctclip
