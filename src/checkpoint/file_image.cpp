#include "checkpoint/file_image.hpp"

#include <sys/mman.h>

#include <utility>

namespace ctclip {

FileImage::FileImage(FileImage&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

FileImage& FileImage::operator=(FileImage&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

FileImage::~FileImage() {
    clear();
}

bool FileImage::resize(std::size_t size) noexcept {
    if (size == 0) {
        clear();
        return true;
    }
    void* const data = data_ == nullptr ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                        : ::mremap(data_, size_, size, MREMAP_MAYMOVE);
    if (data == MAP_FAILED) {
        return false;
    }
    data_ = static_cast<std::byte*>(data);
    size_ = size;
    return true;
}

void FileImage::clear() noexcept {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
    data_ = nullptr;
    size_ = 0;
}

}  // namespace ctclip
