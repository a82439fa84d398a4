#include "base/fsverity_digest.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kDigestsPerBlock = kVerityBlockBytes / sizeof(Sha256Bytes);
constexpr std::size_t kDigestsThatGoUp = 16 * kDigestsPerBlock;  ///< as many blocks as are hashed side by side

}  // namespace

void FsVerityDigest::add(std::span<std::byte const> bytes) {
    num_bytes_ += bytes.size();
    if (!rest_.empty()) {
        std::span<std::byte const> const filling =
            bytes.first(std::min(bytes.size(), kVerityBlockBytes - rest_.size()));
        rest_.insert(rest_.end(), filling.begin(), filling.end());
        bytes = bytes.subspan(filling.size());
        if (rest_.size() < kVerityBlockBytes) {
            return;
        }
        add_blocks(0, rest_);
    }
    std::size_t const whole_bytes = bytes.size() / kVerityBlockBytes * kVerityBlockBytes;
    add_blocks(0, bytes.first(whole_bytes));
    rest_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(whole_bytes), bytes.end());
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
        auto const whole_end = digests.begin() + static_cast<std::ptrdiff_t>(num_whole);
        std::vector<Sha256Bytes> const raised(digests.begin(), whole_end);
        digests.erase(digests.begin(), whole_end);
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

std::string FsVerityDigest::finish_hex() {
    if (!rest_.empty()) {
        rest_.resize(kVerityBlockBytes);  // padded with zeros
        add_blocks(0, rest_);
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
    FsVerityDigest digest;
    digest.add(content);
    return digest.finish_hex();
}

}  // namespace ctclip
