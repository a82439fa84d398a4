// With its sidecar, no damage to a shard goes unseen: every bit and every length is tried.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "shard/made_shard.hpp"
#include "shard/shard_reader.hpp"
#include "shard/shard_verify.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

class ShardDamage : public testing::Test {
  protected:
    ShardDamage() { make_shard(shard_); }

    void put_byte(std::uint64_t offset, std::byte byte) const {
        std::fstream file(shard_, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(byte));
    }

    bool is_refused() const {
        try {
            verify_shard(shard_);
            return false;
        } catch (Error const& error) {
            return error.code() == ExitCode::kBadInput;
        }
    }

    TempDir dir_;
    std::filesystem::path shard_ = dir_ / "shard-000007.tar";
};

TEST_F(ShardDamage, EveryBitFlipIsFound) {
    std::vector<std::byte> const good = read_file(shard_);
    ASSERT_FALSE(is_refused());
    std::size_t num_unseen = 0;
    for (std::uint64_t offset = 0; offset < good.size(); ++offset) {
        for (int bit = 0; bit < 8; ++bit) {
            put_byte(offset, good[offset] ^ static_cast<std::byte>(1 << bit));
            num_unseen += is_refused() ? 0 : 1;
        }
        put_byte(offset, good[offset]);
    }
    EXPECT_EQ(num_unseen, 0U);
    EXPECT_FALSE(is_refused());
    RecordProperty("flips", static_cast<int>(8 * good.size()));
}

TEST_F(ShardDamage, EveryTruncationIsFound) {
    std::size_t num_unseen = 0;
    RecordProperty("truncations", static_cast<int>(std::filesystem::file_size(shard_)));
    for (std::uint64_t length = std::filesystem::file_size(shard_); length-- > 0;) {
        std::filesystem::resize_file(shard_, length);
        num_unseen += is_refused() ? 0 : 1;
    }
    EXPECT_EQ(num_unseen, 0U);
}

TEST_F(ShardDamage, EveryTailOfLostPagesIsFound) {
    std::vector<std::byte> const good = read_file(shard_);
    std::size_t num_unseen = 0;
    for (std::size_t offset = good.size(); offset-- > 0;) {
        if (good[offset] != std::byte{0}) {
            put_byte(offset, std::byte{0});
            num_unseen += is_refused() ? 0 : 1;
        }
    }
    EXPECT_EQ(num_unseen, 0U);
}

TEST_F(ShardDamage, AReaderWithTheSidecarNamesTheDamagedMember) {
    ShardReader const before(shard_);
    ShardMember const& volume = *before.index().samples[1].find("bin");
    put_byte(volume.data_offset + 5, std::byte{0x55});
    ShardReader const reader(shard_);
    std::vector<std::uint16_t> halves(24);
    EXPECT_NO_THROW(reader.read_volume(reader.index().samples[0], halves));
    EXPECT_THAT([&] { reader.read_volume(reader.index().samples[1], halves); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("000007_000001.bin\" is damaged")));
}

TEST_F(ShardDamage, AShortenedShardIsRefusedBeforeAnySampleIsRead) {
    std::filesystem::resize_file(shard_, std::filesystem::file_size(shard_) - 512);
    EXPECT_THAT([&] { index_shard(shard_); }, testing::ThrowsMessage<Error>(testing::HasSubstr("truncated")));
}

TEST_F(ShardDamage, ASidecarThatLiesIsFound) {
    std::filesystem::path const sidecar = sidecar_path(shard_);
    std::string const good = read_text_file(sidecar);
    for (std::string const name : {"size", "fsverity_sha256", "offset", "crc32c", "key"}) {
        std::string bad = good;
        std::size_t const value = good.find(':', good.find("\"" + name + "\"")) + 1;
        std::size_t const digit = good.find_first_of("0123456789", value);
        bad[digit] = bad[digit] == '1' ? '2' : '1';
        std::ofstream(sidecar, std::ios::trunc) << bad;
        EXPECT_TRUE(is_refused()) << name;
    }
    std::ofstream(sidecar, std::ios::trunc) << good.substr(0, good.size() / 2);
    EXPECT_TRUE(is_refused());
}

}  // namespace
}  // namespace ctclip
