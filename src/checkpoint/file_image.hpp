/// The bytes of a whole file, in pages of their own: they grow without a copy, and go back to the system at once
/// whatever the allocator of the program keeps (jobs/tensor_memory.cpp). A checkpoint is gigabytes.
#pragma once

#include <cstddef>
#include <span>

namespace ctclip {

class FileImage {
  public:
    FileImage() = default;
    FileImage(FileImage&& other) noexcept;
    FileImage& operator=(FileImage&& other) noexcept;
    ~FileImage();

    /// New bytes are zero; the old ones may move. @returns false, with nothing changed, when memory runs out.
    bool resize(std::size_t size) noexcept;
    void clear() noexcept;
    std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

  private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ctclip
