#include "shard/shard_digests.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/crc32c.hpp"
#include "base/fsverity_digest.hpp"
#include "base/file_chunks.hpp"
#include "base/splitmix64.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<char>(splitmix64(1, i));
    }
    return bytes;
}

TEST(ShardDigests, OfOnePassAreThoseOfEachMemberAlone) {
    TempDir const dir;
    std::string const bytes = random_bytes(3 * kFileChunkBytes + 1000);
    std::ofstream(dir / "shard.tar", std::ios::binary) << bytes;
    ShardIndex index{dir / "shard.tar", bytes.size(), {{"a", {}}, {"b", {}}}};
    auto const add = [&](std::size_t sample, std::uint64_t offset, std::uint64_t size) {
        index.samples[sample].members.push_back({"name", "suffix", offset, size, std::nullopt});
    };
    add(0, 0, 100);
    add(0, 512, 0);
    add(0, 1024, kFileChunkBytes - 1024);                      // ends where a chunk ends
    add(1, kFileChunkBytes, kFileChunkBytes * 2 + 7);          // fills a chunk, and goes on
    add(1, 3 * kFileChunkBytes + 512, bytes.size() - 3 * kFileChunkBytes - 512);
    add(1, bytes.size(), 0);

    ShardDigests const digests = read_digests(open_for_reading(index.path), index);

    EXPECT_EQ(digests.fsverity_sha256, fsverity_sha256_hex(std::as_bytes(std::span(bytes))));
    std::size_t position = 0;
    for (ShardSample const& sample : index.samples) {
        for (ShardMember const& member : sample.members) {
            std::string const content = bytes.substr(member.data_offset, member.size_bytes);
            EXPECT_EQ(digests.members_crc32c.at(position++), crc32c(std::as_bytes(std::span(content))))
                << member.data_offset;
        }
    }
    EXPECT_EQ(position, digests.members_crc32c.size());
}

}  // namespace
}  // namespace ctclip
