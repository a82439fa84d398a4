#include "base/fsverity_digest.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kDigestsPerBlock = kVerityBlockBytes / sizeof(Sha256Bytes);
constexpr std::size_t kDigestsThatGoUp = 16 * kDigestsPerBlock;  ///< as many blocks as are hashed side by side

}  // namespace

void FsVerityDigest::add(std::span<std::byte const> whole_blocks) {
    CTCLIP_EXPECT(whole_blocks.size() % kVerityBlockBytes == 0 && num_bytes_ % kVerityBlockBytes == 0);
    add_blocks(0, whole_blocks);
    num_bytes_ += whole_blocks.size();
}

void FsVerityDigest::add_blocks(std::size_t level, std::span<std::byte const> blocks) {
    if (level == levels_.size()) {
        levels_.emplace_back();
    }
    std::size_t const num_blocks = blocks.size() / kVerityBlockBytes;
    std::vector<Sha256Bytes>& digests = levels_[level].digests;
    digests.resize(digests.size() + num_blocks);
    sha256_of_blocks(blocks, kVerityBlockBytes, std::span(digests).last(num_blocks));
    levels_[level].num_digests += num_blocks;
    if (digests.size() >= kDigestsThatGoUp) {
        std::size_t const num_whole = digests.size() / kDigestsPerBlock * kDigestsPerBlock;
        std::vector<Sha256Bytes> const raised(digests.begin(), digests.begin() + static_cast<std::ptrdiff_t>(num_whole));
        digests.erase(digests.begin(), digests.begin() + static_cast<std::ptrdiff_t>(num_whole));
        add_blocks(level + 1, std::as_bytes(std::span(raised)));
    }
}

Sha256Bytes FsVerityDigest::root() {
    if (num_bytes_ == 0) {
        return {};
    }
    std::size_t level = 0;
    for (; levels_[level].num_digests > 1; ++level) {
        std::vector<Sha256Bytes> rest = levels_[level].digests;
        rest.resize((rest.size() + kDigestsPerBlock - 1) / kDigestsPerBlock * kDigestsPerBlock);  // padded with zeros
        add_blocks(level + 1, std::as_bytes(std::span(rest)));
    }
    return levels_[level].digests.front();
}

std::string FsVerityDigest::finish_hex(std::span<std::byte const> rest) {
    CTCLIP_EXPECT(rest.size() < kVerityBlockBytes);
    if (!rest.empty()) {
        std::array<std::byte, kVerityBlockBytes> padded{};
        std::ranges::copy(rest, padded.begin());
        add_blocks(0, padded);
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
