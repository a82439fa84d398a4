#include "base/fsverity_digest.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kDigestsPerBlock = kVerityBlockBytes / sizeof(Sha256Bytes);

Sha256Bytes sha256_of_padded(std::span<std::byte const> bytes) {
    std::array<std::byte, kVerityBlockBytes> block{};
    std::ranges::copy(bytes, block.begin());
    Sha256Bytes digest{};
    sha256_of_blocks(block, block.size(), {&digest, 1});
    return digest;
}

}  // namespace

void FsVerityDigest::add(std::span<std::byte const> whole_blocks) {
    CTCLIP_EXPECT(whole_blocks.size() % kVerityBlockBytes == 0 && num_bytes_ % kVerityBlockBytes == 0);
    of_blocks_.resize(whole_blocks.size() / kVerityBlockBytes);
    sha256_of_blocks(whole_blocks, kVerityBlockBytes, of_blocks_);
    append(0, of_blocks_);
    num_bytes_ += whole_blocks.size();
}

void FsVerityDigest::append(std::size_t level, std::span<Sha256Bytes const> digests) {
    while (!digests.empty()) {
        std::vector<Sha256Bytes>& block = levels_[level].digests;
        std::size_t const count = std::min(digests.size(), kDigestsPerBlock - block.size());
        block.insert(block.end(), digests.begin(), digests.begin() + static_cast<std::ptrdiff_t>(count));
        levels_[level].num_digests += count;
        digests = digests.subspan(count);
        if (block.size() == kDigestsPerBlock) {
            Sha256Bytes const of_block = sha256_of_padded(std::as_bytes(std::span(block)));
            block.clear();
            if (level + 1 == levels_.size()) {
                levels_.emplace_back();
            }
            append(level + 1, {&of_block, 1});
        }
    }
}

Sha256Bytes FsVerityDigest::root() {
    if (num_bytes_ == 0) {
        return {};
    }
    for (std::size_t level = 0;; ++level) {
        std::vector<Sha256Bytes> const rest = levels_[level].digests;
        if (levels_[level].num_digests == 1) {
            return rest.front();
        }
        if (level + 1 == levels_.size()) {
            levels_.emplace_back();
        }
        if (!rest.empty()) {
            Sha256Bytes const of_block = sha256_of_padded(std::as_bytes(std::span(rest)));
            append(level + 1, {&of_block, 1});
        }
    }
}

std::string FsVerityDigest::finish_hex(std::span<std::byte const> rest) {
    CTCLIP_EXPECT(rest.size() < kVerityBlockBytes);
    if (!rest.empty()) {
        Sha256Bytes const of_rest = sha256_of_padded(rest);
        append(0, {&of_rest, 1});
        num_bytes_ += rest.size();
    }
    // struct fsverity_descriptor of linux/fsverity.h: what is hashed in the end.
    constexpr std::size_t kDescriptorBytes = 256;
    constexpr std::size_t kSizeOffset = 8;
    constexpr std::size_t kRootOffset = 16;
    std::array<std::byte, kDescriptorBytes> descriptor{};
    descriptor[0] = std::byte{1};   // version
    descriptor[1] = std::byte{1};   // SHA-256
    descriptor[2] = std::byte{12};  // blocks of 2^12 bytes
    for (std::size_t i = 0; i < 8; ++i) {
        descriptor[kSizeOffset + i] = static_cast<std::byte>(num_bytes_ >> (8 * i));
    }
    std::ranges::copy(root(), descriptor.begin() + kRootOffset);
    return sha256_hex(descriptor);
}

std::string fsverity_sha256_hex(std::span<std::byte const> content) {
    std::size_t const whole = content.size() / kVerityBlockBytes * kVerityBlockBytes;
    FsVerityDigest digest;
    digest.add(content.first(whole));
    return digest.finish_hex(content.subspan(whole));
}

}  // namespace ctclip
