#include "base/digested_file.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "base/file_chunks.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;  // still in the second cache when it is digested

}  // namespace

void DigestedFile::read(std::span<std::byte> out) {
    while (!out.empty()) {
        std::span<std::byte> const piece = out.first(std::min(kPieceBytes, out.size()));
        read_exactly(file_, path_, offset_, piece);
        crc32c_ = ctclip::crc32c(piece, crc32c_);
        offset_ += piece.size();
        out = out.subspan(piece.size());
    }
}

void DigestedFile::skip_to(std::uint64_t offset) {
    CTCLIP_EXPECT(offset >= offset_);
    for_each_chunk(file_, path_, offset_, offset - offset_,
                   [&](std::span<std::byte const> chunk) { crc32c_ = ctclip::crc32c(chunk, crc32c_); });
    offset_ = offset;
}

std::uint32_t file_crc32c(FileDescriptor const& file, std::filesystem::path const& path) {
    DigestedFile digested(file, path);
    digested.skip_to(file_size_bytes(file, path));
    return digested.crc32c();
}

}  // namespace ctclip
