// What GNU tar, Python tarfile and Python webdataset find in our shards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <sstream>

#include "base/digest.hpp"
#include "shard/made_shard.hpp"
#include "shard/shard_reader.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

TEST(PeerReaders, FindTheSameBytesInTheSameOrder) {
    TempDir const dir;
    std::filesystem::path const shard = dir / "shard-000007.tar";
    make_shard(shard);
    std::string expected;
    for (char const* peer : {"tarfile", "webdataset", "gnutar"}) {
        ShardReader const reader(shard);
        for (ShardSample const& sample : reader.index().samples) {
            for (ShardMember const& member : sample.members) {
                std::vector<std::byte> content(member.size_bytes);
                reader.read_member(member, content);
                expected +=
                    fmt::format("{} {} {} {}\n", peer, sample.key, member.suffix, sha256_hex(content));
            }
        }
    }

    ProcessResult const result =
        run_process({CTCLIP_PEER_PYTHON, CTCLIP_PEER_SCRIPTS "/read_shard.py", shard});

    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, expected);
}

}  // namespace
}  // namespace ctclip
